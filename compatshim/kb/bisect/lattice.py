"""The lattice of a question: which versions of which projects, and where to look first. Pure."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.kb.bisect.boxes import Box, Point
from compatshim.kb.worlds import Planner
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Interval, Term, canonical

FEWEST, MOST = 1, 4  # projects


# Multiples of these, without their whole parts, fill the interval (and together the cube) evenly for ever.
_STEPS = (0.8566748839, 0.7338918566, 0.628706721, 0.5385972572)
_TURNS = 2  # points for each line of the project that has most


class LatticeError(Exception):
    """There is no lattice for what was asked; the message names the project."""


class Lattice(NamedTuple):
    """Projects, and for each the versions in ascending order."""

    projects: Tuple[str, ...]
    versions: Tuple[Tuple[Version, ...], ...]

    @property
    def sizes(self) -> Tuple[int, ...]:
        """How many versions there are of each project."""
        return tuple(map(len, self.versions))

    @property
    def size(self) -> int:
        """How many combinations there are."""
        total = 1
        for number in self.sizes:
            total *= number
        return total

    def pins(self, point: Point) -> Dict[str, Version]:
        """A point as versions by project."""
        return {name: axis[index] for name, axis, index in zip(self.projects, self.versions, point)}

    def terms(self, box: Box) -> Tuple[Term, ...]:
        """A box as an advisory says it. A project of which every version is in it has no term."""
        terms = tuple(
            Term(name, (_interval(axis, low, high),))
            for name, axis, (low, high) in zip(self.projects, self.versions, box)
            if (low, high) != (0, len(axis) - 1)
        )
        # Where nothing but bad was found, all of it is said.
        return terms or tuple(
            Term(name, (_interval(axis, 0, len(axis) - 1),)) for name, axis in zip(self.projects, self.versions)
        )


def _interval(axis: Sequence[Version], low: int, high: int) -> Interval:
    introduced = axis[low] if low else Version("0")
    if high + 1 < len(axis):
        return Interval(introduced, fixed=axis[high + 1])
    return Interval(introduced, last_checked=axis[high])


def lattice(requirements: Sequence[str], metadata: MetadataSource) -> Lattice:
    """The final releases that ``requirements`` (PEP 508, bounds or none) admit. Raises :exc:`LatticeError`."""
    asked = [Requirement(text) for text in requirements]
    names = [canonical(one.name) for one in asked]
    if not FEWEST <= len(set(names)) == len(names) <= MOST:
        raise LatticeError(f"--project: {FEWEST} to {MOST} different projects are wanted, not {', '.join(names)}")
    axes = []
    for name, one in zip(names, asked):
        known = metadata.releases(name)
        if known is None:
            raise LatticeError(f"--project {name}: no releases are known")
        axis = sorted(
            item.version
            for item in known
            if not item.yanked and not item.version.is_prerelease and item.version in one.specifier
        )
        if not axis:
            raise LatticeError(f"--project {one}: no release is admitted")
        axes.append(tuple(axis))
    return Lattice(tuple(names), tuple(axes))


def split(text: str) -> List[str]:
    """``a>=1,<2,b`` as its requirements: a comma before a name begins the next."""
    found: List[str] = []
    for piece in text.split(","):
        if piece.strip()[:1].isalnum() or not found:
            found.append(piece.strip())
        else:
            found[-1] += f",{piece.strip()}"
    return found


def seeds(lattice: Lattice, planner: Planner) -> Iterator[Point]:
    """Where people are: all projects as they were on a day, then one old project among the newest of the others.

    The days are those of the first release of each minor line, coarsely first and then ever more finely. Then come
    minor lines of all projects in even disorder.
    """
    uploaded = [
        [planner.uploaded(name, version) for version in axis]
        for name, axis in zip(lattice.projects, lattice.versions)
    ]
    days = sorted({uploaded[axis][index] for axis, lines in enumerate(_lines(lattice)) for index in lines} - {""})
    for place in spread(len(days)):
        yield tuple(max(sum(1 for one in axis if one and one <= days[place]) - 1, 0) for axis in uploaded)
    newest = tuple(size - 1 for size in lattice.sizes)
    for axis, lines in enumerate(_lines(lattice)):
        for place in spread(len(lines)):
            yield (*newest[:axis], lines[place], *newest[axis + 1 :])
    every = _lines(lattice)
    for turn in range(1, _TURNS * max(map(len, every)) + 1):
        yield tuple(lines[int(turn * step % 1 * len(lines))] for lines, step in zip(every, _STEPS))


def _lines(lattice: Lattice) -> List[List[int]]:
    """For each project the index of the first release of each minor line."""
    found = []
    for axis in lattice.versions:
        first: Dict[Tuple[int, ...], int] = {}
        for index, version in enumerate(axis):
            first.setdefault((version.epoch, *version.release[:2]), index)
        found.append(list(first.values()))
    return found


def spread(number: int) -> Iterator[int]:
    """``range(number)`` in an order in which every beginning is spread evenly: first the middle."""
    pending = [(0, number)]
    for low, high in pending:
        if low < high:
            middle = (low + high) // 2
            yield middle
            pending += [(low, middle), (middle + 1, high)]
