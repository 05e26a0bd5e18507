"""Advisories that nobody needs, made up like the real ones, over real projects and their real releases."""

from __future__ import annotations

import random
from typing import List, Mapping, Sequence

from packaging.version import Version

from compatshim.match import judge
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Advisory, Catalog, Interval, Remedy, Reproducer, Term

SHIMS = ("datasets_filelock_mode", "datasets_lock_name", "evaluate_filefreelock", "hub_weakfilelock_mode")
TERMS = 3
UNSHIMMED = 0.1
"""Of all advisories; a shim is what start-up is about, so most have one."""


def catalog(real: Catalog, known: Snapshot, size: int, healthy: Mapping[str, Version]) -> Catalog:
    """``real`` and as many more as make ``size`` advisories; none that is made up matches ``healthy``.

    The same for the same arguments. ``known`` lists releases of all projects of :data:`healthy` that may be named.
    """
    draw = random.Random(size)  # noqa: S311  anything but secret
    releases = {
        project: sorted(release.version for release in known.releases(project) or ()) for project in known.projects
    }
    projects = [project for project, versions in releases.items() if len(versions) > TERMS]
    made: List[Advisory] = []
    while len(real.advisories) + len(made) < size:
        chosen = draw.sample(projects, TERMS)
        terms = tuple(
            Term(project, (_interval(draw, releases[project], position),))
            for position, project in enumerate(chosen)
        )
        one = _advisory(f"CSA-9999-{len(made):04}", terms, "" if draw.random() < UNSHIMMED else draw.choice(SHIMS))
        if judge(one, healthy) is None:
            made.append(one)
    return Catalog((*real.advisories, *made), f"surplus {size}")


def _interval(draw: random.Random, versions: Sequence[Version], position: int) -> Interval:
    """The first project misuses, for some releases, what the second has changed; the third connects them."""
    first, second = sorted(draw.sample(range(len(versions)), 2))
    if position == 0:
        introduced = Version("0") if draw.random() < 0.5 else versions[first]
        return Interval(introduced, versions[second])
    if position == 1 or draw.random() < 0.5:
        return Interval(versions[first], None, versions[-1])
    return Interval(versions[first], versions[second])


def _advisory(identifier: str, terms: Sequence[Term], shim: str) -> Advisory:
    remedies = (Remedy("shim", shim=shim),) if shim else ()
    return Advisory(identifier, "", "hang", "high", "", tuple(terms), remedies, Reproducer(""))
