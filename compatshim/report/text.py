"""Results as text for people: plain where the output is not a terminal, coloured where it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable, List, Optional, Sequence, TextIO, Tuple, Union

from compatshim.model import Advisory, Change, Inventory, Remedy
from compatshim.terminal import columns, plural, visible

if TYPE_CHECKING:  # what is healthy needs no solver
    from compatshim.analysis import Analysis
    from compatshim.answer import Answer
    from compatshim.gate import Judged
    from compatshim.plan import Step
    from compatshim.report.document import Document
    from compatshim.solve.explain import Impossible

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "head": "bold"}
LABEL, WIDTH = 11, 100

Part = Union[str, Tuple[str, str]]
"""Text, with or without a style."""


class Page:
    """Lines of styled text, as wide as the terminal if not told; commands are never wrapped: they are copied."""

    def __init__(self, stream: TextIO, width: int = 0) -> None:
        self._stream, self._columns = stream, width
        self._lines: List[Tuple[Part, ...]] = []

    def line(self, *parts: Part) -> None:
        """One line of (text, style) pairs or plain strings."""
        self._lines.append(
            tuple(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts)
        )

    def heading(self, item: Advisory, level: str = "") -> None:
        """An advisory's id, level and title, which goes on below itself where it is long."""
        level = level or item.level
        before = f"{item.id}  {level}  "
        first, *rest = self._wrapped(item.title, len(before))
        self.line((item.id, "bold"), "  ", (level, STYLES[level]), f"  {first}")
        for part in rest:
            self.line(" " * len(before), part)

    def labelled(self, label: str, text: str) -> None:
        """A wrapped paragraph behind a label."""
        for number, part in enumerate(self._wrapped(text, LABEL + 2)):
            self.line("  ", ((label if number == 0 else "").ljust(LABEL), "dim"), part)

    def _wrapped(self, text: str, margin: int) -> List[str]:
        width = max(min(self._columns or columns(WIDTH), WIDTH) - margin, 20)
        lines = [""]
        for word in text.split():
            if not lines[-1]:
                lines[-1] = word
            elif len(lines[-1]) + 1 + len(word) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return lines

    def verbatim(self, label: str, texts: Iterable[str]) -> None:
        """Commands, one a line, behind a label."""
        for number, text in enumerate(texts):
            self.line("  ", ((label if number == 0 else "").ljust(LABEL), "dim"), text)

    def render(self, *, colour: Optional[bool] = None) -> str:
        """The page as a string, with colour where the stream and the environment want it, or as one is told."""
        if colour is None:
            terminal = bool(getattr(self._stream, "isatty", lambda: False)())
            colour = (terminal or bool(os.environ.get("FORCE_COLOR"))) and not os.environ.get("NO_COLOR")
        return _coloured(self._lines) if colour else _plain(self._lines)


def _plain(lines: Iterable[Sequence[Part]]) -> str:
    """The lines as :func:`_coloured` makes them, less the colour: importing rich takes longer than a check."""
    texts = ("".join(part if isinstance(part, str) else part[0] for part in line) for line in lines)
    return "".join(f"{text.expandtabs()}\n" for text in texts)


def _coloured(lines: Iterable[Sequence[Part]]) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    made = io.StringIO()
    console = Console(
        file=made,
        force_terminal=True,
        no_color=False,
        color_system="standard",
        width=10_000,
        highlight=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    return made.getvalue()


def render_check(document: Document) -> str:
    """A check for a file: without colour, and as wide wherever it is made."""
    import io

    page = Page(io.StringIO(), WIDTH)
    check(page, document)
    return page.render(colour=False)


def check(page: Page, document: Document) -> None:
    """Findings with cause and fix, the fix of all of them together, and what is passed over."""
    from compatshim.report.document import counts, excuse, grouped

    if document.recursive:
        from compatshim.report import reach

        reach.check(page, document)
        page.line(counts(document))
        return
    judgement = document.judgement
    found = grouped(judgement.counted)
    for number, answer in enumerate(document.answers):
        for one in found.get(number, ()):
            _finding(page, one, _cure(one, answer))
        if answer is not None:
            _answer(page, answer, document.python)
    shims = [one.finding.advisory for one in judgement.counted if one.finding.advisory.shims]
    if shims:
        page.line(("Without changing versions:", STYLES["head"]), " put this first in the program")
        mended = ", ".join(dict.fromkeys(one.id for one in shims))
        page.verbatim("shim", [f"import compatshim    # mends {mended}"])
    for one, why in judgement.excused("ignore"):
        page.line((one.finding.advisory.id, "bold"), "  ", ("ignored", "dim"), f"  {excuse(why)}")
    page.line(counts(document))


def _answer(page: Page, answer: Answer, python: Optional[str]) -> None:
    if answer.impossible is not None:
        impossible(page, answer.impossible)
    elif answer.changes:
        page.line(("Fix, the smallest change that cures every error:", STYLES["head"]))
        page.verbatim("pip", [pip(answer.changes, python)])
        page.verbatim("uv", [uv(answer.changes, python)])
        page.verbatim("file", [f"{_self(python, 'pin')} > constraints.txt"])
        if answer.solution is not None and not answer.solution.proved:
            page.labelled("", "Not proved minimal: the search was cut short.")


def summary(analysis: Analysis) -> str:
    """Counts of findings and of what was and was not checked."""
    found = ", ".join(tally(finding.level for finding in analysis.findings)) or "No known-bad combination"
    inventory = analysis.inventory
    checked = plural(inventory.checked, "distribution")
    return f"{found}. {checked} checked, {len(inventory.unread)} not checked."


def tally(levels: Iterable[str]) -> List[str]:
    """How many there are of each level that there is, the worst first."""
    found = list(levels)
    return [plural(found.count(level), level) for level in ("error", "warning", "note") if level in found]


def unread(page: Page, inventory: Inventory) -> None:
    """What was not checked, and why."""
    for item in inventory.unread:
        page.line(("not checked: ", STYLES["warning"]), str(item))


def _cure(one: Judged, answer: Optional[Answer]) -> str:
    """What cures one finding, in a phrase."""
    advisory = one.finding.advisory
    moves = [
        _requirement(reason.change)
        for reason in (answer.reasons if answer is not None else ())
        if advisory.id in reason.advisories
    ]
    ways = [" and ".join(moves)] if moves else []
    if one.path:
        ways += [" and ".join(remedy.constraints) for remedy in advisory.remedies if remedy.constraints]
    elif advisory.level == "warning":
        ways.append("`python -m compatshim plan`; not urgent enough to fail a check")
    if advisory.shims:
        ways.append("`import compatshim`, which keeps the versions")
    return ", or ".join(ways) or "no single change; see below"


def _finding(page: Page, one: Judged, cure: str) -> None:
    from compatshim.report.document import qualifiers

    finding, advisory = one.finding, one.finding.advisory
    page.heading(advisory, one.level)
    if one.path:
        named = (f"{place.location} ({place.project})" for place in one.places)
        page.labelled("at", " · ".join(named))
    if one.environments:
        page.labelled("where", " or ".join(one.environments))
    label = "can be" if finding.possible else "versions" if one.path else "installed"
    page.labelled(label, " · ".join(f"{project} {version}" for project, version in finding.versions))
    page.labelled("known bad", " · ".join(str(term) for term in advisory.terms))
    for sentence in qualifiers(one):
        page.labelled("", sentence)
    page.labelled("cause", advisory.root_cause)
    page.labelled("fix", cure)
    page.line("")


def _remedy(remedy: Remedy) -> str:
    if remedy.shim is not None:
        return "import compatshim    # keeps the versions"
    return f"python -m pip install {' '.join(_quote(text) for text in remedy.constraints)}"


def advisory(page: Page, item: Advisory) -> None:
    """Everything the catalog knows about one advisory."""
    page.heading(item)
    page.labelled("known bad", " · ".join(str(term) for term in item.terms))
    page.labelled("symptom", f"{item.symptom}, severity {item.severity}")
    for detect in item.detect:
        page.labelled("", f"{detect.exception}: … {detect.message} …")
    page.labelled("cause", item.root_cause)
    for remedy in item.remedies:
        page.verbatim("remedy", [_remedy(remedy)])
        if remedy.impact:
            page.labelled("", f"mind: {remedy.impact}")
    if not item.curable:
        page.labelled("", "No version cures it.")
    rows = {word: sum(row.outcome == word for row in item.verified) for word in ("bad", "good", "shimmed")}
    page.labelled("run", ", ".join(f"{number} {word}" for word, number in rows.items()) + " environments")
    page.verbatim("see", [f"{reference.type.lower()} {reference.url}" for reference in item.references])


def impossible(page: Page, item: Impossible) -> None:
    """Why no change of versions helps, and what would."""
    page.line(("No change of versions cures this:", STYLES["error"]))
    for sentence in item.sentences:
        page.labelled("because", sentence)
    if item.drop:
        then = ", ".join(_requirement(change) for change in item.then)
        page.labelled("drop", f"{' and '.join(item.drop)}; then {then} does.")
    else:
        page.labelled("drop", "No hold stands in the way: no known versions go together here.")
    if item.shimmed:
        page.labelled("or", f"keep the versions: `import compatshim` mends {', '.join(item.shimmed)}.")
    if item.exposed:
        page.labelled("but", f"no shim covers {', '.join(item.exposed)}.")


def plan(page: Page, answer: Answer, found: Sequence[Step], python: Optional[str]) -> None:
    """Ordered steps: what to run, why, what it cures, what to mind."""
    total = len(found)
    for number, step in enumerate(found, start=1):
        moves = ", ".join(_move(change) for change in step.changes)
        page.line((f"Step {number} of {total}: ", STYLES["head"]), moves)
        page.verbatim("pip", [pip(step.changes, python)])
        page.verbatim("uv", [uv(step.changes, python)])
        for reason in step.reasons:
            for text in reason.requirements:
                page.labelled("why", f"{text}.")
        if step.cures:
            page.labelled("cures", "; ".join(f"{item.id} ({item.title})" for item in step.cures))
        for text in (*step.mind, *(f"{item.id}: {item.title}." for item in step.admits)):
            page.labelled("mind", text)
        left = plural(step.remaining, "known-bad combination")
        page.labelled("after", f"{left} left; nothing that held before is broken.")
        page.line("")
    page.line(("Why:", STYLES["head"]))
    for sentence in answer.why:
        page.labelled("", sentence)


def alternatives(page: Page, answer: Answer) -> None:
    """Other answers, the next best first, and how each compares with the best one."""
    page.line("")
    page.line(("Other answers, the next best first:", STYLES["head"]))
    for number, item in enumerate(answer.alternatives, start=1):
        page.labelled(f"{number}", ", ".join(_move(change) for change in item.changes) or "no change")
        page.labelled("", f"against the best: {', '.join(item.costs) or 'as good'}")
    if not answer.alternatives:
        page.labelled("", "none was found")


def _move(change: Change) -> str:
    return f"{change.project} {change.before or '(new)'} → {change.after}"


def _requirement(change: Change) -> str:
    return f"{change.project}=={change.after}"


def _quote(text: str) -> str:
    return f'"{text}"' if any(sign in text for sign in "<>!; ") else text


def pip(changes: Sequence[Change], python: Optional[str]) -> str:
    """The pip command that makes the changes."""
    return f"{_quote(python or 'python')} -m pip install {_requirements(changes)}"


def uv(changes: Sequence[Change], python: Optional[str]) -> str:
    """The uv command that makes the changes."""
    return f"uv pip install{_target(python)} {_requirements(changes)}"


def _self(python: Optional[str], command: str) -> str:
    return f"python -m compatshim {command}{_target(python)}"


def _target(python: Optional[str]) -> str:
    return f" --python {_quote(python)}" if python else ""


def _requirements(changes: Sequence[Change]) -> str:
    return " ".join(_quote(_requirement(change)) for change in changes)
