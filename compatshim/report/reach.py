"""A check of many projects as text: each advisory once, with the first of its files, and how far each goes."""

from __future__ import annotations

from compatshim.report.document import Document, Reach, excuse, primary, remedy, versions
from compatshim.report.text import STYLES, Page
from compatshim.terminal import plural

MOST = 10
"""Files that are named for each advisory; other formats name all."""


def check(page: Page, document: Document) -> None:
    """The advisories, the worst first, and a table of them."""
    reach = document.reach
    for one in reach:
        _advisory(page, one)
    excuses = [(one.finding.advisory.id, excuse(why)) for one, why in document.judgement.excused("ignore")]
    for identifier, reason in dict.fromkeys(excuses):
        number = excuses.count((identifier, reason))
        page.line((identifier, "bold"), "  ", ("ignored", "dim"), f"  {reason} ({plural(number, 'finding')})")
    if reach:
        width = max(len(one.advisory.id) for one in reach)
        page.line((f"{'advisory':{width}}  {'worst':7}  {'files':>7}  {'projects':>8}", STYLES["head"]))
        for one in reach:
            level = (f"{one.level:7}", STYLES[one.level])
            page.line((one.advisory.id.ljust(width), "bold"), "  ", level, f"  {one.files:7,}  {one.projects:8,}")


def _advisory(page: Page, one: Reach) -> None:
    page.heading(one.advisory, one.level)
    for number, finding in enumerate(one.findings[:MOST]):
        verb = "can be " if finding.finding.possible else ""
        page.verbatim("" if number else "at", [f"{primary(finding) or finding.source}  {verb}{versions(finding)}"])
    if len(one.findings) > MOST:
        page.labelled("", f"and {len(one.findings) - MOST:,} more, all of which --format concise names")
    page.labelled("known bad", " · ".join(str(term) for term in one.advisory.terms))
    page.labelled("cause", one.advisory.root_cause)
    ways = dict.fromkeys(remedy(item).replace("`", "") for item in one.advisory.remedies)
    page.labelled("fix", "; or ".join(ways) or "none is known")
    page.line("")
