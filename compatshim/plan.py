"""Turn a solution into ordered steps, each state no worse than the one before."""

from __future__ import annotations

from itertools import combinations
from typing import FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from compatshim.model import Advisory, Change
from compatshim.solve import requirements
from compatshim.solve.explain import Reason
from compatshim.solve.problem import Known, Problem, jump
from compatshim.solve.search import Solution

MANY = 8
"""Above this many changes no order is searched: they are one step."""


class Step(NamedTuple):
    """Changes to make with one command, and what they do."""

    changes: Tuple[Change, ...]
    reasons: Tuple[Reason, ...]
    cures: Tuple[Advisory, ...]
    """Advisories that hold before and not after."""
    admits: Tuple[Advisory, ...]
    """Soft advisories that hold after and not before."""
    mind: Tuple[str, ...]
    """What could change for the user."""
    remaining: int
    """Error-level advisories that still hold afterwards."""


def steps(problem: Problem, solution: Solution, reasons: Tuple[Reason, ...]) -> Tuple[Step, ...]:
    """The changes in an order in which nothing gets worse on the way, in as many steps as that allows.

    Worse means an error-level advisory, or a declared requirement, that held before and does not after. Changes
    that only work together make one step.
    """
    goal = {change.project: solution.decided[change.project] for change in solution.changes}
    # Additions of which nothing is known can be made at any time, so they are there from the start.
    state = {project: index for project, index in solution.decided.items() if project not in goal}
    groups = _order(problem, state, goal) or ([frozenset(goal)] if goal else [])
    by_project = {reason.change.project: reason for reason in reasons}
    changes = {change.project: change for change in solution.changes}
    found = []
    for group in groups:
        before = _known(problem, state)
        state.update({project: goal[project] for project in group})
        after = _known(problem, state)
        moves = tuple(changes[project] for project in sorted(group))
        cures = tuple(item for item in before if item not in after)
        found.append(
            Step(
                changes=moves,
                reasons=tuple(by_project[project] for project in sorted(group)),
                cures=cures,
                admits=tuple(item for item in after if item not in before),
                mind=_mind(moves, cures),
                remaining=sum(item.level == "error" for item in after),
            )
        )
    return tuple(found)


def _mind(changes: Tuple[Change, ...], cures: Tuple[Advisory, ...]) -> Tuple[str, ...]:
    """Major versions, and the impact of the remedies that the changes amount to."""
    found = []
    for change in changes:
        if change.before is not None and change.after is not None:
            if jump(change.before, change.after) == "major":
                found.append(f"{change.project} {change.before} → {change.after} is a major version.")
            for remedy in (remedy for item in cures for remedy in item.remedies):
                wanted = [requirements.parse(text) for text in remedy.constraints]
                if remedy.impact and any(
                    one is not None
                    and one.name == change.project
                    and requirements.admits(one.specifier, change.after)
                    for one in wanted
                ):
                    found.append(remedy.impact)
    return tuple(dict.fromkeys(found))


def _known(problem: Problem, state: Mapping[str, int]) -> Tuple[Advisory, ...]:
    """The advisories that hold in a state."""
    return tuple(
        item.cause.advisory
        for item in problem.incompatibilities
        if isinstance(item.cause, Known) and problem.holds(item, state)
    )


def _violated(problem: Problem, state: Mapping[str, int]) -> FrozenSet[int]:
    return frozenset(
        position
        for position, item in enumerate(problem.incompatibilities)
        if not item.soft and problem.holds(item, state)
    )


def _order(problem: Problem, start: Mapping[str, int], goal: Mapping[str, int]) -> Optional[List[FrozenSet[str]]]:
    """Groups of projects to move one after the other; the smallest groups that work."""
    if len(goal) > MANY:
        return None
    projects = sorted(goal)
    for largest in range(1, len(projects) + 1):
        found = _walk(problem, start, goal, frozenset(projects), largest)
        if found is not None:
            return found
    return None


def _walk(
    problem: Problem, state: Mapping[str, int], goal: Mapping[str, int], left: FrozenSet[str], largest: int
) -> Optional[List[FrozenSet[str]]]:
    """The groups in which to move the projects that are left, from a state on; None when there is no way."""
    if not left:
        return []
    before = _violated(problem, state)
    ways = []
    for size in range(1, min(largest, len(left)) + 1):
        for group in combinations(sorted(left), size):
            there = {**state, **{project: goal[project] for project in group}}
            after = _violated(problem, there)
            if after <= before:
                ways.append((size, len(after), group, there))
    # Small groups first, and of those the one that cures most.
    for _, _, group, there in sorted(ways, key=lambda way: way[:3]):
        rest = _walk(problem, there, goal, left.difference(group), largest)
        if rest is not None:
            return [frozenset(group), *rest]
    return None
