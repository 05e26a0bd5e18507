"""Declared requirements, read once per distinct string: of tens of thousands, few are distinct.

The usual forms are taken apart here, because a parser for the whole grammar takes longer over the metadata of one
environment than the search itself; whatever is not of a usual form goes to ``packaging``. A test holds the two
against each other.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from packaging.version import Version

from compatshim.model import Interval, canonical


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
_BEFORE_RELEASE = r"(?:[-_.]?(?:a|b|rc|dev)(?:[-_.]?\d+)?)"
_USUAL_CLAUSE = (
    rf"(?:(?:[<>]=?|[!=]=)\s*\d+(?:\.\d+)*(?:{_BEFORE_RELEASE}|\.post\d+)?"
    r"|[!=]=\s*\d+(?:\.\d+)*\.\*|~=\s*\d+(?:\.\d+)+)"
)
_USUAL_SPECIFIER = rf"{_USUAL_CLAUSE}(?:\s*,\s*{_USUAL_CLAUSE})*"
_USUAL = re.compile(
    rf"\s*({_NAME})\s*(?:\[\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*\])?"
    rf"\s*(?:\(\s*({_USUAL_SPECIFIER})\s*\)|({_USUAL_SPECIFIER})|)\s*(?:;\s*(\S.*?))?\s*"
)
# Another operator behind a version, or a letter that no version has there: old releases have such, and a parser
# that is imported to say no takes longer than all the rest.
_NEVER = re.compile(rf"\s*{_NAME}\s*\(?\s*[<>]=?\s*\d+(?:\.\d+)*(?:[<>=~]|!=|[f-oqs-uw-z])[^;\[]*")


@lru_cache(maxsize=None)
def parse(text: str) -> Optional[Wanted]:
    """The requirement; None for what PEP 508 does not allow (old releases have some)."""
    usual = _USUAL.fullmatch(text)
    if usual is None:
        return None if _NEVER.fullmatch(text) else _parsed(text)
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


_QUOTED = r"'[^'\"\\]*'|\"[^'\"\\]*\""
_COMPARISON = re.compile(rf"(\w+)\s*(<=|<|!=|==|>=|>|in)\s*({_QUOTED})")
_TOKEN = re.compile(rf"\s*(?:(\()|(\))|\b(and|or)\b|(\w+\s*(?:<=|<|!=|==|>=|>|in)\s*(?:{_QUOTED})))\s*")
_ONLY_WITH = re.compile(rf"(?:.*\sand\s+)?\(?\s*extra\s*==\s*({_QUOTED})\s*\)?\s*")
_PLAIN = re.compile(r"\d+(?:\.\d+)*")
_RELEASE = re.compile(r"(\d+(?:\.\d+)*)((?:a|b|rc|\.dev)\d+)?")
_STRINGS = frozenset(
    (
        "sys_platform",
        "os_name",
        "platform_system",
        "platform_machine",
        "platform_python_implementation",
        "implementation_name",
    )
)
_ORDER = {"<": lt, "<=": le, "==": eq, "!=": ne, ">=": ge, ">": gt}


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
        if only is not None and " or " not in marker and canonical(only[1][1:-1]) != extra:
            return False
        known = self._usual(marker, extra)
        return self._evaluated(marker, extra) if known is None else known

    def _usual(self, marker: str, extra: str) -> Optional[bool]:
        """The outcome of a marker made of usual comparisons; None for another."""
        # A sum of products: "and" binds closer. One list of terms for each open bracket.
        levels: List[List[List[bool]]] = [[[]]]
        position, operand = 0, True
        while position < len(marker):
            token = _TOKEN.match(marker, position)
            if token is None or operand != bool(token[1] or token[4]):
                return None
            position = token.end()
            if token[1]:
                levels.append([[]])
            elif token[2]:
                if len(levels) == 1:
                    return None
                inner = levels.pop()
                levels[-1][-1].append(any(map(all, inner)))
            elif token[3]:
                operand = True
                if token[3] == "or":
                    levels[-1].append([])
            else:
                operand = False
                known = self._compare(token[4], extra)
                if known is None:
                    return None
                levels[-1][-1].append(known)
        return any(map(all, levels[0])) if len(levels) == 1 and not operand else None

    def _compare(self, comparison: str, extra: str) -> Optional[bool]:
        """The outcome of one comparison; None when it is none of the usual ones."""
        found = _COMPARISON.fullmatch(comparison)
        if found is None:
            return None
        variable, operator, value = found[1], found[2], found[3][1:-1]
        here = self._environment.get(variable)
        known: Optional[bool] = None
        if variable == "extra":
            if operator in ("==", "!="):
                known = (canonical(value) == extra) == (operator == "==")
        elif here is None:
            known = None
        elif operator == "in":
            known = here in value
        elif variable in ("python_version", "python_full_version"):
            release = _RELEASE.fullmatch(value)
            if _PLAIN.fullmatch(here) and release is not None:
                known = _ORDER[operator]((_release(here), 0), (_release(release[1]), -1 if release[2] else 0))
        # What looks like a version would be compared as one.
        elif variable in _STRINGS and operator in ("==", "!=") and not _PLAIN.match(value):
            known = (here == value) == (operator == "==")
        return known

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
    return _trimmed(tuple(map(int, text.split("."))))


def _trimmed(numbers: Tuple[int, ...]) -> Tuple[int, ...]:
    """Release numbers without the zeros at their end, which make no difference."""
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers


_Key = Tuple[Tuple[int, ...], float]
"""Release numbers, without zeros at the end, and post-release: final and post-releases in order."""
_FINAL, _AFTER = -1, float("inf")
"""Before and after all post-releases."""
_Clause = Tuple[str, Tuple[int, ...], float]
"""Operator, release numbers as they were written, post-release."""
_VERSION = re.compile(rf"(\d+(?:\.\d+)*)(?:(\.\*)|\.post(\d+)|({_BEFORE_RELEASE}))?")
_BEFORE_FINAL = {">=": ">=", ">": ">=", "<": "<", "<=": "<", "==": "none", "!=": "all"}
"""What a bound at a pre-release says of final and post-releases, as a bound at the final one."""


@lru_cache(maxsize=None)
def _clauses(specifier: str) -> Optional[Tuple[_Clause, ...]]:
    """The clauses of a specifier set, as they bear on final and post-releases; None where one is unusual."""
    found: List[_Clause] = []
    for part in "".join(specifier.split()).split(","):
        operator = part[:2] if part[1:2] == "=" else part[:1]
        version = _VERSION.fullmatch(part[len(operator) :])
        if operator not in _OPERATORS or version is None:
            return None
        numbers = tuple(map(int, version[1].split(".")))
        post = _FINAL if version[3] is None else int(version[3])
        if operator == "~=":
            if len(numbers) < 2 or version[2] or version[3] or version[4]:  # noqa: PLR2004  PEP 440 asks for two
                return None
        elif version[2]:
            if operator not in ("==", "!="):
                return None
            operator += ".*"
        elif version[4]:
            operator = _BEFORE_FINAL[operator]
        found.append((operator, numbers, post))
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
        self._plain: List[_Key] = []
        """Release numbers, without zeros at the end, and post-release, of the versions that have nothing else."""
        self._upto = [0]
        """Bits of the first so many plain versions."""
        self._odd: List[int] = []
        for index, version in enumerate(versions):
            if version is None:
                continue
            if version.is_prerelease or version.epoch or version.local is not None:
                self._odd.append(index)
                continue
            self._plain.append((_trimmed(version.release), _FINAL if version.post is None else version.post))
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

    def inside(self, ranges: Iterable[Interval]) -> int:
        """Bits of the versions in one of several ranges."""
        mask = 0
        for interval in ranges:
            mask |= self.within(interval.introduced, interval.fixed)
        return mask

    @property
    def installable(self) -> int:
        """Bits of all versions; "not installed" is none."""
        return (1 << len(self.versions)) - (1 << self._first)

    def _admitted(self, specifier: str) -> int:
        if not specifier:
            return self.installable
        clauses = _clauses(specifier)
        if clauses is None:
            return self._slowly(specifier, range(len(self.versions)))
        mask = self._upto[-1]
        for clause in clauses:
            mask &= self._satisfying(*clause)
        return mask | self._slowly(specifier, self._odd)

    def _slowly(self, specifier: str, indices: Iterable[int]) -> int:
        mask = 0
        for index in indices:
            version = self.versions[index]
            if version is not None:
                known = _compared(specifier, version)
                if _contains(specifier, version) if known is None else known:
                    mask |= 1 << index
        return mask

    def _satisfying(self, operator: str, numbers: Tuple[int, ...], post: float) -> int:
        everything = self._upto[-1]
        if operator in ("==.*", "!=.*"):
            inside = self._between(numbers, (*numbers[:-1], numbers[-1] + 1))
            return inside if operator == "==.*" else everything & ~inside
        if operator == "~=":
            return self._between(numbers, (*numbers[:-2], numbers[-2] + 1))
        release = _trimmed(numbers)
        if operator in (">=", "<"):
            below = self._upto[bisect_left(self._plain, (release, post))]
            return below if operator == "<" else everything & ~below
        if operator in ("==", "!="):
            first, last = bisect_left(self._plain, (release, post)), bisect_right(self._plain, (release, post))
            same = self._upto[last] & ~self._upto[first]
            return same if operator == "==" else everything & ~same
        if operator in ("<=", ">"):
            # A post-release of a final version is not greater than that version, says PEP 440.
            end = (release, _AFTER if operator == ">" and post == _FINAL else post)
            through = self._upto[bisect_right(self._plain, end)]
            return through if operator == "<=" else everything & ~through
        return everything if operator == "all" else 0

    def _between(self, start: Tuple[int, ...], end: Tuple[int, ...]) -> int:
        """Bits of the plain versions in ``start <= v < end``."""
        first, last = bisect_left(self._plain, (_trimmed(start), _FINAL)), bisect_left(self._plain, (end, _FINAL))
        return self._upto[last] & ~self._upto[first]


def admits(specifier: str, version: Version) -> bool:
    """Whether a specifier set admits a version; pre-releases count like any other, as for what is installed.

    One that PEP 440 does not allow admits all.
    """
    return bool(Candidates((version,)).admitted(specifier))


_BOUNDS = re.compile(r"(?:(?:^|,)[<>!=]=\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?)+")


def _compared(specifier: str, version: Version) -> Optional[bool]:
    """Whether all bounds of a specifier set hold; None where one is of a kind that PEP 440 makes exceptions for."""
    if not _BOUNDS.fullmatch(specifier):
        return None
    if version.local is not None:
        version = Version(version.public)
    return all(_ORDER[part[:2]](version, Version(part[2:])) for part in specifier.split(","))


def _contains(specifier: str, version: Version) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True
