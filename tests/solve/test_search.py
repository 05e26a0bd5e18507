"""The resolver against an oracle that tries every assignment and knows nothing of masks, classes or bounds."""

from __future__ import annotations

from itertools import product
from typing import Dict, List, Mapping, Optional, Tuple

import pytest
from hypothesis import given, settings
from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.analysis import analyse
from compatshim.answer import answer
from compatshim.match import match
from compatshim.model import Catalog
from compatshim.solve import growing, objective, problem, search
from tests.solve.worlds import World, advisory, inventory, metadata, worlds

Assignment = Mapping[str, Optional[Version]]


def broken(world: World, state: Assignment) -> List[Tuple[str, str]]:
    """Declared requirements that do not hold, by brute reading of the metadata."""
    found = []
    for project, version in state.items():
        if version is None:
            continue
        release = next(item for item in world.metadata.known[project] if item.version == version)
        for text in release.requires or ():
            wanted = Requirement(text)
            target = state[wanted.name]
            if target is None or not wanted.specifier.contains(target, prereleases=True):
                found.append((project, text))
    return found


def price(world: World, start: Assignment, state: Assignment, name: str) -> Tuple[int, ...]:
    """The cost of a state, from the words of the design alone."""
    findings = match({project: version for project, version in start.items() if version}, world.catalog)
    listed: Dict[str, List[Requirement]] = {}
    for finding in findings:
        for project in finding.advisory.projects:
            listed.setdefault(project, [])
    for finding in findings:
        for remedy in finding.advisory.remedies:
            for text in remedy.constraints:
                listed.setdefault(Requirement(text).name, []).append(Requirement(text))
    parts = dict.fromkeys(objective.ORDERS[name], 0)
    before = {finding.advisory.id for finding in findings}
    for finding in match({project: version for project, version in state.items() if version}, world.catalog):
        if finding.level == "warning" and (name == "recommended" or finding.advisory.id not in before):
            parts["soft"] += 1
    for project, version in state.items():
        old = start[project]
        if version == old or version is None or old is None:
            continue
        known = [release.version for release in world.metadata.known[project]]
        parts["age"] += len(known) - 1 - known.index(version)
        parts["changed"] += 1
        parts["unproven"] += 1
        if project in listed and not any(item.specifier.contains(version) for item in listed[project]):
            parts["unlisted"] += 1
        parts["downgrades"] += version < old
        digits = [*zip((*old.release, 0, 0)[:2], (*version.release, 0, 0)[:2])]
        parts[
            "major" if digits[0][0] != digits[0][1] else "minor" if digits[1][0] != digits[1][1] else "patch"
        ] += 1
    return tuple(parts[part] for part in objective.ORDERS[name])


def wanted(world: World, project: str, old: Version, new: Version) -> bool:
    """Whether the user's wishes let a project move so."""
    level = world.wishes.levels.get(project, world.wishes.levels.get("", "major"))
    same = next((place for place in range(3) if (*old.release, 0, 0)[place] != (*new.release, 0, 0)[place]), 3)
    allowed = {"major": 0, "minor": 1, "patch": 2, "none": 3}[level]
    held = project in world.wishes.hold and new != old
    return not held and same >= allowed and (world.wishes.downgrades or new >= old)


def oracle(world: World, name: str) -> Optional[Tuple[int, ...]]:
    """The lowest price over all assignments, or None."""
    start: Assignment = {
        project: world.inventory.distributions[project].version
        if project in world.inventory.distributions
        else None
        for project in world.metadata.known
    }
    already = set(broken(world, start))
    domains: List[List[Optional[Version]]] = []
    for project, old in start.items():
        versions: List[Optional[Version]] = [release.version for release in world.metadata.known[project]]
        if old is None:
            versions.append(None)
        else:
            versions = [
                version for version in versions if version is not None and wanted(world, project, old, version)
            ]
        domains.append(versions)
    best: Optional[Tuple[int, ...]] = None
    for choice in product(*domains):
        state = dict(zip(start, choice))
        installed = {project: version for project, version in state.items() if version}
        if any(finding.level == "error" for finding in match(installed, world.catalog)):
            continue
        wrong = [
            (project, text)
            for project, text in broken(world, state)
            # What was broken before may stay, as long as both sides stay as they were.
            if (project, text) not in already
            or state[project] != start[project]
            or state[Requirement(text).name] != start[Requirement(text).name]
        ]
        if wrong:
            continue
        cost = price(world, start, state, name)
        best = cost if best is None else min(best, cost)
    return best


@pytest.mark.parametrize("name", sorted(objective.ORDERS))
@given(world=worlds())
@settings(max_examples=300)
def test_the_answer_is_the_minimum(name: str, world: World) -> None:
    made = problem.build(world.inventory, world.catalog, world.metadata, wishes=world.wishes)
    found = search.solve(made, objective.make(name, made, world.catalog))
    assert (found.cost if found else None) == oracle(world, name)
    assert found is None or found.proved


@given(world=worlds())
@settings(max_examples=200)
def test_an_answer_cut_short_is_still_an_answer(world: World) -> None:
    made = problem.build(world.inventory, world.catalog, world.metadata, wishes=world.wishes)
    order = objective.make("least-change", made, world.catalog)
    try:
        cut = search.solve(made, order, budget=1)
    except search.OutOfBudgetError:
        return
    best = search.solve(made, order)
    assert (cut is None) == (best is None)
    if cut is not None and best is not None:
        assert cut.cost >= best.cost
        assert cut.cost == best.cost or not cut.proved
        for item in made.incompatibilities:
            assert item.soft or not made.holds(item, cut.decided)


def world(installed: Dict[str, str], known: Dict[str, Dict[str, List[str]]], *advisories: object) -> World:
    requires = {name: known[name].get(version, []) for name, version in installed.items()}
    catalog = Catalog(tuple(advisories), "0" * 12)  # type: ignore[arg-type]
    return World(inventory(installed, requires), catalog, metadata(known))


def solved(given_: World, **wishes: object) -> Optional[Dict[str, str]]:
    made = problem.build(given_.inventory, given_.catalog, given_.metadata, wishes=problem.Wishes(**wishes))  # type: ignore[arg-type]
    found = search.solve(made, objective.make("least-change", made, given_.catalog))
    return None if found is None else {change.project: str(change.after) for change in found.changes}


def test_a_requirement_behind_an_extra_counts_where_the_extra_is_asked_for() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {
        "a": {"1.0": ["b"], "2.0": ["b[fast]"]},
        "b": {"1.0": ["c>=2.0 ; extra == 'fast'"]},
        "c": {"1.0": [], "2.0": []},
    }
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    assert solved(world({"a": "1.0", "b": "1.0", "c": "1.0"}, releases, bad)) == {"a": "2.0", "c": "2.0"}


def test_a_project_that_is_missing_is_added_when_the_answer_needs_it() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {"a": {"1.0": [], "2.0": ["b<2"]}, "b": {"1.0": [], "2.0": []}}
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    assert solved(world({"a": "1.0"}, releases, bad)) == {"a": "2.0", "b": "1.0"}


def test_markers_are_those_of_the_target() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {
        "a": {"1.0": [], "2.0": ["b>=2.0 ; python_version < '3.9'"]},
        "b": {"1.0": [], "2.0": []},
    }
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    assert solved(world({"a": "1.0", "b": "1.0"}, releases, bad)) == {"a": "2.0"}


def test_a_listed_remedy_goes_before_a_smaller_unlisted_way_out() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {
        "a": {"1.0": [], "2.0": []},
        "b": {"1.0": [], "2.0": []},
        "c": {"1.0": [], "2.0": []},
    }
    # Moving c back is one change, but no remedy names it.
    first = advisory(1, {"a": [("0", "2.0")], "c": [("2.0", None)]}, remedies=[["a>=2.0"]])
    second = advisory(2, {"b": [("0", "2.0")], "c": [("2.0", None)]}, remedies=[["b>=2.0"]])
    assert solved(world({"a": "1.0", "b": "1.0", "c": "2.0"}, releases, first, second)) == {"a": "2.0", "b": "2.0"}


def test_what_was_broken_before_is_reported_and_no_obstacle() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {"a": {"1.0": [], "2.0": []}, "b": {"1.0": ["missing>=9"]}}
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    given_ = world({"a": "1.0", "b": "1.0"}, releases, bad)
    made = problem.build(given_.inventory, given_.catalog, given_.metadata)
    assert [(item.project, item.requirement) for item in made.broken] == [("b", "missing>=9")]
    assert solved(given_) == {"a": "2.0"}


def test_yanked_and_unknown_releases_are_never_proposed() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {"a": {"1.0": [], "2.0": [], "2.1": [], "2.2": []}}
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    given_ = world({"a": "1.0"}, releases, bad)
    first, second, third, fourth = given_.metadata.known["a"]
    known = {"a": (first, second, third._replace(yanked=True), fourth._replace(requires=None))}
    given_ = World(given_.inventory, given_.catalog, type(given_.metadata)(known))
    assert solved(given_) == {"a": "2.0"}


def test_what_is_added_and_not_known_is_no_change() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {"a": {"1.0": [], "2.0": ["nobody-knows>=3"]}}
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    given_ = world({"a": "1.0"}, releases, bad)
    made = answer(analyse(given_.inventory, given_.catalog), given_.metadata, name="least-change")
    assert made.solution is not None
    assert [change.project for change in made.solution.changes] == ["a"]
    assert made.problem.unknown == {"nobody-knows"}
    assert [[change.project for change in step.changes] for step in made.steps] == [["a"]]


def test_how_far_a_project_may_move() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {"a": {"1.0": [], "1.1": [], "2.0": []}}
    first = advisory(1, {"a": [("0", "1.1")]}, remedies=[["a>=1.1"]])
    given_ = world({"a": "1.0"}, releases, first)
    assert solved(given_) == {"a": "1.1"}
    assert solved(given_, levels={"": "patch"}) is None
    assert solved(given_, levels={"": "patch", "a": "minor"}) == {"a": "1.1"}
    assert solved(given_, downgrades=False) == {"a": "1.1"}
    back = world({"a": "1.1"}, releases, advisory(1, {"a": [("1.1", None)]}, remedies=[["a<1.1"]]))
    assert solved(back) == {"a": "1.0"}
    assert solved(back, downgrades=False) is None


def test_what_could_not_be_read_is_said_however_many_projects_are_let_move() -> None:
    releases: Dict[str, Dict[str, List[str]]] = {
        "a": {"1.0": [], "2.0": ["b>=2"]},
        "b": {"1.0": [], "2.0": []},
        "c": {"1.0": ["b (>=1<3)"], "2.0": []},
        "d": {"1.0": ["b<2"], "2.0": []},
    }
    bad = advisory(1, {"a": [("0", "2.0")]}, remedies=[["a>=2.0"]])
    given_ = world({"a": "1.0", "b": "1.0", "c": "1.0", "d": "1.0"}, releases, bad)
    found = growing.solve(given_.inventory, given_.catalog, given_.metadata, problem.Wishes(), "least-change")
    assert found.solution is not None
    assert {change.project for change in found.solution.changes} == {"a", "b", "d"}  # one after the other
    assert found.problem.unjudged == ("c: b (>=1<3)",)
    assert found.problem.candidates["c"] == (Version("1.0"),)
