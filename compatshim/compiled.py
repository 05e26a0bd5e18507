"""The bundled catalog in a form that is read in a millisecond: without what was run or waived, and trusted.

``kb compile`` writes it from the advisories, and a test holds the two against each other. Reading the advisories
themselves (:mod:`compatshim.catalog`) takes as long as all the rest of a check. Every line is JSON: first the
digest, what is proven and the terms of every advisory, then the advisories themselves, one a line. So a check
decodes only those that may hold, and its cost hardly grows with the catalog.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Mapping, Optional, Tuple

from packaging.version import Version

from compatshim import files
from compatshim.model import (
    Advisory,
    Catalog,
    CatalogError,
    Detect,
    Distribution,
    Interval,
    Reference,
    Remedy,
    Reproducer,
    Term,
)

NAME = "advisories/catalog.jsonl"


def load(installed: Optional[Mapping[str, Distribution]] = None) -> Catalog:
    """The bundled catalog; its advisories have no rows and no waivers. Raises :exc:`CatalogError`.

    Where it is told what is ``installed``, the advisories that cannot hold there are left out: to make values of
    all of them takes longer than to see that.
    """
    where = os.path.join(os.path.dirname(os.path.abspath(__file__)), *NAME.split("/"))
    try:
        found, lines = _read(files.packaged(*NAME.split("/")))
        return Catalog(
            tuple(
                _advisory(json.loads(line), terms)
                for line, terms in zip(lines, found["terms"])
                if installed is None or all(_may_hold(project, ranges, installed) for project, _, ranges in terms)
            ),
            found["digest"],
            frozenset((project, version) for project, versions in found["proven"].items() for version in versions),
            found["version"],
        )
    except OSError as error:
        raise CatalogError(f"{where}: cannot be read ({error.strerror}): install compatshim again") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogError(f"{where}: is damaged ({error!r}): install compatshim again") from error


def _read(content: bytes) -> Tuple[Dict[str, Any], List[bytes]]:
    """The first line as data, the others as they are. Raises :exc:`ValueError` when lines are missing."""
    first, *lines = content.splitlines()
    head = json.loads(first)
    if len(head["terms"]) != len(lines):
        raise ValueError(f"{len(lines)} advisories instead of {len(head['terms'])}")
    return head, lines


def whole(known: Catalog) -> Catalog:
    """The catalog with what was left out of it, if anything was: nothing is of one that others were merged with."""
    bundled = load()
    return bundled if bundled.digest == known.digest else known


def _may_hold(project: str, ranges: List[List[str]], installed: Mapping[str, Distribution]) -> bool:
    """Whether plain numbers do not rule a term out; the versions themselves are for :mod:`compatshim.match`."""
    if project not in installed:
        return False
    version = _numbers(installed[project].version.public)
    if version is None:
        return True
    for introduced, fixed, _ in ranges:
        lower, upper = _numbers(introduced), _numbers(fixed)
        if (lower is None or version >= lower) and (upper is None or version < upper):
            return True
    return False


def _numbers(text: str) -> Optional[List[int]]:
    """The numbers of a version that is nothing but numbers, which compare as versions do; else None."""
    parts = text.split(".")
    if not all(map(str.isdigit, parts)):
        return None
    numbers = [int(part) for part in parts]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _advisory(item: Dict[str, Any], terms: List[Any]) -> Advisory:
    return Advisory(
        id=item["id"],
        title=item["title"],
        symptom=item["symptom"],
        severity=item["severity"],
        root_cause=item["root_cause"],
        terms=tuple(
            Term(project, tuple(_interval(*one) for one in ranges), tuple(imports))
            for project, imports, ranges in terms
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
    head = {
        "version": catalog.version,
        "digest": catalog.digest,
        "proven": proven,
        "terms": [_terms(item) for item in catalog.advisories],
    }
    lines = [head, *(_dumped(advisory) for advisory in catalog.advisories)]
    return "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)


def _terms(advisory: Advisory) -> List[Any]:
    """Project, modules and ranges of each term."""
    return [
        [
            term.project,
            term.imports,
            [[str(one.introduced), str(one.fixed or ""), str(one.last_checked or "")] for one in term.ranges],
        ]
        for term in advisory.terms
    ]


def _dumped(advisory: Advisory) -> Dict[str, Any]:
    return {
        "id": advisory.id,
        "title": advisory.title,
        "symptom": advisory.symptom,
        "severity": advisory.severity,
        "root_cause": advisory.root_cause,
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
