"""What ``import compatshim`` does in fresh interpreters, over fake environments (see :mod:`tests.support`)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Dict, List, Sequence

import pytest

from compatshim.startup import match
from tests import support
from tests.support import MENDED, MODULES, STORY, Completed, run

OURS = "sorted(type(f).__module__ for f in sys.meta_path if type(f).__module__.startswith('compatshim'))"
LEDGER = "[(e.action, e.reason, e.advisory, e.module) for e in compatshim.status().entries]"
HOOKED = ("evaluate.module", "datasets.utils._filelock", "datasets.utils.filelock")
USE = "import compatshim, evaluate.module, datasets.utils._filelock"


def at(ledger: Sequence[Sequence[str]], module: str) -> List[List[str]]:
    """Action and reason of each entry about a module, but for the shim that is not about what is fake."""
    return [list(entry[:2]) for entry in ledger if entry[3] == module and entry[2] != support.GATHER]


class TestHealthy:
    @pytest.mark.parametrize("python", support.every_python())
    def test_leaves_nothing_behind(self, python: str, home: str, tmp_path: Path) -> None:
        path = [home, support.site(tmp_path / "site", support.HEALTHY)]
        done = run("import compatshim", path, value=f"[{OURS}, str(compatshim.status())]", python=python)
        assert done.data == [[], "compatshim (apply): nothing to do here."]
        assert done.err == ""

    @pytest.mark.parametrize("versions", [{}, {"filelock": "3.12.0"}, {"numpy": "2.0.0", "filelock": "3.12.0"}])
    def test_a_part_of_a_combination_is_none(self, versions: Dict[str, str], home: str, tmp_path: Path) -> None:
        path = [home, support.site(tmp_path / "site", versions)]
        assert run("import compatshim", path, value=OURS).data == []


class TestMatching:
    @pytest.mark.parametrize("python", support.every_python())
    def test_mends_what_is_imported_before_and_after(self, python: str, home: str, story: str) -> None:
        code = f"import evaluate.module\nimport compatshim\nimport datasets.utils._filelock\n{MENDED}"
        done = run(code, [home, story], value=f"[{OURS}, mended(), {LEDGER}]", python=python)
        finders, mended, ledger = done.data
        assert finders == ["compatshim.startup.finder"]
        assert mended == ["datasets.utils._filelock", "evaluate.module"]
        assert sorted(ledger) == [
            ["applied", "", "CSA-2026-0001", "evaluate.module"],
            ["applied", "", "CSA-2026-0002", "datasets.utils._filelock"],
            ["applied", "", "CSA-2026-0006", "datasets.utils._filelock"],
            ["armed", "", "CSA-2026-0006", "datasets.utils.filelock"],
            ["skipped", "probe-negative", support.GATHER, "evaluate.module"],
        ]
        assert done.err == ""

    @pytest.mark.parametrize(
        "imports",
        [
            "import compatshim; from evaluate.module import FileFreeLock",
            "from evaluate.module import FileFreeLock; import compatshim",
            "import evaluate; import compatshim; from evaluate import module; FileFreeLock = module.FileFreeLock",
            "import compatshim; FileFreeLock = __import__('evaluate.module').module.FileFreeLock",
            "import compatshim; exec('from evaluate.module import *')",
        ],
    )
    def test_in_any_order_and_by_any_statement(self, imports: str, home: str, story: str) -> None:
        held = "lock = FileFreeLock('/x'); lock._lock_file_fd = 'x'"
        assert run(f"{imports}\n{held}", [home, story], value="lock.is_locked").data is True

    def test_the_log_tells(self, home: str, story: str) -> None:
        code = f"import logging; logging.basicConfig(level='INFO', format='%(levelname)s %(message)s')\n{USE}"
        err = run(code, [home, story]).err.splitlines()
        assert err[0] == "INFO compatshim CSA-2026-0001: applied evaluate_filefreelock to evaluate.module"

    def test_a_log_handler_that_fails_changes_nothing(self, home: str, story: str) -> None:
        code = f"""
import logging
class Handler(logging.Handler):
    def emit(self, record): raise RuntimeError
logging.basicConfig(level="INFO", handlers=[Handler()])
{USE}
{MENDED}"""
        done = run(code, [home, story], value="mended()")
        assert done.data == ["datasets.utils._filelock", "evaluate.module"]

    def test_a_stub_in_place_of_a_module_is_left_alone(self, home: str, story: str) -> None:
        code = f"""
class Stub:
    def __getattr__(self, name): raise AttributeError(name)
import sys
sys.modules["evaluate.module"] = Stub()
import compatshim, datasets.utils._filelock
{MENDED}
ledger = {LEDGER}
del sys.modules["evaluate.module"]"""
        ledger, mended = run(code, [home, story], value="[ledger, mended()]").data
        assert at(ledger, "evaluate.module") == [["skipped", "shape-unknown"]]
        assert mended == ["datasets.utils._filelock"]

    def test_a_second_import_of_the_package_changes_nothing(self, home: str, story: str) -> None:
        code = f"""
{USE}
import evaluate.module as module, importlib
before = module.FileFreeLock._acquire
importlib.reload(compatshim)"""
        value = f"[module.FileFreeLock._acquire is before, len({OURS}), {LEDGER}]"
        same, finders, ledger = run(code, [home, story], value=value).data
        assert (same, finders) == (True, 1)
        assert at(ledger, "evaluate.module") == [["applied", "already-applied"]]

    def test_nothing_is_written(self, home: str, story: str, tmp_path: Path) -> None:
        def listing() -> List[str]:
            return sorted(str(path) for top in (home, story, tmp_path) for path in Path(top).rglob("*"))

        before = listing()
        assert run(USE, [home, story], env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}).code == 0
        assert listing() == before

    def test_spawned_and_forked_children_are_mended(self, home: str, story: str, tmp_path: Path) -> None:
        program = tmp_path / "program.py"
        program.write_text(
            f"""
import sys
sys.path[:0] = {[home, story]!r}
import compatshim, multiprocessing
def child(_):
    import evaluate.module
    return hasattr(evaluate.module.FileFreeLock._acquire, "__compatshim__")
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(child, [1]) == [True], method
"""
        )
        done = support.start([sys.executable, "-B", str(program)], cwd=tmp_path)
        assert (done.code, done.err) == (0, "")


class TestPolicy:
    def go(self, path: Sequence[str], **env: str) -> Completed:
        return run(f"{USE}\n{MENDED}", path, value=f"[mended(), {LEDGER}, {OURS}]", env=env)

    @pytest.mark.parametrize("mode", ["apply", "strict", ""])
    def test_acts(self, mode: str, home: str, story: str) -> None:
        done = self.go([home, story], COMPATSHIM=mode)
        assert done.data[0] == ["datasets.utils._filelock", "evaluate.module"]
        assert done.err == ""

    def test_off(self, home: str, story: str) -> None:
        assert self.go([home, story], COMPATSHIM="off").data == [[], [], []]

    def test_observe(self, home: str, story: str) -> None:
        mended, ledger, ours = self.go([home, story], COMPATSHIM="observe").data
        assert (mended, ours) == ([], [])
        assert {tuple(entry[:2]) for entry in ledger} == {("skipped", "mode-observe")}
        assert {entry[3] for entry in ledger} == set(HOOKED)

    def test_nonsense_is_said_and_taken_as_apply(self, home: str, story: str) -> None:
        done = self.go([home, story], COMPATSHIM="nonsense")
        assert len(done.data[0]) == 2
        (notice,) = done.notices
        assert "COMPATSHIM='nonsense' is not one of off, observe, apply, strict" in notice

    @pytest.mark.parametrize(
        ("names", "mended"),
        [
            ("CSA-2026-0001", ["datasets.utils._filelock"]),
            (" csa-2026-0001 ,, CSA-9999-0001", ["datasets.utils._filelock"]),
            ("CSA-2026-0002,CSA-2026-0006", ["evaluate.module"]),
            ("*", []),
            ("", ["datasets.utils._filelock", "evaluate.module"]),
        ],
    )
    def test_disabled(self, names: str, mended: List[str], home: str, story: str) -> None:
        found, ledger, ours = self.go([home, story], COMPATSHIM_DISABLE=names).data
        assert found == mended
        assert bool(ours) == bool(mended)
        listed = [name.strip().upper() for name in names.split(",")]
        off = {entry[2] for entry in ledger if entry[1] == "disabled-by-id"}
        assert off == {entry[2] for entry in ledger if entry[2] in listed or "*" in listed}


class TestNotices:
    """A module in a shape that no shim knows gives one notice."""

    @pytest.fixture
    def path(self, home: str, tmp_path: Path) -> List[str]:
        return [
            home,
            support.site(tmp_path / "site", STORY, {**MODULES, "evaluate/module.py": "class Other: pass"}),
        ]

    TWICE = f"{USE}\nimport importlib\nfor _ in range(3): importlib.reload(evaluate.module)"

    def test_once(self, path: List[str]) -> None:
        (notice,) = run(self.TWICE, path).notices
        assert "CompatshimWarning: compatshim CSA-2026-0001: evaluate.module was not mended" in notice
        assert "`python -m compatshim explain CSA-2026-0001`" in notice

    def under(self, action: str, path: List[str]) -> Completed:
        program = f"import sys; sys.path[:0] = {path!r}\n{self.TWICE}"
        return support.start([sys.executable, "-I", "-S", "-B", "-W", action, "-c", program])

    @pytest.mark.parametrize("action", ["ignore:compatshim", "ignore::UserWarning", "ignore"])
    def test_can_be_filtered(self, action: str, path: List[str]) -> None:
        done = self.under(action, path)
        assert (done.code, done.err) == (0, "")

    def test_errors_for_warnings_break_no_import(self, path: List[str]) -> None:
        done = self.under("error", path)
        assert done.code == 0
        assert done.err.startswith("compatshim CSA-2026-0001: evaluate.module was not mended")
        assert len(done.err.splitlines()) == 1

    @pytest.mark.parametrize("stderr", ["None", "open(0, 'w')"])
    def test_without_a_console(self, stderr: str, path: List[str]) -> None:
        code = f"import warnings; warnings.simplefilter('error'); sys.stderr = {stderr}"
        code += "\nif sys.stderr: sys.stderr.close()"
        assert run(f"{code}\n{self.TWICE}", path, value="1").data == 1

    @pytest.mark.parametrize("name", ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"])
    def test_the_first_rank_speaks_for_all(self, name: str, path: List[str]) -> None:
        assert len(run(USE, path, env={name: "0"}).notices) == 1
        assert run(USE, path, env={name: "3"}).err == ""

    def test_strict_raises(self, path: List[str]) -> None:
        done = run(USE, path, env={"COMPATSHIM": "strict"})
        assert done.code == 1
        assert "RuntimeError: compatshim CSA-2026-0001: evaluate.module was not mended" in done.err
        assert "shape this shim does not know" in done.err


class TestDamage:
    """compatshim itself is damaged: the program runs as if it were absent, and says so once."""

    ON_DEMAND = ("installed.py", "late.py", "distributed.py", "joblog.py", "status.py", "foreign.py", "offers.py")
    FILES = sorted(
        str(path.relative_to(support.PACKAGE))
        for folder in ("startup", "shims")
        for path in Path(support.PACKAGE, folder).iterdir()
        if path.is_file()
    )

    @pytest.mark.parametrize("content", [None, "raise RuntimeError('damaged')\n", "def (\n", ""])
    @pytest.mark.parametrize("file", FILES)
    def test_never_breaks_an_import(
        self, file: str, content: str | None, home: str, story: str, tmp_path: Path
    ) -> None:
        shutil.copytree(home, tmp_path / "home")
        target = tmp_path / "home" / "compatshim" / file
        target.unlink()
        if content is not None:
            target.write_text(content)
        done = run(f"{USE}\nevaluate.module.FileFreeLock('/x')", [tmp_path / "home", story], value="1")
        assert done.data == 1
        assert len(done.notices) <= 1
        assert "Traceback" not in done.err
        harmless = file.endswith("__init__.py") and "shims" in file and not content
        armed, _ = match.armed({project: (version,) for project, version in STORY.items()})
        idle = file.startswith("shims") and Path(file).stem not in {shim for _, shim, _ in armed}
        unused = file.endswith(self.ON_DEMAND) or (idle and not file.endswith("__init__.py"))
        assert bool(done.notices) != (harmless or unused)

    def test_strict_raises(self, home: str, story: str, tmp_path: Path) -> None:
        shutil.copytree(home, tmp_path / "home")
        os.remove(tmp_path / "home" / "compatshim" / "startup" / "hook.py")
        done = run("import compatshim", [tmp_path / "home", story], env={"COMPATSHIM": "strict"})
        assert done.code == 1
        assert "compatshim.startup.hook" in done.err or "cannot import name 'hook'" in done.err

    def test_errors_for_warnings_break_no_import(self, home: str, story: str, tmp_path: Path) -> None:
        shutil.copytree(home, tmp_path / "home")
        os.remove(tmp_path / "home" / "compatshim" / "startup" / "hook.py")
        program = f"import sys; sys.path[:0]={[str(tmp_path / 'home'), story]!r}\n{USE}"
        done = support.start([sys.executable, "-I", "-S", "-B", "-W", "error", "-c", program])
        assert done.code == 0
        assert done.err.startswith("compatshim could not start (ImportError: ")
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["CompatshimWarning", "revert", "status"])
def test_public_names(name: str, home: str) -> None:
    assert run(f"from compatshim import {name}", [home], value=f"'{name}' in __import__('compatshim').__all__").data
    assert run("import compatshim", [home], value="hasattr(compatshim, 'nothing')").data is False
