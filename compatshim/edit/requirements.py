"""Requirements and constraint files: a specifier is exchanged where it stands, what is new comes last."""

from __future__ import annotations

import re
from typing import List, Sequence

from compatshim.edit import lines
from compatshim.edit.moves import Chosen, Edit, Edited, EditError, New

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


def edit(path: str, text: str, chosen: Sequence[Chosen], new: Sequence[New]) -> Edited:
    """The text with other specifiers on the lines of the demands, and with new lines. Raises :exc:`EditError`.

    Each line and each end of a line that is not meant stays as it is, byte for byte.
    """
    hashed = re.search(r"(?m)^(?![ \t]*#).*--hash[= ]", text)
    if hashed is not None:
        line = text.count("\n", 0, hashed.start()) + 1
        raise EditError(f"{path}:{line}: has hashes, which hold for no other versions; make it again with its tool")
    physical = [match for match in _LINE.findall(text) if match]
    edits: List[Edit] = []
    for demand, move in chosen:
        number = demand.location.line or 1
        first, behind = number - 1, _behind(physical, number - 1)
        found = lines.parse("".join(physical[first:behind]))
        if found is None or found.project != move.project:
            raise EditError(
                f"{path}:{number}: {demand.name or move.project} is not told by a version that can be changed"
            )
        made = found.moved(move)
        parts = [match for match in _LINE.findall(made) if match]
        if len(parts) != behind - first:  # the specifier went on in another line
            parts = [
                "".join(parts[: len(parts) - (behind - first) + 1]),
                *parts[len(parts) - (behind - first) + 1 :],
            ]
        before = "".join(physical[first:behind])
        if made != before:
            physical[first:behind] = [*parts, *[""] * (behind - first - len(parts))]
            edits.append(Edit(path, number, move.project, _shown(before), _shown(made), move.via))
    physical = [part for part in physical if part]
    for item in new:
        _append(path, physical, f"{item.requirement}  # {item.move.comment}")
        edits.append(Edit(path, len(physical), item.move.project, "", item.requirement, item.move.via))
    return Edited("".join(physical), tuple(edits))


def _behind(physical: Sequence[str], first: int) -> int:
    """The place behind a line and those that continue it."""
    behind = first + 1
    while behind < len(physical) and physical[behind - 1].rstrip("\r\n").endswith("\\"):
        behind += 1
    return behind


def _append(path: str, physical: List[str], line: str) -> None:
    """Add a line with the ends that the file has; a file whose last line has none still has none."""
    end = next((match[0] for part in physical if (match := re.search(r"(\r\n|\r|\n)$", part))), "\n")
    last = physical[-1] if physical else end
    if last.rstrip("\r\n").endswith("\\"):
        raise EditError(f"{path}:{len(physical)}: the last line goes on, and nothing can come behind it")
    if last.endswith(("\r", "\n")):
        physical.append(line + end)
    else:
        physical[-1] += end
        physical.append(line)


def _shown(text: str) -> str:
    """A requirement for a person: on one line, without a comment or what follows its marker."""
    straight = " ".join(re.sub(r"\\(\r\n|\r|\n)", " ", text).split())
    return re.sub(r"\s+(#|--).*", "", straight)
