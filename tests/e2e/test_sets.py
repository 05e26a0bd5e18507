"""The committed constraint sets: one is installed and run here, all of them behind ``matrix``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import List

import pytest

from compatshim import catalog, constraints
from compatshim.cli import main
from compatshim.kb import environments
from compatshim.kb.environments import Spec
from compatshim.kb.sets import record, stacks
from compatshim.kb.sets.prove import prove
from tests.e2e import support
from tests.e2e.test_story import GOOD, compatshim, tell

pytestmark = pytest.mark.e2e

FOLDER = os.path.join(os.path.dirname(support.TESTS), "constraints")
JOBS = stacks.jobs(FOLDER)
MADE = [job for job in JOBS if os.path.exists(os.path.join(FOLDER, job.path))]


def read(path: str) -> str:
    return Path(FOLDER, path).read_text(encoding="utf-8")


def test_a_frozen_cluster_installs_its_set_and_the_story_ends_well(tmp_path: Path) -> None:
    text = read("evaluate-0.4.1-datasets-2.16/python3.11.txt")
    lines = tuple(line for line in text.splitlines() if not line.startswith("#"))
    assert "filelock==3.9.0  # via CSA-2026-0001, CSA-2026-0002" in lines
    made = environments.build(Spec(support.python("3.11"), ("evaluate", "datasets", "scikit-learn"), lines))
    frozen = sorted(f"{project}=={version}" for project, version in made.installed().items())
    assert frozen == sorted(line.partition("  #")[0] for line in lines)
    assert tell(made, str(tmp_path)) == {"ranks": GOOD, "modes": ["0777"]}
    assert compatshim("check", "--python", made.python).returncode == 0


@pytest.mark.matrix
@pytest.mark.parametrize("job", MADE, ids=lambda job: job.path)
def test_every_set_does_what_is_on_record(job: stacks.Job) -> None:
    file = constraints.parse(read(job.path))
    outcomes = prove(job, support.python(job.minor), file, catalog.load(), support.TESTS)
    assert outcomes == record.read(FOLDER)[job.path].outcomes


@pytest.mark.matrix
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.path)
def test_making_a_set_again_changes_no_byte(tmp_path: Path, job: stacks.Job) -> None:
    def contents() -> List[bytes]:
        return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]

    support.python(job.minor)
    folder = tmp_path / "constraints"
    shutil.copytree(FOLDER, folder)
    before = contents()
    status = main(
        ["kb", "sets", job.stack.name, "--on", job.minor, "--folder", str(folder), "--tests", support.TESTS]
    )
    assert (status, contents()) == (0, before)
