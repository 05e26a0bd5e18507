"""Declared requirements, read once per distinct string: of tens of thousands, few are distinct.

The usual forms are taken apart here, because a parser for the whole grammar takes longer over the metadata of one
environment than the search itself; whatever is not of a usual form goes to ``packaging``. A test holds the two
against each other.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from packaging.version import Version

from compatshim.model import canonical


class Wanted(NamedTuple):
    """A requirement, taken apart."""

    name: str
    """Normalised."""
    extras: FrozenSet[str]
    """Normalised."""
    specifier: str
    """A specifier set, without blanks; empty when any version will do."""
    marker: str
    """Empty when there is none."""

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}{f' ; {self.marker}' if self.marker else ''}"


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_USUAL_CLAUSE = (
    r"(?:(?:[<>]=?|[!=]=)\s*\d+(?:\.\d+)*(?:(?:a|b|rc|\.post|\.dev)\d+)?"
    r"|[!=]=\s*\d+(?:\.\d+)*\.\*|~=\s*\d+(?:\.\d+)+)"
)
_USUAL_SPECIFIER = rf"{_USUAL_CLAUSE}(?:\s*,\s*{_USUAL_CLAUSE})*"
_USUAL = re.compile(
    rf"\s*({_NAME})\s*(?:\[\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*\])?"
    rf"\s*(?:\(\s*({_USUAL_SPECIFIER})\s*\)|({_USUAL_SPECIFIER})|)\s*(?:;\s*(\S.*?))?\s*"
)


@lru_cache(maxsize=None)
def parse(text: str) -> Optional[Wanted]:
    """The requirement; None for what PEP 508 does not allow (old releases have some)."""
    usual = _USUAL.fullmatch(text)
    if usual is None:
        return _parsed(text)
    name, extras, bracketed, bare, marker = usual.groups()
    return Wanted(
        canonical(name),
        frozenset(canonical(extra.strip()) for extra in extras.split(",")) if extras else frozenset(),
        "".join((bracketed or bare or "").split()),
        marker or "",
    )


def _parsed(text: str) -> Optional[Wanted]:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement:
        return None
    return Wanted(
        canonical(found.name),
        frozenset(canonical(extra) for extra in found.extras),
        str(found.specifier),
        str(found.marker or ""),
    )


_COMPARISON = re.compile(r"(\w+)\s*(<=|<|!=|==|>=|>)\s*(?:'([^'\"\\]*)'|\"([^'\"\\]*)\")")
_ONLY_WITH = re.compile(r"(?:.*\sand\s+)?\(?\s*extra\s*==\s*(?:'([^'\"\\]*)'|\"([^'\"\\]*)\")\s*\)?")
_PLAIN = re.compile(r"\d+(?:\.\d+)*")


class Applicable:
    """Which requirements apply in one marker environment, memoised by marker."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, wanted: Wanted, extra: str = "") -> bool:
        """Whether the requirement applies with ``extra`` in use. One whose marker cannot be judged does.

        Raises :exc:`ValueError` when the marker is none.
        """
        if not wanted.marker:
            return True
        key = (wanted.marker, extra)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._judge(wanted.marker, extra)
        return known

    def _judge(self, marker: str, extra: str) -> bool:
        only = _ONLY_WITH.fullmatch(marker)
        if only is not None and " or " not in marker and canonical(only[1] or only[2] or "") != extra:
            return False
        comparison = _COMPARISON.fullmatch(marker)
        if comparison is not None:
            known = self._compare(comparison[1], comparison[2], comparison[3] or comparison[4] or "", extra)
            if known is not None:
                return known
        return self._evaluated(marker, extra)

    def _compare(self, variable: str, operator: str, value: str, extra: str) -> Optional[bool]:
        """The outcome of one comparison; None when it is none of the usual ones."""
        if variable == "extra":
            return (canonical(value) == extra) == (operator == "==") if operator in ("==", "!=") else None
        here = self._environment.get(variable)
        if here is None:
            return None
        if variable in ("python_version", "python_full_version"):
            if not _PLAIN.fullmatch(here) or not _PLAIN.fullmatch(value):
                return None
            left, right = _release(here), _release(value)
            return {
                "<": left < right,
                "<=": left <= right,
                "==": left == right,
                "!=": left != right,
                ">=": left >= right,
                ">": left > right,
            }[operator]
        if variable in ("sys_platform", "os_name", "platform_system", "platform_machine") and operator in (
            "==",
            "!=",
        ):
            # Where both sides look like versions they would be compared as such.
            return None if _PLAIN.match(value) else (here == value) == (operator == "==")
        return None

    def _evaluated(self, marker: str, extra: str) -> bool:
        from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

        try:
            return Marker(marker).evaluate({**self._environment, "extra": extra})
        except InvalidMarker as error:
            raise ValueError(str(error)) from error
        except (UndefinedEnvironmentName, UndefinedComparison):
            return True


def _release(text: str) -> Tuple[int, ...]:
    """The numbers of a plain version, without the zeros at its end."""
    numbers = [int(part) for part in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


_Clause = Tuple[str, Tuple[int, ...], int]
"""Operator, release numbers, how many of them were written."""


@lru_cache(maxsize=None)
def _clauses(specifier: str) -> Optional[Tuple[_Clause, ...]]:
    """The clauses of a specifier set over plain releases; None when some clause is none of those."""
    found: List[_Clause] = []
    for part in specifier.split(","):
        operator = part[:2] if part[1:2] == "=" else part[:1]
        text = part[len(operator) :]
        prefix = text.endswith(".*")
        text = text[:-2] if prefix else text
        if operator not in _OPERATORS or not _PLAIN.fullmatch(text) or (prefix and operator not in ("==", "!=")):
            return None
        numbers = tuple(map(int, text.split(".")))
        if operator == "~=" and len(numbers) < 2:  # noqa: PLR2004  PEP 440 asks for two
            return None
        found.append((operator + ".*" if prefix else operator, numbers, len(numbers)))
    return tuple(found)


_OPERATORS = frozenset(("<", "<=", "==", "!=", ">=", ">", "~="))


class Candidates:
    """Versions in ascending order, and which of them a specifier set or an interval admits, as bits.

    A leading None stands for "not installed".
    """

    def __init__(self, versions: Tuple[Optional[Version], ...]) -> None:
        self.versions = versions
        self._first = int(bool(versions) and versions[0] is None)
        self._ordered = [version for version in versions if version is not None]
        self._known: dict[str, int] = {}
        self._plain: List[Tuple[int, ...]] = []
        """Release numbers, without zeros at the end, of the versions that have nothing else."""
        self._upto = [0]
        """Bits of the first so many plain versions."""
        self._odd: List[int] = []
        for index, version in enumerate(versions):
            if version is None:
                continue
            if version.is_prerelease or version.is_postrelease or version.epoch or version.local is not None:
                self._odd.append(index)
                continue
            release = version.release
            while release and not release[-1]:
                release = release[:-1]
            self._plain.append(release)
            self._upto.append(self._upto[-1] | 1 << index)

    def admitted(self, specifier: str) -> int:
        """Bits of the versions that a specifier set admits; "not installed" is never among them.

        Pre-releases count like any other, as for what is installed.
        """
        known = self._known.get(specifier)
        if known is None:
            known = self._known[specifier] = self._admitted(specifier)
        return known

    def within(self, introduced: Version, fixed: Optional[Version]) -> int:
        """Bits of the versions in ``introduced <= v < fixed``, neither of which has a local part."""
        start = self._first + bisect_left(self._ordered, introduced)
        end = len(self.versions) if fixed is None else self._first + bisect_left(self._ordered, fixed)
        return (1 << end) - (1 << start) if end > start else 0

    @property
    def installable(self) -> int:
        """Bits of all versions; "not installed" is none."""
        return (1 << len(self.versions)) - (1 << self._first)

    def _admitted(self, specifier: str) -> int:
        if not specifier:
            return self.installable
        clauses = _clauses(specifier)
        if clauses is None:
            return sum(
                1 << index
                for index, version in enumerate(self.versions)
                if version is not None and admits(specifier, version)
            )
        mask = self._upto[-1]
        for clause in clauses:
            mask &= self._satisfying(*clause)
        for index in self._odd:
            version = self.versions[index]
            if version is not None and admits(specifier, version):
                mask |= 1 << index
        return mask

    def _satisfying(self, operator: str, numbers: Tuple[int, ...], written: int) -> int:
        everything = self._upto[-1]
        release = numbers
        while release and not release[-1]:
            release = release[:-1]
        if operator in ("==.*", "!=.*"):
            inside = self._between(numbers, (*numbers[:-1], numbers[-1] + 1))
            return inside if operator == "==.*" else everything & ~inside
        if operator == "~=":
            return self._between(numbers, (*numbers[: written - 2], numbers[written - 2] + 1))
        below = self._upto[bisect_left(self._plain, release)]
        through = self._upto[bisect_right(self._plain, release)]
        return {
            "<": below,
            "<=": through,
            ">": everything & ~through,
            ">=": everything & ~below,
            "==": through & ~below,
            "!=": everything & ~(through & ~below),
        }[operator]

    def _between(self, start: Tuple[int, ...], end: Tuple[int, ...]) -> int:
        """Bits of the plain versions in ``start <= v < end``."""
        while start and not start[-1]:
            start = start[:-1]
        return self._upto[bisect_left(self._plain, end)] & ~self._upto[bisect_left(self._plain, start)]


@lru_cache(maxsize=None)
def admits(specifier: str, version: Version) -> bool:
    """Whether a specifier set admits a version; pre-releases count like any other, as for what is installed.

    One that PEP 440 does not allow admits all.
    """
    if not specifier:
        return True
    if _clauses(specifier) is not None and _PLAIN.fullmatch(str(version)):
        return bool(Candidates((version,)).admitted(specifier))
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True
