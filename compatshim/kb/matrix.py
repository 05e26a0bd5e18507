"""The work of ``kb verify`` as jobs for the machines of a continuous-integration service. Pure."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

from packaging.version import Version

from compatshim.kb.cases import cases
from compatshim.kb.environments import MINORS
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory

MOST = 256
"""Jobs that GitHub makes of one matrix."""


class Job(NamedTuple):
    """Some advisories on one kind of machine."""

    os: str
    advisories: Tuple[str, ...]
    pythons: Tuple[str, ...]
    """What they may need there, as ``3.11``."""
    cases: int


def jobs(
    advisories: Sequence[Advisory], metadata: MetadataSource, machines: Sequence[str], *, number: int
) -> Tuple[Job, ...]:
    """At most ``number`` jobs for all machines together, of about the same number of cases.

    Every machine verifies every advisory. Raises :exc:`ValueError` for fewer jobs than machines, or more than
    :data:`MOST`.
    """
    if not len(machines) <= number <= MOST:
        raise ValueError(f"{len(machines)} to {MOST} jobs are wanted for {', '.join(machines)}, not {number}")
    parts = min(number // len(machines), len(advisories))
    planned = {one.id: cases(one, metadata, MINORS) for one in advisories}
    shares: List[List[str]] = [[] for _ in range(parts)]
    weight: Dict[int, int] = dict.fromkeys(range(parts), 0)
    for identifier in sorted(planned, key=lambda one: (-len(planned[one]), one)):
        lightest = min(weight, key=lambda part: (weight[part], part))
        shares[lightest].append(identifier)
        weight[lightest] += len(planned[identifier])
    found = []
    for machine in machines:
        for part, share in enumerate(shares):
            minors = {
                minor
                for identifier in share
                for case in planned[identifier]
                for candidate in case.candidates
                for minor in candidate.minors
            }
            pythons = tuple(sorted(minors, key=Version))
            found.append(Job(machine, tuple(sorted(share)), pythons, weight[part]))
    return tuple(found)


def github(made: Sequence[Job]) -> Dict[str, List[Dict[str, str]]]:
    """The matrix of a workflow: ``fromJSON`` makes jobs of it.

    ``advisories`` are arguments of ``kb verify``; ``pythons`` are lines, as ``actions/setup-python`` takes them.
    """
    return {
        "include": [
            {
                "os": job.os,
                "advisories": " ".join(job.advisories),
                "pythons": "\n".join(job.pythons),
                "name": f"{job.advisories[0]}{' …' if len(job.advisories) > 1 else ''} on {job.os}",
            }
            for job in made
        ]
    }
