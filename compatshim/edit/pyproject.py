"""``pyproject.toml`` and the block of a script: strings in lists and tables are exchanged, all else stays."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from compatshim.edit import lines, poetry
from compatshim.edit.moves import Chosen, Edit, Edited, EditError, Move, New
from compatshim.inventory.manifest import Demand, demand
from compatshim.inventory.readers.pyproject import BLOCK
from compatshim.model import Location, canonical

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

UV, POETRY, PLAIN = "uv", "poetry", ""
"""Whose tables a project without a line of its own goes to."""


def edit(path: str, text: str, chosen: Sequence[Chosen], new: Sequence[New], tool: str = PLAIN) -> Edited:
    """The text with other specifiers for the demands, and with new ones where ``tool`` has them.

    Raises :exc:`EditError`.
    """
    return _edit(path, text, chosen, new, lists=_lists, tool=tool)


def script(path: str, text: str, chosen: Sequence[Chosen], new: Sequence[New]) -> Edited:
    """A script with the block of PEP 723 in it edited. Raises :exc:`EditError`."""
    physical = text.splitlines(keepends=True) if "\r\n" in text else lines.physical(text)
    straight = text.replace("\r\n", "\n").replace("\r", "\n")
    block = next((match for match in BLOCK.finditer(straight) if match["type"] == "script"), None)
    if block is None:
        raise EditError(f"{path}: has no `# /// script` block")
    first = straight.count("\n", 0, block.start("content"))
    behind = first + block["content"].count("\n")
    # What a line of the block says, and how it is written.
    written = {_said(line): line for line in physical[first:behind]}
    end = "\r\n" if physical[first].endswith("\r\n") else "\n"
    content = "".join(f"{_said(line)}\n" for line in physical[first:behind])
    inner = _edit(path, content, chosen, new, lists=_script)
    said = inner.text[:-1].split("\n")
    made = [written.get(line, f"# {line}{end}" if line else f"#{end}") for line in said]
    moved = tuple(one._replace(line=None if one.line is None else one.line + first) for one in inner.edits)
    return Edited("".join([*physical[:first], *made, *physical[behind:]]), moved)


def _said(line: str) -> str:
    """What a line of a block says."""
    line = line.rstrip("\r\n")
    return line[2:] if line.startswith("# ") else line[1:]


Lists = Callable[["TOMLDocument"], Iterator[Any]]


def _edit(
    path: str, text: str, chosen: Sequence[Chosen], new: Sequence[New], *, lists: Lists, tool: str = PLAIN
) -> Edited:
    import tomlkit

    document = tomlkit.parse(text)
    wanted = {_key(one.demand): one.move for one in chosen}
    done: List[Tuple[Move, str, str]] = []
    seen: Set[_Key] = set()
    for several in lists(document):
        for place, item in enumerate(several):
            key = _key(demand(str(item), Location(path))) if isinstance(item, str) else None
            move = wanted.get(key)
            if move is None:
                continue
            seen.add(key)
            made = _requirement(path, str(item), move)
            if made != item:
                several[place] = _string(item, made)
                done.append((move, str(item), made))
    for name, table, key_ in _poetry(document):
        moves = [one.move for one in chosen if one.demand.project == name]
        if not moves:
            continue
        seen.update(_key(one.demand) for one in chosen if one.demand.project == name)
        before = str(table[key_])
        made = _poetry_constraint(path, name, before, moves[0])
        if made != before:
            table[key_] = _string(table[key_], made)
            done.append((moves[0], f'{name} = "{before}"', f'{name} = "{made}"'))
    missed = [one.demand for one in chosen if _key(one.demand) not in seen]
    if missed:
        raise EditError(
            f"{missed[0].location}: {missed[0].name or missed[0].project} was not found again to be changed"
        )
    added = [_add(document, lists, item, tool) for item in new]
    made_text = _dumped(path, text, tomlkit.dumps(document), len(done) + len(added))
    edits = [
        Edit(path, _line(made_text, after), move.project, before, after, move.via) for move, before, after in done
    ]
    edits += [Edit(path, _line(made_text, after), move.project, "", after, move.via) for move, after in added]
    return Edited(made_text, tuple(edits))


_Key = Optional[Tuple[str, str, str]]


def _key(found: Optional[Demand]) -> _Key:
    return None if found is None else (found.project, found.specifier, found.marker)


def _requirement(path: str, text: str, move: Move) -> str:
    found = lines.parse(text)
    if found is None:
        raise EditError(f"{path}: {text!r} is not told by a version that can be changed")
    return found.moved(move)


def _poetry_constraint(path: str, name: str, text: str, move: Move) -> str:
    try:
        return poetry.changed(text, move)
    except EditError as error:
        raise EditError(f"{path}: {name} = {error}") from None


def _lists(document: TOMLDocument) -> Iterator[Any]:
    """The lists of requirements, in the order in which a project without a line of its own goes to one."""
    project = _table(document.get("project"))
    yield from _given(project.get("dependencies"))
    for several in _table(project.get("optional-dependencies")).values():
        yield from _given(several)
    for several in _table(document.get("dependency-groups")).values():
        yield from _given(several)
    yield from _given(_table(_table(document.get("tool")).get("uv")).get("constraint-dependencies"))


def _script(document: TOMLDocument) -> Iterator[Any]:
    yield from _given(document.get("dependencies"))


def _given(found: object) -> Iterator[Any]:
    if isinstance(found, list):
        yield found


def _table(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _poetry(document: TOMLDocument) -> Iterator[Tuple[str, Any, str]]:
    """Normalised name, the table that has its constraint, and under which key."""
    own = _table(_table(document.get("tool")).get("poetry"))
    several = [_table(own.get(key)) for key in ("dependencies", "dev-dependencies")]
    several += [_table(_table(group).get("dependencies")) for group in _table(own.get("group")).values()]
    for table in several:
        for name, item in table.items():
            if isinstance(item, str):
                yield canonical(name), table, name
            elif isinstance(item, dict) and isinstance(item.get("version"), str):
                yield canonical(name), item, "version"


def _string(old: Any, text: str) -> Any:
    """A string in the quotes that another one has."""
    import tomlkit

    literal = getattr(old, "as_string", str)().startswith("'") and "'" not in text
    return tomlkit.string(text, literal=literal)


def _add(document: TOMLDocument, lists: Lists, item: New, tool: str) -> Tuple[Move, str]:
    """Put a requirement where the tool has those of projects that nobody names."""
    import tomlkit

    if tool == POETRY:
        table: Any = document["tool"]["poetry"].setdefault("dependencies", tomlkit.table())
        constraint = item.requirement[len(item.move.spelt or item.move.project) :]
        made = tomlkit.string(constraint[2:] if constraint.startswith("==") else constraint)
        made.comment(item.move.comment)
        table[item.move.spelt or item.move.project] = made
        return item.move, f'{item.move.spelt or item.move.project} = "{made}"'
    if tool == UV:
        own: Any = document.setdefault("tool", tomlkit.table(is_super_table=True)).setdefault("uv", tomlkit.table())
        if "constraint-dependencies" not in own:
            own["constraint-dependencies"] = tomlkit.array("[\n]")
        several = own["constraint-dependencies"]
    else:
        several = _beside(lists(document), item)
    if "\n" in several.as_string():
        several.add_line(item.requirement, indent=_indent(several), comment=item.move.comment)
    else:
        several.append(item.requirement)
    return item.move, item.requirement


def _beside(several: Iterator[Any], item: New) -> Any:
    """The list with what brings a project, else the first."""
    found = list(several)
    if not found:
        raise EditError(f"there is no list of requirements that {item.requirement} could be added to")
    own = item.beside.project if item.beside is not None else ""
    for one in found:
        if any(isinstance(text, str) and (known := lines.parse(text)) and known.project == own for text in one):
            return one
    return found[0]


def _indent(several: Any) -> str:
    found = re.search(r"\n([ \t]*)[\"']", several.as_string())
    return found[1] if found else "    "


def _dumped(path: str, text: str, made: str, edits: int) -> str:
    """The new text: lines that were not meant are taken from the old one, for some tomlkits write them otherwise.

    Raises :exc:`EditError` when more lines have changed than there are edits.
    """
    import tomlkit

    old, plain = text.splitlines(keepends=True), tomlkit.dumps(tomlkit.parse(text)).splitlines(keepends=True)
    new = (re.sub(r"(?<!\r)\n", "\r\n", made) if "\r\n" in text else made).splitlines(keepends=True)
    found: List[str] = []
    gone = 0
    for tag, start, stop, first, behind in difflib.SequenceMatcher(None, plain, new, autojunk=False).get_opcodes():
        found += old[start:stop] if tag == "equal" else new[first:behind]
        gone += 0 if tag == "equal" else stop - start
    if gone > edits or len(plain) != len(old):
        raise EditError(f"{path}: could not be changed without other changes to its form; nothing was written")
    return "".join(found)


def _line(text: str, requirement: str) -> Optional[int]:
    """The line that has a requirement in it."""
    value = re.escape(requirement.partition(" = ")[2].strip('"') if ' = "' in requirement else requirement)
    found = re.search(rf"[\"']{value}[\"']", text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def tool(document: Mapping[str, Any], beside: Sequence[str]) -> str:
    """Whose tables a project without a line of its own goes to, by the file and the names of those beside it."""
    own: Dict[str, Any] = dict(_table(document.get("tool")))
    if "uv.lock" in beside or "uv" in own:
        return UV
    return POETRY if "poetry" in own and "dependencies" not in _table(document.get("project")) else PLAIN
