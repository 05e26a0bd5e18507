"""A check as Markdown: for the summary of a CI job, a comment or an issue."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Tuple

from compatshim.gate import Excuse, Judged
from compatshim.model import Advisory, Unread
from compatshim.report import document as said
from compatshim.report import text
from compatshim.report.document import Document

SIGNS = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def render_check(document: Document) -> str:
    """The whole text."""
    return "\n".join([*_lines(document), ""])


def brief(document: Document) -> str:
    """The same without the advisories, for where there is little room."""
    return "\n".join([*_head(document), ""])


def advisory(item: Advisory) -> str:
    """The cause of a finding and the ways out, without a heading."""
    return "\n".join(_advisory(item))


def _lines(document: Document) -> Iterator[str]:
    yield from _head(document)
    counted = {one.finding.advisory.id for one in document.judgement.counted}
    for item in document.advisories:
        if item.id in counted:
            yield ""
            yield f"### {item.id}: {escape(item.title)}"
            yield ""
            yield from _advisory(item)
            those = (one for one in document.judgement.counted if one.finding.advisory.id == item.id)
            yield from _list("Found in", map(_place, those)) if document.recursive else ()
    yield from _fixes(document)
    yield from _list("Passed over", map(_excused, document.judgement.excused()))
    yield from _list("Not checked", map(_unread, document.unread))
    yield from _list("To tidy up", map(escape, said.remarks(document.judgement)))


def _head(document: Document) -> Iterator[str]:
    yield f"## compatshim: {said.counts(document)}"
    if document.recursive and document.reach:
        yield ""
        yield "| advisory | worst | files | projects |"
        yield "| --- | --- | ---: | ---: |"
        for reach in document.reach:
            head = f"{reach.advisory.id}: {escape(reach.advisory.title)}"
            yield f"| {head} | {SIGNS[reach.level]} {reach.level} | {reach.files} | {reach.projects} |"
    elif document.judgement.counted:
        yield ""
        yield "| level | advisory | where | found | what happens |"
        yield "| --- | --- | --- | --- | --- |"
        for one in document.judgement.counted:
            yield _row(one)


def _place(one: Judged) -> str:
    return f"{_places(one)}: {_versions(one)}"


def _places(one: Judged) -> str:
    return ", ".join(code(str(place.location)) for place in one.places) or code(one.source)


def _versions(one: Judged) -> str:
    found = escape(said.versions(one))
    return f"can be {found}" if one.finding.possible else found


def _row(one: Judged) -> str:
    advisory = one.finding.advisory
    places, found = _places(one), _versions(one)
    level = f"{SIGNS[one.level]} {one.level}"
    return f"| {level} | {advisory.id} | {places} | {found} | {escape(advisory.title)} |"


def _advisory(item: Advisory) -> Iterator[str]:
    yield f"Known bad: {' with '.join(code(str(term)) for term in item.terms)}."
    yield ""
    yield escape(item.root_cause.strip())
    yield ""
    for remedy in item.remedies:
        mind = f" {escape(remedy.impact)}" if remedy.impact else ""
        yield f"1. {said.remedy(remedy)}.{mind}"
    if item.references:
        yield ""
        yield "See " + ", ".join(f"[{one.type.lower()}](<{one.url}>)" for one in item.references) + "."


def _fixes(document: Document) -> Iterator[str]:
    for answer in document.answers:
        if answer is None or not answer.changes:
            continue
        yield ""
        yield "### The smallest change that cures every error"
        yield ""
        yield "```"
        yield text.pip(answer.changes, document.python)
        yield text.uv(answer.changes, document.python)
        yield "```"


def _excused(pair: Tuple[Judged, Excuse]) -> str:
    one, why = pair
    told = f" ({code(why.told)})" if why.told else ""
    where = code(one.path or one.source)
    return f"{one.finding.advisory.id} in {where}: {escape(why.reason)}{told}"


def _unread(item: Unread) -> str:
    name = f"{escape(item.project)}: " if item.project else ""
    return f"{name}{code(item.where)} {escape(item.reason)}"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    for number, item in enumerate(items):
        if not number:
            yield from ("", f"### {title}", "")
        yield f"- {item}"


def escape(words: str) -> str:
    """Text that means nothing to Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def code(words: str) -> str:
    """Text as code, also in a table, whatever backticks it has."""
    words = " ".join(words.split())
    fence = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{space}{words}{space}{fence}".replace("|", "\\|")
