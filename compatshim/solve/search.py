"""Best-first repair: start from what is installed and change what breaks something, cheapest first.

A node leaves each project a set of candidates, and chooses the cheapest of them: what is installed, as long as it
is among them. Some violated incompatibility is picked. In every answer one of its terms does not hold, so there is
one child per term, in which the project leaves the term and the projects of the terms before stay in theirs: no
answer lies in two children, and none is lost. Where all terms but one hold whatever is chosen, the project of that
one has to leave it, at once. Nodes are taken in order of the price of the choices plus a lower bound on what is
still to pay, so the first node without a violation is the minimum. Of candidates that no incompatibility tells
apart only the cheapest is tried.

A soft incompatibility has one more term, *it is not waived*. To waive it is a choice like any other, with a price.
"Name" below means a project or a waiver.

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

import heapq
from itertools import count
from typing import Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from compatshim.model import Change
from compatshim.solve.objective import Cost, Objective, changes
from compatshim.solve.problem import Incompatibility, Known, Problem, Wished

BUDGET = 5_000
"""Nodes to expand before minimality is given up."""


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
    solution = solve(problem, objective, budget=budget)
    found = [] if solution is None else [solution]
    while found and len(found) <= number:
        shape = _shape(problem, found[-1].decided)
        if not shape:
            break
        # That all of it happens again is one more thing that must not be.
        again = Incompatibility(shape, Wished("", "this answer was given", "--alternatives"))
        more = (*problem.incompatibilities, again)
        problem = Problem(problem.candidates, problem.current, more, unknown=problem.unknown)
        try:
            solution = _Groups(_Tables(problem, objective)).solve(budget, greedy=False)
        except OutOfBudgetError:  # what came before is kept
            break
        if solution is None:
            break
        found.append(solution)
    return tuple(found)


def _shape(problem: Problem, decided: Mapping[str, int]) -> Tuple[Tuple[str, int], ...]:
    """The installed projects that an answer changes, each with the candidates on the same side of its own."""
    found = []
    for project, index in sorted(decided.items()):
        here = problem.current[project]
        versions = problem.candidates[project]
        if versions[here] is not None:
            back = (1 << here) - 1
            found.append((project, back if index < here else (1 << len(versions)) - 1 & ~(back << 1 | 1)))
    return tuple(found)


class OutOfBudgetError(Exception):
    """Neither an answer nor a proof that there is none was found within the budget."""


class _Node(NamedTuple):
    """What is left of some projects' candidates, and which is chosen where it is not the one that is installed."""

    domains: Dict[str, int]
    choice: Dict[str, int]
    price: int


class _Open(NamedTuple):
    """A node that waits: ordered by its rank, then by how near it seems, then by age."""

    rank: Tuple[int, ...]
    depth: int
    order: int
    node: _Node
    violated: Sequence[int]
    """In its parent while the node is not yet looked at, then in itself."""
    moved: Tuple[str, ...]
    """Whose choice is another than in the parent."""
    looked: bool


class _Bound(NamedTuple):
    """What is still to pay, at the least, and how to go on."""

    price: int
    branch: int
    """Position of the violation to branch on."""
    own: int
    """What of the price is for that violation."""


class _Neighbour(NamedTuple):
    """An incompatibility as one of its variables sees it."""

    position: int
    mask: int
    """Of that variable."""
    others: Tuple[Tuple[str, int], ...]


class _Variable(NamedTuple):
    """What there is to choose from under a name."""

    here: int
    """The choice that costs nothing."""
    values: int
    """Bits of the choices worth trying."""
    prices: Dict[int, int]
    order: Tuple[Tuple[int, int], ...]
    """Prices and choices, the cheapest first."""
    neighbours: Tuple[_Neighbour, ...]


class _Tables:
    """What all searches on one problem look up, worked out when it is first asked for.

    Prices are vectors packed into one number, the first component in the highest digits.
    """

    def __init__(self, problem: Problem, objective: Objective) -> None:
        self.problem = problem
        self.objective = objective
        self.waivers: Dict[str, List[int]] = {}
        """Positions of what is soft, by waiver."""
        violated = []
        for position, item in enumerate(problem.incompatibilities):
            if item.soft:
                self.waivers.setdefault(_waiver(item), []).append(position)
            if problem.holds(item, {}):
                violated.append(position)
        self.violated_at_start = tuple(violated)
        self._variables: Dict[str, _Variable] = {}
        self._cheapest: Dict[Tuple[str, int], Tuple[int, int]] = {}

    def terms(self, position: int) -> Tuple[Tuple[str, int], ...]:
        """What must not all hold."""
        item = self.problem.incompatibilities[position]
        return (*item.terms, (_waiver(item), 1)) if item.soft else item.terms

    def here(self, name: str) -> int:
        """The choice that costs nothing."""
        return self.problem.current.get(name, 0)

    def values(self, name: str) -> int:
        """Bits of the choices; of one that was not yet looked at, also of those that are not worth trying."""
        known = self._variables.get(name)
        if known is not None:
            return known.values
        versions = self.problem.candidates.get(name)
        return 3 if versions is None else (1 << len(versions)) - 1

    def holds(self, position: int, choice: Mapping[str, int]) -> bool:
        """Whether an incompatibility is violated."""
        current = self.problem.current
        for name, mask in self.terms(position):
            index = choice.get(name)
            if not mask >> (current.get(name, 0) if index is None else index) & 1:
                return False
        return True

    def variable(self, name: str) -> _Variable:
        """A variable with all around it."""
        found = self._variables.get(name)
        if found is None:
            found = self._variables[name] = self._waived(name) if name in self.waivers else self._project(name)
        return found

    def cheapest(self, name: str, allowed: int) -> Optional[Tuple[int, int]]:
        """Price and choice of the cheapest of some choices; None when there is none."""
        variable = self.variable(name)
        allowed &= variable.values
        if not allowed:
            return None
        key = (name, allowed)
        found = self._cheapest.get(key)
        if found is None:
            found = self._cheapest[key] = next(way for way in variable.order if allowed >> way[1] & 1)
        return found

    def _waived(self, name: str) -> _Variable:
        positions = self.waivers[name]
        items = self.problem.incompatibilities
        before = any(position in self.violated_at_start for position in positions)
        price = self.objective.soft(present_before=before)
        neighbours = tuple(_Neighbour(position, 1, items[position].terms) for position in positions)
        return _Variable(0, 3, {0: 0, 1: price}, ((0, 0), (price, 1)), neighbours)

    def _project(self, name: str) -> _Variable:
        problem = self.problem
        here = problem.current[name]
        neighbours = []
        never = 0
        for position in problem.by_project[name]:
            terms = self.terms(position)
            mask = next(mask for project, mask in terms if project == name)
            if len(terms) == 1:
                never |= mask
            neighbours.append(_Neighbour(position, mask, tuple([term for term in terms if term[0] != name])))
        prices = self.objective.prices(problem, name)
        # What is there is not taken away: nothing here knows who else uses it.
        others = sum(1 << index for index in prices if index != here)
        best = [] if never >> here & 1 else [(0, -here)]
        best += [
            min((prices[index], -index) for index in _bits(kind)) for kind in _kinds(others & ~never, neighbours)
        ]
        order = tuple((price, -index) for price, index in sorted(best))
        values = 0
        for _, index in order:
            values |= 1 << index
        prices[here] = 0
        return _Variable(here, values, prices, order, tuple(neighbours))


def _waiver(item: Incompatibility) -> str:
    """What waives a soft incompatibility, by a name that no project can have."""
    assert isinstance(item.cause, Known)  # noqa: S101  nothing else is ever soft
    return item.cause.advisory.id


def _kinds(values: int, neighbours: Iterable[_Neighbour]) -> List[int]:
    """Some choices, apart where an incompatibility with other variables tells them apart."""
    kinds = [values] if values else []
    for mask in {one.mask for one in neighbours if one.others}:
        kinds = [part for kind in kinds for part in (kind & mask, kind & ~mask) if part]
    return kinds


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield mask.bit_length() - 1
        mask ^= 1 << mask.bit_length() - 1


class _Group(NamedTuple):
    """Violations that are mended together, and how."""

    violated: Tuple[int, ...]
    choice: Mapping[str, int]
    price: int
    proved: bool


class _Groups:
    """The minimum by groups that have nothing to do with each other, as far as there are such."""

    def __init__(self, tables: _Tables) -> None:
        self.tables = tables
        self.owner: Dict[str, int] = {}
        """The group whose price rests on a name."""
        self.nodes = 0

    def solve(self, budget: int, *, greedy: bool = True) -> Optional[Solution]:
        """The minimum, or None. Raises :exc:`OutOfBudgetError`."""
        waiting = self._apart()
        solved: Dict[int, _Group] = {}
        try:
            while waiting:
                number, violated = waiting.pop()
                group = self._solve(violated, number, budget - self.nodes)
                if group is None:
                    return None
                solved[number] = group
                if not waiting:
                    waiting = self._meet(solved)
        except OutOfBudgetError:
            if not greedy:
                raise
            # Cut short: all together, and no longer the best.
            self.owner.clear()
            group = self._solve(self.tables.violated_at_start, 0, 0, greedy=True)
            if group is None:
                return None
            solved = {0: group}
        return self._together([*solved.values()])

    def _apart(self) -> List[Tuple[int, Tuple[int, ...]]]:
        """The violations at the start, in numbered groups that share nothing that can move."""
        groups: Dict[int, Tuple[int, ...]] = {}
        for number, position in enumerate(self.tables.violated_at_start):
            names = [
                name for name, mask in self.tables.terms(position) if self.tables.variable(name).values & ~mask
            ]
            groups[number] = (position,)
            self.owner.update((name, number) for name in names if name not in self.owner)
            self._join(groups, {number, *(self.owner[name] for name in names)})
        return sorted(groups.items(), reverse=True)

    def _join(self, groups: Dict[int, Tuple[int, ...]], numbers: Set[int]) -> None:
        """Make several groups one, which has the lowest of their numbers."""
        first, *others = sorted(numbers)
        if not others:
            return
        groups[first] = tuple(sorted(position for number in numbers for position in groups.pop(number)))
        for name, number in self.owner.items():
            if number in numbers:
                self.owner[name] = first

    def _solve(
        self, violated: Sequence[int], number: int, budget: int, *, greedy: bool = False
    ) -> Optional[_Group]:
        search = _Search(self.tables, violated, self.owner, number)
        try:
            return search.run(budget, greedy=greedy)
        finally:
            self.nodes += search.nodes
            self.owner.update(dict.fromkeys(search.touched, number))

    def _meet(self, solved: Dict[int, _Group]) -> List[Tuple[int, Tuple[int, ...]]]:
        """Those that must be mended together because their answers break something; they are taken out."""
        tables = self.tables
        choice = {name: index for group in solved.values() for name, index in group.choice.items()}
        groups = {number: group.violated for number, group in solved.items()}
        for position in sorted({one.position for name in choice for one in tables.variable(name).neighbours}):
            if tables.holds(position, choice):
                names = [name for name, _ in tables.terms(position)]
                self._join(groups, {self.owner[name] for name in names if name in self.owner})
        again = [item for item in groups.items() if item[1] != solved[item[0]].violated]
        for number in [*solved]:
            if number not in groups or groups[number] != solved[number].violated:
                del solved[number]
        return sorted(again, reverse=True)

    def _together(self, solved: Sequence[_Group]) -> Solution:
        tables, problem = self.tables, self.tables.problem
        choice = {name: index for group in solved for name, index in group.choice.items()}
        decided = {name: index for name, index in choice.items() if name in problem.candidates}
        # A warning accepted on the way may be gone in the end: in a minimum only when accepting it was free.
        remaining = {
            position: name
            for name in choice
            for position in tables.waivers.get(name, ())
            if problem.holds(problem.incompatibilities[position], decided)
        }
        price = sum(tables.variable(name).prices[choice[name]] for name in (*decided, *remaining.values()))
        return Solution(
            changes(problem, decided),
            decided,
            tables.objective.vector(price),
            tuple(problem.incompatibilities[position] for position in sorted(remaining)),
            proved=all(group.proved for group in solved),
            nodes=self.nodes,
        )


class _Search:
    """The search of one group of violations, among all that the problem says."""

    def __init__(self, tables: _Tables, violated: Sequence[int], owner: Mapping[str, int], number: int) -> None:
        self.tables = tables
        self.start = violated
        self.owner = owner
        """What the groups rest on: incompatibilities that name what is another's are not looked at here."""
        self.number = number
        self.touched: Set[str] = set()
        """What the price of the answer rests on."""
        self.nodes = 0
        """Nodes expanded."""
        self.hurried = False
        """Whether the nodes with the fewest violations go first, whatever they promise."""
        self._waiting: List[_Open] = []
        self._order = count()

    def run(self, budget: int, *, greedy: bool = False) -> Optional[_Group]:
        """The cheapest answer.

        Beyond ``budget`` nodes the search turns greedy, or raises :exc:`OutOfBudgetError` when it must not.
        """
        self._push(_Open((0,), 0, 0, _Node({}, {}, 0), self.start, (), looked=False))
        while self._waiting:
            item = heapq.heappop(self._waiting)
            violated = item.violated if item.looked else self._violated(item)
            if not violated:
                return _Group(tuple(self.start), item.node.choice, item.node.price, not self.hurried)
            self.nodes += 1
            if self.nodes > (budget + BUDGET if greedy else budget):
                raise OutOfBudgetError(f"no answer after {self.nodes} nodes")
            if self.nodes > budget and not self.hurried:
                self._hurry()
            if not self._expand(item, violated):
                self.nodes -= 1
        return None

    def _push(self, item: _Open) -> None:
        if self.hurried:
            item = item._replace(rank=(len(item.violated), item.node.price))
        heapq.heappush(self._waiting, item._replace(order=next(self._order)))

    def _hurry(self) -> None:
        """From here on an answer matters more than the best one."""
        self.hurried = True
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._push(item)

    def _violated(self, item: _Open) -> List[int]:
        """What is violated in a node, given what was in its parent and whose choice is another."""
        choice = item.node.choice
        current = self.tables.problem.current
        holds = self.tables.holds
        found = {position for position in item.violated if holds(position, choice)}
        for moved in item.moved:
            index = choice[moved]
            for position, mask, others in self.tables.variable(moved).neighbours:
                if not mask >> index & 1 or position in found:
                    continue
                for name, other in others:
                    here = choice.get(name)
                    if not other >> (current.get(name, 0) if here is None else here) & 1:
                        break
                else:
                    if not self._elsewhere(others):
                        found.add(position)
        return sorted(found)

    def _elsewhere(self, others: Sequence[Tuple[str, int]]) -> bool:
        """Whether an incompatibility names what another group rests on."""
        owner, number = self.owner, self.number
        for name, _ in others:
            if owner.get(name, number) != number:
                return True
        return False

    def _expand(self, item: _Open, violated: Sequence[int]) -> bool:
        """Put the children of a node on the frontier; false when the node itself went back there instead."""
        bound = self._bound(item.node, violated)
        if bound is None:
            return True
        total = item.node.price + bound.price
        if not self.hurried and (total,) > item.rank and not item.looked:
            # It is dearer than it seemed from above: others may have to go first.
            self._push(item._replace(rank=(total,), violated=violated, looked=True))
            return False
        # What is to pay for all but the violation that is now mended.
        rest = total - bound.own
        for node, moved, price in self._children(item.node, bound.branch):
            rank = max(item.rank, (max(rest + price, node.price),))
            self.touched.update(moved)
            self._push(_Open(rank, item.depth - 1, 0, node, violated, moved, looked=False))
        return True

    def _children(self, node: _Node, position: int) -> Iterator[Tuple[_Node, Tuple[str, ...], int]]:
        """The ways out of one violation, whose choice each changes, and the price of the first change."""
        ways = []
        for name, mask in self.tables.terms(position):
            variable = self.tables.variable(name)
            best = self.tables.cheapest(name, node.domains.get(name, variable.values) & ~mask)
            if best is not None:
                ways.append((best[0] - variable.prices[node.choice.get(name, variable.here)], name, mask))
        limits: List[Tuple[str, int]] = []
        for price, name, mask in sorted(ways):
            found = self._restrict(node, [*limits, (name, ~mask)])
            if found is not None:
                yield (*found, price)
            limits.append((name, mask))

    def _restrict(self, node: _Node, limits: List[Tuple[str, int]]) -> Optional[Tuple[_Node, Tuple[str, ...]]]:
        """A node in which less is allowed, with all that follows; None for a dead end."""
        tables = self.tables
        domains, choice, price = dict(node.domains), dict(node.choice), node.price
        moved: Set[str] = set()
        while limits:
            name, allowed = limits.pop()
            variable = tables.variable(name)
            before = domains.get(name, variable.values)
            after = before & allowed
            index = choice.get(name, variable.here)
            if after == before and after >> index & 1:
                continue
            if not after:
                return None
            domains[name] = after
            if not after >> index & 1:
                best = tables.cheapest(name, after)
                assert best is not None  # noqa: S101  something is left
                price += best[0] - variable.prices[index]
                choice[name] = best[1]
                moved.add(name)
            for _, mask, others in variable.neighbours:
                # Only where the term now holds whatever is chosen, and did not before.
                if after & ~mask or not before & ~mask or self._elsewhere(others):
                    continue
                forced = self._forced(others, domains)
                if forced is None:
                    return None
                limits += forced
        return _Node(domains, choice, price), tuple(moved)

    def _forced(
        self, others: Sequence[Tuple[str, int]], domains: Mapping[str, int]
    ) -> Optional[List[Tuple[str, int]]]:
        """What follows when all but some terms hold: the last that may still not, must not; None for a dead end."""
        left = []
        for name, mask in others:
            domain = domains.get(name)
            if domain is None:
                domain = self.tables.values(name)
            if not domain & mask:
                return []
            if domain & ~mask:
                left.append((name, ~mask))
        return None if not left else left if len(left) == 1 else []

    def _bound(self, node: _Node, violated: Sequence[int]) -> Optional[_Bound]:
        """What some violations cost at the least, and which to mend next; None for a dead end."""
        counted: List[int] = []
        taken: Set[str] = set()
        for position in violated:
            free = self._free(node, self.tables.terms(position))
            if not free:
                return None
            if taken.isdisjoint(free):
                taken.update(free)
                counted.append(position)
        self.touched |= taken
        known = frozenset(violated)
        total = 0
        best: Optional[Tuple[int, int, int]] = None
        own = 0
        for position in counted:
            found = self._least(position, node, known, taken)
            if found is None:
                return None
            price, cheapest, width = found
            total += price
            regret = (price - cheapest, -width, -position)
            if best is None or regret > best:
                best = regret
                own = price
        # Every violation shares a variable with one that is counted, so there is one.
        return None if best is None else _Bound(total, -best[2], own)

    def _free(self, node: _Node, terms: Iterable[Tuple[str, int]]) -> Dict[str, int]:
        """Of some terms' variables those that may still leave, and what that costs at the least."""
        found = {}
        for name, mask in terms:
            variable = self.tables.variable(name)
            best = self.tables.cheapest(name, node.domains.get(name, variable.values) & ~mask)
            if best is not None:
                found[name] = best[0] - variable.prices[node.choice.get(name, variable.here)]
        return found

    def _least(
        self, position: int, node: _Node, violated: FrozenSet[int], taken: Set[str]
    ) -> Optional[Tuple[int, int, int]]:
        """The least that a way out of a violation costs with what it breaks, its own least price, and the ways.

        ``taken`` are the variables whose changes are counted already; those that this count rests on are added.
        """
        best: Optional[int] = None
        cheapest: Optional[int] = None
        width = 0
        support: Set[str] = set()
        for name, mask in self.tables.terms(position):
            variable = self.tables.variable(name)
            allowed = node.domains.get(name, variable.values) & ~mask
            paid = variable.prices[node.choice.get(name, variable.here)]
            for price, index in variable.order:
                if not allowed >> index & 1:
                    continue
                width += 1
                more = price - paid
                if cheapest is None or more < cheapest:
                    cheapest = more
                if best is not None and more >= best:
                    break
                broken = self._consequence(name, index, node, violated, taken)
                if broken is None:
                    continue
                support |= broken[1]
                if best is None or more + broken[0] < best:
                    best = more + broken[0]
        if best is None or cheapest is None:
            return None
        taken |= support
        self.touched |= support
        return best, cheapest, width

    def _consequence(
        self, name: str, index: int, node: _Node, violated: FrozenSet[int], taken: Set[str]
    ) -> Optional[Tuple[int, Set[str]]]:
        """What a choice breaks anew costs at the least, and what could mend it; None for a dead end."""
        choice = node.choice
        current = self.tables.problem.current
        broken: List[Tuple[int, Set[str]]] = []
        for position, mask, others in self.tables.variable(name).neighbours:
            if not mask >> index & 1:
                continue
            for other, inside in others:
                here = choice.get(other)
                if not inside >> (current.get(other, 0) if here is None else here) & 1:
                    break
            else:
                if self._elsewhere(others):
                    continue
                free = self._free(node, others)
                if not free:
                    return None
                if position not in violated and taken.isdisjoint(free):
                    broken.append((min(free.values()), set(free)))
        total = 0
        rests_on: Set[str] = set()
        for price, free_ in sorted(broken, key=lambda one: -one[0]):
            if rests_on.isdisjoint(free_):
                total += price
                rests_on |= free_
        return total, rests_on
