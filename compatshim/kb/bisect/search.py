"""Find the bad region of a lattice from few questions. Pure: an oracle answers them.

A point of the lattice is a combination: for each axis (a project) the index of a version, in ascending order. The
lattice is cut into cells until no cell is known to hold two answers; a cell whose corners, and whatever else was
asked in it, agree is taken to be all of that kind. Every cut lies between two neighbours, found by bisection, that
were both asked and differ. Where the region is a box this is exact; what else it can miss, :class:`Found` says.
"""

from __future__ import annotations

import itertools
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from compatshim.kb.bisect.boxes import Box, cover, inside, largest, opened, units

LABELS = BAD, GOOD, UNKNOWN = "bad", "good", "unknown"

Point = Tuple[int, ...]
Oracle = Callable[[Sequence[Point]], Sequence[str]]
"""Labels for points that were not asked before. ``unknown`` is what cannot be installed, or says nothing."""

_HOLE = 2  # neighbours of an unknown point that are asked before it counts as the edge of something unknown


class OutOfRunsError(Exception):
    """The search wanted more runs than it was allowed."""


class Gap(NamedTuple):
    """Consecutive versions of one project, none of which was tried anywhere in a cell taken to be of one kind."""

    label: str
    cell: Box
    axis: int
    start: int
    """Index of the first."""
    size: int


class Found(NamedTuple):
    """The bad region as far as it was looked for."""

    boxes: Tuple[Box, ...]
    """Together they are the region. They may overlap; each is as large as can be. What is unknown may be in
    between, and below: a box begins at the lower edge when nothing older could be installed."""
    cells: Tuple[Tuple[Box, str], ...]
    """The whole lattice, cut up, and what each part is taken to be."""
    answers: Dict[Point, str]
    """What was asked."""
    complete: bool
    """Whether the search ended by itself, not for want of runs. If not, the boxes are what is known to be bad."""

    def label(self, point: Point) -> str:
        """What a point is taken to be."""
        return next(label for cell, label in self.cells if inside(cell, point))

    @property
    def gaps(self) -> Tuple[Gap, ...]:
        """For each axis and kind the longest stretch that was not looked at.

        A fault at consecutive versions of one project that is there for every version of the others within the
        cell is seen if it is longer than the gap; a shorter one, or one that depends on other projects as well, can
        lie between what was tried.
        """
        worst: Dict[Tuple[int, str], Gap] = {}
        for cell, label in self.cells:
            if label == UNKNOWN:
                continue
            for axis in range(len(cell)):
                start, size = longest(cell, axis, self.answers)
                gap = Gap(label, cell, axis, start, size)
                known = worst.get((axis, label))
                if size and (known is None or size > known.size):
                    worst[axis, label] = gap
        return tuple(worst[key] for key in sorted(worst))


def search(
    sizes: Sequence[int],
    oracle: Oracle,
    *,
    seeds: Iterable[Point] = (),
    probes: int = 0,
    runs: Optional[int] = None,
    at_once: int = 1,
) -> Found:
    """Find the bad region of the lattice of ``sizes``.

    ``seeds`` are asked in their order, ``at_once`` at a time, until one is bad. When all else is settled, so many
    ``probes`` more go to the widest stretches that nothing is known of. ``runs`` limits the questions.
    """
    return _Search(sizes, oracle, runs).find(seeds, probes, at_once)


class _Search:
    def __init__(self, sizes: Sequence[int], oracle: Oracle, runs: Optional[int]) -> None:
        self._oracle = oracle
        self._runs = runs
        self._lattice: Box = tuple((0, size - 1) for size in sizes)
        self.answers: Dict[Point, str] = {}
        self.leaves: Dict[Box, str] = {}

    def find(self, seeds: Iterable[Point], probes: int, at_once: int) -> Found:
        complete = True
        pending = [self._lattice]
        try:
            self._ask(_corners(self._lattice))
            self._seed(iter(seeds), at_once)
            while True:
                self._settle(pending)
                boxes = cover(self.leaves)
                surprises = self._confirm(boxes)
                if not surprises and probes > 0:
                    probes -= 1
                    surprises = self._probe()
                if not surprises and probes <= 0:
                    break
                pending = surprises
                for cell in surprises:
                    del self.leaves[cell]
        except OutOfRunsError:
            complete = False
            self._give_up(pending)
            boxes = cover({cell: GOOD if label == UNKNOWN else label for cell, label in self.leaves.items()})
        else:
            boxes = largest(opened(box, self.leaves) for box in boxes)
        return Found(boxes, tuple(sorted(self.leaves.items())), self.answers, complete)

    # --- asking

    def _ask(self, points: Iterable[Point]) -> None:
        new = [point for point in dict.fromkeys(points) if point not in self.answers]
        if not new:
            return
        if self._runs is not None and len(self.answers) + len(new) > self._runs:
            raise OutOfRunsError
        self.answers.update(zip(new, self._oracle(new)))

    def _label(self, point: Point) -> str:
        self._ask([point])
        return self.answers[point]

    def _seed(self, seeds: Iterator[Point], at_once: int) -> None:
        while BAD not in self.answers.values():
            batch = list(itertools.islice(seeds, at_once))
            if not batch:
                return
            self._ask(batch)

    # --- cutting

    def _settle(self, pending: List[Box]) -> None:
        """Cut cells until each is known to hold one kind only."""
        while pending:
            cell = pending[-1]
            self._ask(_corners(cell))
            cut = self._cut(cell)
            pending.pop()
            if cut is None:
                held = {label for point, label in self.answers.items() if inside(cell, point)} - {UNKNOWN}
                self.leaves[cell] = held.pop() if held else UNKNOWN
            else:
                pending += _halves(cell, *cut)

    def _cut(self, cell: Box) -> Optional[Tuple[int, int]]:
        """The axis and the last index of the lower part; None when the cell holds one kind as far as is known."""
        known = {point: label for point, label in self.answers.items() if inside(cell, point)}
        kinds: Dict[str, List[Point]] = {label: [] for label in LABELS}
        for point, label in known.items():
            kinds[label].append(point)
        sure = kinds[BAD] + kinds[GOOD]
        if not sure:
            return self._into_the_unknown(cell)
        # First of all, what cannot be installed at all is cut off: it would be in the way of every other cut.
        for corner in _corners(cell):
            if self.answers[corner] == UNKNOWN:
                near = self._beside(cell, corner)
                if near is None:
                    return self._between(*_nearest(sure, [corner]))
                kinds[self.answers[near]].append(near)
        if kinds[BAD] and kinds[GOOD]:
            return self._between(*_nearest(kinds[BAD], kinds[GOOD]))
        return None

    def _into_the_unknown(self, cell: Box) -> Optional[Tuple[int, int]]:
        """Look at the middle of a cell all of whose corners are unknown."""
        middle = tuple((low + high) // 2 for low, high in cell)
        if self._label(middle) == UNKNOWN:
            return None
        return self._between(middle, _corners(cell)[0])

    def _beside(self, cell: Box, corner: Point) -> Optional[Point]:
        """A point next to an unknown corner that is known: the corner is a hole and not the edge of something."""
        for step in range(1, _HOLE + 1):
            for axis, (low, high) in enumerate(cell):
                index = corner[axis] + step if corner[axis] == low else corner[axis] - step
                if low <= index <= high:
                    point = _moved(corner, axis, index)
                    if self._label(point) != UNKNOWN:
                        return point
        return None

    def _between(self, one: Point, other: Point) -> Tuple[int, int]:
        """Where to cut between two points that differ: see :meth:`_cut`."""
        differ = [axis for axis in range(len(one)) if one[axis] != other[axis]]
        best: Optional[Tuple[Point, Point, int]] = None
        for order in itertools.permutations(differ):
            here = one
            for axis in order:
                there = _moved(here, axis, other[axis])
                labels = self._label(here), self._label(there)
                if labels[0] != labels[1]:
                    if UNKNOWN not in labels:
                        return axis, self._bisect(here, there, axis)
                    best = best or (here, there, axis)
                here = there
        if best is None:
            raise AssertionError(f"{one} and {other} do not differ")
        here, there, axis = best
        return axis, self._bisect(here, there, axis)

    def _bisect(self, one: Point, other: Point, axis: int) -> int:
        """The last index of the lower part, between neighbours that differ on the line from one to the other."""
        low, high = sorted((one[axis], other[axis]))
        labels = {point[axis]: self.answers[point] for point in (one, other)}
        while high - low > 1:
            middle = self._known_near(one, axis, low, high, want=UNKNOWN not in (labels[low], labels[high]))
            labels[middle] = self.answers[_moved(one, axis, middle)]
            if labels[middle] == labels[low]:
                low = middle
            else:
                high = middle
        return low

    def _known_near(self, point: Point, axis: int, low: int, high: int, *, want: bool) -> int:
        """An index between two others: the middle or, if a known answer is wanted and that is none, beside it."""
        middle = (low + high) // 2
        near = sorted(range(low + 1, high), key=lambda index: abs(index - middle))[: 1 + 2 * _HOLE]
        if want:
            for index in near:
                if self._label(_moved(point, axis, index)) != UNKNOWN:
                    return index
        self._ask([_moved(point, axis, middle)])
        return middle

    # --- doubting

    def _confirm(self, boxes: Sequence[Box]) -> List[Box]:
        """Ask on both sides of every face of every box, at its corners and its middle. Returns the wrong cells."""
        wanted: List[Point] = []
        for box in boxes:
            middle = next(
                (p for p, label in self.answers.items() if label == BAD and inside(box, p)),
                tuple((low + high) // 2 for low, high in box),
            )
            for axis, (low, high) in enumerate(box):
                for base in (*_corners(box), middle):
                    for index in {low, high, low - 1, high + 1}:
                        point = _moved(base, axis, index)
                        wanted += [point] if inside(self._lattice, point) else []
        self._ask(wanted)
        return self._wrong()

    def _probe(self) -> List[Box]:
        """Ask in the middle of the longest stretch that nothing is known of. Returns the wrong cells."""
        best: Tuple[int, Point] = (0, ())
        for cell, label in self.leaves.items():
            if label == UNKNOWN:
                continue
            stretches = [longest(cell, axis, self.answers) for axis in range(len(cell))]
            size = max(size for _, size in stretches)
            if size > best[0]:
                point = tuple(
                    start + size // 2 if size else _turn(cell[axis], len(self.answers))
                    for axis, (start, size) in enumerate(stretches)
                )
                best = (size, point)
        if best[0]:
            self._ask([best[1]])
        return self._wrong()

    def _wrong(self) -> List[Box]:
        """The cells in which something other than what they are taken for was seen."""
        found: Set[Box] = set()
        for point, label in self.answers.items():
            if label != UNKNOWN:
                found.update(cell for cell, kind in self.leaves.items() if kind != label and inside(cell, point))
        return sorted(found)

    def _give_up(self, pending: Sequence[Box]) -> None:
        """Take what was not settled for unknown, except the points that were asked."""
        for cell in pending:
            points = {point for point in self.answers if inside(cell, point)}
            for unit in units(cell, points):
                self.leaves[unit] = next((self.answers[point] for point in points if inside(unit, point)), UNKNOWN)


def longest(cell: Box, axis: int, points: Iterable[Point]) -> Tuple[int, int]:
    """Start and length of the longest stretch along an axis of a cell where none of the ``points`` in it is."""
    low, high = cell[axis]
    tried = sorted({point[axis] for point in points if inside(cell, point)})
    ends = [low - 1, *tried, high + 1]
    start, size = max(
        ((before + 1, after - before - 1) for before, after in zip(ends, ends[1:])), key=lambda item: item[1]
    )
    return start, size


def _turn(bounds: Tuple[int, int], number: int) -> int:
    """One of the indices of an axis all of which were tried, another one each time."""
    low, high = bounds
    return low + number % (high - low + 1)


def _corners(cell: Box) -> List[Point]:
    return [tuple(point) for point in itertools.product(*(sorted(set(bounds)) for bounds in cell))]


def _moved(point: Point, axis: int, index: int) -> Point:
    return (*point[:axis], index, *point[axis + 1 :])


def _halves(cell: Box, axis: int, last: int) -> Iterator[Box]:
    low, high = cell[axis]
    yield (*cell[:axis], (low, last), *cell[axis + 1 :])
    yield (*cell[:axis], (last + 1, high), *cell[axis + 1 :])


def _nearest(some: Sequence[Point], others: Sequence[Point]) -> Tuple[Point, Point]:
    """A pair that differs along as few axes as can be, and there by as little."""

    def distance(pair: Tuple[Point, Point]) -> Tuple[int, int]:
        steps = [abs(a - b) for a, b in zip(*pair)]
        return sum(map(bool, steps)), sum(steps)

    return min(itertools.product(some, others), key=distance)
