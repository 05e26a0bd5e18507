"""What must be run to believe an advisory. Pure.

The last release inside each boundary (bad) and the first outside (good), what each remedy leads to (good), and the
releases that are newer than anything that was run.
"""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, NamedTuple, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.kb.worlds import Candidate, Planner
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Certainty, Interval, Term

ANCHORS = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1", "huggingface-hub": "1.4.1"}
"""The versions that the terms which are not being probed stay at, or the nearest their ranges hold. Projects that
are not listed stay at the newest version that is bad."""

ROLES = ANCHOR, INSIDE, OUTSIDE, REMEDY, NEWER = "anchor", "inside", "outside", "remedy", "newer"
_NEAREST = 3  # releases tried at a boundary


class Case(NamedTuple):
    """Something an advisory says about a combination, and which combinations could show it."""

    expected: str
    """``bad`` or ``good``."""
    why: str
    candidates: Tuple[Candidate, ...]
    """The most telling first; the first that can be run answers."""
    role: str = ANCHOR
    """``anchor``: where the others start from; ``inside`` and ``outside`` a boundary; ``remedy``; ``newer`` than
    what the advisory speaks of."""


def cases(advisory: Advisory, metadata: MetadataSource, minors: Iterable[str]) -> Tuple[Case, ...]:
    """The cases of an advisory on the Pythons ``minors``; no two have the same expectation and candidates."""
    planner = Planner(advisory.projects, metadata, minors, advisory.reproducer.requires)
    anchor = anchored(advisory, planner)
    if len(anchor) < len(advisory.terms):
        return (Case("bad", "anchor", ()),)
    found = [
        Case("bad", "anchor", (planner.candidate(anchor),)),
        *_boundaries(advisory, planner, anchor),
        *_remedies(advisory, planner, anchor),
        *_newer(advisory, planner, anchor),
    ]
    unique = {(case.expected, case.candidates): case for case in reversed(found)}
    return tuple(reversed(tuple(unique.values())))


def anchored(advisory: Advisory, planner: Planner) -> Dict[str, Version]:
    """A version inside each term, as near as possible to :data:`ANCHORS`; terms without releases are left out."""
    found: Dict[str, Version] = {}
    for term in advisory.terms:
        inside = [v for v in planner.versions(term.project) if term.contains(v) is Certainty.VERIFIED]
        wanted = ANCHORS.get(term.project)
        below = [version for version in inside if wanted is None or version <= Version(wanted)]
        if inside:
            found[term.project] = below[-1] if below else inside[0]
    return found


def _boundaries(advisory: Advisory, planner: Planner, anchor: Dict[str, Version]) -> Iterator[Case]:
    for term in advisory.terms:
        for interval in term.ranges:
            for expected, edge, versions in edges(term, interval, planner.versions(term.project)):
                moved = tuple(planner.candidate({**anchor, term.project: version}) for version in versions)
                role = INSIDE if expected == "bad" else OUTSIDE
                yield Case(expected, f"{term.project} {interval}, {edge}", moved, role)


def edges(
    term: Term, interval: Interval, versions: Sequence[Version]
) -> Iterator[Tuple[str, str, Sequence[Version]]]:
    """The expected outcome, a name, and the releases nearest to it first, for each side of each end."""
    inside = [version for version in versions if interval.contains(version) is Certainty.VERIFIED]
    outside = [version for version in versions if term.contains(version) is None]
    if interval.introduced == Version("0"):
        yield "bad", "oldest that runs", inside
    else:
        below = [version for version in outside if version < interval.introduced]
        yield "bad", "first inside", inside[:_NEAREST]
        yield "good", "last before", below[: -_NEAREST - 1 : -1]
    yield "bad", "last inside", inside[: -_NEAREST - 1 : -1]
    if interval.fixed is not None:
        above = [version for version in outside if version >= interval.fixed]
        yield "good", "first after", above[:_NEAREST]


def _remedies(advisory: Advisory, planner: Planner, anchor: Dict[str, Version]) -> Iterator[Case]:
    for remedy in advisory.remedies:
        requirements = {item.name: item for item in map(Requirement, remedy.constraints)}
        pins = {project: version for project, version in anchor.items() if project not in requirements}
        for project in (project for project in advisory.projects if project in requirements):
            admitted = [v for v in planner.versions(project) if v in requirements[project].specifier]
            for edge, versions in (("lowest", admitted), ("newest", admitted[::-1])):
                moved = tuple(planner.candidate({**pins, project: version}, requirements) for version in versions)
                why = f"{remedy.kind} {', '.join(remedy.constraints)}, {edge} {project}"
                yield Case("good", why, moved, REMEDY)


def _newer(advisory: Advisory, planner: Planner, anchor: Dict[str, Version]) -> Iterator[Case]:
    """The newest release of each project, where no boundary or remedy leads to it."""
    remedied = {Requirement(line).name for remedy in advisory.remedies for line in remedy.constraints}
    for term in advisory.terms:
        last = term.ranges[-1]
        finals = [version for version in planner.versions(term.project) if not version.is_prerelease]
        if last.fixed is not None and term.project not in remedied:
            expected, versions = "good", [version for version in finals if version >= last.fixed]
        elif last.last_checked is not None:
            expected, versions = "bad", [version for version in finals if version > last.last_checked]
        else:
            continue
        moved = tuple(
            planner.candidate({**anchor, term.project: version}) for version in versions[: -_NEAREST - 1 : -1]
        )
        if moved:
            yield Case(expected, f"{term.project} {last}, newest", moved, NEWER)
