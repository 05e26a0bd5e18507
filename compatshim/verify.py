"""An answer held against a real installer's dry run, and all that is needed to look at a disagreement elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Tuple

from packaging.version import Version

from compatshim import __version__, installer
from compatshim.answer import Answer
from compatshim.constraints import Override
from compatshim.installer import DryRun
from compatshim.inventory import environment
from compatshim.model import Change, Distribution, Inventory
from compatshim.solve import requirements
from compatshim.solve.problem import Bound, Wishes
from compatshim.solve.requirements import Wanted


@dataclass(frozen=True)
class Verdict:
    """What an installer says of an answer."""

    run: DryRun
    differences: Tuple[str, ...]
    """Where it would do something else, a clause each; empty when it agrees."""
    asked: int
    """Distributions that it was asked to keep or to change."""
    left_out: Tuple[str, ...]
    """Projects that it could not be asked about: no index has their versions, or their requirements are broken."""

    @property
    def agrees(self) -> bool:
        """Whether it would do just what the answer says."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """The verdict in a clause."""
        if self.run.unreachable:
            return f"not verified: {self.run.installer} could not ask its index: {' '.join(self.run.said.split())}"
        left_out = f" (not asked about: {', '.join(self.left_out)})" if self.left_out else ""
        said = f"does not agree: {'; '.join(self.differences)}" if self.differences else "would do just that"
        return f"{self.run.installer}, asked about {self.asked} distributions{left_out}, {said}"


def verify(answer: Answer, python: str) -> Verdict:
    """Ask the installer to bring the whole environment to where the answer leads, and compare.

    Raises :exc:`~compatshim.installer.InstallerError`.
    """
    inventory = answer.analysis.inventory
    dropped = {name for name, item in inventory.distributions.items() if environment.direct(item)}
    replacing: List[str] = []
    if installer.uv():
        replacing = _replacing(answer.overrides)
    else:
        dropped |= _above(inventory, answer.overrides)
    asked = [f"{project}=={version}" for project, version in sorted(answer.after.items()) if project not in dropped]
    run = installer.dry_run(python, asked, asked, replacing)
    return Verdict(run, _differences(answer, run), len(asked), tuple(sorted(dropped)))


def _replacing(overrides: Tuple[Override, ...]) -> List[str]:
    """What an installer must be told to require instead of what is declared."""
    return sorted({one.replacement for one in overrides})


def _above(inventory: Inventory, overrides: Tuple[Override, ...]) -> FrozenSet[str]:
    """The projects whose requirements are not met, and all that need one of those, however far."""
    needed_by: Dict[str, List[str]] = {}
    for project, item in inventory.distributions.items():
        for text in item.requires:
            wanted = requirements.parse(text)
            if wanted is not None:
                needed_by.setdefault(wanted.name, []).append(project)
    found: List[str] = [one.project for one in overrides]
    for project in found:
        found += [other for other in needed_by.get(project, ()) if other not in found]
    return frozenset(found)


def _differences(answer: Answer, run: DryRun) -> Tuple[str, ...]:
    if run.returncode != 0:
        return (f"it finds no way: {' '.join(run.said.split())}",)
    wanted = {change.project: str(change.after) for change in answer.changes}
    free = _may_add(answer)
    found = []
    for project in sorted({*wanted, *run.installs}):
        ours, theirs = wanted.get(project), run.installs.get(project)
        if theirs is None:
            found.append(f"{project}=={ours} is not what it would install")
        elif ours is None and not (free and _absent(answer, project)):
            found.append(f"it would install {project}=={theirs} as well")
        elif ours is not None and Version(ours) != Version(theirs):
            found.append(f"it would install {project}=={theirs}, not {ours}")
    return tuple(found)


def _may_add(answer: Answer) -> bool:
    """Whether something is needed of which nothing is known here: whatever that needs, the installer adds."""
    problem = answer.problem
    wanted = (requirements.parse(item.requirement) for item in problem.broken)
    missing = any(one is not None and _absent(answer, one.name) for one in wanted)
    decided = answer.solution.decided if answer.solution is not None else {}
    return missing or any(problem.version(project, decided.get(project, 0)) for project in problem.unknown)


def _absent(answer: Answer, project: str) -> bool:
    problem = answer.problem
    return project not in problem.current or problem.version(project, problem.current[project]) is None


def dump(answer: Answer, verdict: Verdict) -> str:
    """A JSON document from which the answer can be worked out again: see :func:`load`."""
    inventory = answer.analysis.inventory
    content = {
        "schema_version": "1.0",
        "kind": "disagreement",
        "compatshim": __version__,
        "catalog": answer.analysis.catalog.digest,
        "metadata": answer.metadata,
        "objective": answer.objective,
        "wishes": {
            "hold": sorted(answer.wishes.hold),
            "require": [str(wish) for wish in answer.wishes.require],
            "constraints": [
                {"wanted": str(one.wanted), "where": one.where, "option": one.option}
                for one in answer.wishes.constraints
            ],
            "levels": dict(answer.wishes.levels),
            "downgrades": answer.wishes.downgrades,
            "override": sorted(answer.wishes.override),
        },
        "inventory": {
            "source": inventory.source,
            "markers": dict(inventory.markers),
            "distributions": [
                {"project": item.project, "version": str(item.version), "requires": list(item.requires)}
                for _, item in sorted(inventory.distributions.items())
            ],
        },
        "changes": [_moved(change) for change in answer.changes],
        "differences": list(verdict.differences),
        "left_out": list(verdict.left_out),
        "installer": asdict(verdict.run),
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _moved(change: Change) -> List[str]:
    return [change.project, str(change.before or ""), str(change.after or "")]


@dataclass(frozen=True)
class Dump:
    """A disagreement as :func:`dump` wrote it."""

    inventory: Inventory
    wishes: Wishes
    objective: str
    changes: Tuple[Tuple[str, ...], ...]
    """Project, version before and after, of the answer at that time."""
    catalog: str
    metadata: str
    differences: Tuple[str, ...]

    def same(self, answer: Answer) -> bool:
        """Whether an answer makes the changes that were made then."""
        return [*self.changes] == [tuple(_moved(change)) for change in answer.changes]


def load(text: str) -> Dump:
    """Read a dump back. Raises :exc:`ValueError` when it is none."""
    try:
        content: Mapping[str, Any] = json.loads(text)
        if content["kind"] != "disagreement":
            raise ValueError(f"is a {content['kind']}")
        wishes, inventory = content["wishes"], content["inventory"]
        distributions = [
            Distribution(item["project"], Version(item["version"]), tuple(item["requires"]))
            for item in inventory["distributions"]
        ]
        return Dump(
            Inventory(
                inventory["source"], {item.project: item for item in distributions}, (), inventory["markers"]
            ),
            Wishes(
                frozenset(wishes["hold"]),
                tuple(_wanted(item) for item in wishes["require"]),
                tuple(Bound(_wanted(one["wanted"]), one["where"], one["option"]) for one in wishes["constraints"]),
                wishes["levels"],
                wishes["downgrades"],
                frozenset(wishes["override"]),
            ),
            content["objective"],
            tuple(tuple(item) for item in content["changes"]),
            content["catalog"],
            content["metadata"],
            tuple(content["differences"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is not a dump of a disagreement ({error!r})") from error


def _wanted(text: str) -> Wanted:
    wanted = requirements.parse(text)
    if wanted is None:
        raise ValueError(f"{text!r} is not a requirement")
    return wanted
