"""The resolver against the MaxSAT oracle, on made-up tangles: as cheap as can be, and proved."""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Tuple

import pytest
from packaging.version import Version

from compatshim.solve import explain, growing, objective, problem, search
from tests.solve import tangles
from tests.solve.oracle import Oracle
from tests.solve.worlds import World

MAKERS = {
    "small": tangles.small,
    "dense": tangles.dense,
    "easier": tangles.easier,
    "demanding": tangles.demanding,
}
KINDS = ("plain", "wishes", "hopeless")
"""Without wishes; with wishes that can be granted; with an answer only by chance."""


def made(maker: str, kind: str, seed: int) -> World:
    return MAKERS[maker](seed, wishes=0 if kind == "plain" else 3, solvable=kind != "hopeless")


def built(world: World) -> Tuple[problem.Problem, Oracle]:
    return (
        problem.build(world.inventory, world.catalog, world.metadata, wishes=world.wishes),
        Oracle(world.inventory, world.catalog, world.metadata, world.wishes),
    )


def state(made: problem.Problem, solution: search.Solution) -> Dict[str, Optional[Version]]:
    """What is there afterwards."""
    return {name: made.version(name, solution.decided.get(name, here)) for name, here in made.current.items()}


def worlds(**numbers: Tuple[int, int]) -> List[object]:
    """Makers, and seeds from the first number on for every run, the others up to the second for the matrix."""
    found: List[object] = []
    for maker, (some, many) in numbers.items():
        found.append(pytest.param(maker, range(some), id=f"{maker}-{some}"))
        found.append(pytest.param(maker, range(some, many), marks=pytest.mark.matrix, id=f"{maker}-{many}"))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("maker", "seeds"), worlds(small=(100, 600), dense=(25, 200), easier=(10, 80), demanding=(20, 160))
)
def test_the_answer_is_the_minimum(maker: str, seeds: Iterable[int], kind: str) -> None:
    for seed in seeds:
        world = made(maker, kind, seed)
        given, oracle = built(world)
        for name in objective.ORDERS:
            found = search.solve(given, objective.make(name, given, world.catalog))
            assert (found.cost if found else None) == oracle.minimum(name), (seed, name)
            if found is not None:
                assert found.proved, (seed, name)
                assert oracle.allows(state(given, found)), (seed, name)
                assert oracle.cost(name, state(given, found)) == found.cost, (seed, name)
            grown = growing.solve(world.inventory, world.catalog, world.metadata, world.wishes, name)
            assert (grown.solution.cost if grown.solution else None) == (found.cost if found else None), (
                seed,
                name,
            )
            if grown.solution is not None:
                after = {**state(given, grown.solution), **state(grown.problem, grown.solution)}
                assert oracle.allows({one: after[one] for one in given.current}), (seed, name)


@pytest.mark.parametrize("maker", ["dense", "demanding"])
def test_an_answer_cut_short_is_still_an_answer(maker: str) -> None:
    cut = 0
    for seed in range(30):
        world = made(maker, "wishes", seed)
        given, oracle = built(world)
        order = objective.make("recommended", given, world.catalog)
        best = search.solve(given, order)
        found = search.solve(given, order, budget=2)
        assert best is not None
        assert found is not None, seed
        assert oracle.allows(state(given, found)), seed
        assert oracle.cost("recommended", state(given, found)) == found.cost >= best.cost, seed
        assert found.proved == (found.nodes <= 2), seed
        cut += not found.proved
    assert cut > 5


def test_a_hundred_faults_among_a_thousand_projects() -> None:
    world = tangles.large(0, hits=100)
    given = problem.build(world.inventory, world.catalog, world.metadata)
    for name in objective.ORDERS:
        found = search.solve(given, objective.make(name, given, world.catalog))
        assert found is not None
        assert found.proved
        assert found.nodes < 1000


@pytest.mark.parametrize(("maker", "seeds"), worlds(small=(60, 400), dense=(8, 60), demanding=(8, 60)))
def test_every_other_answer_is_the_next_best(maker: str, seeds: Iterable[int]) -> None:
    for seed in seeds:
        world = made(maker, "wishes", seed)
        given, oracle = built(world)
        for name in objective.ORDERS:
            answers = search.alternatives(given, objective.make(name, given, world.catalog), 3)
            before = [{change.project: change.after for change in answer.changes} for answer in answers]
            for position, answer in enumerate(answers):
                assert answer.proved, (seed, name, position)
                assert oracle.allows(state(given, answer)), (seed, name, position)
                assert oracle.minimum(name, unlike=before[:position]) == answer.cost, (seed, name, position)
            if len(answers) < 4:
                assert oracle.minimum(name, unlike=before) is None, (seed, name)


@pytest.mark.parametrize(("maker", "number"), [("small", 150), ("dense", 25)])
def test_no_smaller_set_of_wishes_to_drop_helps(maker: str, number: int) -> None:
    dropped = 0
    for seed in range(number):
        world = MAKERS[maker](seed, wishes=6, solvable=False)
        given, oracle = built(world)
        for name in objective.ORDERS:
            if search.solve(given, objective.make(name, given, world.catalog)) is not None:
                continue
            said = explain.why_not(given, world.catalog, name)
            fewest = oracle.fewest_drops(name)
            assert len(said.drop) == (fewest[0] if fewest else 0), (seed, name)
            if fewest is not None:
                assert oracle.minimum(name, without=said.drop) == fewest[1], (seed, name)
                dropped += 1
    assert dropped > 10
