"""The catalog in the OSV format, as far as it goes.

An OSV record says that *any* of its affected packages is affected; an advisory here holds when *all* of its terms
do, and OSV has no way to say so. Every record says it in words and, for programs that know, in
``database_specific.all_of``. An identifier is written ``x_CSA-…``, the form that OSV leaves to databases that are
not registered with it.
"""

from __future__ import annotations

from typing import Any, Dict, List

from packaging.version import Version

from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Interval, Term

SCHEMA_VERSION = "1.7.5"


def record(advisory: Advisory, known: MetadataSource) -> Dict[str, Any]:
    """One advisory as an OSV record, with the versions that ``known`` lists enumerated."""
    together = " with ".join(str(term) for term in advisory.terms)
    return {
        "schema_version": SCHEMA_VERSION,
        "id": f"x_{advisory.id}",
        "modified": f"{max((row.date for row in advisory.verified), default='1970-01-01')}T00:00:00Z",
        "summary": advisory.title,
        "details": (
            f"Holds only where all of this is installed together: {together}. "
            "Each package alone is not affected.\n\n"
            f"{advisory.root_cause}"
        ),
        "affected": [_affected(term, known) for term in advisory.terms],
        "references": [{"type": one.type, "url": one.url} for one in advisory.references],
        "database_specific": {
            "all_of": [str(term) for term in advisory.terms],
            "symptom": advisory.symptom,
            "severity": advisory.severity,
            "remedies": [_remedy(one.constraints, one.shim) for one in advisory.remedies],
        },
    }


def _affected(term: Term, known: MetadataSource) -> Dict[str, Any]:
    releases = known.releases(term.project) or ()
    return {
        "package": {"ecosystem": "PyPI", "name": term.project, "purl": f"pkg:pypi/{term.project}"},
        "ranges": [{"type": "ECOSYSTEM", "events": _events(one)} for one in term.ranges],
        "versions": [str(one.version) for one in releases if term.contains(one.version) is not None],
    }


def _events(interval: Interval) -> List[Dict[str, str]]:
    """A range without an end stays open: OSV would take the versions above what was last checked for healthy."""
    start = {"introduced": "0" if interval.introduced == Version("0") else str(interval.introduced)}
    return [start] if interval.fixed is None else [start, {"fixed": str(interval.fixed)}]


def _remedy(constraints: Any, shim: Any) -> Dict[str, Any]:
    return {"constraints": list(constraints)} if shim is None else {"shim": shim}
