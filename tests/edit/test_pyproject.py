"""``pyproject.toml`` and scripts after an edit: the tables say what is meant, and the text is else as it was."""

from __future__ import annotations

import difflib
from typing import List, Sequence

import pytest
from packaging.version import Version

from compatshim.edit import pyproject
from compatshim.edit.moves import Chosen, Edited, EditError, Move, New
from compatshim.inventory.documents import toml
from compatshim.inventory.manifest import Contents, Source
from compatshim.inventory.readers import pyproject as reader

PATH = "pyproject.toml"
MOVE = Move("datasets", Version("3.6.0"), Version("3.0.1"), via=("CSA-2026-0009",))
CAP = Move("filelock", Version("3.9.0"), cap=Version("3.12"), via=("CSA-2026-0001",))

TEXT = """\
# a comment at the top
[build-system]
requires = ["hatchling"]   # datasets is not meant here

[project]
name = "mine"
version = "1.0"
dependencies = [
    'datasets [vision] >= 2.14 ; python_version > "3.8"',  # the data

    # numbers
    "numpy>=1.20",
  "evaluate == 0.4.1"
]

[project.optional-dependencies]
old = ["datasets==2.16.0", "scipy"]

[dependency-groups]
dev = [{ include-group = "test" }, "datasets<3"]
test   =   ["pytest",]

[tool.x]
datasets = "2.16.0"
odd   = { a=1 ,b = [ 1,2 ] }
"""


def contents(text: str, path: str = PATH) -> Contents:
    return reader.read(Source(path, text)) if path == PATH else reader.script(Source(path, text))


def edited(text: str, moves: Sequence[Move] = (MOVE,), new: Sequence[New] = (), tool: str = "") -> Edited:
    chosen = [Chosen(one, move) for move in moves for one in contents(text).demands if one.project == move.project]
    return pyproject.edit(PATH, text, chosen, new, tool)


def changes(before: str, after: str) -> List[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line.rstrip("\n") for line in lines if line[0] in "+-"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lists_of_requirements(end: str, last: bool) -> None:
    text = TEXT.replace("\n", end)[: None if last else -len(end)]
    made = edited(text)
    expected = (
        text.replace(">= 2.14", ">= 3.0.1")
        .replace("datasets==2.16.0", "datasets==3.6.0")
        .replace("datasets<3", "datasets>=3.0.1,<4")
    )
    assert made.text == expected
    assert [one.line for one in made.edits] == [9, 17, 20]
    assert edited(made.text) == Edited(made.text, ())


POETRY = """\
[tool.poetry]
name = "mine"

[tool.poetry.dependencies]
python = "^3.11"
datasets = "^2.14"  # the data
evaluate = { version = "0.4.1", extras = ["template"] }
[tool.poetry.group.dev.dependencies]
datasets = { version='~2.14' }
[tool.poetry.dev-dependencies.filelock]
version = "*"
"""


def test_tables_of_poetry() -> None:
    evaluate = Move("evaluate", Version("0.4.6"), Version("0.4.2"))
    made = edited(POETRY, [MOVE, evaluate, CAP])
    expected = POETRY
    for old, new in (('"^2.14"', '"^3.0.1"'), ("0.4.1", "0.4.6"), ("~2.14", "~3.6"), ('"*"', '"<3.12"')):
        expected = expected.replace(old, new)
    assert made.text == expected
    assert edited(made.text, [MOVE, evaluate, CAP]) == Edited(made.text, ())


def test_several_constraints_of_poetry_are_left_to_their_author() -> None:
    text = """\
[tool.poetry.dependencies]
datasets = [{ version = "2.16.0", python = "<3.9" }, { version = "3.0", python = ">=3.9" }]
"""
    with pytest.raises(EditError, match=r"pyproject\.toml:2: datasets was not found"):
        edited(text)


UV = '[project]\nname = "mine"\ndependencies = ["datasets==2.16.0"]\n'


@pytest.mark.parametrize(
    ("text", "added"),
    [
        (
            UV,
            [
                "+ ",
                "+ [tool.uv]",
                "+ constraint-dependencies = [",
                '+     "filelock<3.12", # compatshim: CSA-2026-0001',
                "+ ]",
            ],
        ),
        (
            f"{UV}\n[tool.uv]\npackage = false\n",
            ["+ constraint-dependencies = [", '+     "filelock<3.12", # compatshim: CSA-2026-0001', "+ ]"],
        ),
        (
            f'{UV}\n[tool.uv]\nconstraint-dependencies = [\n  "numpy<2", # old\n]\npackage = false\n',
            ['+   "filelock<3.12", # compatshim: CSA-2026-0001'],
        ),
        (
            f'{UV}\n[tool.uv]\nconstraint-dependencies = ["numpy<2"]\n',
            ['- constraint-dependencies = ["numpy<2"]', '+ constraint-dependencies = ["numpy<2", "filelock<3.12"]'],
        ),
    ],
)
def test_what_nobody_names_becomes_a_constraint_of_uvs(text: str, added: List[str]) -> None:
    made = edited(text, (), [New(CAP)], pyproject.UV)
    found = [line for line in changes(text, made.text) if not line.startswith("? ")]
    assert found == added
    constraints = [one for one in contents(made.text).demands if one.constraint]
    assert [str(one) for one in constraints if one.project == "filelock"] == ["filelock<3.12"]
    assert made.edits[0].line == constraints[-1].location.line


def test_a_constraint_of_uvs_is_itself_edited() -> None:
    text = f'{UV}\n[tool.uv]\nconstraint-dependencies = ["filelock<3.20"]\n'
    assert edited(text, [CAP]).text == text.replace("<3.20", "<3.12")


def test_what_nobody_names_goes_beside_what_brings_it() -> None:
    beside = next(one for one in contents(TEXT).demands if one.project == "pytest")
    made = edited(TEXT, (), [New(CAP, beside)])
    assert toml(Source(PATH, made.text))["dependency-groups"]["test"] == ["pytest", "filelock<3.12"]
    assert len([line for line in changes(TEXT, made.text) if line[0] == "-"]) <= 1
    beside = next(one for one in contents(TEXT).demands if one.project == "numpy")
    made = edited(TEXT, (), [New(CAP, beside)])
    assert toml(Source(PATH, made.text))["project"]["dependencies"][-1] == "filelock<3.12"
    assert [one for one in contents(made.text).demands if one.project == "filelock"]


def test_poetry_has_it_among_its_dependencies() -> None:
    made = edited(POETRY.replace("filelock", "other"), (), [New(CAP)], pyproject.POETRY)
    assert changes(POETRY.replace("filelock", "other"), made.text) == [
        '+ filelock = "<3.12" # compatshim: CSA-2026-0001'
    ]
    assert made.edits[0].line == 8


@pytest.mark.parametrize(
    ("document", "beside", "expected"),
    [
        ({"project": {}}, ["uv.lock"], pyproject.UV),
        ({"project": {}, "tool": {"uv": {}}}, [], pyproject.UV),
        ({"project": {}, "tool": {"ruff": {}}}, ["poetry.lock"], pyproject.PLAIN),
        ({"tool": {"poetry": {}}}, [], pyproject.POETRY),
        ({"project": {"dependencies": []}, "tool": {"poetry": {}}}, [], pyproject.PLAIN),
    ],
)
def test_whose_tables_they_are(document: dict[str, object], beside: List[str], expected: str) -> None:
    assert pyproject.tool(document, beside) == expected


SCRIPT = """\
#!/usr/bin/env python3
# -*- coding: utf-8 -*-

# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "datasets>=2.14",   # the data
#
#   "numpy",
# ]
#
# [tool.x]
# a = 1
# ///
dependencies = ["datasets>=2.14"]
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_block_of_a_script(end: str) -> None:
    text = SCRIPT.replace("\n", end)
    chosen = [Chosen(one, MOVE) for one in contents(text, "s.py").demands if one.project == "datasets"]
    made = pyproject.script("s.py", text, chosen, [New(CAP)])
    lines = text.split(end)
    lines[6] = lines[6].replace("2.14", "3.0.1")
    lines.insert(9, '#   "filelock<3.12", # compatshim: CSA-2026-0001')
    assert made.text.split(end) == lines
    assert [(one.line, one.after) for one in made.edits] == [(7, "datasets>=3.0.1"), (10, "filelock<3.12")]
