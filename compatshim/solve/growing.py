"""The minimum of a whole environment, from as few of its projects as decide it.

Only some projects are let move at first: those that a known-bad combination or a wish is about. What has to do with
others that could move is left out, and less to satisfy costs no more: the answer is a lower bound for the whole.
Where it breaks nothing of what was left out, it is the minimum. Where it does, the projects that it meets there are
let move as well. In a large environment few are, and of the others no releases are even looked at.
"""

from __future__ import annotations

from typing import FrozenSet, Iterator, List, NamedTuple, Optional

from compatshim.match import match
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, Inventory
from compatshim.solve import objective, requirements, search
from compatshim.solve.problem import Builder, Incompatibility, Problem, Wishes


class Solved(NamedTuple):
    """What came of it."""

    problem: Problem
    """Of all projects when there is no solution; else of those that were let move, among all that stay."""
    objective: objective.Objective
    solution: Optional[search.Solution]


def solve(inventory: Inventory, catalog: Catalog, metadata: MetadataSource, wishes: Wishes, name: str) -> Solved:
    """The minimum under the objective ``name``. Raises :exc:`~compatshim.solve.search.OutOfBudgetError`."""
    builder = Builder(inventory, catalog, metadata, wishes)
    free = frozenset(_concerned(inventory, catalog, wishes))
    while True:
        made = builder.build(free)
        inside: List[Incompatibility] = []
        left_out: List[Incompatibility] = []
        for item in made.incompatibilities:
            (inside if made.kept.isdisjoint(_projects(item)) else left_out).append(item)
        order = objective.make(name, made, catalog)
        less = Problem(made.candidates, made.current, tuple(inside), unknown=made.unknown)
        solution = search.solve(less, order)
        if solution is None:
            whole = builder.build()
            return Solved(whole, objective.make(name, whole, catalog), None)
        decided = solution.decided
        met = {project for item in left_out if made.holds(item, decided) for project in _projects(item)}
        if not met:
            return Solved(made, order, solution)
        free |= met


def _concerned(inventory: Inventory, catalog: Catalog, wishes: Wishes) -> Iterator[str]:
    """The projects that the user's wishes, and what is known to be bad here and to help, are about."""
    for wish in (*wishes.require, *(bound.wanted for bound in wishes.constraints)):
        yield wish.name
    for finding in match(inventory.versions(), catalog):
        if finding.level == "note":
            continue
        yield from finding.advisory.projects
        for remedy in finding.advisory.remedies:
            for wanted in map(requirements.parse, remedy.constraints):
                if wanted is not None:
                    yield wanted.name


def _projects(item: Incompatibility) -> FrozenSet[str]:
    return frozenset(project for project, _ in item.terms)
