"""Checks of where remedies lead, by arithmetic alone: out of the advisory, and into no other."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Tuple

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.kb.lint.registry import Base, Told, check
from compatshim.match import judge, match
from compatshim.model import Advisory, Remedy


def _admitted(base: Base, requirement: Requirement) -> List[Version]:
    """The final releases that a requirement admits, ascending."""
    known = base.metadata.releases(requirement.name) or ()
    versions = (item.version for item in known if not item.yanked and not item.version.is_prerelease)
    return sorted(version for version in versions if version in requirement.specifier)


@check("KB-PIN-INEFFECTIVE", "A remedy's constraints take some term out of its ranges, whatever they admit.")
def ineffective(advisory: Advisory, base: Base) -> Told:
    """Also those that admit nothing."""
    for remedy in advisory.remedies:
        if not remedy.constraints:
            continue
        subject = ", ".join(remedy.constraints)
        wanted = {item.name: item for item in map(Requirement, remedy.constraints)}
        known = [item for item in wanted.values() if base.metadata.releases(item.name)]
        empty = [str(item) for item in known if not _admitted(base, item)]
        if empty:
            yield subject, f"no known release is {' or '.join(empty)}"
        inside = {
            term.project: [v for v in _admitted(base, wanted[term.project]) if term.contains(v)]
            for term in advisory.terms
            if term.project in wanted
        }
        if all(inside.values()):
            admitted = "; ".join(f"{project} {versions[-1]}" for project, versions in inside.items())
            yield subject, f"admits {admitted}, which is bad" if admitted else "is about none of the terms"


@check("KB-PIN-LANDS", "A remedy leads from what was bad into no other error.")
def lands(advisory: Advisory, base: Base) -> Told:
    """With what an installer takes (the newest it may), and with the oldest."""
    for remedy in advisory.remedies:
        seen = set()
        for before, after in _moves(advisory, remedy, base):
            known = {finding.advisory.id for finding in match(before, base.catalog)}
            for finding in match(after, base.catalog):
                other = finding.advisory
                if other.level == "error" and other.id not in known and other.id not in seen:
                    seen.add(other.id)
                    versions = ", ".join(f"{project} {version}" for project, version in finding.versions)
                    yield ", ".join(remedy.constraints), f"leads to {versions}, which is {other.id}"


def _moves(
    advisory: Advisory, remedy: Remedy, base: Base
) -> Iterator[Tuple[Mapping[str, Version], Mapping[str, Version]]]:
    """What was bad, and what the remedy makes of it."""
    wanted = [(item.name, _admitted(base, item)) for item in map(Requirement, remedy.constraints)]
    for row in advisory.verified:
        if row.outcome != "bad" or not wanted:
            continue
        for end in (0, -1):
            after: Dict[str, Version] = dict(row.versions)
            for project, admitted in wanted:
                if admitted and after.get(project) not in admitted:
                    after[project] = admitted[end]
            yield dict(row.versions), after


@check("KB-DUPLICATE", "No other advisory has the same terms.")
def duplicate(advisory: Advisory, base: Base) -> Told:
    """Two records of one thing drift apart."""
    for other in base.catalog.advisories:
        if other.id < advisory.id and {term[:2] for term in other.terms} == {term[:2] for term in advisory.terms}:
            yield other.id, "has the same terms"


@check("KB-OVERLAP", "What an advisory says is bad, no other's good row with the same reproducer says is good.")
def overlap(advisory: Advisory, base: Base) -> Told:
    """One program, one truth: a good row of a sibling cannot lie within these ranges."""
    for other in base.catalog.advisories:
        if other.id != advisory.id and other.reproducer.id == advisory.reproducer.id:
            for row in other.verified:
                if row.outcome == "good" and judge(advisory, dict(row.versions)) is not None:
                    versions = ", ".join(f"{project} {version}" for project, version in row.versions)
                    yield f"{other.id}, {versions}", "is a good row within these ranges"
