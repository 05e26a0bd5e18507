"""Version constraints in Poetry's own words, changed as little as a move asks for: `^2.14` stays a caret."""

from __future__ import annotations

import re

from packaging.version import Version

from compatshim.edit import specifiers
from compatshim.edit.moves import EditError, Move

_BARE = re.compile(r"\s*(?P<equal>==?\s*)?(?P<version>v?\d[^\s,|*<>=!~^]*)\s*")
_SERIES = re.compile(r"\s*(?P<sign>\^|~(?!=))\s*(?P<version>\d[^\s,|*<>=!~^]*)\s*(?P<rest>,.*)?")
_WILD = re.compile(r"\s*(?:==?\s*)?(?P<version>\d+(?:\.\d+)*)\.\*\s*")


def changed(text: str, move: Move) -> str:
    """The constraint after a move. Raises :exc:`EditError` for alternatives (``||``), which have no one range."""
    if "|" in text:
        raise EditError(f"{text!r} has alternatives; change it by hand")
    bare = _BARE.fullmatch(text)
    if bare is not None:
        return text if bare["version"] == str(move.after) else text.replace(bare["version"], str(move.after))
    if text.strip() in ("*", ""):
        return specifiers.changed("", move) or text
    if move.exact:
        return str(move.after)
    series, wild = _SERIES.fullmatch(text), _WILD.fullmatch(text)
    if series is not None:
        return _series(series["sign"], series["version"], series["rest"] or "", move)
    if wild is not None:
        return specifiers.changed(f"=={wild['version']}.*", move)
    return specifiers.changed(text, move)


def _series(sign: str, written: str, rest: str, move: Move) -> str:
    """`^2.14` or `~2.14`, and what is said beside it."""
    lower = Version(written)
    if not lower <= move.after < _end(sign, written):
        # The lowest of the wanted that is in one series with what it must admit.
        floor = (
            move.floor
            if move.floor is not None and move.floor <= move.after < _end(sign, str(move.floor))
            else None
        )
        written = str(floor) if floor is not None else specifiers.as_long(move.after, written)
        rest = ""
    elif move.floor is not None and move.floor > lower:
        written = str(move.floor) if move.after < _end(sign, str(move.floor)) else written
    made, others = f"{sign}{written}", rest.lstrip(", ")
    if move.floor is not None and move.floor > Version(written):
        others = specifiers.changed(others, move._replace(cap=None, without=()))
    if move.cap is not None and move.cap < _end(sign, written):
        others = specifiers.changed(others, move._replace(floor=None, without=()))
    others += "".join(f"{',' if others else ''}!={one}" for one in move.without)
    return f"{made},{others}" if others else made


def _end(sign: str, written: str) -> Version:
    """Where the series that a sign makes of a version ends, which belongs to it no more."""
    release = list(Version(written).release)
    if sign == "~":
        place = min(1, len(release) - 1)
    else:
        place = next((place for place, number in enumerate(release) if number), len(release) - 1)
    return Version(".".join(map(str, [*release[:place], release[place] + 1])))
