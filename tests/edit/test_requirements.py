"""Requirements files after an edit: what is meant has changed, and no other byte has."""

from __future__ import annotations

import re
from typing import List, Sequence, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatshim.edit import requirements, specifiers
from compatshim.edit.moves import Chosen, Edited, EditError, Move, New
from compatshim.inventory.manifest import Demand, Source
from compatshim.inventory.readers import requirements as reader

PATH = "requirements.txt"
MOVE = Move("datasets", Version("3.6.0"), Version("3.0.1"), Version("4"), via=("CSA-2026-0001",))
PIN = Move("datasets", Version("3.6.0"), exact=True)


def demands(text: str) -> Sequence[Demand]:
    return reader.read(Source(PATH, text)).demands


def edited(text: str, move: Move = MOVE, new: Sequence[New] = ()) -> Edited:
    chosen = [Chosen(one, move) for one in demands(text) if one.project == move.project]
    return requirements.edit(PATH, text, chosen, new)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("datasets==2.16.0\n", "datasets==3.6.0\n"),
        ("Datasets == 2.16.0  # why\n", "Datasets == 3.6.0  # why\n"),
        ("datasets[vision,audio]>=2.14\n", "datasets[vision,audio]>=3.0.1,<4\n"),
        ("datasets>=2.14 ; python_version > '3.8'\n", "datasets>=3.0.1,<4 ; python_version > '3.8'\n"),
        ("datasets; python_version > '3.8'\n", "datasets>=3.0.1,<4; python_version > '3.8'\n"),
        ("  datasets  # any\n", "  datasets>=3.0.1,<4  # any\n"),
        ("datasets \\\n  >=2.14, \\\n  <3 \\\n  ; python_version > '3.8'\n", None),
        ("a\r\ndatasets==2.16.0\r\nb", "a\r\ndatasets==3.6.0\r\nb"),
        ("a\rdatasets==2.16.0\rb\r", "a\rdatasets==3.6.0\rb\r"),
        ("datasets==2.16.0", "datasets==3.6.0"),
        ("# datasets==2.16.0\n\n--pre\ndatasets==2.16.0\n", "# datasets==2.16.0\n\n--pre\ndatasets==3.6.0\n"),
    ],
)
def test_a_line_after_an_edit(before: str, after: str) -> None:
    made = edited(before)
    assert made.text == (after or "datasets \\\n  >=3.0.1, \\\n  <4 \\\n  ; python_version > '3.8'\n")
    (edit,) = made.edits
    assert edit.via == ("CSA-2026-0001",)
    assert edited(made.text).edits == ()


def test_what_is_shown_of_a_line_is_the_requirement() -> None:
    (edit,) = edited("\ndatasets \\\n  ==2.16.0  # old\n").edits
    assert str(edit) == "requirements.txt:2: datasets ==2.16.0 → datasets ==3.6.0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\n", "a\nb\nfilelock<3.12  # compatshim: CSA-2026-0001\n"),
        ("a\r\nb", "a\r\nb\r\nfilelock<3.12  # compatshim: CSA-2026-0001"),
        ("", "filelock<3.12  # compatshim: CSA-2026-0001\n"),
    ],
)
def test_a_new_line_comes_last(text: str, expected: str) -> None:
    cap = Move("filelock", Version("3.9"), cap=Version("3.12"), via=("CSA-2026-0001",))
    made = edited(text, new=[New(cap)])
    assert made.text == expected
    assert [str(one) for one in made.edits] == [
        f"requirements.txt:{len(expected.splitlines())}: filelock<3.12 (new)"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\ndatasets==2.16.0 \\\n  --hash=sha256:aa\n", r"requirements\.txt:3: has hashes"),
        ("a==1 --hash sha256:aa\ndatasets==2.16.0\n", "has hashes"),
        ("datasets @ https://a/datasets-2.16.0-py3-none-any.whl\n", "is not told by a version"),
    ],
)
def test_what_cannot_be_edited_is_said(text: str, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edited(text)


def test_nothing_is_put_behind_a_line_that_goes_on() -> None:
    with pytest.raises(EditError, match="goes on"):
        edited("a==1 \\", new=[New(PIN)])


OTHERS = st.sampled_from(
    [
        "",
        "   ",
        "# datasets==2.16.0 is old",
        "numpy",
        "numpy>=1.20,<3",
        "Data_Sets==1.0",
        "torch==2.1.0+cpu ; sys_platform == 'linux'",
        "pandas[excel, html] ~= 2.1  # for reports",
        "evaluate \\\n    ==0.4.1 \\\n    ; python_version >= '3.9'",
        "--extra-index-url https://example.org/simple",
        "-e git+https://example.org/datasets.git#egg=datasets-x",
        "\tscipy !=1.10.0",
        "é_is_no_requirement",
    ]
)
SETS = st.sampled_from(
    ["", "==2.16.0", " == 2.16.0", ">=2.14", ">= 2.14, <3", "~=2.14", "<3,>=2.1,!=2.15.0", "==2.*"]
)


@st.composite
def own(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["datasets", "Datasets", "DATASETS"]))
    extras = draw(st.sampled_from(["", "[vision]", " [a, b]"]))
    marker = draw(st.sampled_from(["", " ; python_version > '3.8'", "; os_name == 'nt'"]))
    comment = draw(st.sampled_from(["", "  # pinned", " # ==2.16.0 --hash"]))
    indent = draw(st.sampled_from(["", "  "]))
    return f"{indent}{name}{extras}{draw(SETS)}{marker}{comment}"


@st.composite
def texts(draw: st.DrawFn) -> Tuple[List[str], str, str]:
    lines = draw(st.lists(st.one_of(OTHERS, OTHERS, own()), min_size=1, max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return [line.replace("\n", end) for line in lines], end, draw(st.sampled_from([end, ""]))


@given(texts(), st.sampled_from([MOVE, PIN]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_no_byte_changes_but_those_of_the_specifiers(made: Tuple[List[str], str, str], move: Move) -> None:
    lines, end, last = made
    text = end.join(lines) + last
    after = edited(text, move)
    there = after.text[: len(after.text) - len(last)].split(end) if last else after.text.split(end)
    before = end.join(lines).split(end)
    assert len(there) == len(before)
    for old, new in zip(before, there):
        if not re.match(r"\s*datasets\b", old, re.IGNORECASE):
            assert new == old
    old_demands, new_demands = demands(text), demands(after.text)
    assert len(new_demands) == len(old_demands)
    for was, now in zip(old_demands, new_demands):
        if was.project != "datasets":
            assert now == was
            continue
        assert now._replace(specifier="") == was._replace(specifier="")
        assert SpecifierSet(now.specifier) == SpecifierSet(specifiers.changed(was.specifier, move))
        assert SpecifierSet(now.specifier).contains("3.6.0")
        assert not SpecifierSet(now.specifier).contains("2.16.0")
    assert edited(after.text, move) == Edited(after.text, ())
