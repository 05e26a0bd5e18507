"""A check as SARIF 2.1.0: advisories are rules, findings are results.

Paths are relative to the project's root, so that the same project gives the same bytes wherever it lies. A finding
that an ignore passes over is a suppressed result, one that a baseline has is ``unchanged``, and what could not be
checked is a notification of the run. GitHub refuses a run with too many results: those that matter least are left
out then, and counted in a notification.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Sequence, Tuple
from urllib.parse import quote

from compatshim import __version__
from compatshim.errors import CLEAN, FINDINGS, NOTHING
from compatshim.gate import LEVELS, Judged, Place
from compatshim.model import Advisory
from compatshim.report import document as said
from compatshim.report import markdown
from compatshim.report.document import Document
from compatshim.report.text import tally

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
RESULTS = 25_000
"""Results that GitHub takes in a run. It shows 5,000 of them, the worst."""
LOCATIONS = 1_000
"""Locations that it takes of a result."""
_EXIT = {CLEAN: "nothing fails the check", FINDINGS: "findings", NOTHING: "nothing could be checked"}

Object = Dict[str, Any]


def render_check(document: Document) -> str:
    """The log, with one run."""
    rules = {one.id: number for number, one in enumerate(document.advisories)}
    kept, left = _parted(document.judgement.findings)
    run = {
        "tool": {
            "driver": {
                "name": "compatshim",
                "semanticVersion": __version__,
                "rules": [_rule(one) for one in document.advisories],
                "notifications": [
                    {"id": "not-checked", "shortDescription": {"text": "Something could not be read"}},
                    {"id": "configuration", "shortDescription": {"text": "A setting has no effect any more"}},
                    {"id": "left-out", "shortDescription": {"text": "There was more than GitHub takes"}},
                ],
                "properties": {"catalog": document.catalog.digest},
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the project."}}},
        "invocations": [_invocation(document, left)],
        "results": [_result(one, rules, document) for one in kept],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _parted(findings: Sequence[Judged]) -> Tuple[Sequence[Judged], Sequence[Judged]]:
    """What is in the report, and what is left out of it: where that is anything, the worst comes first."""
    if len(findings) <= RESULTS:
        return findings, ()
    ordered = sorted(findings, key=lambda one: (one.excuse is not None, not one.fails, -LEVELS.index(one.level)))
    return ordered[:RESULTS], ordered[RESULTS:]


def _rule(item: Advisory) -> Object:
    cause = " ".join(item.root_cause.split())
    terms = " with ".join(map(str, item.terms))
    found: Object = {
        "id": item.id,
        "name": "".join(word.capitalize() for word in item.symptom.split("-")),
        "shortDescription": {"text": item.title},
        "fullDescription": {"text": f"{cause} Known bad: {terms}."},
        "help": {
            "text": f"{cause}\n\nKnown bad: {terms}.\n\n{said.ways(item)}".rstrip(),
            "markdown": markdown.advisory(item),
        },
        "defaultConfiguration": {"level": item.level},
        "properties": {
            "tags": ["compatibility", item.symptom, *sorted(item.projects)[:8]],
            "severity": item.severity,
        },
    }
    if item.references:
        found["helpUri"] = item.references[0].url
    return found


def _result(one: Judged, rules: Mapping[str, int], document: Document) -> Object:
    advisory = one.finding.advisory
    found: Object = {
        "ruleId": advisory.id,
        "ruleIndex": rules[advisory.id],
        "level": one.level,
        "message": {"text": " ".join(part for part in (said.message(one), said.qualifier(one)) if part)},
        "partialFingerprints": {
            "compatshim/v1": one.fingerprint,
            "primaryLocationLineHash": one.fingerprint,  # the one that GitHub goes by
        },
        "properties": {
            "versions": {project: str(version) for project, version in one.finding.versions},
            "certainty": one.finding.certainty.value,
            "possible": one.finding.possible,
            "environments": list(one.environments),
        },
    }
    found["locations"] = [_location(one, document)]
    related = [
        {"id": number, "message": {"text": _about(place, one)}, **_physical(place, document)}
        for number, place in enumerate(one.places[1:LOCATIONS], start=1)
    ]
    if related:
        found["relatedLocations"] = related
    if one.new is not None:
        found["baselineState"] = "new" if one.new else "unchanged"
    if one.excuse is not None and one.excuse.kind == "ignore":
        justified = {"kind": "external", "status": "accepted", "justification": said.excuse(one.excuse)}
        found["suppressions"] = [justified]
    return found


def _location(one: Judged, document: Document) -> Object:
    """Where a finding is. What is installed is in no file: it is shown at the project's own, if there is one."""
    found: Object = {"logicalLocations": [_package(project, version) for project, version in one.finding.versions]}
    if one.places:
        found.update(_physical(one.places[0], document))
    elif document.manifest:
        found["physicalLocation"] = {"artifactLocation": _artifact(document.manifest)}
    return found


def _package(project: str, version: object) -> Object:
    return {"name": project, "fullyQualifiedName": f"pkg:pypi/{project}@{quote(str(version))}", "kind": "package"}


def _about(place: Place, one: Judged) -> str:
    return f"{place.project} {dict(one.finding.versions)[place.project]}"


def _physical(place: Place, document: Document) -> Object:
    location = place.location
    found: Object = {"artifactLocation": _artifact(document.judgement.relative(location.path))}
    if location.line is not None:
        region = {"startLine": location.line}
        if location.column is not None:
            region["startColumn"] = location.column
        found["region"] = region
    return {"physicalLocation": found}


def _artifact(path: str) -> Object:
    """A file below the root, or anywhere when its path is absolute."""
    uri = quote(path.encode("utf-8", "surrogateescape"))
    if path.startswith("/"):
        return {"uri": f"file://{uri}"}
    if path[1:3] == ":/":
        return {"uri": f"file:///{path[:2]}{quote(path[2:])}"}
    return {"uri": uri, "uriBaseId": ROOT}


def _invocation(document: Document, left: Sequence[Judged]) -> Object:
    judgement = document.judgement
    found: Object = {
        "executionSuccessful": judgement.status != NOTHING,
        "exitCode": judgement.status,
        "exitCodeDescription": _EXIT[judgement.status],
    }
    unread: Dict[str, Object] = {}
    for one in judgement.analyses:
        for item in one.inventory.unread:
            notification = _notification("not-checked", 0, f"not checked: {item}")
            if one.inventory.path:
                artifact = _artifact(judgement.relative(one.inventory.path))
                notification["locations"] = [{"physicalLocation": {"artifactLocation": artifact}}]
            unread.setdefault(json.dumps(notification), notification)
    told = [*unread.values(), *([_left_out(left)] if left else [])]
    if told:
        found["toolExecutionNotifications"] = told
    settings = [_notification("configuration", 1, line) for line in said.remarks(judgement)]
    if settings:
        found["toolConfigurationNotifications"] = settings
    return found


def _left_out(left: Sequence[Judged]) -> Object:
    counts = tally(one.level for one in left if one.excuse is None)
    excused = sum(one.excuse is not None for one in left)
    what = ", ".join([*counts, *([f"{excused} passed over"] if excused else [])])
    text = f"left out, since GitHub takes {RESULTS:,} results and the worst are here: {what}; JSON has all"
    return _notification("left-out", 2, text)


def _notification(identifier: str, number: int, text: str) -> Object:
    return {"descriptor": {"id": identifier, "index": number}, "level": "warning", "message": {"text": text}}
