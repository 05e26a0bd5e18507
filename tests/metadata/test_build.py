"""The builder of the bundled snapshot, on a small index."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import pytest
from packaging.version import Version

from compatshim import cli
from compatshim.kb import snapshot as builder
from compatshim.metadata import snapshot as reader
from compatshim.metadata.failures import DamagedError, UnavailableError
from compatshim.metadata.interface import Release
from compatshim.metadata.snapshot import Snapshot
from tests.metadata.simple import Item, Server, sdist, wheel

DAY = "2026-02-03"


@pytest.fixture(autouse=True)
def configured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", server.url)


def test_keeps_final_versions_and_asks_only_once(server: Server, tmp_path: Path) -> None:
    known = ("b", "c (>=1); extra == 'd'")
    yanked = sdist("a", "2.0")
    yanked.yanked = True
    server.items["a"] = [
        wheel("a", "2.0", *known, python=">=3.8"),
        yanked,
        wheel("a", "2.1rc1"),
        sdist("a", "2.1.dev1"),
        Item("a-1.9.post1.tar.gz", b"", yanked=True, requires_python=">=3"),
        wheel("a", "10", "for-27", tags="cp27-cp27m-manylinux1_x86_64"),
        wheel("a", "10", "for-windows", tags="cp311-cp311-win_amd64"),
        wheel("a", "10", *known, python=">=3.8", tags="cp312-cp312-manylinux_2_17_x86_64"),
    ]
    path = str(tmp_path / "s.zip")
    lines: List[str] = []
    for _ in range(2):
        result = builder.build(["A", "gone"], path, report=lines.append, cache=str(tmp_path / "c"), date=DAY)
    assert Snapshot.open(path).releases("a") == (
        Release("a", Version("1.9.post1"), ">=3", None, yanked=True, uploaded=DAY, wheels=()),
        Release("a", Version("2.0"), ">=3.8", known, uploaded=DAY),
        Release("a", Version("10"), ">=3.8", known, uploaded=DAY, wheels=("linux-x86_64 3.12", "win32-AMD64 3.11")),
    )
    assert server.asked("[.]metadata") == 2
    assert (result.size, result.missing) == (os.path.getsize(path), ("gone",))
    assert [str(release.version) for release in result.unknown] == ["1.9.post1"]
    assert lines[:2] == ["a: 3 releases, requirements unknown for 1", "gone: not in the index"]


def test_only_the_main_index_counts(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-2-py3-none-any.whl").write_bytes(wheel("a", "2").content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/")
    server.items["a"] = [wheel("a", "1")]
    result = builder.build(["a"], str(tmp_path / "s.zip"), report=print)
    assert [str(release.version) for release in result.releases["a"]] == ["1"]


def test_a_damaged_wheel(server: Server, tmp_path: Path) -> None:
    server.items["a"] = [Item("a-1-py3-none-any.whl", b"broken")]
    with pytest.raises(DamagedError, match="a 1: the wheel is damaged"):
        builder.build(["a"], str(tmp_path / "s.zip"), report=print)
    assert not (tmp_path / "s.zip").exists()


def test_an_index_that_does_not_answer(server: Server, tmp_path: Path) -> None:
    server.statuses["/simple/a/"] = [500] * 9
    with pytest.raises(UnavailableError, match="HTTP 500"):
        builder.build(["a"], str(tmp_path / "s.zip"), report=print)


def test_the_command(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(reader, "__file__", str(tmp_path / "snapshot.py"))
    monkeypatch.setattr(builder, "NEIGHBOURHOOD", ("a",))
    server.items["a"] = [wheel("a", "1")]
    assert cli.main(["kb", "snapshot"]) == 0
    place = str(tmp_path / "data" / "snapshot.zip")
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"compatshim: {place}: written (1 projects, 1 releases, {os.path.getsize(place)} bytes)"
    )
    server.statuses["/simple/a/"] = [403]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["kb", "snapshot"]) == 2
    assert capsys.readouterr().err == (
        f"compatshim: the index at {server.host} did not answer (HTTP 403): run it again to go on\n"
    )
