"""Declared requirements, parsed once per distinct string: of tens of thousands, few are distinct."""

from __future__ import annotations

from functools import lru_cache
from typing import FrozenSet, Mapping, Optional

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version


@lru_cache(maxsize=None)
def parse(text: str) -> Optional[Requirement]:
    """The requirement, its name normalised; None for what PEP 508 does not allow (old releases have some)."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    requirement.name = canonicalize_name(requirement.name)
    return requirement


@lru_cache(maxsize=None)
def specifier(text: str) -> Optional[SpecifierSet]:
    """The specifier set, or None for what PEP 440 does not allow."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


class Applicable:
    """Which requirements apply in one marker environment, memoised by marker."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, requirement: Requirement, extra: str = "") -> bool:
        """Whether the requirement applies with ``extra`` in use. One whose marker cannot be judged does."""
        marker: Optional[Marker] = requirement.marker
        if marker is None:
            return True
        key = (str(marker), extra)
        if key not in self._known:
            try:
                self._known[key] = marker.evaluate({**self._environment, "extra": extra})
            except (UndefinedEnvironmentName, UndefinedComparison):
                self._known[key] = True
        return self._known[key]


@lru_cache(maxsize=None)
def admits(text: str, version: Version) -> bool:
    """Whether a specifier admits a version; pre-releases count like any other, as for what is installed."""
    found = specifier(text)
    return found is None or found.contains(version, prereleases=True)


def extras(requirement: Requirement) -> FrozenSet[str]:
    """The extras that a requirement asks of its target, normalised."""
    return frozenset(canonicalize_name(extra) for extra in requirement.extras)
