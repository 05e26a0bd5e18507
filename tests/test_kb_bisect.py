"""The search held against an exhaustive one on small lattices, and what it says it may have missed."""

from __future__ import annotations

import itertools
import json
import os
import random
from typing import Callable, Dict, FrozenSet, Iterator, List, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from compatshim import catalog
from compatshim.kb.bisect import boxes, lattice
from compatshim.kb.bisect.boxes import Box, Point, inside
from compatshim.kb.bisect.lattice import Lattice, LatticeError
from compatshim.kb.bisect.search import BAD, GOOD, LABELS, UNKNOWN, Found, search
from compatshim.kb.worlds import Planner
from tests.kb_support import MINORS, Known

Truth = Callable[[Point], str]
many = settings(max_examples=300, deadline=None)


def ask(sizes: Sequence[int], truth: Truth, **how: object) -> Found:
    """Search, and see that nothing is asked twice and that the oracle is never asked outside the lattice."""
    asked: List[Point] = []

    def oracle(points: Sequence[Point]) -> List[str]:
        asked.extend(points)
        return [truth(point) for point in points]

    found = search(sizes, oracle, **how)  # type: ignore[arg-type]
    assert len(asked) == len(set(asked)) == len(found.answers)
    assert all(0 <= index < size for point in asked for index, size in zip(point, sizes))
    return found


def everywhere(sizes: Sequence[int]) -> Iterator[Point]:
    return itertools.product(*map(range, sizes))


def misjudged(sizes: Sequence[int], truth: Truth, found: Found) -> List[Point]:
    """Where an exhaustive search would disagree; of what is unknown neither says anything."""
    return [
        point
        for point in everywhere(sizes)
        if truth(point) != UNKNOWN and (truth(point) == BAD) != any(inside(box, point) for box in found.boxes)
    ]


@st.composite
def sized(draw: st.DrawFn, most: int = 9, axes: int = 3) -> Tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, most), min_size=1, max_size=axes)))


def box_in(sizes: Sequence[int]) -> st.SearchStrategy[Box]:
    return st.tuples(*(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).map(_ordered) for n in sizes))


def _ordered(pair: Tuple[int, int]) -> Tuple[int, int]:
    return min(pair), max(pair)


def of(bad: Sequence[Box], unknown: Callable[[Point], bool] = lambda _: False) -> Truth:
    def truth(point: Point) -> str:
        if unknown(point):
            return UNKNOWN
        return BAD if any(inside(box, point) for box in bad) else GOOD

    return truth


class TestOneBox:
    """Where the region is a box, and something in it is known, the search is exact."""

    @many
    @given(st.data())
    def test_exact(self, data: st.DataObject) -> None:
        sizes = data.draw(sized())
        box = data.draw(box_in(sizes))
        seed = tuple(data.draw(st.integers(low, high)) for low, high in box)
        found = ask(sizes, of([box]), seeds=[seed])
        assert (found.boxes, found.complete) == ((box,), True)

    @many
    @given(st.data())
    def test_what_cannot_be_installed_is_not_good(self, data: st.DataObject) -> None:
        """Old releases, and old ones together, are unknown."""
        sizes = data.draw(sized())
        box = data.draw(box_in(sizes))
        since = tuple(data.draw(st.integers(0, low)) for low, _ in box)
        truth = of([box], lambda point: any(index < start for index, start in zip(point, since)))
        found = ask(sizes, truth, seeds=[tuple(high for _, high in box)])
        assert misjudged(sizes, truth, found) == []
        assert all(
            label != GOOD
            for cell, label in found.cells
            for p in [tuple(a for a, _ in cell)]
            if truth(p) == UNKNOWN
            and all(truth(q) == UNKNOWN for q in itertools.product(*({*cell_axis} for cell_axis in cell)))
        )

    def test_no_box(self) -> None:
        found = ask((5, 5), of([]), probes=3)
        assert found.boxes == ()
        assert found.cells == ((((0, 4), (0, 4)), GOOD),)

    def test_all_of_it(self) -> None:
        found = ask((5, 4), of([((0, 4), (0, 3))]))
        assert (found.boxes, len(found.answers)) == ((((0, 4), (0, 3)),), 4)

    def test_nothing_can_be_installed(self) -> None:
        found = ask((9, 9), lambda _: UNKNOWN, probes=5)
        assert (found.boxes, found.cells) == ((), ((((0, 8), (0, 8)), UNKNOWN),))


class TestAnyRegion:
    """Whatever the world is like, nothing that was seen is contradicted."""

    @many
    @given(st.data())
    def test_agrees_with_all_that_was_asked(self, data: st.DataObject) -> None:
        sizes = data.draw(sized(most=5))
        points = list(everywhere(sizes))
        number = len(points)
        labels = dict(zip(points, data.draw(st.lists(st.sampled_from(LABELS), min_size=number, max_size=number))))
        found = ask(sizes, labels.__getitem__, probes=data.draw(st.integers(0, 6)))
        self.consistent(sizes, found)

    @many
    @given(st.data())
    def test_several_boxes(self, data: st.DataObject) -> None:
        sizes = data.draw(sized())
        bad = data.draw(st.lists(box_in(sizes), max_size=3))
        holes = data.draw(st.sets(st.tuples(*(st.integers(0, n - 1) for n in sizes)), max_size=6))
        truth = of(bad, holes.__contains__)
        found = ask(sizes, truth, probes=4)
        self.consistent(sizes, found)
        # What was looked for everywhere is known exactly.
        if len(found.answers) == len(list(everywhere(sizes))):
            assert misjudged(sizes, truth, found) == []

    def consistent(self, sizes: Sequence[int], found: Found) -> None:
        assert found.complete
        assert sum(1 for point in everywhere(sizes) for cell, _ in found.cells if inside(cell, point)) == len(
            list(everywhere(sizes))
        )
        for point, label in found.answers.items():
            if label != UNKNOWN:
                assert found.label(point) == label
                assert any(inside(box, point) for box in found.boxes) == (label == BAD)
        for box in found.boxes:
            assert any(label == BAD and inside(box, point) for point, label in found.answers.items())
            assert not any(boxes._within(box, other) for other in found.boxes if other != box)


class TestBoundaries:
    @many
    @given(st.data())
    def test_every_face_was_seen_from_both_sides(self, data: st.DataObject) -> None:
        sizes = data.draw(sized())
        bad = data.draw(st.lists(box_in(sizes), min_size=1, max_size=2))
        found = ask(sizes, of(bad), seeds=[tuple(low for low, _ in bad[0])])
        for box in found.boxes:
            for axis, (low, high) in enumerate(box):
                for inner, outer in ((low, low - 1), (high, high + 1)):
                    if 0 <= outer < sizes[axis]:
                        pairs = [
                            (found.answers[point], found.answers.get((*point[:axis], outer, *point[axis + 1 :])))
                            for point in found.answers
                            if point[axis] == inner and inside(box, point)
                        ]
                        assert (BAD, GOOD) in pairs


class TestRandomLattices:
    """Several disjoint regions, windows and holes: how often the whole truth is found, and at what price."""

    def worlds(
        self, number: int, axes: int, regions: int, holes: float
    ) -> Iterator[Tuple[Tuple[int, ...], List[Box], Truth]]:
        dice = random.Random(f"{axes} {regions} {holes}")  # noqa: S311
        for _ in range(number):
            sizes = tuple(dice.randint(8, 30 if axes == 2 else 14) for _ in range(axes))
            bad = [tuple(self.stretch(dice, size) for size in sizes) for _ in range(regions)]
            missing: Dict[Point, bool] = {point: dice.random() < holes for point in everywhere(sizes)}
            yield sizes, bad, of(bad, missing.__getitem__)

    def stretch(self, dice: random.Random, size: int) -> Tuple[int, int]:
        """Half of them reach to an end."""
        return _ordered((dice.choice([0, dice.randrange(size)]), dice.choice([size - 1, dice.randrange(size)])))

    @pytest.mark.parametrize(
        ("axes", "number", "holes", "wanted", "price"),
        [
            (2, 1, 0.0, 100, 45),
            (2, 1, 0.05, 97, 55),
            (2, 2, 0.0, 85, 65),
            (2, 3, 0.05, 70, 80),
            (3, 1, 0.05, 95, 95),
            (3, 2, 0.0, 65, 150),
        ],
    )
    def test_found(self, axes: int, number: int, holes: float, wanted: int, price: int) -> None:
        exact = runs = 0
        for sizes, bad, truth in self.worlds(100, axes, number, holes):
            found = ask(sizes, truth, seeds=[tuple(low for low, _ in box) for box in bad], probes=12)
            exact += misjudged(sizes, truth, found) == []
            runs += len(found.answers)
        assert exact >= wanted, f"{exact} of 100 exact"
        assert runs <= price * 100, f"{runs / 100} questions each"


class TestWhatItMayMiss:
    @many
    @given(st.data())
    def test_a_stretch_longer_than_the_gap_is_never_missed(self, data: st.DataObject) -> None:
        """The statement that goes with every result, on faults of one project alone."""
        sizes = data.draw(sized(most=14, axes=2))
        axis = data.draw(st.integers(0, len(sizes) - 1))
        low, high = _ordered(
            (data.draw(st.integers(0, sizes[axis] - 1)), data.draw(st.integers(0, sizes[axis] - 1)))
        )
        box = tuple((low, high) if a == axis else (0, n - 1) for a, n in enumerate(sizes))
        found = ask(sizes, of([box]), probes=data.draw(st.integers(0, 5)))
        if not found.boxes:
            gap = max((gap.size for gap in found.gaps if gap.axis == axis and gap.label == GOOD), default=0)
            assert high - low + 1 <= gap
        else:
            assert found.boxes == (box,)

    def test_probes_find_a_window(self) -> None:
        truth = of([((40, 47), (0, 29))])
        assert ask((100, 30), truth).boxes == ()
        assert ask((100, 30), truth, probes=15).boxes == (((40, 47), (0, 29)),)

    def test_probes_find_a_good_window_in_the_bad(self) -> None:
        """Not monotone: broken, mended, broken again."""
        truth = of([((0, 39), (0, 29)), ((48, 99), (0, 29))])
        assert ask((100, 30), truth).boxes == (((0, 99), (0, 29)),)
        found = ask((100, 30), truth, probes=15)
        assert found.boxes == (((0, 39), (0, 29)), ((48, 99), (0, 29)))

    def test_gaps_are_told(self) -> None:
        found = ask((50, 2), of([]), probes=1)
        (gap,) = found.gaps
        assert (gap.label, gap.axis, gap.start, gap.size, gap.cell) == (GOOD, 0, 1, 24, ((0, 49), (0, 1)))

    def test_more_probes_narrow_the_gaps(self) -> None:
        sizes = [
            max((gap.size for gap in ask((60, 40), of([]), probes=n).gaps), default=0) for n in range(0, 41, 8)
        ]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] < sizes[0] / 8

    @pytest.mark.parametrize("runs", range(1, 60, 6))
    def test_out_of_runs(self, runs: int) -> None:
        truth = of([((3, 20), (5, 30))])
        found = ask((30, 40), truth, seeds=[(10, 10)], runs=runs)
        assert len(found.answers) <= runs
        if not found.complete:
            assert all(found.label(point) == label for point, label in found.answers.items())
            assert [p for p in misjudged((30, 40), truth, found) if truth(p) == GOOD] == []


STORY = (14, 95, 128)


def story(point: Point) -> str:
    """As evaluate, datasets and filelock are, on made-up indices."""
    evaluate, datasets, filelock = point
    if datasets < 5:
        return UNKNOWN
    old = evaluate < 9
    return BAD if (filelock >= 60 and datasets >= 50 if old else datasets < 50 or filelock < 12) else GOOD


def test_few_questions_for_many_combinations() -> None:
    found = ask(STORY, story)
    assert found.boxes == (((0, 8), (50, 94), (60, 127)), ((9, 13), (0, 49), (0, 127)), ((9, 13), (0, 94), (0, 11)))
    assert len(found.answers) <= 110  # of 170,240


class TestCover:
    def test_largest_boxes(self) -> None:
        cells: Dict[Box, str] = {
            ((0, 4), (0, 4)): "bad",
            ((5, 9), (0, 4)): "bad",
            ((0, 4), (5, 9)): "good",
            ((5, 9), (5, 9)): "bad",
        }
        assert boxes.cover(cells) == (((0, 9), (0, 4)), ((5, 9), (0, 9)))

    def test_across_the_unknown(self) -> None:
        cells: Dict[Box, str] = {((0, 3),): "bad", ((4, 5),): "unknown", ((6, 9),): "bad", ((10, 12),): "unknown"}
        assert boxes.cover(cells) == (((0, 9),),)

    def test_from_the_lower_edge(self) -> None:
        cells: Dict[Box, str] = {((0, 3),): "unknown", ((4, 5),): "bad", ((6, 9),): "unknown"}
        assert boxes.opened(((4, 5),), cells) == ((0, 5),)
        assert boxes.opened(((4, 5),), {**cells, ((0, 3),): "good"}) == ((4, 5),)

    @many
    @given(st.data())
    def test_units(self, data: st.DataObject) -> None:
        cell = data.draw(box_in(data.draw(sized())))
        points: FrozenSet[Point] = data.draw(
            st.frozensets(st.tuples(*(st.integers(low, high) for low, high in cell)), max_size=4)
        )
        found = list(boxes.units(cell, points))
        assert all(sum(inside(unit, point) for unit in found) == 1 for point in points)
        assert all(sum(inside(unit, point) for point in points) <= 1 for unit in found)


class TestLattice:
    def test_versions(self) -> None:
        found = lattice.lattice(["b<1.3", "A"], Known())
        assert found.projects == ("b", "a")
        assert [str(version) for version in found.versions[0]] == ["0.1", "1.0", "1.1", "1.2"]
        assert (found.sizes, found.size) == ((4, 10), 40)
        assert found.pins((1, 2)) == {"b": Version("1.0"), "a": Version("2.0")}

    @pytest.mark.parametrize(
        ("box", "terms"),
        [
            (((0, 1), (2, 4)), ["b <1.1", "a >=2.0,<3.0"]),
            (((1, 4), (0, 9)), ["b >=1.0"]),
            (((0, 4), (0, 9)), ["b any version", "a any version"]),
        ],
    )
    def test_terms(self, box: Box, terms: List[str]) -> None:
        found = lattice.lattice(["b", "a"], Known()).terms(box)
        assert [str(term) for term in found] == terms
        for term in found:
            (interval,) = term.ranges
            assert interval.fixed or interval.last_checked

    @pytest.mark.parametrize(
        ("requirements", "message"),
        [
            (["a", "a"], "different projects"),
            ([], "1 to 4"),
            (["a", "b", "c", "d", "e"], "1 to 4"),
            (["a>99"], "a>99: no release is admitted"),
        ],
    )
    def test_no_lattice(self, requirements: List[str], message: str) -> None:
        with pytest.raises(LatticeError, match=message):
            lattice.lattice(requirements, Known())

    def test_an_unknown_project(self) -> None:
        with pytest.raises(LatticeError, match="c: no releases are known"):
            lattice.lattice(["a", "c"], Known())

    @pytest.mark.parametrize(
        ("text", "parts"),
        [("a,b", ["a", "b"]), ("a>=1,<2, b", ["a>=1,<2", "b"]), ("a", ["a"]), ("a!=1,!=2", ["a!=1,!=2"])],
    )
    def test_split(self, text: str, parts: List[str]) -> None:
        assert lattice.split(text) == parts

    @pytest.mark.parametrize("number", range(40))
    def test_spread(self, number: int) -> None:
        found = list(lattice.spread(number))
        assert sorted(found) == list(range(number))
        assert not number or found[0] == number // 2

    def test_seeds_are_points(self) -> None:
        asked = lattice.lattice(["a", "b"], Known())
        planner = Planner(asked.projects, Known(), MINORS)
        found = list(lattice.seeds(asked, planner))
        assert found
        assert all(0 <= index < size for point in found for index, size in zip(point, asked.sizes))
        assert {point[0] for point in found} >= {index for index, text in enumerate(("1.8", "1.9", "2.0")) if index}


DATA = os.path.join(os.path.dirname(__file__), "data", "bisect")
FOUND = {
    "datasets_lock_file_mode": ["CSA-2026-0002"],
    "evaluate_rendezvous": ["CSA-2026-0001", "CSA-2026-0003"],
}
"""What the reproducers of advisories find by themselves, by name."""


class TestRecorded:
    """Answers that the world gave: what was run once, in real environments, is asked for again and nothing else."""

    @pytest.mark.parametrize("name", sorted(FOUND))
    def test_the_ranges_are_rediscovered(self, name: str) -> None:
        with open(os.path.join(DATA, f"{name}.json"), encoding="utf-8") as file:
            recorded = json.load(file)
        answers: Dict[Point, str] = {tuple(row[:-1]): row[-1] for row in recorded["answers"]}
        versions = tuple(tuple(map(Version, axis)) for axis in recorded["projects"].values())
        asked = Lattice(tuple(recorded["projects"]), versions)
        how = {"probes": recorded["probes"], "at_once": recorded["at_once"]}
        # The seeds are among what was asked, in that order.
        found = ask(asked.sizes, answers.__getitem__, seeds=list(answers), **how)
        assert set(found.answers) == set(answers), f"another search: {recorded['about']}"
        terms = [asked.terms(box) for box in found.boxes]
        assert [[str(term) for term in box] for box in terms] == recorded["bad"]
        assert len(answers) * 100 < asked.size, "few runs for many combinations"
        known = catalog.load()
        for identifier in FOUND[name]:
            ranges = {term.project: term.ranges for term in known.advisory(identifier).terms}
            assert ranges in [{term.project: term.ranges for term in box} for box in terms]
