"""Small made-up worlds: environments, releases and advisories, for the resolver and its laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from hypothesis import strategies as st
from packaging.version import Version

from compatshim.metadata.interface import Release
from compatshim.model import (
    Advisory,
    Catalog,
    Distribution,
    Interval,
    Inventory,
    Remedy,
    Reproducer,
    Term,
)
from compatshim.solve.problem import LEVELS, Wishes

VERSIONS = tuple(Version(text) for text in ("1.0", "1.1", "1.1.1", "2.0", "3.0"))


@dataclass(frozen=True)
class Releases:
    """Metadata held in memory."""

    known: Mapping[str, Tuple[Release, ...]]
    description: str = "made up"

    def knows(self, project: str) -> bool:
        """Whether there is something to say of a project."""
        return project in self.known

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        return self.known.get(project)


@dataclass(frozen=True)
class World:
    """What the resolver is given."""

    inventory: Inventory
    catalog: Catalog
    metadata: Releases
    wishes: Wishes = field(default_factory=Wishes)


def advisory(
    number: int,
    terms: Mapping[str, Sequence[Tuple[str, Optional[str]]]],
    *,
    severity: str = "high",
    remedies: Sequence[Sequence[str]] = (("nothing==0",),),
) -> Advisory:
    """An advisory over half-open ranges; an end of None is open."""
    return Advisory(
        id=f"CSA-2026-{number:04}",
        title=f"fault {number}",
        symptom="hang",
        severity=severity,
        root_cause="because",
        terms=tuple(
            Term(
                project,
                tuple(
                    Interval(Version(start), Version(end)) if end else Interval(Version(start), None, Version("99"))
                    for start, end in ranges
                ),
            )
            for project, ranges in terms.items()
        ),
        remedies=tuple(Remedy("constrain", tuple(texts)) for texts in remedies),
        reproducer=Reproducer("none"),
    )


def inventory(installed: Mapping[str, str], requires: Mapping[str, Sequence[str]] = {}) -> Inventory:
    """An environment on Python 3.11."""
    return Inventory(
        "a made-up environment",
        {
            name: Distribution(name, Version(text), tuple(requires.get(name, ())))
            for name, text in installed.items()
        },
        (),
        {"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux"},
    )


def metadata(known: Mapping[str, Mapping[str, Sequence[str]]]) -> Releases:
    """Releases from project → version → requirements."""
    return Releases(
        {
            project: tuple(
                Release(project, Version(version), requires=tuple(requires))
                for version, requires in versions.items()
            )
            for project, versions in known.items()
        }
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to five projects of up to five releases, with requirements, advisories and holds at random."""
    names = [chr(ord("a") + number) for number in range(draw(st.integers(2, 5)))]
    bounds = st.sampled_from(["", ">=1.1", "<2.0", ">=2.0", "<3.0", "!=1.1", "==1.1.*"])
    requirement = st.builds(lambda name, bound: f"{name}{bound}", st.sampled_from(names), bounds)
    known: Dict[str, Tuple[Release, ...]] = {}
    installed: Dict[str, Distribution] = {}
    for name in names:
        versions = sorted(draw(st.sets(st.sampled_from(VERSIONS), min_size=1)))
        releases = tuple(
            Release(
                name,
                version,
                requires=tuple(
                    text for text in draw(st.lists(requirement, max_size=2)) if not text.startswith(name)
                ),
            )
            for version in versions
        )
        known[name] = releases
        # The last one may be missing, to be added by whoever needs it.
        if name != names[-1] or draw(st.booleans()):
            there = draw(st.sampled_from(releases))
            installed[name] = Distribution(name, there.version, there.requires or ())
    ends = st.sampled_from([None, "1.1", "1.1.1", "2.0", "3.0"])
    remedy = st.builds(lambda name, bound: f"{name}{bound}", st.sampled_from(names), bounds)
    advisories: List[Advisory] = []
    for number in range(draw(st.integers(1, 4))):
        projects = draw(st.sets(st.sampled_from(names), min_size=1, max_size=3))
        terms = {}
        for project in sorted(projects):
            start = draw(st.sampled_from(["0", "1.1", "2.0"]))
            end = draw(ends)
            terms[project] = [(start, end if end is None or Version(end) > Version(start) else None)]
        advisories.append(
            advisory(
                number,
                terms,
                severity=draw(st.sampled_from(["high", "low"])),
                remedies=[draw(st.lists(remedy, min_size=1, max_size=2))],
            )
        )
    hold = tuple(sorted(draw(st.sets(st.sampled_from(sorted(installed)), max_size=2)))) if installed else ()
    environment = Inventory(
        "a made-up environment",
        installed,
        (),
        {"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux"},
    )
    some = st.sampled_from([*sorted(installed), ""])
    wishes = Wishes(
        hold=frozenset(hold),
        levels=draw(st.dictionaries(some, st.sampled_from(LEVELS), max_size=2)),
        downgrades=draw(st.integers(0, 4)) > 0,
    )
    return World(environment, Catalog(tuple(advisories), "0" * 12), Releases(known), wishes)
