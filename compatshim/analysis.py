"""What the commands share: an inventory matched against the catalog, and the solver's answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from packaging.version import Version

from compatshim.constraints import Line, Override, guards, overrides, pins
from compatshim.match import match
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, Finding, Inventory
from compatshim.plan import Step, steps
from compatshim.solve import explain, objective, problem, search
from compatshim.solve.problem import Wishes


@dataclass(frozen=True)
class Answer:
    """The solver's answer to an environment: a solution with its reasons, or why there is none."""

    objective: str
    problem: problem.Problem
    solution: Optional[search.Solution]
    reasons: Tuple[explain.Reason, ...]
    impossible: Optional[explain.Impossible]
    wishes: Wishes
    """What it was asked to satisfy."""
    metadata: str
    """Where the versions and their requirements come from, in a phrase."""
    alternatives: Tuple[explain.Alternative, ...] = ()
    """Other answers, the next best first."""

    @property
    def why(self) -> Tuple[str, ...]:
        """The derivation in sentences."""
        if self.impossible is not None:
            return self.impossible.sentences
        return explain.why(self.problem, self.solution, self.reasons) if self.solution is not None else ()

    @property
    def steps(self) -> Tuple[Step, ...]:
        """The changes in a safe order; none when there is no solution."""
        return steps(self.problem, self.solution, self.reasons) if self.solution is not None else ()

    @property
    def overrides(self) -> Tuple[Override, ...]:
        """Declared requirements that the answer does not meet."""
        return overrides(self.problem, self.solution.decided) if self.solution is not None else ()

    @property
    def remarks(self) -> Tuple[str, ...]:
        """What the answer rests on, and what it leaves as it is, a clause each."""
        found = [f"versions and their requirements are those of the {self.metadata}"]
        if self.solution is not None and not self.solution.proved:
            found.append("not proved minimal: the search was cut short")
        found += [f"not checked: the requirement {text!r} cannot be read" for text in self.problem.unjudged]
        broken = self.problem.broken
        found += [f"{explain.declared(self.problem, one)}, which is not so; it stays as it is" for one in broken]
        before = {(one.project, one.requirement) for one in broken}
        found += [
            f"{one}, and gets {one.replacement}: --override allows it"
            for one in self.overrides
            if (one.project, one.requirement) not in before
        ]
        return tuple(found)


@dataclass(frozen=True)
class Analysis:
    """What an environment holds, which advisories match it, and what could not be checked."""

    inventory: Inventory
    catalog: Catalog
    findings: Tuple[Finding, ...]

    def after(self, answer: Answer) -> Dict[str, Version]:
        """Version by project when the answer's changes are made."""
        versions = dict(self.inventory.versions())
        changes = answer.solution.changes if answer.solution is not None else ()
        versions.update({change.project: change.after for change in changes if change.after is not None})
        return versions

    def constraints(self, answer: Answer) -> Tuple[Line, ...]:
        """The pins of an answer's changes, then the guards that keep every other known-bad combination out."""
        if answer.solution is None:
            return ()
        cured = tuple(finding.advisory.id for finding in self.findings if finding.level == "error")
        kept = guards(self.after(answer), answer.solution.changes, self.catalog)
        return (*pins(answer.reasons, cured), *kept)


def analyse(inventory: Inventory, catalog: Catalog) -> Analysis:
    """Match an inventory against the catalog."""
    return Analysis(inventory, catalog, match(inventory.versions(), catalog))


def answer(
    analysis: Analysis,
    metadata: MetadataSource,
    *,
    name: str,
    wishes: Optional[Wishes] = None,
    alternatives: int = 0,
) -> Answer:
    """Solve for the objective ``name``, with up to so many other answers.

    Raises :exc:`~compatshim.solve.search.OutOfBudgetError`.
    """
    catalog = analysis.catalog
    wishes = wishes or Wishes()
    made = problem.build(analysis.inventory, catalog, metadata, wishes=wishes)
    order = objective.make(name, made, catalog)
    solutions = search.alternatives(made, order, alternatives)
    if not solutions:
        impossible = explain.why_not(made, catalog, name)
        return Answer(name, made, None, (), impossible, wishes, metadata.description)
    best, *others = solutions
    return Answer(
        name,
        made,
        best,
        explain.reasons(made, best),
        None,
        wishes,
        metadata.description,
        explain.alternatives(order, best, others),
    )
