"""Constraint files: they clear the findings, they are closed, and they read back as written."""

from __future__ import annotations

from itertools import product
from typing import Dict

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatshim import constraints
from compatshim.analysis import analyse
from compatshim.answer import answer
from compatshim.constraints import ConstraintFile, Line
from compatshim.match import match
from compatshim.model import Catalog, Change
from tests.solve.worlds import VERSIONS, World, advisory, worlds

# A resolver may pick pre-releases and versions nobody had heard of when the file was written.
PICKED = (*VERSIONS, Version("2.0rc1"), Version("1.1.post1"), Version("9.0"))


def lines(world: World) -> tuple[Dict[str, Version], tuple[Line, ...]]:
    """The environment after the changes, and the file's lines."""
    found = analyse(world.inventory, world.catalog)
    made = answer(found, world.metadata, name="least-change", wishes=world.wishes)
    assume(made.solution is not None)
    assert made.solution is not None
    return made.after, (*made.pins, *made.guards)


@given(world=worlds())
@settings(max_examples=300)
def test_the_answer_satisfies_its_own_file_and_clears_the_findings(world: World) -> None:
    versions, made = lines(world)
    assert not [finding for finding in match(versions, world.catalog) if finding.level == "error"]
    for line in made:
        assert SpecifierSet(line.specifier).contains(versions[line.project], prereleases=True)


@given(world=worlds())
@settings(max_examples=300)
def test_under_the_file_no_error_can_be_installed(world: World) -> None:
    versions, made = lines(world)
    allowed = {project: list(PICKED) for project in versions}
    for line in made:
        specifier = SpecifierSet(line.specifier)
        allowed[line.project] = [
            version for version in allowed[line.project] if specifier.contains(version, prereleases=True)
        ]
    for advisory_ in world.catalog.advisories:
        if advisory_.level == "error" and all(project in versions for project in advisory_.projects):
            for picked in product(*(allowed[project] for project in advisory_.projects)):
                installed = dict(zip(advisory_.projects, picked))
                assert not match(installed, Catalog((advisory_,), "")), installed


@given(world=worlds())
@settings(max_examples=100)
def test_every_line_is_needed(world: World) -> None:
    versions, made = lines(world)
    guards = [line for line in made if line.note == "kept out"]
    pinned = {line.project for line in made} - {line.project for line in guards}
    for guard in guards:
        for identifier in guard.via:
            found = next(item for item in world.catalog.advisories if item.id == identifier)
            # No pin keeps the advisory out already.
            assert all(found.term(project).contains(versions[project]) for project in pinned & set(found.projects))


identifiers = st.lists(
    st.builds("CSA-2026-{:04}".format, st.integers(0, 9999)), min_size=1, max_size=3, unique=True
).map(tuple)
notes = st.text(st.sampled_from("abc 0.9<>=!,()#'é"), max_size=20).map(str.strip)
written = st.builds(
    ConstraintFile,
    version=st.from_regex(r"[0-9]\.[0-9]{1,2}", fullmatch=True),
    digest=st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    command=st.just("python -m compatshim pin --hold 'a b'"),
    lines=st.lists(
        st.builds(
            Line,
            project=st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)?", fullmatch=True),
            specifier=st.sampled_from(["==3.9.0", ">=1.0,<2", "<1.4.0"]),
            via=identifiers,
            note=notes,
        )
    ).map(tuple),
)


@given(file=written)
def test_parse_is_the_inverse_of_render(file: ConstraintFile) -> None:
    assert constraints.parse(file.render()) == file
    assert constraints.parse(file.render()).render() == file.render()


@given(file=written)
def test_every_line_is_what_installers_take(file: ConstraintFile) -> None:
    for line in file.render().splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line.split("  #")[0])
            assert not requirement.extras
            assert not requirement.url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("filelock==3.9.0\n", "line 1: not a header of compatshim"),
        (
            "# This file was made by compatshim 1 (catalog 0) with the command:\n#     x\nfilelock\n",
            "line 3: not a constraint as compatshim writes it: 'filelock'",
        ),
    ],
)
def test_another_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        constraints.parse(text)


def test_what_only_the_user_asked_for_says_so() -> None:
    line = Line("datasets", "==3.0.0", (), "you asked for datasets >=3")
    assert str(line) == "datasets==3.0.0  # you asked for datasets >=3"
    file = ConstraintFile("0.1", "0" * 12, "python -m compatshim pin", (line,))
    assert constraints.parse(file.render()) == file


def test_a_floor_is_preferred_to_a_cap() -> None:
    catalog = Catalog((advisory(1, {"a": [("2.0", None)], "b": [("0", "2.0")]}),), "")
    made = constraints.guards({"a": Version("1.0"), "b": Version("3.0")}, (), catalog)
    assert [str(line) for line in made] == ["b>=2.0  # via CSA-2026-0001 (kept out)"]


def test_a_version_between_two_ranges_is_guarded_on_both_sides() -> None:
    catalog = Catalog((advisory(1, {"a": [("0", "1.1"), ("2.0", None)]}),), "")
    made = constraints.guards({"a": Version("1.1.1")}, (), catalog)
    assert [str(line) for line in made] == ["a>=1.1,<2.0  # via CSA-2026-0001 (kept out)"]


def test_a_pin_needs_no_guard() -> None:
    catalog = Catalog((advisory(1, {"a": [("2.0", None)], "b": [("0", "2.0")]}),), "")
    moved = Change("a", Version("2.0"), Version("1.0"))
    assert constraints.guards({"a": Version("1.0"), "b": Version("1.0")}, (moved,), catalog) == ()


def test_a_full_file_pins_everything_and_keeps_what_is_said() -> None:
    said = (Line("b", "==2.0", ("CSA-2026-0001",)), Line("c", "<3", ("CSA-2026-0002",), "kept out"))
    versions = {"c": Version("1.0+cpu"), "a": Version("1.0"), "b": Version("2.0")}
    assert [str(line) for line in constraints.full(versions, said, "as installed")] == [
        "a==1.0  # as installed",
        "b==2.0  # via CSA-2026-0001",
        "c==1.0+cpu  # via CSA-2026-0002 (kept out)",
    ]
