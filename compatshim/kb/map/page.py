"""The map as one HTML page, which loads nothing.

Everything is there without scripts: the matrices are tables, and each of their signs leads to its rows of evidence
in a table below. The script shows these rows beside the sign, and moves between signs with the arrow keys.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence

from compatshim.kb.map.grid import PYTHON, Cell, Matrix, Panel, State, Tick, named
from compatshim.kb.map.palette import LOOKS
from compatshim.model import OUTCOMES, Advisory, Certainty, Remedy, Verified
from compatshim.web.markup import Markup, join, tag
from compatshim.web.page import page

TITLE = "Which versions work together"


def render(matrices: Sequence[Matrix], digest: str, metadata: str, style: str, script: str) -> str:
    """The page.

    ``digest`` is the catalog's, ``metadata`` says where releases come from; ``style`` and ``script`` are the
    contents of ``page.css`` and ``page.js``.
    """
    return page(
        f"compatshim: {TITLE.lower()}",
        tag("header", tag("h1", TITLE), _introduction(matrices), _legend(matrices)),
        tag("main", _index(matrices), tag("div", *(_section(one) for one in matrices), class_="advisories")),
        tag(
            "footer",
            tag("p", f"Catalog {digest}. Releases: {metadata}. Made by ", tag("code", "compatshim kb map"), "."),
        ),
        style=f"{_colours()}\n{style}",
        script=script,
    )


def _colours() -> str:
    return "\n".join(
        f".{state.value} {{ --fill: {look.fill}; --ink: {look.ink}; }}" for state, look in LOOKS.items()
    )


def _introduction(matrices: Sequence[Matrix]) -> Markup:
    rows = sum(len(one.advisory.verified) for one in matrices)
    return tag(
        "p",
        f"{_count(len(matrices), 'known fault')} of versions that install together, and the "
        f"{_count(rows, 'run')} that prove where each begins and ends. Every sign is a run: point at it, tap it or "
        "move to it with Tab and the arrow keys to see its evidence.",
    )


def _legend(matrices: Sequence[Matrix]) -> Markup:
    cells = [cell for one in matrices for panel in one.panels for line in panel.cells for cell in line]
    states, certainties = {cell.state for cell in cells}, {cell.inside for cell in cells}
    signs = [(look.sign, state.value, look.meaning) for state, look in LOOKS.items() if state in states]
    signs += [("·", "blank", "not run"), ("", "inside", "within the advisory's ranges")]
    if Certainty.UNVERIFIED in certainties:
        signs.append(("", "beyond", "newer than anything run: presumed bad"))
    items = (
        tag("li", tag("span", sign, class_=f"sign {kind}", aria_hidden="true"), f" {meaning}")
        for sign, kind, meaning in signs
    )
    return tag("ul", *items, class_="legend")


def _index(matrices: Sequence[Matrix]) -> Markup:
    head = tag(
        "tr",
        tag("th", "advisory", scope="col"),
        tag("th", "severity", scope="col"),
        *(tag("th", outcome, scope="col", class_="number") for outcome in OUTCOMES),
    )
    rows = [_entry(one.advisory) for one in matrices]
    caption = tag("caption", "The advisories, and how many runs of each came out how")
    return tag("table", caption, tag("thead", head), tag("tbody", *rows), class_="index", id="index")


def _entry(advisory: Advisory) -> Markup:
    counts = [sum(row.outcome == outcome for row in advisory.verified) for outcome in OUTCOMES]
    return tag(
        "tr",
        tag("th", tag("a", advisory.id, href=f"#{advisory.id}"), " ", advisory.title, scope="row"),
        tag("td", advisory.severity),
        *(tag("td", str(count), class_="number") for count in counts),
        data_for=advisory.id,
    )


def _section(matrix: Matrix) -> Markup:
    advisory = matrix.advisory
    terms: List[Markup] = []
    for term in advisory.terms:
        terms += [tag("span", " and ") if terms else Markup(""), tag("code", str(term))]
    return tag(
        "section",
        tag("h2", tag("a", advisory.id, href=f"#{advisory.id}"), " ", advisory.title),
        tag("p", f"{advisory.symptom}, severity {advisory.severity}. Bad with ", *terms, ".", class_="terms"),
        _panels(matrix) if matrix.panels else tag("p", "Nothing was run yet."),
        _evidence(advisory) if advisory.verified else None,
        _background(advisory),
        id=advisory.id,
        class_="advisory" if len(matrix.panels) <= 1 else "advisory wide",
    )


def _panels(matrix: Matrix) -> Markup:
    panels = [tag("div", _panel(matrix, panel), class_="scroll") for panel in matrix.panels]
    return tag("div", *panels, class_="panels")


def _panel(matrix: Matrix, panel: Panel) -> Markup:
    columns, rows = matrix.columns, matrix.rows
    fixed = ", ".join(f"{name} {named(version)}" for name, version in panel.fixed)
    sides = f"{rows.name} (down) and {columns.name} (across)"
    caption = tag(
        "caption",
        tag("span", f"{matrix.advisory.id}: {sides}{', with ' if fixed else ''}", class_="unseen"),
        fixed or None,
        tag("span", " (outside the ranges)") if fixed and panel.inside is None else None,
    )
    span = str(len(columns.ticks))
    head = join(
        tag("tr", tag("td"), tag("th", columns.name, scope="colgroup", colspan=span, class_="name")),
        tag(
            "tr",
            tag("th", rows.name, scope="col", class_="name"),
            *(_head(tick, "col") for tick in columns.ticks),
        ),
    )
    body = [
        tag("tr", _head(tick, "row"), *_cells(matrix, panel, number), class_="skipped" if tick.skipped else None)
        for number, tick in enumerate(rows.ticks)
    ]
    return tag("table", caption, tag("thead", head), tag("tbody", *body), class_="grid")


def _head(tick: Tick, scope: str) -> Markup:
    """The header of a row or a column."""
    words = [_inside(tick.inside), "skipped" if tick.skipped else ""]
    first, last = (str(tick.skipped[0]), str(tick.skipped[-1])) if tick.skipped else ("", "")
    which = first if first == last else f"{first} to {last}"
    return tag(
        "th",
        tag("span", tick.label),
        scope=scope,
        class_=" ".join(word for word in words if word) or None,
        title=f"{which}: not run" if which else None,
    )


def _inside(certainty: Optional[Certainty]) -> str:
    if certainty is None:
        return ""
    return "inside" if certainty is Certainty.VERIFIED else "beyond"


def _cells(matrix: Matrix, panel: Panel, number: int) -> Iterator[Markup]:
    row = matrix.rows.ticks[number]
    for place, column in enumerate(matrix.columns.ticks):
        cell = panel.cells[number][place]
        classes = [_inside(cell.inside), *panel.edges(number, place)]
        if row.skipped or column.skipped:
            classes.append("skipped")
        sign = tag("span", cell.state.value, class_="blank")
        if cell.state is not State.NOT_RUN:
            sign = _sign(matrix, cell, matrix.combination(panel, row, column))
        yield tag("td", sign, class_=" ".join(word for word in classes if word) or None)


def _sign(matrix: Matrix, cell: Cell, versions: Sequence[Sequence[str]]) -> Markup:
    """What was run: a link to the first of its rows, which names them all."""
    look = LOOKS[cell.state]
    identifier = matrix.advisory.id
    what = ", ".join(f"{name} {version}" for name, version in versions)
    return tag(
        "a",
        look.sign,
        class_=f"sign {cell.state.value}",
        href=f"#{_row_id(identifier, cell.rows[0])}",
        aria_label=f"{what}: {look.meaning}",
        data_rows=" ".join(_row_id(identifier, number) for number in cell.rows),
    )


def _row_id(identifier: str, number: int) -> str:
    return f"{identifier}-run-{number + 1}"


def _evidence(advisory: Advisory) -> Markup:
    others = sorted({name for row in advisory.verified for name, _ in row.versions} - {*advisory.projects})
    head = ["outcome", *advisory.projects, *others, PYTHON, "platform", "date"]
    program = f"tests/reproducers/{advisory.reproducer.id}.py"
    table = tag(
        "table",
        tag("caption", f"As {program} found it"),
        tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
        tag("tbody", *(_run(advisory, number, row, others) for number, row in enumerate(advisory.verified))),
        class_="runs",
    )
    return tag(
        "details",
        tag("summary", f"The {_count(len(advisory.verified), 'run')}"),
        tag("div", table, class_="scroll"),
    )


def _run(advisory: Advisory, number: int, row: Verified, others: Sequence[str]) -> Markup:
    versions = dict(row.versions)
    look = LOOKS[State(row.outcome)]
    return tag(
        "tr",
        tag(
            "th",
            tag("span", look.sign, class_=f"sign {row.outcome}", aria_hidden="true"),
            f" {row.outcome}",
            scope="row",
        ),
        *(tag("td", named(versions.get(name))) for name in advisory.projects),
        *(tag("td", named(versions.get(name)), class_="said") for name in others),
        tag("td", row.python, class_="said"),
        tag("td", row.platform, class_="said"),
        tag("td", row.date, class_="said"),
        id=_row_id(advisory.id, number),
    )


def _background(advisory: Advisory) -> Markup:
    references = [
        tag("li", f"{one.type.lower()}: ", tag("a", one.url, href=one.url, rel="noreferrer"))
        for one in advisory.references
    ]
    return tag(
        "details",
        tag("summary", "The cause and the ways out"),
        tag("p", advisory.root_cause.strip()),
        tag("ol", *(tag("li", _remedy(one)) for one in advisory.remedies)),
        tag("ul", *references) if references else None,
    )


def _remedy(remedy: Remedy) -> Markup:
    if remedy.shim is not None:
        what = join("keep the versions and ", tag("code", "import compatshim"), f" (shim {remedy.shim})")
    else:
        what = join(f"{remedy.kind}: ", tag("code", " ".join(remedy.constraints)))
    return join(what, f". {remedy.impact}" if remedy.impact else None)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
