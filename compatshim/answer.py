"""The solver's answer to an environment, with all that the commands say of it."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim import constraints, plan
from compatshim.analysis import Analysis
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Change
from compatshim.solve import explain, growing, objective, problem, search
from compatshim.solve.problem import Wishes
from compatshim.solve.requirements import parse


class Answer(NamedTuple):
    """A solution with its reasons, or why there is none."""

    analysis: Analysis
    objective: str
    wishes: Wishes
    """What it was asked to satisfy."""
    metadata: str
    """Where the versions and their requirements come from, in a phrase."""
    problem: problem.Problem
    solution: Optional[search.Solution] = None
    reasons: Tuple[explain.Reason, ...] = ()
    alternatives: Tuple[explain.Alternative, ...] = ()
    """Other answers, the next best first."""
    impossible: Optional[explain.Impossible] = None

    @property
    def changes(self) -> Tuple[Change, ...]:
        """What is to change; nothing when there is no solution."""
        return self.solution.changes if self.solution is not None else ()

    @property
    def after(self) -> Dict[str, Version]:
        """Version by project when the changes are made."""
        versions = dict(self.analysis.inventory.versions())
        versions.update({change.project: change.after for change in self.changes if change.after is not None})
        return versions

    @property
    def why(self) -> Tuple[str, ...]:
        """The derivation in sentences."""
        if self.impossible is not None:
            return self.impossible.sentences
        return explain.why(self.problem, self.solution, self.reasons) if self.solution is not None else ()

    @property
    def steps(self) -> Tuple[plan.Step, ...]:
        """The changes in a safe order; none when there is no solution."""
        return plan.steps(self.problem, self.solution, self.reasons) if self.solution is not None else ()

    @property
    def pins(self) -> Tuple[constraints.Line, ...]:
        """An exact constraint for each change."""
        findings = self.analysis.findings
        cured = tuple(finding.advisory.id for finding in findings if finding.level == "error")
        return constraints.pins(self.reasons, cured)

    @property
    def guards(self) -> Tuple[constraints.Line, ...]:
        """Constraints that keep every other known-bad combination out."""
        return constraints.guards(self.after, self.changes, self.analysis.catalog)

    @property
    def overrides(self) -> Tuple[constraints.Override, ...]:
        """Declared requirements that the answer does not meet."""
        return constraints.overrides(self.problem, self.solution.decided) if self.solution is not None else ()

    @property
    def remarks(self) -> Tuple[str, ...]:
        """What the answer rests on, and what it leaves as it is, a clause each."""
        found = [f"versions and their requirements are those of the {self.metadata}"]
        if self.solution is not None and not self.solution.proved:
            found.append("not proved minimal: the search was cut short")
        found += [f"not checked: the requirement {text!r} cannot be read" for text in self.problem.unjudged]
        broken = self.problem.broken
        wanted = {one: parse(one.requirement) for one in broken}
        # A file need not name all that its projects want; an environment has to hold it.
        inventory = self.analysis.inventory
        aside = {
            one: item.name
            for one, item in wanted.items()
            if inventory.path and item is not None and item.name not in inventory.versions()
        }
        found += [
            f"{explain.declared(self.problem, one)}, which is not so; an installer that comes by may mend it"
            for one in broken
            if one not in aside
        ]
        if aside:
            names = sorted(set(aside.values()))
            found.append(f"left to the installer, since the file does not name them: {', '.join(names)}")
        before = {(one.project, one.requirement) for one in broken}
        found += [
            f"{one}, and gets {one.replacement}: --override allows it"
            for one in self.overrides
            if (one.project, one.requirement) not in before
        ]
        return tuple(found)


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
    wishes = wishes or Wishes()
    catalog = analysis.catalog
    made, order, best = growing.solve(analysis.inventory, catalog, metadata, wishes, name)
    if best is None:
        impossible = explain.why_not(made, catalog, name)
        return Answer(analysis, name, wishes, metadata.description, made, impossible=impossible)
    others: Sequence[search.Solution] = ()
    if alternatives:
        made = problem.build(analysis.inventory, catalog, metadata, wishes=wishes)
        order = objective.make(name, made, catalog)
        best, *others = search.alternatives(made, order, alternatives)
    return Answer(
        analysis,
        name,
        wishes,
        metadata.description,
        made,
        best,
        explain.reasons(made, best),
        explain.alternatives(order, best, others),
    )
