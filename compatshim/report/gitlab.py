"""A check as a code quality report of GitLab: what a merge request shows as new and as mended."""

from __future__ import annotations

import json
from typing import Any, Dict

from compatshim.gate import Judged
from compatshim.report import document as said
from compatshim.report.document import Document

SEVERITIES = {"note": "info", "warning": "minor", "error": "major"}


def render_check(document: Document) -> str:
    """The report. What is passed over is not in it; GitLab finds out by itself what is new."""
    issues = [_issue(one, document) for one in document.judgement.findings if not said.ignored(one)]
    return json.dumps(issues, indent=2) + "\n"


def _issue(one: Judged, document: Document) -> Dict[str, Any]:
    advisory = one.finding.advisory
    location = said.primary(one)
    path = document.manifest or "." if location is None else document.judgement.relative(location.path)
    severe = one.level == "error" and advisory.severity == "high"
    return {
        "description": f"{advisory.id}: {said.message(one)}",
        "check_name": advisory.id,
        "fingerprint": one.fingerprint,
        "severity": "critical" if severe else SEVERITIES[one.level],
        "location": {"path": path, "lines": {"begin": (location.line if location else None) or 1}},
    }
