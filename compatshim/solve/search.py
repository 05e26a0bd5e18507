"""Best-first repair: start from what is installed and change what breaks something, cheapest first.

A node is a set of decisions, each a project moved to another candidate, never to be moved again. Some violated
incompatibility is picked; in every solution below the node one of its undecided projects differs from what is
installed, so branching over those projects and their candidates loses none. Nodes are taken in order of the
price of the decisions plus a lower bound on what is still to pay, so the first node without a violation is the
minimum. Of candidates that no incompatibility tells apart only the cheapest is tried.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from operator import add
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Set, Tuple

from compatshim.model import Change
from compatshim.solve.objective import Cost, Objective, changes
from compatshim.solve.problem import Incompatibility, Known, Problem

BUDGET = 20_000
"""Nodes to expand before minimality is given up."""

_Decisions = FrozenSet[Tuple[str, int]]


@dataclass(frozen=True)
class Solution:
    """An answer: what to change, at what price, and whether it is proved minimal."""

    changes: Tuple[Change, ...]
    decided: Mapping[str, int]
    cost: Cost
    accepted: Tuple[Incompatibility, ...]
    """Soft incompatibilities that remain."""
    proved: bool
    nodes: int
    """Nodes expanded."""


def solve(problem: Problem, objective: Objective, *, budget: int = BUDGET) -> Optional[Solution]:
    """The minimum, or None when there is provably none.

    When the budget runs out the search turns greedy and the answer is not proved; :exc:`OutOfBudgetError` is raised
    when even that finds none.
    """
    return _Search(problem, objective).run(budget)


class OutOfBudgetError(Exception):
    """Neither an answer nor a proof that there is none was found within the budget."""


class _Search:
    def __init__(self, problem: Problem, objective: Objective) -> None:
        self.problem = problem
        self.objective = objective
        self.violated_at_start = [
            position
            for position, incompatibility in enumerate(problem.incompatibilities)
            if problem.holds(incompatibility, {})
        ]
        self._options: Dict[str, Tuple[Tuple[int, Cost], ...]] = {}

    def run(self, budget: int) -> Optional[Solution]:
        order = count()
        start: Tuple[_Decisions, FrozenSet[int]] = (frozenset(), frozenset())
        heap = [(self.objective.zero, next(order), self.objective.zero, start)]
        seen: Set[Tuple[_Decisions, FrozenSet[int]]] = {start}
        expanded = 0
        greedy = False
        while heap:
            _, _, cost, node = heapq.heappop(heap)
            decided, accepted = dict(node[0]), node[1]
            expanded += 1
            if expanded > budget and not greedy:
                # Depth first from here on: far-decided nodes have the fewest violations left.
                greedy = True
                heap = [(self._greedy(item[3], item[2]), item[1], item[2], item[3]) for item in heap]
                heapq.heapify(heap)
            if expanded > 2 * budget:
                raise OutOfBudgetError(f"no answer after {expanded} nodes")
            violated = self._violated(decided, accepted)
            if not violated:
                return Solution(
                    changes(self.problem, decided),
                    decided,
                    cost,
                    tuple(self.problem.incompatibilities[position] for position in sorted(accepted)),
                    proved=not greedy,
                    nodes=expanded,
                )
            for child, price in self._children(decided, accepted, violated):
                if child in seen:
                    continue
                seen.add(child)
                total = tuple(map(add, cost, price))
                rank = self._greedy(child, total) if greedy else tuple(map(add, total, self._bound(child)))
                heapq.heappush(heap, (rank, next(order), total, child))
        return None

    def _violated(self, decided: Mapping[str, int], accepted: FrozenSet[int]) -> List[int]:
        """Positions of the violated incompatibilities, hard ones first."""
        problem = self.problem
        positions = set(self.violated_at_start)
        for project in decided:
            positions.update(problem.by_project[project])
        found = [
            position
            for position in positions
            if position not in accepted and problem.holds(problem.incompatibilities[position], decided)
        ]
        return sorted(found, key=lambda position: (problem.incompatibilities[position].soft, position))

    def _children(
        self, decided: Dict[str, int], accepted: FrozenSet[int], violated: List[int]
    ) -> Iterator[Tuple[Tuple[_Decisions, FrozenSet[int]], Cost]]:
        problem = self.problem
        hard = [position for position in violated if not problem.incompatibilities[position].soft]
        # The violation with the fewest ways out keeps the tree narrow.
        if hard:
            ways = [list(self._ways(problem.incompatibilities[position], decided)) for position in hard]
            best = min(ways, key=len)
        else:
            position = violated[0]
            present = position in self.violated_at_start
            yield (
                (frozenset(decided.items()), accepted | {position}),
                self.objective.soft(present_before=present),
            )
            best = list(self._ways(problem.incompatibilities[position], decided))
        for project, index, price in best:
            yield (frozenset({**decided, project: index}.items()), accepted), price

    def _ways(
        self, incompatibility: Incompatibility, decided: Mapping[str, int]
    ) -> Iterator[Tuple[str, int, Cost]]:
        """Single changes of an undecided project that break an incompatibility and meet no dead end."""
        for project, mask in incompatibility.terms:
            if project in decided:
                continue
            for index, price in self._candidates(project):
                if not mask >> index & 1 and not self._dead(project, index, decided):
                    yield project, index, price

    def _dead(self, project: str, index: int, decided: Mapping[str, int]) -> bool:
        """Whether moving a project here violates something among decided projects alone, which stays so."""
        problem = self.problem
        after = {**decided, project: index}
        for position in problem.by_project[project]:
            incompatibility = problem.incompatibilities[position]
            if not incompatibility.soft and all(
                name in after and mask >> after[name] & 1 for name, mask in incompatibility.terms
            ):
                return True
        return False

    def _candidates(self, project: str) -> Tuple[Tuple[int, Cost], ...]:
        """The candidates worth trying: of each kind that no incompatibility tells apart, the cheapest."""
        if project not in self._options:
            problem = self.problem
            masks = [
                mask
                for position in problem.by_project[project]
                for name, mask in problem.incompatibilities[position].terms
                if name == project
            ]
            best: Dict[Tuple[int, ...], Tuple[Cost, int]] = {}
            for index, version in enumerate(problem.candidates[project]):
                # What is there is not taken away: nothing here knows who else uses it.
                if index == problem.current[project] or version is None:
                    continue
                kind = tuple(mask >> index & 1 for mask in masks)
                price = self.objective.change(problem, project, index)
                if kind not in best or price < best[kind][0]:
                    best[kind] = (price, index)
            self._options[project] = tuple((index, price) for price, index in sorted(best.values()))
        return self._options[project]

    def _bound(self, node: Tuple[_Decisions, FrozenSet[int]]) -> Cost:
        """At least one more change for each violation in a set that shares no undecided project."""
        decided, accepted = dict(node[0]), node[1]
        taken: Set[str] = set()
        needed = 0
        for position in self._violated(decided, accepted):
            incompatibility = self.problem.incompatibilities[position]
            free = {project for project, _ in incompatibility.terms if project not in decided}
            if not incompatibility.soft and not free & taken:
                taken |= free
                needed += 1
        return self.objective.vector(changed=needed)

    def _greedy(self, node: Tuple[_Decisions, FrozenSet[int]], cost: Cost) -> Cost:
        decided, accepted = dict(node[0]), node[1]
        hard = [
            position
            for position in self._violated(decided, accepted)
            if not self.problem.incompatibilities[position].soft
        ]
        return (len(hard), *cost)


def advisories(accepted: Tuple[Incompatibility, ...]) -> Tuple[str, ...]:
    """Ids of the advisories among incompatibilities."""
    return tuple(item.cause.advisory.id for item in accepted if isinstance(item.cause, Known))
