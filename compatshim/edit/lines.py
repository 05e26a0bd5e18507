"""One requirement (PEP 508) as it stands in a file: where in it the versions are told."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional

from compatshim.edit import specifiers
from compatshim.edit.moves import Move
from compatshim.edit.specifiers import GAP
from compatshim.model import canonical

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"\[{GAP}(?:{_NAME}(?:{GAP},{GAP}{_NAME})*)?{GAP}\]"
_REQUIREMENT = re.compile(
    rf"{GAP}(?P<name>{_NAME})(?P<extras>{GAP}{_EXTRAS})?"
    rf"(?P<gap>{GAP})(?P<open>\({GAP})?(?P<set>{specifiers.SET})?(?P<close>{GAP}\))?"
    rf"(?=(?P<rest>{GAP}(?:;|\#|--|[\r\n]|$)))"
)


class Requirement(NamedTuple):
    """The parts of a requirement that say which versions it is for."""

    project: str
    """Normalised name."""
    before: str
    """All in front of the specifier set: blanks, the name, extras."""
    set: str
    after: str
    """All behind it: a marker, options, a comment, the rest of the text."""

    def moved(self, move: Move) -> str:
        """The text with the specifier set that a move asks for."""
        return f"{self.before}{specifiers.changed(self.set, move)}{self.after}"


def parse(text: str) -> Optional[Requirement]:
    """The requirement that a text begins with; None where that is none, or is an address."""
    found = _REQUIREMENT.match(text)
    if found is None or bool(found["open"]) != bool(found["close"]) or re.match(rf"{GAP}@", text[found.end() :]):
        return None
    if found["open"] and not found["set"]:
        return None
    if found["set"]:
        start, end = found.span("set")
    else:  # behind the name, whatever blanks follow
        start = end = found.end("extras") if found["extras"] else found.end("name")
    return Requirement(canonical(found["name"]), text[:start], text[start:end], text[end:])


def physical(text: str) -> List[str]:
    """Lines with their ends; a carriage return alone ends none, as in a diff."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
