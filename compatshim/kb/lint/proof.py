"""Checks of what was run: every boundary from both sides, every remedy, every open end."""

from __future__ import annotations

from typing import Dict, List, Mapping

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.kb.cases import edges
from compatshim.kb.lint.registry import WARNING, Base, Told, check
from compatshim.kb.verify import untried
from compatshim.kb.worlds import Planner
from compatshim.match import judge
from compatshim.model import Advisory, Verified


def _releases(base: Base, project: str) -> List[Version]:
    return Planner([project], base.metadata, ()).versions(project)


def _holds(advisory: Advisory, versions: Mapping[str, Version], *, but: str) -> bool:
    """Whether all terms but one hold."""
    return all(
        term.project in versions and term.contains(versions[term.project])
        for term in advisory.terms
        if term.project != but
    )


@check("KB-BOUNDARY", "Every end of a range has a bad row just inside and a good row just outside.")
def boundary(advisory: Advisory, base: Base) -> Told:
    """Just: among the nearest releases, one of which may not install."""
    for term in advisory.terms:
        rows = [
            (row.outcome, dict(row.versions)[term.project])
            for row in advisory.verified
            if term.project in dict(row.versions) and _holds(advisory, dict(row.versions), but=term.project)
        ]
        for interval in term.ranges:
            for expected, edge, versions in edges(term, interval, _releases(base, term.project)):
                if versions and not any(outcome == expected and version in versions for outcome, version in rows):
                    nearest = ", ".join(map(str, versions[:3]))
                    yield f"{term.project} {interval}, {edge}", f"no {expected} row for {nearest}: run `kb verify`"


@check("KB-OPEN-RANGE", "A range without an end was run at the version it says was checked last.")
def open_range(advisory: Advisory, base: Base) -> Told:
    """The form already demands ``last_checked``; this, that it is true."""
    del base
    for term in advisory.terms:
        last = term.ranges[-1].last_checked
        tried = [dict(row.versions).get(term.project) for row in advisory.verified if row.outcome == "bad"]
        if last is not None and last not in tried:
            yield term.project, f"last_checked is {last}, of which there is no bad row"


@check("KB-UNTRIED", "No final release is newer than all that was run.", WARNING)
def newer(advisory: Advisory, base: Base) -> Told:
    """What ``kb verify`` tries next."""
    for project, version in untried(advisory, base.metadata):
        yield project, f"{version} has not been tried: run `kb verify`"


@check("KB-ROW", "Every row names all terms, and agrees with the ranges.")
def row(advisory: Advisory, base: Base) -> Told:
    """A row is what was observed: a disagreement is one between the ranges and the world."""
    del base
    for one in advisory.verified:
        held = judge(advisory, dict(one.versions)) is not None
        if held != (one.outcome != "good"):
            yield _named(one), f"is {one.outcome}, and the ranges say {'bad' if held else 'good'}"


@check("KB-REMEDY-UNRUN", "Every remedy was run: its versions are good, and its shim mends what is bad.")
def remedy_unrun(advisory: Advisory, base: Base) -> Told:
    """For each bad row there is one with the shim in the same environment."""
    del base
    good = [dict(one.versions) for one in advisory.verified if one.outcome == "good"]
    for remedy in advisory.remedies:
        wanted: Dict[str, Requirement] = {item.name: item for item in map(Requirement, remedy.constraints)}
        ours = [project for project in advisory.projects if project in wanted]
        if ours and not any(
            all(
                project in one and wanted[project].specifier.contains(one[project], prereleases=True)
                for project in ours
            )
            for one in good
        ):
            yield ", ".join(remedy.constraints), "no good row is under these constraints: run `kb verify`"
    if advisory.shims:
        mended = {(one.versions, one.python, one.platform) for one in advisory.verified if one.outcome == "shimmed"}
        for one in advisory.verified:
            if one.outcome == "bad" and (one.versions, one.python, one.platform) not in mended:
                yield _named(one), "was not run with the shim: run `kb verify`"


def _named(one: Verified) -> str:
    versions = ", ".join(f"{project} {version}" for project, version in one.versions)
    return f"{versions} on Python {one.python}, {one.platform}"
