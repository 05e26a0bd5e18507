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
from tests.e2e.test_engines import HOSTS, environment, hosts, run, variables

pytestmark = pytest.mark.e2e
__all__ = ["environment", "hosts"]  # fixtures

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


@pytest.mark.matrix  # torch and MPI are large
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


@pytest.mark.matrix  # torch and MPI are large
@pytest.mark.parametrize("shared", [True, False])
def test_two_hosts(environment: Environment, hosts: Any, shared: bool, tmp_path: Path) -> None:
    """Each has a network, a name and a folder of its own; the rest of the file system is common."""
    home = tmp_path / ("common" if shared else "private") / "hf"
    commands = []
    for rank, name in enumerate([*HOSTS, *HOSTS][:3]):
        program = (
            f"import os, sys; os.makedirs({str(home / 'metrics')!r}, exist_ok=True)\n"
            f"sys.stdout = open({str(tmp_path)!r} + '/out-{rank}', 'w')\n"
            "from compatshim import cli; sys.exit(cli.main(['doctor', '--format', 'json']))"
        )
        words, more = hosts(name, environment.python, "-c", program)
        more.update(RANK=str(rank), WORLD_SIZE="3", MASTER_ADDR="nodeA", MASTER_PORT="29641", HF_HOME=str(home))
        commands.append((words, variables(tmp_path, environment, **more)))
    codes = run(commands, tmp_path)
    said = (tmp_path / "said").read_text()
    assert codes[1:] == [0, 0], said
    found = json.loads((tmp_path / "out-0").read_text())
    assert [one["host"] for one in found["processes"]] == ["nodeA", "nodeB", "nodeA"]
    about = {(one["check"], one["severity"]) for one in found["findings"] if one["check"].startswith("JOB")}
    if shared:
        assert about == set()
    else:
        assert about == {("JOB-DIRECTORY", "error"), ("JOB-DIRECTORY", "note")}
        (metrics,) = [one for one in found["findings"] if one["path"] == str(home / "metrics")]
        # Each process has mounted its own.
        assert "rank 1 on nodeB" in metrics["message"]
