"""The version of the catalog: a day, and another one only where the advisories changed."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from compatshim import __version__, catalog, cli, compiled
from compatshim.kb import compile as compiler
from compatshim.metadata.snapshot import Snapshot
from tests.test_catalogs import write

KNOWN = catalog.load()


def day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ("", "2026-11-25", "2026.11.25"),
        ("2026.11.24", "2026-11-25", "2026.11.25"),
        ("2026.9.30", "2026-11-05", "2026.11.5"),
        ("2026.11.25", "2026-11-25", "2026.11.25.1"),
        ("2026.11.25.1", "2026-11-25", "2026.11.25.2"),
        ("2026.11.25.9", "2026-11-26", "2026.11.26"),
        ("2026.11.25", "2026-11-24", "2026.11.25.1"),  # a clock that goes wrong
    ],
)
def test_the_next_version(last: str, now: str, expected: str) -> None:
    assert compiler.version(last, day(now)) == expected


@given(st.lists(st.datetimes(timezones=st.just(timezone.utc)), min_size=2, max_size=6))
def test_versions_ascend_whatever_the_clock_says(days: List[datetime]) -> None:
    versions = [""]
    for one in days:
        versions.append(compiler.version(versions[-1], one))
    ordered = [Version(one) for one in versions[1:]]
    assert ordered == sorted(set(ordered))


def test_the_bundled_one_has_one() -> None:
    assert re.fullmatch(r"20\d\d\.\d+\.\d+(\.\d+)?", KNOWN.version)
    assert compiled.load().version == KNOWN.version


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the advisories, compiled where nobody else looks."""
    folder = tmp_path / "advisories"
    shutil.copytree(catalog.BUNDLED, folder)
    for name, path in {"INDEX": "index.txt", "SCHEMA": "schema.json", "SHIMS": "docs/shims.md"}.items():
        monkeypatch.setattr(compiler, name, str(tmp_path / path))
    monkeypatch.setattr(compiler, "CATALOG", str(folder / "catalog.jsonl"))
    return folder


def compile_(folder: Path) -> Dict[str, Any]:
    compiler.write(compiler.compiled(catalog.load(str(folder)), Snapshot.bundled()))
    found: Dict[str, Any] = json.loads((folder / "catalog.jsonl").read_text(encoding="utf-8").partition("\n")[0])
    return found


def test_is_another_one_only_when_the_digest_is(copied: Path) -> None:
    (copied / "catalog.jsonl").write_text(
        (copied / "catalog.jsonl").read_text(encoding="utf-8").replace(KNOWN.version, "2020.1.1"), encoding="utf-8"
    )
    for _ in range(2):
        assert compile_(copied)["version"] == "2020.1.1"
    path = copied / "CSA-2026-0001.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert catalog.load(str(copied)).version == ""
    changed = compile_(copied)
    assert Version(changed["version"]) > Version("2020.1.1")
    assert changed["digest"] != KNOWN.digest
    assert compile_(copied) == changed


def test_the_command_line_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == cli.CLEAN
    assert capsys.readouterr().out == f"compatshim {__version__} (catalog {KNOWN.version}, {KNOWN.digest})\n"


def test_json_has_it_and_the_catalogs_that_were_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "house")
    cli.main(["check", "--format", "json"])
    alone = json.loads(capsys.readouterr().out)
    assert (alone["catalog"], alone["catalog_version"], alone["catalogs"]) == (KNOWN.digest, KNOWN.version, [])
    cli.main(["check", "--format", "json", "--catalog", folder])
    both = json.loads(capsys.readouterr().out)
    theirs = catalog.load(folder, private=True).digest
    assert both["catalogs"] == [{"folder": folder, "told": "--catalog", "digest": theirs, "advisories": 1}]
    assert both["catalog_version"] == KNOWN.version
    assert both["catalog"] != KNOWN.digest
