"""Who is told what, and how often: fresh interpreters and real processes, where one module cannot be mended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

from tests import support
from tests.support import MODULES, STORY, Completed, run

USE = "import compatshim, evaluate.module"
SAID = "CompatshimWarning: compatshim CSA-2026-0001: evaluate.module was not mended"


@pytest.fixture
def path(home: str, tmp_path: Path) -> List[str]:
    modules = {**MODULES, "evaluate/module.py": "class Other: pass"}
    return [home, support.site(tmp_path / "site", STORY, modules)]


class TestFilters:
    """Python's own filters, on every Python: a category of ours cannot be named there, the message can."""

    def under(self, python: str, path: List[str], *flags: str, **env: str) -> Completed:
        program = f"import sys; sys.path[:0] = {path!r}\n{USE}"
        return support.start(
            [python, "-s", "-S", "-B", *flags, "-c", program], env=env, cwd=os.path.dirname(path[1])
        )

    @pytest.mark.parametrize("python", support.every_python())
    def test_by_the_message(self, python: str, path: List[str]) -> None:
        assert SAID in self.under(python, path).err
        assert self.under(python, path, "-W", "ignore:compatshim").err == ""
        assert self.under(python, path, PYTHONWARNINGS="ignore:compatshim").err == ""
        assert SAID in self.under(python, path, "-W", "ignore:other").err

    @pytest.mark.parametrize("python", support.every_python())
    def test_errors_for_warnings_break_no_import(self, python: str, path: List[str]) -> None:
        for done in (self.under(python, path, "-W", "error"), self.under(python, path, PYTHONWARNINGS="error")):
            assert done.code == 0
            assert len(done.err.splitlines()) == 1
            assert done.err.startswith("compatshim CSA-2026-0001: evaluate.module was not mended")

    def test_in_the_program(self, path: List[str]) -> None:
        for words in ("'ignore', 'compatshim'", "'ignore', category=compatshim.CompatshimWarning"):
            code = f"import compatshim, warnings; warnings.filterwarnings({words})\n{USE}"
            assert run(code, path).err == ""

    @pytest.mark.parametrize("python", support.every_python())
    def test_a_healthy_environment_is_silent(self, python: str, home: str, tmp_path: Path) -> None:
        healthy = support.site(tmp_path / "healthy", support.HEALTHY)
        program = f"import sys; sys.path[:0] = {[home, healthy]!r}\nimport compatshim"
        for flags in (["-W", "always"], ["-W", "error"]):
            done = support.start([python, "-s", "-S", "-B", *flags, "-c", program])
            assert (done.code, done.out, done.err) == (0, "", "")


LAUNCHED: Dict[str, List[Dict[str, str]]] = {
    # What each launcher puts into the environment of its processes.
    "torchrun": [{"RANK": str(rank), "LOCAL_RANK": str(rank % 2), "WORLD_SIZE": "4"} for rank in range(4)],
    "srun": [{"SLURM_PROCID": str(rank), "SLURM_LOCALID": "0", "SLURM_NTASKS": "3"} for rank in range(3)],
    "srun torchrun": [
        {"RANK": str(rank), "LOCAL_RANK": str(rank % 2), "SLURM_PROCID": str(1 - rank // 2)} for rank in range(4)
    ],
    "mpirun (Open MPI)": [{"OMPI_COMM_WORLD_RANK": str(rank), "PMIX_RANK": str(rank)} for rank in range(3)],
    "mpirun in a batch script": [{"OMPI_COMM_WORLD_RANK": str(rank), "SLURM_PROCID": "0"} for rank in range(3)],
    "mpiexec (MPICH)": [{"PMI_RANK": str(rank), "PMI_SIZE": "3"} for rank in range(3)],
    "mpiexec in a batch script": [{"PMI_RANK": str(rank), "SLURM_PROCID": "0"} for rank in range(3)],
    "prterun": [{"PMIX_RANK": str(rank)} for rank in range(3)],
    "Lightning": [{"LOCAL_RANK": str(rank), "NODE_RANK": "0"} for rank in range(3)],
    "no launcher, odd values": [{"RANK": "", "PMI_RANK": "first", "SLURM_PROCID": "0"}],
}


@pytest.mark.parametrize("ranks", LAUNCHED.values(), ids=LAUNCHED)
def test_one_process_of_a_job_speaks(ranks: List[Dict[str, str]], path: List[str]) -> None:
    program = f"import sys; sys.path[:0] = {path!r}\n{USE}"
    started = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", program],
            env=support.environment(**rank),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * len(ranks)
    assert [SAID in text for text in said] == [True] + [False] * (len(ranks) - 1)
    assert "".join(said[1:]) == ""


@pytest.mark.parametrize("python", support.every_python())
@pytest.mark.parametrize("first", [True, False], ids=["parent too", "children alone"])
def test_children_do_not_repeat(first: bool, python: str, path: List[str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import sys
sys.path[:0] = {path!r}
import compatshim, multiprocessing
{"import evaluate.module" if first else ""}
def child(_):
    import evaluate.module
    return [entry.reason for entry in compatshim.status().entries if entry.advisory == "CSA-2026-0001"]
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["__main__"])
        with context.Pool(2) as pool:
            assert pool.map(child, range(4)) == [["shape-unknown"]] * 4, method
"""
    )
    done = support.start([python, "-s", "-S", "-B", str(program)], cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.err.count(SAID) == int(first)


@pytest.mark.parametrize("python", support.every_python())
def test_spawned_children_do_not_repeat_what_is_said_before_they_are_known(
    python: str, home: str, story: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import compatshim")
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(abs, range(4))
"""
    )
    env = {"COMPATSHIM": "nonsense", "PYTHONPATH": os.pathsep.join([home, story, str(tmp_path)])}
    done = support.start([python, "-s", "-B", str(program)], cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    said = done.err.count("COMPATSHIM='nonsense' is not one of")
    # Python 3.8 and 3.9 do not tell the helper process that cleans up behind the others.
    assert said == 1 if python not in map(support.interpreters().get, ("3.8", "3.9")) else 1 <= said <= 2


def test_a_program_run_by_a_child_speaks_for_itself(path: List[str]) -> None:
    program = f"import sys; sys.path[:0] = {path!r}\n{USE}"
    code = f"import subprocess; subprocess.run([{sys.executable!r}, '-I', '-S', '-c', {program!r}], check=True)"
    assert run(code, path, env=dict(os.environ)).err.count(SAID) == 1


def test_a_warning_can_be_sent_to_another_process(home: str) -> None:
    code = (
        "import pickle, compatshim\nsent = pickle.loads(pickle.dumps(compatshim.CompatshimWarning('compatshim x')))"
    )
    assert run(code, [home], value="[type(sent) is compatshim.CompatshimWarning, str(sent)]").data == [
        True,
        "compatshim x",
    ]
