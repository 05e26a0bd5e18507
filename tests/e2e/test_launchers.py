"""Real launchers: one process of a job speaks, and the job log knows every rank."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Sequence

import pytest

from compatshim import job
from tests import support as fake
from tests.e2e import support

pytestmark = pytest.mark.e2e

# As root in a container, and on fewer processors than ranks.
AS_ROOT = {f"{name}_ALLOW_RUN_AS_ROOT{suffix}": "1" for name in ("OMPI", "PRTE") for suffix in ("", "_CONFIRM")}
LAUNCHERS: Dict[str, List[str]] = {"mpich": ["mpiexec.hydra"], "openmpi": ["mpirun", "--oversubscribe"]}


@pytest.mark.parametrize(("project", "command"), LAUNCHERS.items(), ids=LAUNCHERS)
def test_a_job_of_four(project: str, command: Sequence[str], home: str, tmp_path: Path) -> None:
    environment = support.build({}, around=(project,))
    launcher, *options = command
    modules = {**fake.MODULES, "evaluate/module.py": "class Other: pass"}
    site = fake.site(tmp_path / "site", fake.STORY, modules)
    (tmp_path / "log").mkdir()
    (tmp_path / "train.py").write_text("import compatshim, evaluate.module, datasets.utils._filelock\n")
    done = fake.start(
        [os.path.join(environment.prefix, "bin", launcher), *options, "-n", "4", environment.python, "train.py"],
        env={
            **AS_ROOT,
            "PYTHONPATH": os.pathsep.join([home, site]),
            "COMPATSHIM_LOG": "log",
            # A launcher within a batch script: the script's own rank is not the program's.
            "SLURM_PROCID": "0",
            "TMPDIR": "/tmp",
        },
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert done.err.count("compatshim CSA-2026-0001: evaluate.module was not mended") == 1
    log = job.read(str(tmp_path / "log"))
    assert sorted((process.rank, process.world) for process in log.processes) == [(rank, 4) for rank in range(4)]
    assert [outcome.reason for outcome in job.findings(log.processes)] == ["shape-unknown"]
