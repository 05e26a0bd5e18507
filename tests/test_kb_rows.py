from __future__ import annotations

from pathlib import Path
from typing import Tuple

import pytest

from compatshim import catalog
from compatshim.kb import rows
from compatshim.model import Verified
from tests.kb_support import HEAD, ON, row, versions

pytest.importorskip("tomlkit")


def read(path: Path) -> Tuple[Verified, ...]:
    return catalog.load(str(path.parent)).advisories[0].verified


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "CSA-2026-0001.toml"
    path.write_bytes(HEAD.encode())
    return path


def test_what_was_written_is_read(path: Path) -> None:
    wanted = (
        row("bad", a="2.0", b="1.1"),
        row("bad", a="2.0", b="1.10"),
        row("good", b="1.1"),
        row("shimmed", a="2.0", b="1.1"),
    )
    rows.write(str(path), [*wanted[::-1], wanted[1]])
    assert read(path) == wanted


def test_the_rest_stays(path: Path) -> None:
    rows.write(str(path), [row("bad", a="2.0", b="1.1")])
    text = path.read_bytes().decode()
    assert text == HEAD + (
        "\n[[verified]]\n"
        'outcome = "bad"\n'
        f'on = {{ python = "3.11", platform = "{ON[1]}", date = 2026-11-22 }}\n'
        'with = { a = "2.0", b = "1.1" }\n'
    )
    rows.write(str(path), [row("good", b="1.2")])
    assert path.read_bytes().decode().startswith(text + "\n[[verified]]\n")


def test_nothing_to_write(path: Path) -> None:
    rows.write(str(path), [])
    assert path.read_bytes().decode() == HEAD


def test_tables_in_the_middle(path: Path) -> None:
    rows.write(str(path), [row("bad", a="2.0", b="1.1")])
    tables = path.read_bytes().decode()[len(HEAD) :]
    head, mark, tail = HEAD.partition("[[references]]")
    path.write_bytes(f"{head}{tables.lstrip()}\n{mark}{tail}".encode())
    rows.write(str(path), [row("bad", a="2.0", b="1.1")])
    assert path.read_bytes().decode() == HEAD + tables


def test_other_runs_stay_and_the_same_run_is_replaced(path: Path) -> None:
    elsewhere = row("bad", ("3.11", "win_amd64"), a="2.0", b="1.1")
    older = row("bad", ("3.8", ON[1]), a="2.0", b="1.1")
    rows.write(str(path), [elsewhere, older, row("bad", date="2020-01-01", a="2.0", b="1.1")])
    new = row("bad", a="2.0", b="1.1")
    rows.write(str(path), [new])
    assert set(read(path)) == {elsewhere, older, new}


def test_a_refuted_row_goes(path: Path) -> None:
    shimmed = row("shimmed", a="2.0", b="1.1")
    rows.write(str(path), [row("bad", a="2.0", b="1.1"), shimmed])
    rows.write(str(path), [], refuted=[(versions(a="2.0", b="1.1"), *ON, False)])
    assert read(path) == (shimmed,)
