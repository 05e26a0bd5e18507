"""A check as one HTML page, which loads nothing and runs nothing.

Levels are told by a word, a sign, and how a line is drawn, besides the colour (those of Okabe and Ito).
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from compatshim.errors import CLEAN, FINDINGS, NOTHING
from compatshim.gate import Judged
from compatshim.model import Advisory, Remedy
from compatshim.report import document as said
from compatshim.report import text
from compatshim.report.document import Document
from compatshim.web.markup import Child, Markup, join, tag
from compatshim.web.page import packaged, page

SIGNS = {"error": "×", "warning": "!", "note": "i"}
_VERDICTS = {
    CLEAN: "Nothing fails the check.",
    FINDINGS: "The check fails.",
    NOTHING: "Nothing could be checked.",
}


def render_check(document: Document) -> str:
    """The page."""
    judgement = document.judgement
    verdict = _VERDICTS[judgement.status]
    return page(
        "compatshim: check",
        tag(
            "header",
            tag("h1", "Known-bad combinations"),
            tag("p", f"{verdict} {said.counts(document)}", class_="counts"),
        ),
        tag("main", *(part for part in (*_findings(document), *_others(document)) if part is not None)),
        tag(
            "footer", tag("p", f"Catalog {document.catalog.digest}. Made by ", tag("code", "compatshim check"), ".")
        ),
        style=packaged("report", "report.css"),
    )


def _findings(document: Document) -> List[Optional[Markup]]:
    """What was checked, and then the findings in each with the fix of all of them."""
    judgement = document.judgement
    found: List[Optional[Markup]] = [_checked(document)]
    counted = said.grouped(judgement.counted)
    for name, numbers in document.subjects.items():
        those = [one for number in numbers for one in counted.get(number, ())]
        if not those:
            continue
        found.append(tag("h2", name, id=f"in-{numbers[0] + 1}"))
        found += [_finding(one, f"finding-{one.fingerprint[:12]}") for one in those]
        found += [_fix(document, number) for number in numbers]
    return found


def _checked(document: Document) -> Markup:
    """A row for each thing that was checked."""
    heads = ("checked", "errors", "warnings", "notes", "distributions")
    rows = []
    counted = said.grouped(document.judgement.counted)
    for name, numbers in document.subjects.items():
        those = [one for number in numbers for one in counted.get(number, ())]
        size = max(document.judgement.analyses[number].inventory.checked for number in numbers)
        counts = [str(sum(one.level == level for one in those)) for level in ("error", "warning", "note")]
        cells = (tag("td", count, class_="number") for count in (*counts, str(size)))
        link = tag("a", name, href=f"#in-{numbers[0] + 1}") if those else name
        rows.append(tag("tr", tag("th", link, scope="row"), *cells))
    head = (tag("th", word, scope="col", class_="number" if number else None) for number, word in enumerate(heads))
    return tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="what")


def _finding(one: Judged, identifier: str) -> Markup:
    advisory = one.finding.advisory
    qualifier = said.qualifier(one)
    return tag(
        "section",
        tag(
            "h3",
            tag("span", f"{SIGNS[one.level]} {one.level}", class_="level"),
            f"{advisory.title} ",
            tag("span", advisory.id, class_="id"),
        ),
        tag(
            "dl",
            *_pair("at", _places(one)),
            *_pair("where", " or ".join(one.environments) or None),
            *_pair("can be" if one.finding.possible else "found", said.versions(one)),
            *_pair("known bad", _commas([tag("code", str(term)) for term in advisory.terms])),
            *_pair("mind", qualifier or None),
            *_pair("ways out", _remedies(advisory)),
        ),
        tag("details", tag("summary", "Cause and evidence"), tag("p", advisory.root_cause.strip()), _see(advisory)),
        class_=f"finding {one.level}",
        id=identifier,
    )


def _pair(name: str, value: Child) -> Sequence[Markup]:
    return () if value is None else (tag("dt", name), tag("dd", value))


def _places(one: Judged) -> Optional[Markup]:
    if not one.places:
        return None
    return _commas([join(tag("code", str(place.location)), f" ({place.project})") for place in one.places])


def _commas(parts: Sequence[Markup]) -> Markup:
    return join(*(join(", " if number else None, part) for number, part in enumerate(parts)))


def _remedies(advisory: Advisory) -> Optional[Markup]:
    if not advisory.remedies:
        return None
    return tag("ol", *(tag("li", _remedy(one)) for one in advisory.remedies))


def _remedy(remedy: Remedy) -> Markup:
    mind = f". {remedy.impact}" if remedy.impact else None
    if remedy.shim is not None:
        return join("keep the versions and ", tag("code", "import compatshim"), mind)
    return join(_commas([tag("code", line) for line in remedy.constraints]), mind)


def _see(advisory: Advisory) -> Optional[Markup]:
    if not advisory.references:
        return None
    items = (
        tag("li", f"{one.type.lower()}: ", tag("a", one.url, href=one.url, rel="noreferrer"))
        for one in advisory.references
    )
    return tag("ul", *items)


def _fix(document: Document, number: int) -> Optional[Markup]:
    answer = document.answers[number]
    if answer is None or not answer.changes:
        return None
    commands = f"{text.pip(answer.changes, document.python)}\n{text.uv(answer.changes, document.python)}"
    return join(
        tag("p", "The smallest change that cures every error, with pip or with uv:"),
        tag("pre", tag("code", commands), tabindex="0"),
    )


def _others(document: Document) -> List[Optional[Markup]]:
    """What is passed over, was not checked, or has no effect any more."""
    excused = [
        join(tag("strong", one.finding.advisory.id), f" in {one.path or one.source}: {why.reason}", _told(why.told))
        for one, why in document.judgement.excused()
    ]
    unread = [
        join(f"{item.project}: " if item.project else None, tag("code", item.where), f" {item.reason}")
        for item in document.unread
    ]
    tidy = [join(line) for line in said.remarks(document.judgement)]
    sections = (("Passed over", excused), ("Not checked", unread), ("To tidy up", tidy))
    return [
        join(tag("h2", title), tag("ul", *(tag("li", item) for item in items)))
        for title, items in sections
        if items
    ]


def _told(who: str) -> Optional[Markup]:
    return join(" (", tag("code", who), ")") if who else None
