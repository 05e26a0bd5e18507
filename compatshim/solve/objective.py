"""What "smallest" means: two lexicographic orders over changes, each a vector of small numbers that add up.

The order of the components is the whole difference between the objectives:

``least-change``
    make it work today: unlisted ways out, soft findings that were not there before, projects changed,
    downgrades, size of the jump (major, minor, patch), versions no verified row names, age.
``recommended``
    get out of the hole: unlisted ways out, soft findings that remain at all, downgrades, projects changed,
    size of the jump, versions no verified row names, age.

A way out is *listed* when a remedy of the finding allows the new version. The remedies are what people tried
and would do; moving datasets back to 2.15 also breaks the first advisory, but nobody would.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Set, Tuple

from packaging.version import Version

from compatshim.match import match
from compatshim.model import Catalog, Change
from compatshim.solve import requirements
from compatshim.solve.problem import Problem, jump

Cost = Tuple[int, ...]
_LIMIT = 1 << 32
"""No component of a cost gets so large."""

ORDERS: Mapping[str, Tuple[str, ...]] = {
    "least-change": (
        "unlisted", "soft", "changed", "downgrades", "major", "minor", "patch", "unproven", "age",
    ),
    "recommended": (
        "unlisted", "soft", "downgrades", "changed", "major", "minor", "patch", "unproven", "age",
    ),
}  # fmt: skip


class Objective(NamedTuple):
    """One of the two orders, for one problem."""

    name: str
    order: Tuple[str, ...]
    weights: Mapping[str, int]
    """The price of one of each component. A price is one number, which adds and compares as its components do."""
    proven: Mapping[str, FrozenSet[str]]
    """Versions that some verified row names, by project."""
    listed: Mapping[str, Tuple[str, ...]]
    """Specifiers that the remedies of the present findings give, for each project such a finding names."""
    droppable: FrozenSet[str] = frozenset()
    """Stand-ins for wishes: what dropping one costs comes before all else."""

    def prices(self, problem: Problem, project: str) -> Dict[int, int]:
        """The price of choosing each version of a project, by its place among the candidates."""
        weights = self.weights
        if project in self.droppable:
            return {0: 0, 1: weights["dropped"]}
        versions = problem.candidates[project]
        here = problem.current[project]
        before = versions[here]
        # A project that is added disturbs nothing that is there: one that fits will do, the newest first.
        if before is None:
            return dict.fromkeys(range(len(versions)), 0)
        proven = self.proven.get(project, ())
        allowed = self._allowed(problem, project)
        found = {here: 0}
        for index, after in enumerate(versions):
            if after is None or index == here:
                continue
            price = weights["changed"] + weights[jump(before, after)] + (len(versions) - 1 - index) * weights["age"]
            if index < here:
                price += weights["downgrades"]
            if not proven or str(after) not in proven:
                price += weights["unproven"]
            if not allowed >> index & 1:
                price += weights["unlisted"]
            found[index] = price
        return found

    def _allowed(self, problem: Problem, project: str) -> int:
        """Bits of the candidates that the remedies list; all of them where no finding names the project."""
        listed = self.listed.get(project)
        if listed is None:
            return -1
        candidates = requirements.Candidates(problem.candidates[project])
        allowed = 0
        for text in listed:
            allowed |= candidates.admitted(text)
        return allowed

    def soft(self, *, present_before: bool) -> int:
        """The price of leaving one soft finding in place."""
        return 0 if present_before and self.name == "least-change" else self.weights["soft"]

    def vector(self, price: int) -> Cost:
        """The components of a price, in order."""
        return tuple(price // self.weights[name] % _LIMIT for name in self.order)

    def compare(self, cost: Cost, other: Cost) -> Tuple[str, ...]:
        """What the other cost has more or less, as phrases in the order of importance."""
        found = []
        for name, mine, theirs in zip(self.order, cost, other):
            if mine == theirs:
                continue
            number = abs(theirs - mine)
            noun = _NOUNS[name][number != 1]
            found.append(f"{number} {'more' if theirs > mine else 'fewer'} {noun}")
        return tuple(found)


_NOUNS: Mapping[str, Tuple[str, str]] = {
    "unlisted": ("move that no remedy names", "moves that no remedy names"),
    "soft": ("warning", "warnings"),
    "changed": ("project to change", "projects to change"),
    "downgrades": ("downgrade", "downgrades"),
    "major": ("major version", "major versions"),
    "minor": ("minor version", "minor versions"),
    "patch": ("patch version", "patch versions"),
    "unproven": ("version that no verified row names", "versions that no verified row names"),
    "age": ("newer version passed over", "newer versions passed over"),
}


def make(name: str, problem: Problem, catalog: Catalog, *, droppable: FrozenSet[str] = frozenset()) -> Objective:
    """The objective ``least-change`` or ``recommended``, with what the catalog says about versions."""
    listed: Dict[str, List[str]] = {}
    for finding in match(_installed(problem), catalog):
        if finding.level == "note":
            continue
        for project in finding.advisory.projects:
            listed.setdefault(project, [])
        for remedy in finding.advisory.remedies:
            for text in remedy.constraints:
                requirement = requirements.parse(text)
                if requirement is not None:
                    listed.setdefault(requirement.name, []).append(requirement.specifier)
    proven: Dict[str, Set[str]] = {}
    for project, version in catalog.proven:
        proven.setdefault(project, set()).add(version)
    order = ("dropped", *ORDERS[name]) if droppable else ORDERS[name]
    return Objective(
        name,
        order,
        {part: _LIMIT**place for place, part in enumerate(reversed(order))},
        {project: frozenset(versions) for project, versions in proven.items()},
        {project: tuple(texts) for project, texts in listed.items()},
        droppable,
    )


def _installed(problem: Problem) -> Mapping[str, Version]:
    found: Dict[str, Optional[Version]] = {
        project: problem.version(project, index) for project, index in problem.current.items()
    }
    return {project: version for project, version in found.items() if version is not None}


def changes(problem: Problem, decided: Mapping[str, int]) -> Tuple[Change, ...]:
    """The changes that a set of decisions amounts to, sorted by project.

    What is added and not known here is no change that anybody could name: the installer will pick a version.
    """
    return tuple(
        Change(project, problem.version(project, problem.current[project]), problem.version(project, index))
        for project, index in sorted(decided.items())
        if index != problem.current[project] and project not in problem.unknown
    )
