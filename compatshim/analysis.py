"""What the commands share: an inventory matched against the catalog, and the solver's answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from compatshim.match import match
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, Finding, Inventory
from compatshim.plan import Step, steps
from compatshim.solve import explain, objective, problem, search


@dataclass(frozen=True)
class Answer:
    """The solver's answer to an environment: a solution with its reasons, or why there is none."""

    objective: str
    problem: problem.Problem
    solution: Optional[search.Solution]
    reasons: Tuple[explain.Reason, ...]
    impossible: Optional[explain.Impossible]
    metadata: str = ""
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


@dataclass(frozen=True)
class Analysis:
    """What an environment holds, which advisories match it, and what could not be checked."""

    inventory: Inventory
    catalog: Catalog
    findings: Tuple[Finding, ...]


def analyse(inventory: Inventory, catalog: Catalog) -> Analysis:
    """Match an inventory against the catalog."""
    return Analysis(inventory, catalog, match(inventory.versions(), catalog))


def answer(
    analysis: Analysis,
    metadata: MetadataSource,
    *,
    name: str,
    wishes: Optional[problem.Wishes] = None,
    alternatives: int = 0,
) -> Answer:
    """Solve for the objective ``name``, with up to so many other answers.

    Raises :exc:`~compatshim.solve.search.OutOfBudgetError`.
    """
    catalog = analysis.catalog
    made = problem.build(analysis.inventory, catalog, metadata, wishes=wishes)
    order = objective.make(name, made, catalog)
    solutions = search.alternatives(made, order, alternatives)
    if not solutions:
        impossible = explain.why_not(made, catalog, name)
        return Answer(name, made, None, (), impossible, metadata.description)
    best, *others = solutions
    return Answer(
        name,
        made,
        best,
        explain.reasons(made, best),
        None,
        metadata.description,
        explain.alternatives(order, best, others),
    )
