"""A check as SARIF 2.1.0: advisories are rules, findings are results.

Paths are relative to the project's root, so that the same project gives the same bytes wherever it lies. A finding
that an ignore passes over is a suppressed result, one that a baseline has is ``unchanged``, and what could not be
checked is a notification of the run.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping
from urllib.parse import quote

from compatshim import __version__
from compatshim.errors import CLEAN, FINDINGS, NOTHING
from compatshim.gate import Judged, Place
from compatshim.model import Advisory
from compatshim.report import document as said
from compatshim.report import markdown
from compatshim.report.document import Document

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
_EXIT = {CLEAN: "nothing fails the check", FINDINGS: "findings", NOTHING: "nothing could be checked"}

Object = Dict[str, Any]


def render_check(document: Document) -> str:
    """The log, with one run."""
    rules = {one.id: number for number, one in enumerate(document.advisories)}
    run = {
        "tool": {
            "driver": {
                "name": "compatshim",
                "semanticVersion": __version__,
                "rules": [_rule(one) for one in document.advisories],
                "notifications": [
                    {"id": "not-checked", "shortDescription": {"text": "Something could not be read"}},
                    {"id": "configuration", "shortDescription": {"text": "A setting has no effect any more"}},
                ],
                "properties": {"catalog": document.catalog.digest},
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the project."}}},
        "invocations": [_invocation(document)],
        "results": [_result(one, rules, document) for one in document.judgement.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


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
        for number, place in enumerate(one.places[1:], start=1)
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


def _invocation(document: Document) -> Object:
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
    if unread:
        found["toolExecutionNotifications"] = list(unread.values())
    settings = [_notification("configuration", 1, line) for line in said.remarks(judgement)]
    if settings:
        found["toolConfigurationNotifications"] = settings
    return found


def _notification(identifier: str, number: int, text: str) -> Object:
    return {"descriptor": {"id": identifier, "index": number}, "level": "warning", "message": {"text": text}}
