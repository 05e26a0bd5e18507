"""Boxes of lattice points, and the largest that cover what is bad and nothing that is good. Pure."""

from __future__ import annotations

import itertools
from typing import Dict, FrozenSet, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

Bounds = Tuple[int, int]
Box = Tuple[Bounds, ...]
"""First and last index along each axis."""
Point = Tuple[int, ...]


def inside(box: Box, point: Point) -> bool:
    """Whether a box holds a point."""
    return all(low <= index <= high for (low, high), index in zip(box, point))


def units(cell: Box, points: Iterable[Point]) -> Iterator[Box]:
    """Cut a cell along every index of ``points``, so that each of them is a box of its own."""
    cuts: List[Set[int]] = [set() for _ in cell]
    for point in points:
        for axis, index in enumerate(point):
            cuts[axis] |= {index, index + 1}
    yield from itertools.product(*(_stretches(bounds, cut) for bounds, cut in zip(cell, cuts)))


def _stretches(bounds: Bounds, starts: Iterable[int]) -> List[Bounds]:
    low, high = bounds
    begins = sorted({low, *(start for start in starts if low <= start <= high)})
    return [(begin, after - 1) for begin, after in zip(begins, [*begins[1:], high + 1])]


def cover(cells: Mapping[Box, str]) -> Tuple[Box, ...]:
    """The largest boxes that hold every bad cell and no good one; what is unknown may be in between."""
    if "bad" not in cells.values():
        return ()
    axes = [_stretches((min(low for low, _ in all_), max(high for _, high in all_)), (low for low, _ in all_))
            for all_ in zip(*cells)]  # fmt: skip
    grid = _Grid(axes, cells)
    found: List[Box] = []
    left = set(grid.bad)
    while left:
        seed = min(left)
        grown = max((grid.grow(seed, order) for order in grid.orders), key=lambda box: (grid.weight(box), box))
        left -= grid.held(grown)
        found.append(grid.box(grown))
    return largest(found)


def largest(boxes: Iterable[Box]) -> Tuple[Box, ...]:
    """The boxes that lie within no other, in order."""
    found = sorted(set(boxes))
    return tuple(box for box in found if not any(box != other and _within(box, other) for other in found))


def opened(box: Box, cells: Mapping[Box, str]) -> Box:
    """A box, begun at the lower edge of the lattice along every axis where nothing below it is known."""
    for axis, (low, high) in enumerate(box):
        start = min(cell[axis][0] for cell in cells)
        below: Box = (*box[:axis], (start, low - 1), *box[axis + 1 :])
        if low > start and all(kind == "unknown" for cell, kind in cells.items() if _meet(cell, below)):
            box = (*box[:axis], (start, high), *box[axis + 1 :])
    return box


def _meet(box: Box, other: Box) -> bool:
    return all(mine[0] <= theirs[1] and theirs[0] <= mine[1] for mine, theirs in zip(box, other))


def _within(box: Box, other: Box) -> bool:
    return all(theirs[0] <= low and high <= theirs[1] for (low, high), theirs in zip(box, other))


class _Grid:
    """The cells on the grid that all their sides make together. Its boxes are of indices into the grid."""

    def __init__(self, axes: Sequence[Sequence[Bounds]], cells: Mapping[Box, str]) -> None:
        self._axes = axes
        places = [{low: number for number, (low, _) in enumerate(axis)} for axis in axes]
        ends = [{high: number for number, (_, high) in enumerate(axis)} for axis in axes]
        label: Dict[Point, str] = {}
        for cell, kind in cells.items():
            spans = (range(places[a][low], ends[a][high] + 1) for a, (low, high) in enumerate(cell))
            label.update(dict.fromkeys(itertools.product(*spans), kind))
        self.bad: FrozenSet[Point] = frozenset(point for point, kind in label.items() if kind == "bad")
        self._good = frozenset(point for point, kind in label.items() if kind == "good")
        self.orders = list(itertools.permutations(range(len(axes))))

    def grow(self, seed: Point, order: Sequence[int]) -> Box:
        """The box from ``seed`` that is stretched along one axis after another as far as nothing good is in it."""
        box: Box = tuple((index, index) for index in seed)
        for axis in order:
            low, high = box[axis]
            while low > 0 and not self._hits(box, axis, low - 1):
                low -= 1
            while high < len(self._axes[axis]) - 1 and not self._hits(box, axis, high + 1):
                high += 1
            box = (*box[:axis], (low, high), *box[axis + 1 :])
        held = self.held(box)
        return tuple((min(axis), max(axis)) for axis in zip(*held))

    def _hits(self, box: Box, axis: int, index: int) -> bool:
        layer: Box = (*box[:axis], (index, index), *box[axis + 1 :])
        return any(point in self._good for point in _points(layer))

    def held(self, box: Box) -> Set[Point]:
        """The bad points of a box."""
        return {point for point in _points(box) if point in self.bad}

    def weight(self, box: Box) -> int:
        """How many combinations the bad part of a box stands for."""
        total = 0
        for point in self.held(box):
            size = 1
            for axis, index in enumerate(point):
                low, high = self._axes[axis][index]
                size *= high - low + 1
            total += size
        return total

    def box(self, grown: Box) -> Box:
        """A box of the grid as one of the lattice."""
        return tuple((axis[low][0], axis[high][1]) for axis, (low, high) in zip(self._axes, grown))


def _points(box: Box) -> Iterator[Point]:
    return itertools.product(*(range(low, high + 1) for low, high in box))
