"""Of which projects pre-releases may be proposed, as pip has it.

pip takes a pre-release when the requirements on the project name one, and when no final version fits them. The
first is judged here, from what the user says and what the installed distributions declare; to have one installed
counts as well. The second depends on what the index has, and is judged there by the user's bounds. What only some
candidate declares does not count.
"""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from compatshim.model import Inventory
from compatshim.solve import requirements
from compatshim.solve.problem import Wishes
from compatshim.solve.requirements import Wanted

_MAYBE = re.compile(r"\d[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)[-_.]?\d*\b", re.IGNORECASE)


def asked(inventory: Inventory, wishes: Wishes) -> FrozenSet[str]:
    """The projects for which pre-releases are candidates like any other version."""
    installed = {name for name, found in inventory.distributions.items() if found.version.is_prerelease}
    wanted = [*wishes.require, *(bound.wanted for bound in wishes.constraints), *_declared(inventory)]
    return frozenset(installed | {wish.name for wish in wanted if _names_one(wish.specifier)})


def bounds(wishes: Wishes) -> Mapping[str, str]:
    """The specifier sets that the user gave, by project; one that PEP 440 does not allow bounds nothing."""
    found: Dict[str, List[str]] = {}
    for wish in (*wishes.require, *(bound.wanted for bound in wishes.constraints)):
        if wish.specifier and _names_one(wish.specifier) is not None:
            found.setdefault(wish.name, []).append(wish.specifier)
    return {project: ",".join(texts) for project, texts in found.items()}


def _declared(inventory: Inventory) -> Iterator[Wanted]:
    """The declared requirements that apply and look as if they named a pre-release."""
    applies = requirements.Applicable(inventory.markers)
    for distribution in inventory.distributions.values():
        for text in distribution.requires:
            wanted = requirements.parse(text) if _MAYBE.search(text.partition(";")[0]) else None
            try:
                if wanted is not None and applies(wanted):
                    yield wanted
            except ValueError:
                continue  # no marker at all; the problem lists the requirement as not judged


def _names_one(specifier: str) -> Optional[bool]:
    """Whether a specifier set names a pre-release; None for one that is none."""
    try:
        return bool(SpecifierSet(specifier).prereleases)
    except InvalidSpecifier:
        return None
