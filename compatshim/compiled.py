"""The bundled catalog in a form that is read in a millisecond: without what was run or waived, and trusted.

``kb compile`` writes it from the advisories, and a test holds the two against each other. Reading the advisories
themselves (:mod:`compatshim.catalog`) takes as long as all the rest of a check.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

from packaging.version import Version

from compatshim import files
from compatshim.model import Advisory, Catalog, CatalogError, Detect, Interval, Reference, Remedy, Reproducer, Term

NAME = "advisories/catalog.json"


def load() -> Catalog:
    """The bundled catalog; its advisories have no rows and no waivers. Raises :exc:`CatalogError`."""
    where = os.path.join(os.path.dirname(os.path.abspath(__file__)), *NAME.split("/"))
    try:
        found = json.loads(files.packaged(*NAME.split("/")))
        return Catalog(
            tuple(_advisory(item) for item in found["advisories"]),
            found["digest"],
            frozenset((project, version) for project, versions in found["proven"].items() for version in versions),
            found["version"],
        )
    except OSError as error:
        raise CatalogError(f"{where}: cannot be read ({error.strerror}): install compatshim again") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogError(f"{where}: is damaged ({error!r}): install compatshim again") from error


def _advisory(item: Dict[str, Any]) -> Advisory:
    return Advisory(
        id=item["id"],
        title=item["title"],
        symptom=item["symptom"],
        severity=item["severity"],
        root_cause=item["root_cause"],
        terms=tuple(
            Term(term["project"], tuple(_interval(*one) for one in term["ranges"]), tuple(term["imports"]))
            for term in item["terms"]
        ),
        remedies=tuple(
            Remedy(one["kind"], tuple(one["constraints"]), one["shim"], one["impact"]) for one in item["remedies"]
        ),
        reproducer=Reproducer(
            item["reproducer"]["id"], tuple(item["reproducer"]["requires"]), item["reproducer"]["timeout"]
        ),
        detect=tuple(Detect(*one) for one in item["detect"]),
        references=tuple(Reference(*one) for one in item["references"]),
    )


def _interval(introduced: str, fixed: str, last_checked: str) -> Interval:
    return Interval(
        Version(introduced), Version(fixed) if fixed else None, Version(last_checked) if last_checked else None
    )


def dump(catalog: Catalog) -> str:
    """The text of the compiled catalog."""
    proven: Dict[str, List[str]] = {}
    for project, version in sorted(catalog.proven):
        proven.setdefault(project, []).append(version)
    content = {
        "version": catalog.version,
        "digest": catalog.digest,
        "proven": proven,
        "advisories": [_dumped(advisory) for advisory in catalog.advisories],
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _dumped(advisory: Advisory) -> Dict[str, Any]:
    return {
        "id": advisory.id,
        "title": advisory.title,
        "symptom": advisory.symptom,
        "severity": advisory.severity,
        "root_cause": advisory.root_cause,
        "terms": [
            {
                "project": term.project,
                "imports": term.imports,
                "ranges": [
                    [str(one.introduced), str(one.fixed or ""), str(one.last_checked or "")] for one in term.ranges
                ],
            }
            for term in advisory.terms
        ],
        "remedies": [
            {"kind": one.kind, "constraints": one.constraints, "shim": one.shim, "impact": one.impact}
            for one in advisory.remedies
        ],
        "reproducer": {
            "id": advisory.reproducer.id,
            "requires": advisory.reproducer.requires,
            "timeout": advisory.reproducer.timeout,
        },
        "detect": [[one.exception, one.message] for one in advisory.detect],
        "references": [[one.type, one.url] for one in advisory.references],
    }
