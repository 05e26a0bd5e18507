"""The commands that keep the knowledge base true, on real environments of a few seconds each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

from compatshim import catalog
from compatshim.kb import environments
from tests.e2e.support import REPRODUCERS

pytestmark = pytest.mark.e2e
pytest.importorskip("tomlkit")

ID = "CSA-2026-0007"  # filelock alone: an environment takes a second
FILE = f"{ID}.toml"


@pytest.fixture
def advisories(tmp_path: Path) -> Path:
    """A folder with that advisory, which nobody has run yet."""
    if not environments.interpreters():
        pytest.skip("no Python here that environments can be made from: not run")
    folder = tmp_path / "advisories"
    folder.mkdir()
    text = Path(catalog.BUNDLED, FILE).read_text(encoding="utf-8")
    (folder / FILE).write_text(text.partition("[[verified]]")[0], encoding="utf-8")
    return folder


def command(advisories: Path, *more: str) -> List[str]:
    where = ("--advisories", str(advisories), "--reproducers", REPRODUCERS, "--jobs", "1", "--format", "json")
    return [sys.executable, "-m", "compatshim", "kb", "verify", ID, *where, *more]


def variables(folder: Path) -> Dict[str, str]:
    return {**os.environ, "COMPATSHIM_ENV_CACHE": str(folder / "cache")}


def test_verify_goes_on_after_an_interrupt(advisories: Path, tmp_path: Path) -> None:
    before = (advisories / FILE).read_bytes()
    with subprocess.Popen(
        command(advisories), env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        for _ in range(2):
            assert ID in first.stderr.readline()
        first.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        _, said = first.communicate(timeout=120)
    if os.name == "posix":
        assert first.returncode == 2
        assert "interrupted; the rows of 0 of 1 advisories are written; run it again to go on" in said
    assert (advisories / FILE).read_bytes() == before
    (journal,) = tmp_path.glob("cache/journal.jsonl")
    finished = len(journal.read_text(encoding="utf-8").splitlines())
    assert finished >= 1

    second = subprocess.run(
        command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=False
    )
    told = json.loads(second.stdout)
    (about,) = told["advisories"]
    assert (second.returncode, about["dead"], about["contradictions"]) == (0, False, [])
    (written,) = catalog.load(str(advisories)).advisories
    assert {row.outcome for row in written.verified} == {"bad", "good"}
    assert about["rows"] == len(written.verified)
    # What was finished before the interrupt was not run again.
    assert told["runs"] <= len(journal.read_text(encoding="utf-8").splitlines()) - finished

    third = subprocess.run(command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=True)
    assert json.loads(third.stdout)["runs"] == 0


def test_verify_does_not_believe_an_advisory(advisories: Path, tmp_path: Path) -> None:
    """The fault reaches to filelock 3.20.0; this one says 3.17."""
    text = (advisories / FILE).read_text(encoding="utf-8")
    assert 'fixed = "3.20.1"' in text
    (advisories / FILE).write_text(text.replace('fixed = "3.20.1"', 'fixed = "3.18.0"'), encoding="utf-8")
    done = subprocess.run(command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=False)
    (about,) = json.loads(done.stdout)["advisories"]
    assert done.returncode == 1
    assert "filelock 3.18.0 on Python 3.11: bad, not good" in about["spread"][0]
    (written,) = catalog.load(str(advisories)).advisories
    assert not [row for row in written.verified if str(row.versions[0][1]) == "3.18.0"]
