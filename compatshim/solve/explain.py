"""Why an answer is what it is, and why there is none: sentences over the incompatibilities' causes.

Pure; every sentence names versions, so that it can be checked by hand.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.model import Catalog, Change
from compatshim.solve import objective as objectives
from compatshim.solve.problem import Declared, Incompatibility, Known, Problem, Wished
from compatshim.solve.search import OutOfBudgetError, Solution, solve


class Reason(NamedTuple):
    """Why one project moves: what would hold if it alone stayed."""

    change: Change
    advisories: Tuple[str, ...]
    """Ids of the advisories that the move takes the environment out of."""
    requirements: Tuple[str, ...]
    """Declared requirements, as sentences, that the other moves bring along."""


def reasons(problem: Problem, solution: Solution) -> Tuple[Reason, ...]:
    """One reason per change, in the order of the changes."""
    found = []
    for change in solution.changes:
        decided = {name: index for name, index in solution.decided.items() if name != change.project}
        broken = [
            problem.incompatibilities[position]
            for position in problem.by_project[change.project]
            if problem.holds(problem.incompatibilities[position], decided)
            and problem.incompatibilities[position] not in solution.accepted
        ]
        found.append(
            Reason(
                change,
                tuple(dict.fromkeys(item.cause.advisory.id for item in broken if isinstance(item.cause, Known))),
                tuple(
                    dict.fromkeys(
                        sentence(problem, item, decided) for item in broken if not isinstance(item.cause, Known)
                    )
                ),
            )
        )
    return tuple(found)


def sentence(problem: Problem, incompatibility: Incompatibility, decided: Mapping[str, int]) -> str:
    """An incompatibility as a statement of fact, with the versions of a state."""
    cause = incompatibility.cause
    if isinstance(cause, Known):
        first, *others = (str(term) for term in cause.advisory.terms)
        return f"{cause.advisory.id} rules out {first}{' together with ' + _and(others) if others else ''}"
    if isinstance(cause, Wished):
        return cause.statement
    return declared(problem, cause, decided)


def declared(problem: Problem, cause: Declared, decided: Optional[Mapping[str, int]] = None) -> str:
    """A declared requirement as a statement, with the version of the project in a state: at first by default."""
    return f"{cause.project} {_version(problem, cause.project, decided or {})} requires {cause.requirement}"


def _version(problem: Problem, project: str, decided: Mapping[str, int]) -> str:
    version = problem.version(project, decided.get(project, problem.current[project]))
    return "(not installed)" if version is None else str(version)


def installed(problem: Problem, projects: Sequence[str]) -> str:
    """The installed versions of some projects, as a phrase."""
    return ", ".join(f"{project} {_version(problem, project, {})}" for project in projects)


def why(problem: Problem, solution: Solution, reasons: Tuple[Reason, ...]) -> Tuple[str, ...]:
    """The derivation of an answer: what is wrong, then why each project moves where it does."""
    lines = [
        f"{sentence(problem, item, {})}; installed: {installed(problem, item.cause.advisory.projects)}."
        for item in problem.incompatibilities
        if isinstance(item.cause, Known) and problem.holds(item, {}) and item not in solution.accepted
    ]
    for reason in reasons:
        because = [f"it takes the environment out of {_and(reason.advisories)}"] if reason.advisories else []
        because += list(reason.requirements)
        lines.append(f"{describe(reason.change)} because {_and(because)}.")
    lines += [
        f"{item.cause.advisory.id} ({item.cause.advisory.title}) remains; it is a warning, not an error."
        for item in solution.accepted
        if isinstance(item.cause, Known)
    ]
    return tuple(lines)


def describe(change: Change) -> str:
    """A change as a clause."""
    if change.before is None:
        return f"{change.project} {change.after} is added"
    return f"{change.project} moves from {change.before} to {change.after}"


def _and(items: Sequence[str]) -> str:
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


class Alternative(NamedTuple):
    """Another answer."""

    changes: Tuple[Change, ...]
    costs: Tuple[str, ...]
    """How it compares with the best answer, as phrases in the order of importance; empty when it is as good."""


def alternatives(
    objective: objectives.Objective, best: Solution, others: Sequence[Solution]
) -> Tuple[Alternative, ...]:
    """Other answers, with what each costs more, and saves, against the best one."""
    return tuple(Alternative(other.changes, objective.compare(best.cost, other.cost)) for other in others)


class Impossible(NamedTuple):
    """Why no change of versions helps, and what would."""

    sentences: Tuple[str, ...]
    drop: Tuple[str, ...]
    """The smallest set of holds and wishes whose dropping gives an answer; empty when none does."""
    then: Tuple[Change, ...]
    """The answer that this gives."""
    shimmed: Tuple[str, ...]
    """Ids of the blocking advisories that ``import compatshim`` covers as things are."""
    exposed: Tuple[str, ...]
    """Ids of those that it does not cover."""


def why_not(problem: Problem, catalog: Catalog, name: str) -> Impossible:
    """The reasons why a problem has no answer under the objective ``name``."""
    lines: List[str] = []
    blocking: Dict[str, bool] = {}
    for item in problem.incompatibilities:
        if item.soft or not problem.holds(item, {}):
            continue
        lines.append(f"{sentence(problem, item, {})}; installed: {installed(problem, _projects(item))}.")
        if isinstance(item.cause, Known):
            blocking[item.cause.advisory.id] = bool(item.cause.advisory.shims)
        lines += filter(None, (_stuck(problem, project, mask) for project, mask in item.terms))
    drop: Tuple[str, ...] = ()
    then: Tuple[Change, ...] = ()
    try:
        drop, then = _smallest_drop(problem, catalog, name)
    except OutOfBudgetError as error:
        lines.append(f"What to drop was not found: the search was given up ({error}).")
    return Impossible(
        tuple(dict.fromkeys(lines)),
        drop,
        then,
        tuple(identifier for identifier, covered in blocking.items() if covered),
        tuple(identifier for identifier, covered in blocking.items() if not covered),
    )


def _projects(item: Incompatibility) -> Tuple[str, ...]:
    return tuple(project for project, _ in item.terms)


def _stuck(problem: Problem, project: str, mask: int) -> str:
    """Why one project of a violated incompatibility cannot leave its range; empty when by itself it could."""
    ways = [
        index
        for index, version in enumerate(problem.candidates[project])
        if not mask >> index & 1 and version is not None
    ]
    if not ways:
        return f"{project}: no known version for this Python is outside the range."
    items = [problem.incompatibilities[position] for position in problem.by_project[project]]
    new = [item for item in items if not item.soft and not problem.holds(item, {})]
    blockers = []
    for index in ways:
        broken = next((item for item in new if problem.holds(item, {project: index})), None)
        if broken is None:
            return ""
        said = sentence(problem, broken, {project: index})
        if isinstance(broken.cause, Wished):
            return f"{said}."
        blockers.append(f"at {problem.version(project, index)}, {said}")
    return f"{project} cannot leave the range: {'; '.join(blockers[-2:])}."


def _smallest_drop(problem: Problem, catalog: Catalog, name: str) -> Tuple[Tuple[str, ...], Tuple[Change, ...]]:
    """The fewest wishes without which there is an answer, and that answer; the cheapest of several.

    Raises :exc:`OutOfBudgetError`.
    """
    freed, options = _droppable(problem)
    solution = solve(freed, objectives.make(name, freed, catalog, droppable=options))
    if solution is None:
        return (), ()
    dropped = tuple(sorted(options & solution.decided.keys()))
    return dropped, tuple(change for change in solution.changes if change.project not in options)


def _droppable(problem: Problem) -> Tuple[Problem, FrozenSet[str]]:
    """The problem with each wish as a project that can move from "kept" to "dropped", and the names of these."""
    candidates, current = dict(problem.candidates), dict(problem.current)
    found = []
    options = set()
    for item in problem.incompatibilities:
        terms = item.terms
        if isinstance(item.cause, Wished):
            option = item.cause.option
            options.add(option)
            candidates[option], current[option] = (Version("0"), Version("1")), 0
            terms = (*terms, (option, 1))  # the same as before, while the wish is kept
        found.append(item._replace(terms=terms))
    return Problem(candidates, current, tuple(found), unknown=problem.unknown), frozenset(options)
