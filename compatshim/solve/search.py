"""Best-first repair: start from what is installed and change what breaks something, cheapest first.

A node is a set of decisions, each a project moved to another candidate, never to be moved again. Some violated
incompatibility is picked; in every solution below the node one of its undecided projects differs from what is
installed, so branching over those projects and their candidates loses none. Nodes are taken in order of the
price of the decisions plus a lower bound on what is still to pay, so the first node without a violation is the
minimum. Of candidates that no incompatibility tells apart only the cheapest is tried.

The bound. Violations that share no undecided project each need a change of their own. What one costs at the
least is the cheapest way out of it that is no dead end, together with what that way out breaks anew, as far as
the projects that could mend that are not counted for another violation. Branching on the violation whose ways
out have become dearest brings conflicts up to the top of the tree, where they are met once, instead of below
every combination of choices that have nothing to do with them.

Groups. Violations that share no project are first mended one by one, each search leaving alone what touches the
projects that others rest on. The sum of their prices is a lower bound, because no project is counted twice; where
the answers together break nothing they are the minimum, and where they do, the groups that meet there are mended
together. In the worst case all ends in one group: the plain search.
"""

from __future__ import annotations

import contextlib
import heapq
from itertools import count, islice
from operator import add, sub
from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from compatshim.model import Change
from compatshim.solve.objective import Cost, Objective, changes
from compatshim.solve.problem import Incompatibility, Problem

BUDGET = 5_000
"""Nodes to expand before minimality is given up."""

# Decisions (project, index), and the soft incompatibilities that are accepted.
_Node = Tuple[FrozenSet[Tuple[str, int]], FrozenSet[int]]

Shape = FrozenSet[Tuple[str, bool]]
"""The projects that an answer changes, and whether each goes back."""


class Solution(NamedTuple):
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
    return _Groups(_Tables(problem, objective)).solve(budget)


def alternatives(
    problem: Problem, objective: Objective, number: int, *, budget: int = BUDGET
) -> Tuple[Solution, ...]:
    """The minimum and up to ``number`` more answers, the cheapest first, each for what the ones before do not do.

    An answer is another one unless it changes all that an earlier one changes, in the same direction. Where the
    budget runs out there are fewer.
    """
    first = solve(problem, objective, budget=budget)
    if first is None or not number:
        return () if first is None else (first,)
    tables = _Tables(problem, objective)
    found = [first]
    search = _Search(tables, tables.violated_at_start)
    search.exclude(first.decided)
    # What came before the budget ran out is kept.
    with contextlib.suppress(OutOfBudgetError):
        found.extend(islice(search.run(budget, greedy=False), number))
    return tuple(found)


class OutOfBudgetError(Exception):
    """Neither an answer nor a proof that there is none was found within the budget."""


class _Open(NamedTuple):
    """A node that waits: ordered by its rank, then by how near it seems, then by age."""

    rank: Tuple[int, ...]
    depth: int
    order: int
    cost: Cost
    node: _Node
    violated: Sequence[int]
    """Before the last decision while the node is not yet looked at, then those that are."""
    moved: str
    """The project of the last decision; empty when there was none, or the node was looked at."""
    looked: bool


class _Frontier:
    """The nodes that wait. Of those that promise the same, the one with the most decisions comes first."""

    def __init__(self, start: _Open) -> None:
        self.waiting = [start]
        self.hurried = False
        """Whether the nodes with the fewest violations go first, whatever they promise."""
        self._seen: Set[_Node] = {start.node}
        self._order = count(1)

    def pop(self) -> _Open:
        """Take the first one."""
        return heapq.heappop(self.waiting)

    def push(self, item: _Open) -> None:
        """Put one back, or in for the first time."""
        if self.hurried:
            item = self._hurried(item)
        heapq.heappush(self.waiting, item._replace(order=next(self._order)))

    def discover(self, item: _Open) -> None:
        """Put one in unless it has been here before."""
        if item.node not in self._seen:
            self._seen.add(item.node)
            self.push(item)

    def hurry(self) -> None:
        """From here on an answer matters more than the best one."""
        if not self.hurried:
            self.hurried = True
            self.waiting = [self._hurried(item) for item in self.waiting]
            heapq.heapify(self.waiting)

    @staticmethod
    def _hurried(item: _Open) -> _Open:
        return item._replace(rank=(len(item.violated), *item.cost))


class _Bound(NamedTuple):
    """What is still to pay, at the least, and how to go on."""

    price: Cost
    branch: int
    """Position of the violation to branch on."""
    own: Cost
    """What of the price is for that violation."""


class _Neighbour(NamedTuple):
    """An incompatibility as one of its projects sees it."""

    position: int
    mask: int
    """Of that project."""
    others: Tuple[Tuple[str, int], ...]
    soft: bool


class _Tables:
    """What all searches on one problem look up, worked out when it is first asked for."""

    def __init__(self, problem: Problem, objective: Objective) -> None:
        self.problem = problem
        self.objective = objective
        self.violated_at_start = tuple(
            position
            for position, incompatibility in enumerate(problem.incompatibilities)
            if problem.holds(incompatibility, {})
        )
        self._candidates: Dict[str, Tuple[Tuple[int, Cost], ...]] = {}
        self._neighbours: Dict[str, Tuple[_Neighbour, ...]] = {}
        self._ways: Dict[int, Tuple[Tuple[Cost, str, int], ...]] = {}
        self._prices: Dict[int, Dict[str, Cost]] = {}

    def neighbours(self, project: str) -> Tuple[_Neighbour, ...]:
        """The incompatibilities around a project."""
        if project not in self._neighbours:
            found = []
            for position in self.problem.by_project.get(project, ()):
                item = self.problem.incompatibilities[position]
                terms = dict(item.terms)
                others = tuple((name, mask) for name, mask in item.terms if name != project)
                found.append(_Neighbour(position, terms[project], others, item.soft))
            self._neighbours[project] = tuple(found)
        return self._neighbours[project]

    def candidates(self, project: str) -> Tuple[Tuple[int, Cost], ...]:
        """The candidates worth trying: of each kind that no incompatibility tells apart, the cheapest."""
        if project not in self._candidates:
            problem = self.problem
            neighbours = self.neighbours(project)
            masks = list({one.mask for one in neighbours if one.others or one.soft})
            never = 0
            for one in neighbours:
                if not one.others and not one.soft:
                    never |= one.mask
            best: Dict[Tuple[int, ...], Tuple[Cost, int]] = {}
            for index, version in reversed([*enumerate(problem.candidates[project])]):
                # What is there is not taken away: nothing here knows who else uses it.
                if index == problem.current[project] or version is None or never >> index & 1:
                    continue
                kind = tuple([mask >> index & 1 for mask in masks])
                price = self.objective.change(problem, project, index)
                if kind not in best or price < best[kind][0]:
                    best[kind] = (price, index)
            self._candidates[project] = tuple(
                (index, price) for price, index in sorted(best.values(), key=lambda one: (one[0], -one[1]))
            )
        return self._candidates[project]

    def ways(self, position: int) -> Tuple[Tuple[Cost, str, int], ...]:
        """Single changes that break an incompatibility, the cheapest first."""
        if position not in self._ways:
            found = [
                (price, project, index)
                for project, mask in self.problem.incompatibilities[position].terms
                for index, price in self.candidates(project)
                if not mask >> index & 1
            ]
            self._ways[position] = tuple(sorted(found, key=lambda way: (way[0], way[1], -way[2])))
        return self._ways[position]

    def prices(self, position: int) -> Dict[str, Cost]:
        """The price of the cheapest change of each project that breaks an incompatibility."""
        if position not in self._prices:
            found: Dict[str, Cost] = {}
            for price, project, _ in self.ways(position):
                found.setdefault(project, price)
            self._prices[position] = found
        return self._prices[position]

    def acceptance(self, position: int) -> Cost:
        """The price of leaving a soft incompatibility in place."""
        return self.objective.soft(present_before=position in self.violated_at_start)


class _Group(NamedTuple):
    """Violations that are mended together, and how."""

    violated: Tuple[int, ...]
    solution: Solution
    touched: FrozenSet[str]
    """Projects that its price rests on."""


class _Groups:
    """The minimum by groups that have nothing to do with each other, as far as there are such."""

    def __init__(self, tables: _Tables) -> None:
        self.tables = tables
        self.left = 0
        self.nodes = 0

    def solve(self, budget: int) -> Optional[Solution]:
        """The minimum, or None. Raises :exc:`OutOfBudgetError`."""
        self.left = budget
        waiting = self._apart()
        solved: List[_Group] = []
        try:
            while waiting:
                group = self._solve(waiting.pop(0), waiting, solved)
                if group is None:
                    return None
                solved.append(group)
                if not waiting:
                    solved, waiting = self._meet(solved)
        except OutOfBudgetError:
            # Cut short: all together, and no longer the best.
            return next(_Search(self.tables, self.tables.violated_at_start).run(0, nodes=self.nodes), None)
        return self._together(solved)

    def _apart(self) -> List[Tuple[int, ...]]:
        """The violations at the start, in groups that share no project that can move."""
        groups: List[Tuple[Tuple[int, ...], Set[str]]] = []
        for position in self.tables.violated_at_start:
            positions: Tuple[int, ...] = (position,)
            projects = self._movable(position)
            apart = []
            for other in groups:
                if projects.isdisjoint(other[1]):
                    apart.append(other)
                else:
                    positions, projects = (*other[0], *positions), projects | other[1]
            groups = [*apart, (positions, projects)]
        return [tuple(sorted(positions)) for positions, _ in groups]

    def _movable(self, position: int) -> Set[str]:
        terms = self.tables.problem.incompatibilities[position].terms
        return {project for project, _ in terms if self.tables.candidates(project)}

    def _solve(
        self, violated: Tuple[int, ...], waiting: Sequence[Tuple[int, ...]], solved: Sequence[_Group]
    ) -> Optional[_Group]:
        foreign = {project for others in waiting for position in others for project in self._movable(position)}
        foreign.update(project for group in solved for project in group.touched)
        search = _Search(self.tables, violated, frozenset(foreign))
        solution = next(search.run(self.left, greedy=False, nodes=self.nodes), None)
        if solution is None:
            return None
        self.left -= solution.nodes - self.nodes
        self.nodes = solution.nodes
        own = {project for position in violated for project in self._movable(position)}
        return _Group(violated, solution, frozenset(search.touched | own))

    def _meet(self, solved: Sequence[_Group]) -> Tuple[List[_Group], List[Tuple[int, ...]]]:
        """The groups that stand, and those that must be mended together because their answers break something."""
        problem = self.tables.problem
        decided = {name: index for group in solved for name, index in group.solution.decided.items()}
        accepted = [item for group in solved for item in group.solution.accepted]
        positions = {position for project in decided for position in problem.by_project[project]}
        together = list(range(len(solved)))
        for position in sorted(positions):
            item = problem.incompatibilities[position]
            if not problem.holds(item, decided) or item in accepted:
                continue
            projects = {project for project, _ in item.terms}
            meeting = {
                together[number] for number, group in enumerate(solved) if not projects.isdisjoint(group.touched)
            }
            together = [min(meeting) if number in meeting else number for number in together]
        merged: Dict[int, List[int]] = {}
        for number, one in enumerate(together):
            merged.setdefault(one, []).append(number)
        stay = [solved[numbers[0]] for numbers in merged.values() if len(numbers) == 1]
        again = [
            tuple(sorted(position for number in numbers for position in solved[number].violated))
            for numbers in merged.values()
            if len(numbers) > 1
        ]
        return stay, again

    def _together(self, solved: Sequence[_Group]) -> Solution:
        decided = {name: index for group in solved for name, index in group.solution.decided.items()}
        cost = self.tables.objective.zero
        for group in solved:
            cost = tuple(map(add, cost, group.solution.cost))
        accepted = tuple(item for group in solved for item in group.solution.accepted)
        found = changes(self.tables.problem, decided)
        return Solution(found, decided, cost, accepted, proved=True, nodes=self.nodes)


class _Search:
    """The search of one group of violations, among all that the problem says."""

    def __init__(self, tables: _Tables, violated: Sequence[int], foreign: FrozenSet[str] = frozenset()) -> None:
        self.tables = tables
        self.problem = tables.problem
        self.objective = tables.objective
        self.start = violated
        self.foreign = foreign
        """Projects of other groups: what touches them is not looked at here."""
        self.touched: Set[str] = set()
        """Projects that the price of the answer rests on."""
        self.shapes: List[Shape] = []
        """Of the answers that were given, or are not wanted."""

    def exclude(self, decided: Mapping[str, int]) -> None:
        """Want no answer that changes all that this one changes."""
        self.shapes.append(self._shape(decided))

    def run(self, budget: int, *, greedy: bool = True, nodes: int = 0) -> Iterator[Solution]:
        """The answers in order of price, each of another shape than those before.

        Beyond ``budget`` nodes the search turns greedy, or raises :exc:`OutOfBudgetError` when it must not.
        ``nodes`` were expanded before.
        """
        zero = self.objective.zero
        frontier = _Frontier(_Open(zero, 0, 0, zero, (frozenset(), frozenset()), self.start, "", looked=False))
        expanded = 0
        while frontier.waiting:
            item = frontier.pop()
            decided = dict(item.node[0])
            violated = self._look(item, decided)
            if violated is None:
                continue
            expanded += 1
            if expanded > (budget + BUDGET if greedy else budget):
                raise OutOfBudgetError(f"no answer after {nodes + expanded} nodes")
            if expanded > budget:
                frontier.hurry()
            if not violated:
                self.exclude(decided)
                yield Solution(
                    changes(self.problem, decided),
                    decided,
                    item.cost,
                    tuple(self.problem.incompatibilities[position] for position in sorted(item.node[1])),
                    proved=not frontier.hurried,
                    nodes=nodes + expanded,
                )
            elif not self._expand(item, decided, violated, frontier):
                expanded -= 1

    def _look(self, item: _Open, decided: Mapping[str, int]) -> Optional[Sequence[int]]:
        """What is violated in a node; None when no wanted answer lies below it."""
        if self._known_shape(decided):
            return None
        if item.looked:
            return item.violated
        return self._violated(decided, item.node[1], item.violated, item.moved)

    def _expand(self, item: _Open, decided: Dict[str, int], violated: Sequence[int], frontier: _Frontier) -> bool:
        """Put the children of a node on the frontier; false when the node itself went back there instead."""
        bound = self._bound(decided, item.node[1], violated)
        if bound is None:
            return True
        total = tuple(map(add, item.cost, bound.price))
        if not frontier.hurried and total > item.rank and not item.looked:
            # It is dearer than it seemed from above: others may have to go first.
            frontier.push(item._replace(rank=total, violated=violated, looked=True))
            return False
        # What is to pay for all but the violation that is now mended.
        rest = tuple(map(sub, total, bound.own))
        for child, project, price in self._children(decided, item.node[1], bound.branch):
            cost = tuple(map(add, item.cost, price))
            rank = max(item.rank, tuple(map(add, rest, price)))
            frontier.discover(_Open(rank, -len(child[0]), 0, cost, child, violated, project, looked=False))
        return True

    def _shape(self, decided: Mapping[str, int]) -> Shape:
        problem = self.problem
        return frozenset(
            (project, index < problem.current[project])
            for project, index in decided.items()
            if problem.candidates[project][problem.current[project]] is not None
        )

    def _known_shape(self, decided: Mapping[str, int]) -> bool:
        """Whether a node changes all that an earlier answer changes: so does every answer below it."""
        if not self.shapes:
            return False
        shape = self._shape(decided)
        return any(shape >= known for known in self.shapes)

    def _violated(
        self, decided: Mapping[str, int], accepted: FrozenSet[int], before: Sequence[int], moved: str
    ) -> Optional[List[int]]:
        """What is violated after the last decision, given what was ``before``; None when that stays so."""
        problem = self.problem
        incompatibilities = problem.incompatibilities
        found = {
            position
            for position in before
            if position not in accepted and problem.holds(incompatibilities[position], decided)
        }
        if moved:
            index = decided[moved]
            current = problem.current
            for position, mask, others, soft in self.tables.neighbours(moved):
                if not mask >> index & 1 or position in accepted or self._elsewhere(others):
                    continue
                stuck = not soft
                for project, other in others:
                    if project in decided:
                        if not other >> decided[project] & 1:
                            break
                    elif other >> current[project] & 1:
                        stuck = False
                    else:
                        break
                else:
                    if stuck:
                        return None
                    found.add(position)
        return sorted(found)

    def _elsewhere(self, others: Sequence[Tuple[str, int]]) -> bool:
        """Whether an incompatibility touches a project of another group."""
        if self.foreign:
            for project, _ in others:
                if project in self.foreign:
                    return True
        return False

    def _children(
        self, decided: Dict[str, int], accepted: FrozenSet[int], position: int
    ) -> Iterator[Tuple[_Node, str, Cost]]:
        """The ways out of one violation, with the project that moves: a soft one may also be accepted."""
        if self.problem.incompatibilities[position].soft:
            yield (frozenset(decided.items()), accepted | {position}), "", self.tables.acceptance(position)
        for price, project, index in self.tables.ways(position):
            if project not in decided:
                yield (frozenset({**decided, project: index}.items()), accepted), project, price

    def _bound(
        self, decided: Mapping[str, int], accepted: FrozenSet[int], violated: Sequence[int]
    ) -> Optional[_Bound]:
        """What some violations cost at the least, and which to mend next; None for a dead end."""
        counted: List[int] = []
        taken: Set[str] = set()
        for position in violated:
            free = [project for project in self.tables.prices(position) if project not in decided]
            if not free and not self.problem.incompatibilities[position].soft:
                return None
            if taken.isdisjoint(free):
                taken.update(free)
                counted.append(position)
        self.touched |= taken
        state = {**self.problem.current, **decided}
        total = self.objective.zero
        settled = accepted.union(violated)
        best: Optional[Tuple[Cost, int, int]] = None
        own = total
        for position in counted:
            found = self._least(position, decided, state, settled, taken)
            if found is None:
                return None
            price, cheapest, width = found
            total = tuple(map(add, total, price))
            regret = (tuple(map(sub, price, cheapest)), -width, -position)
            if best is None or regret > best:
                best = regret
                own = price
        # Every violation shares a project with one that is counted, so there is one.
        return None if best is None else _Bound(total, -best[2], own)

    def _least(
        self,
        position: int,
        decided: Mapping[str, int],
        state: Mapping[str, int],
        settled: FrozenSet[int],
        taken: Set[str],
    ) -> Optional[Tuple[Cost, Cost, int]]:
        """The least that a way out of a violation costs with what it breaks, its own least price, and the ways.

        ``settled`` are the violations that are paid for or counted, ``taken`` the projects whose changes are
        counted already; those that this count rests on are added.
        """
        best: Optional[Cost] = None
        cheapest: Optional[Cost] = None
        width = 0
        support: Set[str] = set()
        if self.problem.incompatibilities[position].soft:
            best = cheapest = self.tables.acceptance(position)
            width = 1
        for price, project, index in self.tables.ways(position):
            if project in decided:
                continue
            width += 1
            if cheapest is None or price < cheapest:
                cheapest = price
            if best is not None and price >= best:
                continue
            more = self._consequence((project, index), decided, state, settled, taken)
            if more is None:
                continue
            dearer, rests_on = more
            whole = tuple(map(add, price, dearer)) if rests_on else price
            support |= rests_on
            if best is None or whole < best:
                best = whole
        if best is None or cheapest is None:
            return None
        taken |= support
        self.touched |= support
        return best, cheapest, width

    def _consequence(
        self,
        move: Tuple[str, int],
        decided: Mapping[str, int],
        state: Mapping[str, int],
        settled: FrozenSet[int],
        taken: Set[str],
    ) -> Optional[Tuple[Cost, Set[str]]]:
        """What a move breaks anew costs at the least, and the projects that could mend it; None for a dead end."""
        project, index = move
        worst = self.objective.zero
        rests_on: Set[str] = set()
        for position, mask, others, soft in self.tables.neighbours(project):
            if not mask >> index & 1 or self._elsewhere(others):
                continue
            for name, other in others:
                if not other >> state[name] & 1:
                    break
            else:
                free = [name for name, _ in others if name not in decided]
                prices = self.tables.prices(position)
                ways = [prices[name] for name in free if name in prices]
                if soft:
                    ways.append(self.tables.acceptance(position))
                if not ways:
                    return None
                if position in settled or not taken.isdisjoint(free):
                    continue
                price = min(ways)
                if price > worst:
                    worst, rests_on = price, set(free)
        return worst, rests_on
