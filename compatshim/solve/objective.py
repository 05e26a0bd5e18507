"""What "smallest" means: two lexicographic orders over changes, as additive vectors of small numbers.

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

from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from packaging.version import Version

from compatshim.match import match
from compatshim.model import Catalog, Change
from compatshim.solve import requirements
from compatshim.solve.problem import Problem, jump

Cost = Tuple[int, ...]

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
    proven: FrozenSet[Tuple[str, str]]
    listed: Mapping[str, int]
    """Bits of the candidates that the remedies of the present findings allow, for each project that they name."""
    droppable: FrozenSet[str] = frozenset()
    """Stand-ins for wishes: what dropping one costs comes before all else."""

    @property
    def zero(self) -> Cost:
        """No change at all."""
        return (0,) * len(self.order)

    def vector(self, **parts: int) -> Cost:
        """A cost from named components; the others are zero."""
        return tuple(parts.get(name, 0) for name in self.order)

    def soft(self, *, present_before: bool) -> Cost:
        """The price of leaving one soft finding in place."""
        return self.vector(soft=0 if present_before and self.name == "least-change" else 1)

    def change(self, problem: Problem, project: str, index: int) -> Cost:
        """The price of moving one project to a candidate."""
        if project in self.droppable:
            return self.vector(dropped=1)
        versions = problem.candidates[project]
        before, after = versions[problem.current[project]], versions[index]
        # A project that is added disturbs nothing that is there: one that fits will do, the newest first.
        if before is None or after is None:
            return self.zero
        parts = dict.fromkeys(self.order, 0)
        parts[jump(before, after)] = parts["changed"] = 1
        parts["downgrades"] = int(index < problem.current[project])
        parts["age"] = len(versions) - 1 - index
        parts["unproven"] = int((project, str(after)) not in self.proven)
        parts["unlisted"] = int(not self.listed.get(project, -1) >> index & 1)
        return tuple([parts[name] for name in self.order])  # the innermost loop: a generator takes twice as long

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
    allowed = {}
    for project, texts in listed.items():
        candidates = requirements.Candidates(problem.candidates.get(project, ()))
        allowed[project] = 0
        for text in texts:
            allowed[project] |= candidates.admitted(text)
    order = ("dropped", *ORDERS[name]) if droppable else ORDERS[name]
    return Objective(name, order, catalog.proven, allowed, droppable)


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
