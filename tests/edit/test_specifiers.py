"""Specifier sets after a move: what they admit, and what of them is still written as it was."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatshim.edit import lines, poetry, specifiers
from compatshim.edit.moves import EditError, Move


def move(after: str, floor: str = "", cap: str = "", without: str = "", *, exact: bool = False) -> Move:
    return Move(
        "datasets",
        Version(after),
        Version(floor) if floor else None,
        Version(cap) if cap else None,
        tuple(map(Version, without.split())),
        exact,
    )


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        # A version stays a version.
        ("==2.16.0", move("3.6.0", floor="3.0"), "==3.6.0"),
        ("== 2.16.0", move("3.6.0"), "== 3.6.0"),
        ("===2.16.0", move("3.6.0"), "===3.6.0"),
        ("==3.6", move("3.6.0"), "==3.6"),
        ("==2.16.0", move("2.14.0", cap="2.16"), "==2.14.0"),
        # Known bad below, or above.
        (">=2.14", move("3.6.0", floor="3.0.1"), ">=3.0.1"),
        (">= 2.14", move("3.6.0", floor="3.0.1"), ">= 3.0.1"),
        (">2.14,!=3.1", move("3.6.0", floor="3.0.1"), ">=3.0.1,!=3.1"),
        (">=2.14", move("2.15.0", cap="2.16.0"), ">=2.14,<2.16.0"),
        (">=2.14, !=2.14.3", move("2.15.0", cap="2.16.0"), ">=2.14, !=2.14.3, <2.16.0"),
        (">=2.14,<3", move("2.15.0", cap="2.16.0"), ">=2.14,<2.16.0"),
        (">=2.14,<=2.16.0", move("2.15.0", cap="2.16.0"), ">=2.14,<2.16.0"),
        (">=2.14,<2.15.9", move("2.15.0", cap="2.16.0"), ">=2.14,<2.15.9"),
        ("", move("2.15.0", cap="2.16.0"), "<2.16.0"),
        ("", move("2.17.0", floor="2.16.0"), ">=2.16.0"),
        ("", move("2.17.0"), ""),
        ("<3", move("2.17.0", floor="2.16.0"), ">=2.16.0,<3"),
        (">=2.14", move("3.0", without="2.15 2.16"), ">=2.14,!=2.15,!=2.16"),
        (">=2.14,!=2.15", move("3.0", without="2.15"), ">=2.14,!=2.15"),
        # A bound that is in the way goes on, as coarse as it was.
        (">=2.14,<3", move("5.2.0", floor="4.6"), ">=4.6,<6"),
        (">=2.14,<3.0", move("5.2.1"), ">=2.14,<6.0"),
        ("<2.17", move("2.19.4"), "<2.20"),
        ("<=2.17.1", move("2.19.4"), "<=2.19.4"),
        ("<0.4.2", move("0.4.6"), "<0.4.7"),
        (">=3.0", move("2.14.6"), ">=2.14.6"),
        ("~=2.14", move("2.19.1"), "~=2.14"),
        ("~=2.14", move("3.6.0"), "~=3.6"),
        ("~=2.14.1", move("3.6.0"), "~=3.6.0"),
        ("~=2.14.0", move("2.14.7", floor="2.14.5"), "~=2.14.5"),
        ("~=2.14", move("2.19.1", floor="2.16.1"), "~=2.14,>=2.16.1"),
        ("==2.*", move("3.6.0"), "==3.*"),
        ("==2.14.*", move("3.6.0"), "==3.6.*"),
        ("==2.*", move("2.19.1", floor="2.16.1"), "==2.*,>=2.16.1"),
        # An exact version where nothing looser will do.
        (">=2.14,<3", move("3.6.0", exact=True), "==3.6.0"),
        ("", move("3.6.0", exact=True), "==3.6.0"),
        (">=2.14, \\\n    <3", move("3.6.0", floor="3.0.1"), ">=3.0.1, \\\n    <4"),
    ],
)
def test_a_set_after_a_move(text: str, asked: Move, expected: str) -> None:
    assert specifiers.changed(text, asked) == expected
    assert specifiers.admits(expected, asked.after)


NUMBERS = st.integers(min_value=0, max_value=30)
VERSIONS = st.builds(lambda parts: Version(".".join(map(str, parts))), st.lists(NUMBERS, min_size=1, max_size=3))


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["==", "===", "!=", "<=", ">=", "<", ">", "~=", "==*", "!=*"]))
    version = str(draw(VERSIONS))
    if operator == "~=" and "." not in version:
        version += ".0"
    blank = draw(st.sampled_from(["", " ", "  "]))
    return f"{operator[:2]}{blank}{version}.*" if operator.endswith("*") else f"{operator}{blank}{version}"


SETS = st.builds(
    lambda parts, comma: comma.join(parts), st.lists(clauses(), max_size=3), st.sampled_from([",", ", "])
)


@st.composite
def moves(draw: st.DrawFn) -> Move:
    low, after, high = sorted(draw(st.lists(VERSIONS, min_size=3, max_size=3)))
    floor: Optional[Version] = low if draw(st.booleans()) else None
    cap = high if high > after and draw(st.booleans()) else None
    return Move("datasets", after, floor, cap, exact=draw(st.booleans()))


@given(SETS, moves(), VERSIONS)
def test_a_set_admits_what_it_must_and_no_more_below_or_above(text: str, asked: Move, other: Version) -> None:
    made = specifiers.changed(text, asked)
    parsed = SpecifierSet(made)
    assert not made or parsed.contains(asked.after, prereleases=True)
    if asked.exact and "===" not in made:
        assert parsed.contains(other, prereleases=True) == (other == asked.after)
    if asked.floor is not None and other < asked.floor:
        assert not parsed.contains(other, prereleases=True)
    if asked.cap is not None and other >= asked.cap:
        assert not parsed.contains(other, prereleases=True)
    assert specifiers.changed(made, asked) == made


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("2.16.0", move("3.6.0"), "3.6.0"),
        ("==2.16.0", move("3.6.0"), "==3.6.0"),
        ("3.6.0", move("3.6.0"), "3.6.0"),
        ("^2.14", move("3.6.0"), "^3.6"),
        ("^2.14", move("3.6.0", floor="3.0.1"), "^3.0.1"),
        ("^2.14", move("2.19.1", floor="2.16.1"), "^2.16.1"),
        ("^2.14", move("2.15.0", cap="2.16.0"), "^2.14,<2.16.0"),
        ("^2.14,!=2.14.3", move("2.15.0", cap="2.16.0"), "^2.14,!=2.14.3,<2.16.0"),
        ("^2.14", move("2.15.0"), "^2.14"),
        ("^0.4.1", move("0.4.6", floor="0.4.5"), "^0.4.5"),
        ("~2.14", move("3.6.0"), "~3.6"),
        ("~2.14.1", move("2.14.9", floor="2.14.5"), "~2.14.5"),
        ("2.*", move("3.6.0"), "==3.*"),
        (">=2.14,<3.0", move("3.6.0", floor="3.0.1"), ">=3.0.1,<4.0"),
        ("*", move("3.6.0", floor="3.0.1"), ">=3.0.1"),
        ("*", move("3.6.0"), "*"),
        ("^2.14", move("3.6.0", exact=True), "3.6.0"),
    ],
)
def test_a_constraint_of_poetry_after_a_move(text: str, asked: Move, expected: str) -> None:
    assert poetry.changed(text, asked) == expected
    assert poetry.changed(expected, asked) == expected


def test_alternatives_of_poetry_are_left_to_their_author() -> None:
    with pytest.raises(EditError, match="alternatives"):
        poetry.changed("^2.14 || ^3.0", move("3.6.0"))


@pytest.mark.parametrize("name", ["datasets", "huggingface_hub", "ruamel.yaml", "A", "a-b_c.d9"])
@pytest.mark.parametrize("extras", ["", "[a]", " [a, b]", "[a,b-c]"])
@pytest.mark.parametrize("written", ["", "==1.0", " == 1.0", ">=1, <2", " ~=1.0,!=1.0.3"])
@pytest.mark.parametrize(
    "behind", ["", "  # why", "; python_version > '3'", " ; sys_platform == 'x'", " --hash=sha256:aa"]
)
def test_a_requirement_is_taken_apart_and_is_its_parts(name: str, extras: str, written: str, behind: str) -> None:
    text = f"  {name}{extras}{written}{behind}"
    found = lines.parse(text)
    assert found is not None
    assert found.before + found.set + found.after == text
    assert found.set == written.strip()
    assert found.after == behind


def test_parentheses_stay() -> None:
    found = lines.parse("datasets (>=2.14)")
    assert found is not None
    assert found.moved(move("3.6.0", floor="3.0")) == "datasets (>=3.0)"


@pytest.mark.parametrize(
    "text", ["datasets @ https://a/b.whl", "-e .", "./datasets", "https://a/b.whl", "datasets ()", "datasets (==1"]
)
def test_what_has_no_versions_is_none(text: str) -> None:
    assert lines.parse(text) is None
