"""Results as plain data for ``--format json``. ``schema_version`` changes when a field's meaning does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from compatshim import __version__

if TYPE_CHECKING:  # what is healthy needs no solver
    from compatshim.answer import Answer
    from compatshim.constraints import ConstraintFile
    from compatshim.gate import Judged
    from compatshim.ignores import Ignore
    from compatshim.model import Advisory, Catalog, Change, Finding, Inventory, Remedy, Unread
    from compatshim.plan import Step
    from compatshim.report.document import Document, Reach
    from compatshim.solve.explain import Alternative
    from compatshim.verify import Verdict

SCHEMA_VERSION = "1.0"


def render(kind: str, catalog: Catalog, content: Mapping[str, Any]) -> str:
    """The JSON document of one command."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "compatshim": __version__,
        "catalog": catalog.digest,
        "catalog_version": catalog.version,
        "catalogs": [part._asdict() for part in catalog.parts],
    }
    # ASCII alone: a file name may hold bytes that no encoding takes.
    return json.dumps({**head, **content}, indent=2) + "\n"


def checked(inventory: Inventory) -> Dict[str, Any]:
    """What was read and what was not."""
    return {
        "source": inventory.source,
        "checked": inventory.checked,
        "not_checked": [_unread(item) for item in inventory.unread],
    }


def _unread(item: Unread) -> Dict[str, Any]:
    return {"where": item.where, "project": item.project, "reason": item.reason}


def render_check(document: Document) -> str:
    """A check as JSON: what was found, what was checked, and what it comes to."""
    judgement = document.judgement
    content = {
        "status": judgement.status,
        "checked": document.checked,
        "not_checked": [_unread(item) for item in document.unread],
        "findings": [_judged(one) for one in judgement.findings],
        "inventories": [
            {
                **checked(one.inventory),
                "path": one.inventory.path or None,
                "environment": one.inventory.environment or None,
                "fix": None if answer is None else outcome(answer),
            }
            for one, answer in zip(judgement.analyses, document.answers)
        ],
        "expired_ignores": [_ignore(one) for one in judgement.expired],
        "unused_ignores": [_ignore(one) for one in judgement.unused],
        "gone_from_baseline": [one._asdict() for one in judgement.gone],
        **(_of_many(document) if document.recursive else {}),
    }
    return render("check", document.catalog, content)


def _of_many(document: Document) -> Dict[str, Any]:
    """What only a check of a whole tree has."""
    return {"advisories": [_reach(one) for one in document.reach], "ignored_by_git": list(document.ignored)}


def _reach(one: Reach) -> Dict[str, Any]:
    """How far an advisory goes."""
    return {
        "id": one.advisory.id,
        "title": one.advisory.title,
        "level": one.level,
        "findings": len(one.findings),
        "files": one.files,
        "projects": one.projects,
    }


def _judged(one: Judged) -> Dict[str, Any]:
    """A finding, where it is, and whether it counts."""
    return {
        **finding(one.finding),
        "level": one.level,
        "possible": one.finding.possible,
        "fresh": one.finding.fresh,
        "source": one.source,
        "path": one.path or None,
        "environments": list(one.environments),
        "locations": [{"project": place.project, **place.location._asdict()} for place in one.places],
        "fingerprint": one.fingerprint,
        "excused": None if one.excuse is None else one.excuse._asdict(),
        "fails": one.fails,
        "new": one.new,
    }


def _ignore(item: Ignore) -> Dict[str, Any]:
    return {"id": item.id, "reason": item.reason, "told": item.told, "expires": item.expires or None}


def finding(item: Finding) -> Dict[str, Any]:
    """One finding."""
    return {
        **advisory(item.advisory),
        "versions": {project: str(version) for project, version in item.versions},
        "certainty": item.certainty.value,
    }


def advisory(item: Advisory) -> Dict[str, Any]:
    """An advisory, without the rows that were run."""
    return {
        "id": item.id,
        "title": item.title,
        "level": item.level,
        "severity": item.severity,
        "symptom": item.symptom,
        "root_cause": item.root_cause,
        "terms": [{"project": term.project, "ranges": [str(one) for one in term.ranges]} for term in item.terms],
        "remedies": [_remedy(one) for one in item.remedies],
        "references": [{"type": one.type, "url": one.url} for one in item.references],
    }


def evidence(item: Advisory) -> List[Dict[str, Any]]:
    """The rows that were run."""
    return [
        {
            "outcome": row.outcome,
            "python": row.python,
            "platform": row.platform,
            "date": row.date,
            "versions": {project: str(version) for project, version in row.versions},
        }
        for row in item.verified
    ]


def _remedy(item: Remedy) -> Dict[str, Any]:
    return {"kind": item.kind, "constraints": list(item.constraints), "shim": item.shim, "impact": item.impact}


def change(item: Change) -> Dict[str, Any]:
    """One project's move."""
    return {
        "project": item.project,
        "before": None if item.before is None else str(item.before),
        "after": None if item.after is None else str(item.after),
    }


def outcome(answer: Answer) -> Dict[str, Any]:
    """A solution, or why there is none."""
    found: Dict[str, Any] = {
        "objective": answer.objective,
        "solved": answer.solution is not None,
        "why": list(answer.why),
        "metadata": answer.metadata,
        "remarks": list(answer.remarks),
        "broken_before": [f"{item.project}: {item.requirement}" for item in answer.problem.broken],
    }
    if answer.solution is not None:
        found["proved_minimal"] = answer.solution.proved
        found["changes"] = [change(item) for item in answer.solution.changes]
        found["overrides"] = [
            {"project": one.project, "version": str(one.version), "requirement": one.requirement}
            for one in answer.overrides
        ]
    if answer.impossible is not None:
        found["drop"] = list(answer.impossible.drop)
        found["then"] = [change(item) for item in answer.impossible.then]
        found["shimmed"] = list(answer.impossible.shimmed)
        found["exposed"] = list(answer.impossible.exposed)
    return found


def alternative(item: Alternative) -> Dict[str, Any]:
    """Another answer, and what it costs."""
    return {
        "changes": [change(one) for one in item.changes],
        "against_the_best": list(item.costs),
    }


def verdict(item: Optional[Verdict]) -> Optional[Dict[str, Any]]:
    """What a real installer says of an answer; None when it was not asked."""
    if item is None:
        return None
    return {
        "installer": item.run.installer,
        "agrees": item.agrees,
        "reached": not item.run.unreachable,
        "asked": item.asked,
        "left_out": list(item.left_out),
    }


def step(item: Step, commands: Sequence[str]) -> Dict[str, Any]:
    """One step of a plan."""
    return {
        "changes": [change(one) for one in item.changes],
        "commands": list(commands),
        "cures": [one.id for one in item.cures],
        "admits": [one.id for one in item.admits],
        "mind": list(item.mind),
        "errors_remaining": item.remaining,
    }


def constraint_file(item: ConstraintFile) -> Dict[str, Any]:
    """A constraint file line by line."""
    return {
        "command": item.command,
        "constraints": [
            {"project": one.project, "specifier": one.specifier, "via": list(one.via), "note": one.note}
            for one in item.lines
        ],
    }
