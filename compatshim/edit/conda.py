"""``environment.yml``, line by line: a version is exchanged where it stands, and nothing else is touched."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence

from compatshim.edit import lines, specifiers
from compatshim.edit.moves import Chosen, Edit, Edited, EditError, Move, New

_ITEM = re.compile(
    r"(?P<dash>[ \t]*-[ \t]+)"
    r"(?:(?P<quote>[\"'])(?P<quoted>[^\"'\\\r\n]+)(?P=quote)|(?P<plain>[A-Za-z0-9_.][^\r\n]*?))"
    r"(?:[ \t]+#[^\r\n]*|[ \t]*)(?=[\r\n]|$)"
)
"""A line with one text in it; in front of a comment there is a blank."""
_SPEC = re.compile(
    r"(?P<before>(?:[^\s:]+::)?[A-Za-z0-9_][A-Za-z0-9._-]*)(?P<gap>[ \t]*)"
    r"(?P<version>[^\[\s=][^\[=]*|[<>=!~][^\[]*)?"
)
_ONE = re.compile(r"(?P<equal>==?)?(?P<gap>[ \t]*)(?P<version>\d[A-Za-z0-9._+!]*?)(?P<any>\.?\*)?")


def edit(path: str, text: str, chosen: Sequence[Chosen], new: Sequence[New]) -> Edited:
    """The text with other versions on the lines of the demands, and new lines behind what brings their projects.

    Raises :exc:`EditError` for a line in an unusual form.
    """
    physical = lines.physical(text)
    edits: List[Edit] = []
    for demand, move in chosen:
        number = demand.location.line or 1
        item = _item(path, physical, number)
        start, end = item.span("quoted" if item["quote"] else "plain")
        line = physical[number - 1]
        before = line[start:end]
        made = _pip(before, move) if _for_pip(physical, number - 1) else _conda(before, move)
        if made is None:
            raise EditError(f"{path}:{number}: {before!r} is in a form that is not changed here")
        if made != before:
            physical[number - 1] = f"{line[:start]}{made}{line[end:]}"
            edits.append(Edit(path, number, move.project, before, made, move.via))
    for one in sorted(new, key=_place, reverse=True):
        number = _place(one)
        if not number:
            raise EditError(f"{path}: nothing in it tells where {one.requirement} belongs; add it by hand")
        item = _item(path, physical, number)
        line = physical[number - 1]
        physical[number - 1] = line if line.endswith("\n") else f"{line}\n"
        physical.insert(number, f"{item['dash']}{one.requirement}  # {one.move.comment}{line[item.end() :]}")
        edits = [old._replace(line=old.line + (old.line > number)) if old.line else old for old in edits]
        edits.append(Edit(path, number + 1, one.move.project, "", one.requirement, one.move.via))
    return Edited("".join(physical), tuple(edits))


def _place(one: New) -> int:
    """The line behind which a new one belongs; zero when nothing tells."""
    return (one.beside.location.line if one.beside is not None else None) or 0


def _item(path: str, physical: Sequence[str], number: int) -> re.Match[str]:
    found = _ITEM.match(physical[number - 1]) if number <= len(physical) else None
    if found is None:
        raise EditError(f"{path}:{number}: is no plain item of a list, which is all that is changed here")
    return found


def _for_pip(physical: Sequence[str], place: int) -> bool:
    """Whether an item stands in the list under ``pip:``, which is deeper than its own dash."""
    for line in reversed(physical[:place]):
        if re.match(r"[ \t]*-[ \t]+[\"']?pip[\"']?[ \t]*:", line):
            return _depth(physical[place]) > _depth(line)
        if line.strip() and not line.lstrip().startswith("#") and _depth(line) < _depth(physical[place]):
            return False
    return False


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _pip(text: str, move: Move) -> Optional[str]:
    found = lines.parse(text)
    return None if found is None else found.moved(move)


def _conda(text: str, move: Move) -> Optional[str]:
    """A requirement of conda's: `=` or `==` and one version keep their sign, else it is as PEP 440 has it."""
    found = _SPEC.fullmatch(text)
    written = (found["version"] or "").strip() if found is not None else ""
    if found is None or "|" in written or re.search(r"\d=", written):
        return None
    one = _ONE.fullmatch(written)
    if one is not None and not one["any"]:
        same = one["version"] == str(move.after)
        return text if same else f"{found['before']}{found['gap']}{one['equal'] or ''}{one['gap']}{move.after}"
    if one is not None and not move.exact:
        made = specifiers.changed(f"=={one['version']}.*", move)[2:]
        return None if "," in made else f"{found['before']}{found['gap']}{one['equal'] or ''}{one['gap']}{made}"
    made = specifiers.changed(written, move)
    return text if made == written else f"{found['before']}{found['gap']}{made}"
