"""What was edited, and what would be: lines, a unified diff, plain data."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

from compatshim.edit.lines import physical
from compatshim.report import data
from compatshim.terminal import plural

if TYPE_CHECKING:
    from compatshim.answer import Answer
    from compatshim.edit.moves import Edit
    from compatshim.model import Catalog, Finding


class Fixed(NamedTuple):
    """What became of one file."""

    path: str
    kind: str
    before: Tuple[Finding, ...]
    """What counts in the file as it was."""
    remaining: Tuple[Finding, ...]
    """What is known of the file as it is now, and does not count."""
    edits: Tuple[Edit, ...]
    texts: Tuple[Tuple[str, str, str], ...]
    """Path, old text and new text of the file, and of those that it includes."""
    commands: Tuple[str, ...]
    """What is to be run instead, or afterwards."""
    refused: str
    """Why there is no edit that mends it; empty when there is, or nothing to mend."""
    written: bool
    error: str
    """Why it was not written; empty when it was, or was not to be."""
    answer: Optional[Answer]


def diff(texts: Iterable[Tuple[str, str, str]]) -> str:
    """A unified diff, as ``git apply`` and ``patch`` take it."""
    made = []
    for path, old, new in texts:
        name = path.replace("\\", "/").lstrip("/")
        lines = difflib.unified_diff(physical(old), physical(new), f"a/{name}", f"b/{name}")
        made += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(made)


def edited(edits: Iterable[Edit]) -> Iterator[str]:
    """A line for each edit, with the advisories that it is for."""
    for one in edits:
        yield f"{one}  ({', '.join(one.via)})" if one.via else str(one)


def said(one: Fixed, *, dry: bool) -> Iterator[str]:
    """What there is to say of a file."""
    cured = ", ".join(dict.fromkeys(item.advisory.id for item in one.before))
    if one.refused:
        yield f"{one.path}: {one.refused}{f' ({cured})' if cured else ''}"
    elif one.texts:
        did = "would be changed" if dry or not one.written else "changed"
        yield (
            f"{one.path}: {plural(len(one.edits), 'line')} {did}; judged again, "
            f"nothing that counts is left{f' (was {cured})' if cured else ''}"
        )
        soft = ", ".join(
            dict.fromkeys(f"{item.advisory.id} ({item.level})" for item in one.remaining if item.level != "note")
        )
        if soft:
            yield f"{one.path}: {soft} can wait, and is left as it is"
    elif not one.before:
        yield f"{one.path}: nothing to fix"


def render(found: Iterable[Fixed], catalog: Catalog, *, dry: bool) -> str:
    """All of it as JSON."""
    return data.render("fix", catalog, {"dry": dry, "files": [_file(one) for one in found]})


def _file(one: Fixed) -> Dict[str, Any]:
    return {
        "path": one.path,
        "kind": one.kind,
        "findings": [data.finding(item) for item in one.before],
        "remaining": [data.finding(item) for item in one.remaining],
        "edits": [{**item._asdict(), "before": item.before or None, "via": list(item.via)} for item in one.edits],
        "diff": diff(one.texts),
        "written": one.written,
        "commands": list(one.commands),
        "refused": one.refused or None,
        "error": one.error or None,
        "fix": None if one.answer is None else data.outcome(one.answer),
    }
