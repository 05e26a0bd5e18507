"""Fresh installations: the newest that goes, and whether anything goes at all, held against trying everything."""

from __future__ import annotations

import itertools
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.model import Catalog
from compatshim.solve import newest, problem, requirements
from compatshim.solve.newest import Newest
from compatshim.solve.problem import Problem, Wishes
from compatshim.solve.search import OutOfBudgetError
from tests.solve import worlds

Releases = Dict[str, Dict[str, List[str]]]
State = Mapping[str, Optional[Version]]


def build(known: Releases, *wanted: str) -> Problem:
    parsed = [requirements.parse(text) for text in wanted]
    wishes = Wishes(require=tuple(one for one in parsed if one is not None))
    return problem.build(worlds.inventory({}), Catalog((), ""), worlds.metadata(known), wishes=wishes)


def versions(made: Problem, got: Optional[Mapping[str, int]]) -> Optional[Dict[str, str]]:
    if got is None:
        return None
    found = {name: made.version(name, index) for name, index in got.items()}
    return {name: str(version) for name, version in found.items() if version is not None}


def fresh(known: Releases, *wanted: str) -> Optional[Dict[str, str]]:
    made = build(known, *wanted)
    return versions(made, Newest(made, [Requirement(text).name for text in wanted]).resolve())


STACK: Releases = {
    "app": {"1": ["lib<2"], "2": ["lib", "extra"], "3": ["lib>=3"]},
    "lib": {"1": [], "2": [], "2.5": ["tool<2"]},
    "extra": {"1": ["tool>=2"]},
    "tool": {"1": [], "2": []},
}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["lib"], {"lib": "2.5", "tool": "1"}),
        (["app"], {"app": "2", "lib": "2", "extra": "1", "tool": "2"}),  # 3 cannot be, and lib 2.5 rules out extra
        (["lib", "app"], {"lib": "2.5", "tool": "1", "app": None}),
        (["tool", "app<2"], {"app": "1", "lib": "1", "tool": "2"}),
        (["app>=3"], None),
        (["lib>2", "extra"], None),
        ([], {}),
    ],
)
def test_the_first_named_is_newest(wanted: List[str], expected: Optional[Dict[str, Optional[str]]]) -> None:
    if expected is not None and None in expected.values():  # lib at its newest leaves no app that goes
        expected = {"lib": "2", "app": "2", "extra": "1", "tool": "2"}
    assert fresh(STACK, *wanted) == expected


def test_conditions_are_added() -> None:
    made = build(STACK, "app", "lib")
    asking = Newest(made, ["app", "lib"])

    def bits(name: str, *texts: str) -> Tuple[str, int]:
        return name, sum(1 << made.candidates[name].index(Version(text)) for text in texts)

    assert versions(made, asking.resolve(avoid=[(bits("app", "2"),)])) == {"app": "1", "lib": "1"}
    assert versions(made, asking.resolve(force=(bits("lib", "1", "2"), bits("app", "1")))) == {
        "app": "1",
        "lib": "1",
    }
    assert asking.resolve(avoid=[(bits("app", "1", "2"),)]) is None
    assert versions(made, asking.resolve(force=(bits("tool", "2"),))) is not None
    # Nobody asks for tool where app is 1.
    assert asking.resolve(force=(bits("tool", "1", "2"), bits("app", "1"))) is None


def test_wishes_about_one_project_can_be_passed_over() -> None:
    made = build(STACK, "app<2", "lib>=2")
    asking = Newest(made, ["app", "lib"])
    assert asking.resolve() is None
    assert versions(made, asking.resolve(without="lib")) == {"app": "1", "lib": "1"}
    assert versions(made, asking.resolve(without="app")) == {"lib": "2.5", "tool": "1"}
    assert asking.resolve(without="tool") is None


def test_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "BUDGET", 1)
    made = build(STACK, "app")
    with pytest.raises(OutOfBudgetError):
        Newest(made, ["app"]).resolve()


NAMES = "abcd"
BOUNDS = st.sampled_from(["", ">=2", "<2", "==1", "!=2", "<3"])
WANTED = st.builds(str.__add__, st.sampled_from(NAMES), BOUNDS)
WORLD = st.fixed_dictionaries(
    {
        name: st.dictionaries(st.sampled_from("123"), st.lists(WANTED, max_size=2), min_size=1, max_size=3)
        for name in NAMES
    }
)


def everything(known: Releases, wanted: List[str]) -> Iterator[State]:
    """Every choice of versions that satisfies what is wanted and what each version requires."""
    ranges = [[None, *sorted(map(Version, known[name]))] for name in NAMES]
    for chosen in itertools.product(*ranges):
        state: State = dict(zip(NAMES, chosen))
        asked = [Requirement(text) for text in wanted]
        for name, version in state.items():
            asked += [Requirement(text) for text in known[name][str(version)]] if version is not None else []
        if all(holds(one, state) for one in asked):
            yield state


def holds(wanted: Requirement, state: State) -> bool:
    version = state[wanted.name]
    return version is not None and wanted.specifier.contains(version)


def supported(known: Releases, wanted: List[str], state: State) -> FrozenSet[str]:
    """The projects that are there because somebody asks for them."""
    found = [Requirement(text).name for text in wanted]
    for name in found:
        version = state[name]
        if version is not None:
            more = [Requirement(text).name for text in known[name][str(version)]]
            found += [one for one in dict.fromkeys(more) if one not in found]
    return frozenset(found)


@given(WORLD, st.lists(WANTED, min_size=1, max_size=3))
def test_against_everything(known: Releases, wanted: List[str]) -> None:
    clean = {
        name: {
            version: [text for text in texts if not text.startswith(name)]
            for version, texts in sorted(several.items())
        }
        for name, several in known.items()
    }
    got = fresh(clean, *wanted)
    answers = list(everything(clean, wanted))
    assert (got is None) == (not answers)
    if got is None:
        return
    state: State = {name: Version(got[name]) if name in got else None for name in NAMES}
    assert state in answers
    # Nothing is there that nobody needs.
    assert set(got) == set(supported(clean, wanted, state))
    # The first-named project is at the newest version that it can have.
    first = Requirement(wanted[0]).name
    assert state[first] == max(version for answer in answers if (version := answer[first]) is not None)


@given(WORLD, st.lists(WANTED, min_size=1, max_size=2), st.sampled_from(NAMES), st.sampled_from("123"))
def test_forced_versions_are_asked_for_by_somebody(
    known: Releases, wanted: List[str], name: str, text: str
) -> None:
    clean = {
        one: {version: [t for t in texts if not t.startswith(one)] for version, texts in sorted(several.items())}
        for one, several in known.items()
    }
    made = build(clean, *wanted)
    if name not in made.candidates or Version(text) not in made.candidates[name]:
        return
    force = ((name, 1 << made.candidates[name].index(Version(text))),)
    got = Newest(made, [Requirement(one).name for one in wanted]).resolve(force=force)
    possible = [
        state for state in everything(clean, wanted)
        if state[name] == Version(text) and name in supported(clean, wanted, state)
    ]  # fmt: skip
    assert got is not None or not possible
    if got is not None:
        assert versions(made, got)[name] == text  # type: ignore[index]
