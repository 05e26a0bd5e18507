"""The doctor where its findings are true: real environments that share a cache, and torchrun's ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests.e2e import support
from tests.e2e.test_engines import environment, variables

pytestmark = pytest.mark.e2e
__all__ = ["environment"]  # a fixture

HOLD = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    pass
"""


def report(command: List[str], env: Dict[str, str]) -> Any:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def locks(version: str) -> Environment:
    return environments.build(Spec(support.python("3.11"), (f"filelock=={version}",)))


@pytest.mark.parametrize(
    ("one", "other", "bad"), [("3.20.3", "3.24.3", True), ("3.20.3", "3.29.5", False), ("3.9.0", "3.20.3", False)]
)
def test_two_environments_on_one_cache(one: str, other: str, bad: bool, tmp_path: Path) -> None:
    pythons = [locks(version).python for version in (one, other)]
    (tmp_path / "cache").mkdir(mode=0o700)
    command = [
        sys.executable, "-m", "compatshim", "doctor", "--cache", str(tmp_path / "cache"), "--format", "json",
        "--python", pythons[0], "--with", pythons[1],
    ]  # fmt: skip
    found = report(command, {**os.environ, "PYTHONPATH": os.path.dirname(support.PACKAGE)})["findings"]
    assert [one["check"] for one in found] == (["FILELOCK-MIXED"] if bad else [])
    if bad:
        assert found[0]["command"] == f"{pythons[1]} -m pip install 'filelock>3.29.4'"


def test_the_lock_files_of_an_old_filelock_tell(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    subprocess.run([locks("3.9.0").python, "-c", HOLD, str(cache / "a.lock")], check=True)
    assert (cache / "a.lock").stat().st_mode & 0o111
    command = [
        sys.executable, "-m", "compatshim", "doctor", "--cache", str(cache), "--format", "json", "--python",
        locks("3.24.3").python,
    ]  # fmt: skip
    found = report(command, {**os.environ, "PYTHONPATH": os.path.dirname(support.PACKAGE)})["findings"]
    assert [one["check"] for one in found] == ["LOCK-MAKER"]


@pytest.mark.parametrize("launcher", ["torchrun", "mpirun"])
def test_a_launcher(environment: Environment, launcher: str, tmp_path: Path) -> None:
    commands = {
        "torchrun": ["torchrun", "--standalone", "--nproc-per-node=2", "--no-python", environment.python],
        "mpirun": ["mpirun", "--oversubscribe", "-n", "2", environment.python],
    }
    (tmp_path / "hf" / "metrics").mkdir(parents=True)
    env = variables(tmp_path, environment, HF_HOME=str(tmp_path / "hf"))
    command = [*commands[launcher], "-m", "compatshim", "doctor", "--format", "json"]
    found = report(command, env)
    assert [one["rank"] for one in found["processes"]] == [0, 1]
    assert [one["versions"]["filelock"] for one in found["processes"]] == ["4.2.11"] * 2
    assert [one["check"] for one in found["findings"] if one["check"].startswith(("JOB", "FILELOCK"))] == []
    assert [one for one in found["not_checked"] if one["check"].startswith("JOB")] == []
    assert [name for _, _, names in os.walk(tmp_path / "hf") for name in names] == []
