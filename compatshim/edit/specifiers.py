"""Version specifiers (PEP 440), changed as little as a move asks for and in the style that they are written in."""

from __future__ import annotations

import re
from typing import List, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from compatshim.edit.moves import Move

GAP = r"(?:[ \t]|\\\r?\n)*"
"""Blanks; in a requirements file also the end of a line that goes on in the next."""
_OPERATOR, _VERSION = r"===|~=|==|!=|<=|>=|<|>", r"[^\s,;()#\\\"']+"
CLAUSE = rf"(?:{_OPERATOR}){GAP}{_VERSION}"
SET = rf"{CLAUSE}(?:{GAP},{GAP}{CLAUSE})*"
_CLAUSE = re.compile(rf"(?P<operator>{_OPERATOR})(?P<gap>{GAP})(?P<version>{_VERSION})")
_LOWER, _UPPER = (">=", ">"), ("<", "<=")


def changed(text: str, move: Move) -> str:
    """The specifier set after a move; the same text when it says it all already.

    ``text`` is a set as it stands in a file, blanks and continued lines included, or empty. Clauses that the move
    leaves alone keep every character.
    """
    if move.exact or pinned(text):
        return _exact(text, move.after)
    clauses = _Clauses(text)
    clauses.admit(move.after)
    if move.floor is not None:
        clauses.raise_to(move.floor)
    if move.cap is not None:
        clauses.lower_to(move.cap)
    for version in move.without:
        clauses.exclude(version)
    made = clauses.render()
    return made if admits(made, move.after) else _exact(text, move.after)


def pinned(text: str) -> bool:
    """Whether a set names one version, and nothing else."""
    found = list(_CLAUSE.finditer(text))
    return len(found) == 1 and found[0]["operator"] in ("==", "===") and not found[0]["version"].endswith(".*")


def admits(text: str, version: Version) -> bool:
    """Whether a set allows a version; one that cannot be read does not."""
    try:
        return SpecifierSet(re.sub(r"[\s\\]+", "", text)).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


def _exact(text: str, version: Version) -> str:
    if not pinned(text):
        return f"=={version}"
    if admits(text, version):
        return text
    return _CLAUSE.sub(lambda match: f"{match['operator']}{match['gap']}{version}", text)


class _Part(NamedTuple):
    """One clause, as it is written."""

    operator: str
    gap: str
    version: str

    def __str__(self) -> str:
        return f"{self.operator}{self.gap}{self.version}"


class _Clauses:
    """A set, clause by clause, and what stands between them."""

    def __init__(self, text: str) -> None:
        found = list(_CLAUSE.finditer(text))
        self._parts = [_Part(*match.groups()) for match in found]
        self._between = [text[one.end() : other.start()] for one, other in zip(found, found[1:])]
        self._gap = self._parts[0].gap if self._parts and self._parts[0].gap.strip(" ") == "" else ""
        self._comma = self._between[-1] if self._between and "\\" not in self._between[-1] else ","

    def render(self) -> str:
        made = str(self._parts[0]) if self._parts else ""
        for before, part in zip(self._between, self._parts[1:]):
            made += f"{before}{part}"
        return made

    def _find(self, *operators: str) -> List[int]:
        return [place for place, part in enumerate(self._parts) if part.operator in operators]

    def _put(self, place: int, operator: str, version: str) -> None:
        self._parts[place] = self._parts[place]._replace(operator=operator, version=version)

    def _insert(self, place: int, operator: str, version: str) -> None:
        if self._parts:
            self._between.insert(max(place - 1, 0), self._comma)
        self._parts.insert(place, _Part(operator, self._gap, version))

    def admit(self, version: Version) -> None:
        """Let every clause allow a version, but those that somebody wrote to keep that very one out."""
        for place, part in enumerate(self._parts):
            if admits(str(part), version):
                continue
            operator, bound = part.operator, part.version
            if operator in _LOWER:
                self._put(place, ">=", str(version))
            elif operator == "<":
                self._put(place, "<", _above(version, bound))
            elif operator in ("<=", "==="):
                self._put(place, operator, str(version))
            elif operator == "==" and bound.endswith(".*"):
                self._put(place, "==", f"{as_long(version, bound[:-2])}.*")
            elif operator in ("~=", "=="):
                self._put(place, operator, as_long(version, bound) if operator == "~=" else str(version))

    def raise_to(self, floor: Version) -> None:
        """Allow nothing below ``floor``."""
        for place in self._find(*_LOWER):
            if Version(self._parts[place].version) < floor:
                self._put(place, ">=", str(floor))
            return
        for place in self._find("~=", "=="):
            operator, _, written = self._parts[place]
            bound = written.replace(".*", "")
            if Version(bound) >= floor:
                return
            if operator == "~=" and as_long(floor, bound) == str(floor):
                self._put(place, "~=", str(floor))
            else:
                self._insert(place + 1, ">=", str(floor))
            return
        self._insert(0, ">=", str(floor))

    def lower_to(self, cap: Version) -> None:
        """Allow nothing from ``cap`` on."""
        for place in self._find(*_UPPER):
            operator, _, written = self._parts[place]
            bound = Version(written)
            if bound > cap or (bound == cap and operator != "<"):
                self._put(place, "<", str(cap))
            return
        self._insert(len(self._parts), "<", str(cap))

    def exclude(self, version: Version) -> None:
        """Allow a single version no more."""
        if all(admits(str(part), version) for part in self._parts):
            self._insert(len(self._parts), "!=", str(version))


def as_long(version: Version, like: str) -> str:
    """A version with as many numbers as another text has."""
    length = like.count(".") + 1
    numbers = [*version.release, *[0] * length][:length]
    return ".".join(map(str, numbers))


def _above(version: Version, like: str) -> str:
    """The next bound above a version, as coarse and as long as one that is there: 5.2.1 like 3.0 is 6.0."""
    try:
        release = Version(like).release
    except ValueError:
        return as_long(Version(f"{version.major + 1}"), like)
    coarse = max((place for place, number in enumerate(release) if number), default=0)
    numbers = [*version.release, *[0] * len(release)][: coarse + 1]
    numbers[-1] += 1
    return ".".join(map(str, [*numbers, *[0] * (len(release) - coarse - 1)]))
