"""A check as commands of a GitHub workflow: each becomes an annotation where the finding is."""

from __future__ import annotations

from compatshim.gate import Judged
from compatshim.report import document as said
from compatshim.report.document import Document

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render_check(document: Document) -> str:
    """The commands, and a line of counts for the log."""
    lines = [_finding(one, document) for one in document.judgement.counted]
    lines += [
        _command("warning", f"not checked: {item.where} {item.reason}", title="compatshim: not checked")
        for item in document.unread
    ]
    lines += [
        _command("warning", line, title="compatshim: configuration") for line in said.remarks(document.judgement)
    ]
    return "".join(f"{line}\n" for line in (*lines, said.counts(document)))


def _finding(one: Judged, document: Document) -> str:
    advisory = one.finding.advisory
    place = {"file": document.manifest}
    location = said.primary(one)
    if location is not None:
        place = {"file": document.judgement.relative(location.path)}
        if location.line is not None:
            place["line"] = str(location.line)
            if location.column is not None:
                place["col"] = str(location.column)
    text = " ".join(part for part in (said.message(one), said.qualifier(one), said.ways(advisory)) if part)
    return _command(COMMANDS[one.level], text, **place, title=f"{advisory.id}: {advisory.title}")


def _command(name: str, text: str, **properties: str) -> str:
    """A workflow command; as the runner reads it, with its own escapes."""
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{name} {told}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
