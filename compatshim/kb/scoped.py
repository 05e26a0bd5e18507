"""The catalog as scoped overrides for uv: what some versions should have declared about another project.

uv replaces, for one version of a package, what it declares about a project. So an advisory can be said to uv where
it is about two projects, one of which depends on the other, and a remedy constrains only that other one. The rest
cannot be said, and is told with its reason.
"""

from __future__ import annotations

import json
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.metadata.interface import MetadataSource, Release
from compatshim.model import Advisory, Catalog, Term, canonical
from compatshim.solve.requirements import parse


class Scoped(NamedTuple):
    """What to put in the place of one version's requirement."""

    project: str
    version: Version
    requirement: str
    advisory: str


class Unsaid(NamedTuple):
    """An advisory that cannot be said this way, and why."""

    advisory: str
    reason: str


def overrides(catalog: Catalog, known: MetadataSource) -> Iterator[Union[Scoped, Unsaid]]:
    """Every advisory, version by version, or why not."""
    for advisory in catalog.advisories:
        found = list(_of(advisory, known))
        if found:
            yield from found
        else:
            yield Unsaid(advisory.id, _reason(advisory))


def _of(advisory: Advisory, known: MetadataSource) -> Iterator[Scoped]:
    if len(advisory.terms) != 2:  # noqa: PLR2004
        return
    for term, other in (advisory.terms, advisory.terms[::-1]):
        requirement = _constraint(advisory, other)
        if requirement is not None:
            for release in known.releases(term.project) or ():
                if term.contains(release.version) is not None and _declares(release, other.project):
                    yield Scoped(term.project, release.version, requirement, advisory.id)


def _constraint(advisory: Advisory, term: Term) -> Optional[str]:
    """The first remedy that is about the term's project alone."""
    for remedy in advisory.remedies:
        if len(remedy.constraints) == 1 and canonical(Requirement(remedy.constraints[0]).name) == term.project:
            return remedy.constraints[0]
    return None


def _declares(release: Release, project: str) -> bool:
    wanted = (parse(text) for text in release.requires or ())
    return any(one is not None and one.name == project for one in wanted)


def _reason(advisory: Advisory) -> str:
    number = len(advisory.terms)
    if number != 2:  # noqa: PLR2004
        return f"is about {number} project{'s' if number > 1 else ''}; an override is about one and what it needs"
    return "neither project depends on the other one under a remedy that constrains that one alone"


def render(found: List[Scoped]) -> str:
    """A piece of ``pyproject.toml``."""
    lines = [_line(one) for one in sorted(found, key=lambda one: (one.project, one.version, one.requirement))]
    return "".join(f"{line}\n" for line in ["[tool.uv]", "override-dependencies = [", *lines, "]"])


def _line(one: Scoped) -> str:
    scope = f"{{ name = {json.dumps(one.project)}, version = {json.dumps(str(one.version))} }}"
    return f"    {{ package = {scope}, dependencies = [{json.dumps(one.requirement)}] }},  # {one.advisory}"


def parts(found: Iterator[Union[Scoped, Unsaid]]) -> Tuple[List[Scoped], List[Unsaid]]:
    """Apart."""
    said: List[Scoped] = []
    unsaid: List[Unsaid] = []
    for one in found:
        if isinstance(one, Scoped):
            said.append(one)
        else:
            unsaid.append(one)
    return said, unsaid
