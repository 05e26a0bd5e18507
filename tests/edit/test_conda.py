"""``environment.yml`` after an edit, read back."""

from __future__ import annotations

from typing import Sequence

import pytest
from packaging.version import Version

from compatshim.edit import conda
from compatshim.edit.moves import Chosen, Edited, EditError, Move, New
from compatshim.inventory.manifest import Demand, Source
from compatshim.inventory.readers import conda as reader

PATH = "environment.yml"
MOVE = Move("datasets", Version("3.6.0"), Version("3.0.1"))
CAP = Move("filelock", Version("3.9.0"), cap=Version("3.12"), via=("CSA-2026-0001",))

TEXT = """\
# ours
name: mine
channels:
- conda-forge
dependencies:
- python=3.11
- {}  # the data
- "numpy>=1.20"
- pip
- pip:
  - {}
  - evaluate[template]==0.4.1 ; python_version > "3.8"   # why
"""


def demands(text: str) -> Sequence[Demand]:
    return reader.environment(Source(PATH, text)).demands


def edited(text: str, move: Move = MOVE, new: Sequence[New] = ()) -> Edited:
    return conda.edit(PATH, text, [Chosen(one, move) for one in demands(text) if one.project == move.project], new)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "after", "read"),
    [
        ("datasets=2.16.1", "datasets=3.6.0", "==3.6.0.*"),
        ("datasets==2.16.1", "datasets==3.6.0", "==3.6.0"),
        ("datasets 2.16.1", "datasets 3.6.0", "==3.6.0"),
        ("conda-forge::datasets=2.16", "conda-forge::datasets=3.6.0", "==3.6.0.*"),
        ("datasets", "datasets>=3.0.1", ">=3.0.1"),
        ("datasets>=2.14,<3", "datasets>=3.0.1,<4", "<4,>=3.0.1"),
        ("datasets >=2.14", "datasets >=3.0.1", ">=3.0.1"),
        ("'datasets>=2.14'", "'datasets>=3.0.1'", ">=3.0.1"),
    ],
)
def test_requirements_of_condas(before: str, after: str, read: str, end: str) -> None:
    text = TEXT.format(before, "scipy").replace("\n", end)
    made = edited(text)
    assert made.text == TEXT.format(after, "scipy").replace("\n", end)
    found = [one for one in demands(made.text) if one.project == "datasets"]
    assert len(found) == 1
    assert set(found[0].specifier.split(",")) == set(read.split(","))
    assert edited(made.text).edits == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("datasets==2.16.1", "datasets==3.6.0"),
        ("datasets [vision] ~=2.14 ; python_version > '3'", "datasets [vision] ~=3.6 ; python_version > '3'"),
        ("'datasets'", "'datasets>=3.0.1'"),
    ],
)
def test_requirements_for_pip(before: str, after: str) -> None:
    made = edited(TEXT.format("scipy", before))
    assert made.text == TEXT.format("scipy", after)
    assert [one.line for one in made.edits] == [11]


@pytest.mark.parametrize("before", ["datasets=2.16.1=pyhd8_0", "datasets[version='>=2']", "{datasets: 1}"])
def test_what_is_not_in_a_usual_form_is_left(before: str) -> None:
    text = TEXT.format("scipy", "scipy").replace("- scipy", f"- {before}", 1)
    with pytest.raises(EditError, match=r"environment\.yml:7: "):
        conda.edit(
            PATH, text, [Chosen(Demand("datasets", "", demands(TEXT)[0].location._replace(line=7)), MOVE)], []
        )


def test_any_of_a_series_stays_any_of_a_series() -> None:
    text = TEXT.format("datasets=2.*", "scipy")
    assert edited(text, MOVE._replace(floor=None)).text == text.replace("=2.*", "=3.*")
    with pytest.raises(EditError, match="in a form"):
        edited(text)
    assert edited(text, MOVE._replace(exact=True)).text == text.replace("=2.*", "==3.6.0")


def test_new_lines_come_behind_what_brings_them() -> None:
    text = TEXT.format("datasets=2.16.1", "scipy")
    data = next(one for one in demands(text) if one.project == "datasets")
    metrics = next(one for one in demands(text) if one.project == "evaluate")
    made = edited(text.rstrip("\n"), new=[New(CAP, data), New(CAP._replace(project="dill"), metrics)])
    lines = text.rstrip("\n").split("\n")
    lines[6] = lines[6].replace("2.16.1", "3.6.0")
    lines.append("  - dill<3.12  # compatshim: CSA-2026-0001")
    lines.insert(7, "- filelock<3.12  # compatshim: CSA-2026-0001")
    assert made.text == "\n".join(lines)
    assert {one.project for one in demands(made.text)} >= {"filelock", "dill"}


def test_a_new_line_needs_a_place() -> None:
    with pytest.raises(EditError, match="add it by hand"):
        edited(TEXT.format("scipy", "scipy"), new=[New(CAP)])
