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
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from compatshim.model import Change
from compatshim.solve.objective import Cost, Objective, changes
from compatshim.solve.problem import Incompatibility, Problem

BUDGET = 5_000
"""Nodes to expand before minimality is given up."""

# Decisions (project, index), and the soft incompatibilities that are accepted.
_Node = Tuple[FrozenSet[Tuple[str, int]], FrozenSet[int]]


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
        self._known_repairs: Dict[int, Dict[str, Tuple[int, Cost]]] = {}

    def run(self, budget: int) -> Optional[Solution]:
        order = count()
        start: _Node = (frozenset(), frozenset())
        # Of nodes that promise the same, the one with the most decisions is the nearest to an answer.
        heap = [(self.objective.zero, 0, next(order), self.objective.zero, start, self.violated_at_start)]
        seen: Set[_Node] = {start}
        expanded = 0
        greedy = False
        while heap:
            _, _, _, cost, node, violated = heapq.heappop(heap)
            decided, accepted = dict(node[0]), node[1]
            expanded += 1
            if expanded > budget and not greedy:
                # From here on the nodes with the fewest violations left go first, whatever they promise.
                greedy = True
                heap = [((len(item[5]), *item[3]), *item[1:]) for item in heap]
                heapq.heapify(heap)
            if expanded > 2 * budget:
                raise OutOfBudgetError(f"no answer after {expanded} nodes")
            if not violated:
                return Solution(
                    changes(self.problem, decided),
                    decided,
                    cost,
                    tuple(self.problem.incompatibilities[position] for position in sorted(accepted)),
                    proved=not greedy,
                    nodes=expanded,
                )
            for child, project, price in self._children(decided, accepted, violated):
                if child in seen:
                    continue
                seen.add(child)
                after = dict(child[0])
                left = self._violated(after, child[1], violated, project)
                bound = self._bound(after, left)
                if bound is not None:
                    total = tuple(map(add, cost, price))
                    rank = (len(left), *total) if greedy else tuple(map(add, total, bound))
                    heapq.heappush(heap, (rank, -len(after), next(order), total, child, left))
        return None

    def _violated(
        self, decided: Mapping[str, int], accepted: FrozenSet[int], before: Sequence[int], project: str
    ) -> List[int]:
        """What is violated after a decision about ``project``, given what was ``before``."""
        problem = self.problem
        positions = {*before, *problem.by_project.get(project, ())}
        return sorted(
            position
            for position in positions - accepted
            if problem.holds(problem.incompatibilities[position], decided)
        )

    def _children(
        self, decided: Dict[str, int], accepted: FrozenSet[int], violated: Sequence[int]
    ) -> Iterator[Tuple[_Node, str, Cost]]:
        """The ways out of one violation, with the project that moves: a soft one may also be accepted."""
        # The violation with the fewest ways out keeps the tree narrow.
        position = min(violated, key=lambda position: self._width(position, decided))
        incompatibility = self.problem.incompatibilities[position]
        if incompatibility.soft:
            yield (frozenset(decided.items()), accepted | {position}), "", self._acceptance(position)
        for project, index, price in self._ways(incompatibility, decided):
            yield (frozenset({**decided, project: index}.items()), accepted), project, price

    def _acceptance(self, position: int) -> Cost:
        return self.objective.soft(present_before=position in self.violated_at_start)

    def _width(self, position: int, decided: Mapping[str, int]) -> int:
        """How many ways out of a violation there may be."""
        ways = self._repairs(position)
        free = sum(number for project, (number, _) in ways.items() if project not in decided)
        return free + self.problem.incompatibilities[position].soft

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
            items = [problem.incompatibilities[position] for position in problem.by_project[project]]
            masks = [mask for item in items for name, mask in item.terms if name == project]
            never = [item.terms[0][1] for item in items if len(item.terms) == 1 and not item.soft]
            best: Dict[Tuple[int, ...], Tuple[Cost, int]] = {}
            for index, version in enumerate(problem.candidates[project]):
                # What is there is not taken away: nothing here knows who else uses it.
                if index == problem.current[project] or version is None or any(mask >> index & 1 for mask in never):
                    continue
                kind = tuple(mask >> index & 1 for mask in masks)
                price = self.objective.change(problem, project, index)
                if kind not in best or price < best[kind][0]:
                    best[kind] = (price, index)
            self._options[project] = tuple((index, price) for price, index in sorted(best.values()))
        return self._options[project]

    def _repairs(self, position: int) -> Dict[str, Tuple[int, Cost]]:
        """How many candidates of each project break an incompatibility, and the price of the cheapest."""
        if position not in self._known_repairs:
            found = {}
            for project, mask in self.problem.incompatibilities[position].terms:
                prices = [price for index, price in self._candidates(project) if not mask >> index & 1]
                if prices:
                    found[project] = (len(prices), min(prices))
            self._known_repairs[position] = found
        return self._known_repairs[position]

    def _bound(self, decided: Mapping[str, int], violated: Sequence[int]) -> Optional[Cost]:
        """What a set of violations that share no undecided project costs, at the least; None for a dead end.

        Each needs a change of its own, and that change is no cheaper than the cheapest candidate outside its
        mask; or, if it is soft, its acceptance.
        """
        taken: Set[str] = set()
        total = self.objective.zero
        for position in violated:
            prices = {
                project: price for project, (_, price) in self._repairs(position).items() if project not in decided
            }
            ways = list(prices.values())
            if self.problem.incompatibilities[position].soft:
                ways.append(self._acceptance(position))
            if not ways:
                return None
            if not taken & prices.keys():
                taken.update(prices)
                total = tuple(map(add, total, min(ways)))
        return total
