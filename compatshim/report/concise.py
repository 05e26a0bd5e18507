"""One line for each finding, as compilers write them: editors and ``grep`` find their way by it."""

from __future__ import annotations

from compatshim.report.document import Document, counts, primary, versions


def render_check(document: Document) -> str:
    """The lines, and one of counts."""
    lines = []
    for one in document.judgement.counted:
        where = primary(one) or one.source
        found = f"can be {versions(one)}" if one.finding.possible else versions(one)
        advisory = one.finding.advisory
        lines.append(f"{where}: {one.level} {advisory.id} {advisory.title} ({found})")
    return "".join(f"{line}\n" for line in (*lines, counts(document)))
