"""Which advisories hold in an inventory. Pure; the order of the versions never matters."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from packaging.version import Version

from compatshim.model import Advisory, Catalog, Certainty, Finding


def match(versions: Mapping[str, Version], catalog: Catalog) -> Tuple[Finding, ...]:
    """Every advisory all of whose terms hold, in order of id."""
    findings = (judge(advisory, versions) for advisory in catalog.advisories)
    return tuple(finding for finding in findings if finding is not None)


def judge(advisory: Advisory, versions: Mapping[str, Version]) -> Optional[Finding]:
    """The finding of one advisory, or None when some term does not hold."""
    certainty = Certainty.VERIFIED
    held = []
    for term in advisory.terms:
        version = versions.get(term.project)
        if version is None:
            return None
        contained = term.contains(version)
        if contained is None:
            return None
        if contained is Certainty.UNVERIFIED:
            certainty = Certainty.UNVERIFIED
        held.append((term.project, version))
    return Finding(advisory, tuple(held), certainty)
