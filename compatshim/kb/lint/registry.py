"""The registry of checks, and how they are run.

A check looks at one advisory (or at the whole base) and yields what is wrong. An advisory may waive a check with a
reason, for all it says or for one subject; a waiver that waives nothing is wrong itself.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Catalog

LEVELS = ERROR, WARNING = "error", "warning"
WAIVER = "KB-WAIVER"


class Base(NamedTuple):
    """What checks look at."""

    catalog: Catalog
    metadata: MetadataSource
    folder: str
    """Where the advisories are."""
    shims: Tuple[str, ...]
    """The names of all shims."""
    reproducers: Tuple[str, ...]
    """The names of all reproducers."""

    def path(self, advisory: Advisory) -> str:
        """An advisory's file."""
        return os.path.join(self.folder, f"{advisory.id}.toml")


class Problem(NamedTuple):
    """Something that is wrong."""

    check: str
    level: str
    where: str
    """An advisory's id, or a file."""
    subject: str
    """What of it, in the words that a waiver takes."""
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.check}: {self.subject}: {self.message}"


Told = Iterator[Tuple[str, str]]
"""Subjects and messages."""
OfOne = Callable[[Advisory, Base], Told]
OfAll = Callable[[Base], Told]


class Check(NamedTuple):
    """A rule."""

    id: str
    level: str
    rule: str
    """What must be, in a sentence."""
    one: Optional[OfOne] = None
    every: Optional[OfAll] = None


CHECKS: Dict[str, Check] = {
    WAIVER: Check(WAIVER, ERROR, "A waiver names a check that would otherwise find something here.")
}


def check(identifier: str, rule: str, level: str = ERROR) -> Callable[[OfOne], OfOne]:
    """Register a check of one advisory."""

    def register(function: OfOne) -> OfOne:
        CHECKS[identifier] = Check(identifier, level, rule, one=function)
        return function

    return register


def check_all(identifier: str, rule: str, level: str = ERROR) -> Callable[[OfAll], OfAll]:
    """Register a check of the whole base."""

    def register(function: OfAll) -> OfAll:
        CHECKS[identifier] = Check(identifier, level, rule, every=function)
        return function

    return register


def lint(base: Base, only: Sequence[str] = (), *, whole: bool = True) -> Tuple[List[Problem], List[Problem]]:
    """What is wrong with the advisories ``only``, or with all; then what is waived.

    ``whole`` says whether these advisories are all that the shims and reproducers are for.
    """
    wrong: List[Problem] = []
    waived: List[Problem] = []
    for advisory in base.catalog.advisories:
        if only and advisory.id not in only:
            continue
        found = [problem for one in CHECKS.values() for problem in _of(one, advisory.id, one.one, advisory, base)]
        passed = [problem for problem in found if _waived(problem, advisory)]
        waived += passed
        wrong += [problem for problem in found if problem not in passed]
        for waiver in advisory.waivers:
            if not any(waiver.waives(problem.check, problem.subject) for problem in passed):
                message = f"nothing of {waiver.check} is wrong here" if waiver.check in CHECKS else "no such check"
                wrong.append(Problem(WAIVER, ERROR, advisory.id, waiver.subject or waiver.check, message))
    if whole and not only:
        wrong += [problem for one in CHECKS.values() for problem in _of(one, base.folder, one.every, base)]
    return wrong, waived


def _waived(problem: Problem, advisory: Advisory) -> bool:
    return any(waiver.waives(problem.check, problem.subject) for waiver in advisory.waivers)


def _of(
    one: Check, where: str, function: Union[OfOne, OfAll, None], *arguments: Union[Advisory, Base]
) -> Iterator[Problem]:
    if function is not None:
        for subject, message in function(*arguments):  # type: ignore[arg-type]
            yield Problem(one.id, one.level, where, subject, message)
