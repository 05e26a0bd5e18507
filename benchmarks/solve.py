"""The steps inside a process: on the real environment, and on a made-up one that is much larger."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional

from benchmarks import place, timing
from compatshim import compiled
from compatshim.inventory import environment
from compatshim.match import match
from compatshim.metadata.snapshot import Snapshot
from compatshim.solve import growing, objective, problem, requirements, search
from compatshim.solve.problem import Wishes
from tests import frozen
from tests.solve import tangles
from tests.solve.worlds import World


class Row(NamedTuple):
    """CPU milliseconds of one step."""

    name: str
    milliseconds: timing.Spread
    target: str


def run(rounds: int, python: str) -> List[Row]:
    """The steps of ``pin`` on the environment of ``python``, and the large case."""
    path, markers = environment.search_path(python)
    inventory = environment.read(path, markers, source=python)
    catalog = compiled.load()
    made = problem.build(inventory, catalog, Snapshot.bundled())
    order = objective.make("least-change", made, catalog)
    number = f"{len(frozen.load()[place.NAME].pins)} distributions: "

    def step(name: str, work: Callable[[], object], target: str = "") -> Row:
        return Row(number + name, timing.spread(timing.function(work, rounds, before=forget)), target)

    return [
        step("read", lambda: environment.read(path, markers, source=python)),
        step("load the catalog and match", lambda: match(inventory.versions(), compiled.load())),
        step(
            "build the whole problem, snapshot included",
            lambda: problem.build(inventory, catalog, Snapshot.bundled()),
        ),
        step("solve the whole problem", lambda: search.solve(made, order), "10"),
        step(
            "build and solve as `pin` does, by the projects that decide",
            lambda: growing.solve(inventory, catalog, Snapshot.bundled(), Wishes(), "least-change"),
        ),
        *_large(rounds),
    ]


def _large(rounds: int) -> List[Row]:
    worlds = [world(tangles.large(seed, hits=20), 1) for seed in range(max(3, rounds // 3))]
    assert all(one.proved for one in worlds)
    name = "1,000 projects of 50 versions, 5,000 advisories, 20 hits: "
    return [
        Row(f"{name}build", timing.spread([figure for one in worlds for figure in one.builds]), ""),
        Row(f"{name}solve", timing.spread([figure for one in worlds for figure in one.solves]), "100"),
    ]


class Times(NamedTuple):
    """CPU milliseconds of some runs."""

    builds: List[float]
    solves: List[float]
    proved: bool
    """Whether an answer was found and proved minimal."""


def world(one: World, rounds: int) -> Times:
    """Build and solve a made-up world."""
    made = problem.build(one.inventory, one.catalog, one.metadata, wishes=one.wishes)
    order = objective.make("least-change", made, one.catalog)
    answers: List[Optional[search.Solution]] = []

    def build() -> None:
        problem.build(one.inventory, one.catalog, one.metadata, wishes=one.wishes)

    def solve() -> None:
        try:
            answers.append(search.solve(made, order))
        except search.OutOfBudgetError:
            answers.append(None)

    builds = timing.function(build, rounds, before=forget)
    solves = timing.function(solve, rounds, before=forget)
    return Times(builds, solves, all(answer is not None and answer.proved for answer in answers))


def forget() -> None:
    """Empty what is memoised: a program begins with nothing."""
    for known in (requirements.parse, requirements._clauses):
        known.cache_clear()
