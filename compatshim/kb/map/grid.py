"""From an advisory and the releases of its projects to matrices of what was run.

A matrix has a project on each side, or Python where the advisory is about one project only. An advisory about
three or more projects has one matrix for each combination of versions of the others. A side names the versions that
were run and gathers what lies between them, cut where the advisory's ranges begin and end.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from itertools import groupby
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from packaging.version import Version

from compatshim.model import Advisory, Certainty, Term, Verified

Released = Callable[[str], Optional[Iterable[Version]]]
"""The releases of a project in ascending order, or None when they are not known."""

Place = Tuple[Optional[Version], ...]
Fixed = Tuple[Tuple[str, Optional[Version]], ...]

PYTHON = "Python"


class State(Enum):
    """What is known of one combination of versions."""

    BAD = "bad"
    SHIMMED = "shimmed"
    """Good with the shim; where it was run without, bad."""
    GOOD = "good"
    MIXED = "mixed"
    """Bad in one environment and good in another."""
    NOT_RUN = "not run"


class Tick(NamedTuple):
    """One place on a side of a matrix: a version that was run, or a stretch of releases that were not."""

    version: Optional[Version]
    """None for a stretch, and where the project was not installed."""
    skipped: Tuple[Version, ...] = ()
    """The releases of the stretch, in ascending order."""
    inside: Optional[Certainty] = Certainty.VERIFIED
    """Whether the advisory's ranges hold it."""

    @property
    def label(self) -> str:
        """What to write beside it."""
        return f"{len(self.skipped)} not run" if self.skipped else named(self.version)


class Side(NamedTuple):
    """The rows or the columns of a matrix."""

    name: str
    """A project, or :data:`PYTHON`."""
    ticks: Tuple[Tick, ...]


class Cell(NamedTuple):
    """One combination of versions."""

    state: State
    rows: Tuple[int, ...] = ()
    """Which of the advisory's verified rows are about it."""
    inside: Optional[Certainty] = None
    """Whether the advisory says that it is bad."""


class Panel(NamedTuple):
    """The matrix at one combination of versions of the projects that are on neither side."""

    fixed: Fixed
    """Project and version, in the order of the terms."""
    inside: Optional[Certainty]
    """Whether the ranges hold all of these."""
    cells: Tuple[Tuple[Cell, ...], ...]
    """Row by row."""

    def edges(self, row: int, column: int) -> Iterator[str]:
        """On which sides of a cell the ranges end: together, the outline of what the advisory is about."""
        if self.cells[row][column].inside is None:
            return
        for name, down, right in (("top", -1, 0), ("right", 0, 1), ("bottom", 1, 0), ("left", 0, -1)):
            there, place = row + down, column + right
            within = 0 <= there < len(self.cells) and 0 <= place < len(self.cells[row])
            if not within or self.cells[there][place].inside is None:
                yield name


class Matrix(NamedTuple):
    """All that was run for an advisory."""

    advisory: Advisory
    columns: Side
    rows: Side
    panels: Tuple[Panel, ...]
    """None when nothing was run."""

    def combination(self, panel: Panel, row: Tick, column: Tick) -> Tuple[Tuple[str, str], ...]:
        """Project and version of a combination, in the order of the terms; for a stretch, how long it is."""
        known = {name: named(version) for name, version in panel.fixed}
        known.update({self.rows.name: row.label, self.columns.name: column.label})
        order = [*self.advisory.projects, PYTHON]
        return tuple((name, known[name]) for name in order if name in known)


def matrix(advisory: Advisory, released: Released) -> Matrix:
    """What was run for an advisory."""
    run = {name: _run(advisory, name) for name in (*advisory.projects, PYTHON)}
    names = _sides(advisory.projects, run)
    columns, rows = sorted(
        (_side(advisory, name, run[name], released) for name in names), key=lambda side: len(side.ticks)
    )  # the longer one down, as pages are
    others = tuple(name for name in advisory.projects if name not in names)
    places: Dict[Place, List[int]] = {}
    for number, row in enumerate(advisory.verified):
        places.setdefault(tuple(_version(row, name) for name in (*others, rows.name, columns.name)), []).append(
            number
        )
    combinations = sorted({place[:-2] for place in places}, key=lambda found: [_order(one) for one in found])
    panels = tuple(_panel(advisory, tuple(zip(others, found)), places, rows, columns) for found in combinations)
    return Matrix(advisory, columns, rows, panels)


def named(version: Optional[Version]) -> str:
    """A version as it is written."""
    return "not installed" if version is None else str(version)


def state(outcomes: Iterable[str]) -> State:
    """What the outcomes of all that was run of one combination come to."""
    found: Set[str] = set(outcomes)
    if not found:
        return State.NOT_RUN
    if "good" in found:
        return State.GOOD if found == {"good"} else State.MIXED
    return State.SHIMMED if "shimmed" in found else State.BAD


def evidence(advisory: Advisory) -> str:
    """Twelve hexadecimal digits that change with what an advisory says and what was run for it."""
    text = repr((advisory.title, [str(term) for term in advisory.terms], advisory.verified))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _version(row: Verified, name: str) -> Optional[Version]:
    if name == PYTHON:
        return Version(row.python)
    return next((version for project, version in row.versions if project == name), None)


def _run(advisory: Advisory, name: str) -> List[Optional[Version]]:
    """The versions that were run, in ascending order; None, which is last, where it was not installed."""
    return sorted({_version(row, name) for row in advisory.verified}, key=_order)


def _order(version: Optional[Version]) -> Tuple[bool, Version]:
    return (version is None, version or Version("0"))


def _sides(names: Tuple[str, ...], run: Dict[str, List[Optional[Version]]]) -> Tuple[str, str]:
    """Which two vary most."""
    if len(names) == 1:
        return PYTHON, names[0]
    first, second = sorted(names, key=lambda name: (-len(run[name]), names.index(name)))[:2]
    return first, second


def _side(advisory: Advisory, name: str, run: Sequence[Optional[Version]], released: Released) -> Side:
    if name == PYTHON:
        return Side(name, tuple(Tick(version) for version in run))
    return Side(name, tuple(_ticks(advisory.term(name), run, released(name) or ())))


def _ticks(term: Term, run: Sequence[Optional[Version]], released: Iterable[Version]) -> Iterator[Tick]:
    versions = {version for version in run if version is not None}
    everything = sorted(versions.union(released))
    for (known, inside), stretch in groupby(
        everything, lambda one: (one if one in versions else None, term.contains(one))
    ):
        yield Tick(known, () if known is not None else tuple(stretch), inside)
    if None in run:
        yield Tick(None, (), None)


def _panel(advisory: Advisory, fixed: Fixed, places: Dict[Place, List[int]], rows: Side, columns: Side) -> Panel:
    around = weakest(None if version is None else advisory.term(name).contains(version) for name, version in fixed)
    here = tuple(version for _, version in fixed)

    def cell(row: Tick, column: Tick) -> Cell:
        stretch = row.skipped or column.skipped
        numbers = () if stretch else tuple(places.get((*here, row.version, column.version), ()))
        outcomes = [advisory.verified[number].outcome for number in numbers]
        return Cell(state(outcomes), numbers, weakest((around, row.inside, column.inside)))

    return Panel(fixed, around, tuple(tuple(cell(row, column) for column in columns.ticks) for row in rows.ticks))


def weakest(certainties: Iterable[Optional[Certainty]]) -> Optional[Certainty]:
    """How sure it is that all ranges hold, from how sure each one is."""
    found = set(certainties)
    if None in found:
        return None
    return Certainty.UNVERIFIED if Certainty.UNVERIFIED in found else Certainty.VERIFIED
