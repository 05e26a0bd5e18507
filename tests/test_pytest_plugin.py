"""The pytest plugin, in sessions of their own over a fake environment: passive until asked, and then early."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping

import pytest

from tests import plugin, support
from tests.plugin import ACTIVE, MENDED, PASSIVE
from tests.support import Completed

HEAD = "compatshim 0.1.0 (apply):"
APPLIED = "CSA-2026-0001 applied: evaluate_filefreelock on evaluate.module"
ARMED = "CSA-2026-0002 armed: datasets_filelock_mode on datasets.utils._filelock"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return plugin.installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def path(installed: str, story: str) -> List[str]:
    return [installed, story]


def go(folder: Path, files: Mapping[str, str], path: List[str], *args: str, **env: str) -> Completed:
    return plugin.session(folder / "project", files, path, *args, env=env)


def passed(done: Completed, count: int = 1) -> str:
    assert done.code == 0, done.out + done.err
    assert f"{count} passed" in done.out
    return done.out


class TestPassive:
    @pytest.mark.parametrize("args", [(), ("-n", "2"), ("-W", "error"), ("-p", "no:compatshim")], ids=" ".join)
    def test_nobody_asked(self, args: List[str], path: List[str], tmp_path: Path) -> None:
        out = passed(go(tmp_path, {"test_it.py": PASSIVE}, path, *args))
        assert "compatshim 0.1.0 (" not in out

    def test_although_the_package_is_damaged(self, path: List[str], tmp_path: Path) -> None:
        home = Path(plugin.installed(tmp_path / "damaged"))
        (home / "compatshim" / "__init__.py").write_text("raise RuntimeError('damaged')")
        passed(go(tmp_path, {"test_it.py": PASSIVE}, [str(home), path[1]]))


ASKED: Dict[str, Dict[str, str]] = {
    "ini": {"pytest.ini": "[pytest]\ncompatshim = true\n"},
    "addopts": {"pytest.ini": "[pytest]\naddopts = --compatshim\n"},
    "pyproject": {"pyproject.toml": "[tool.pytest.ini_options]\ncompatshim = true\n"},
}
EARLY = f"{MENDED}\nassert mended(), 'the conftest is too early'"


class TestAsked:
    @pytest.mark.parametrize("files", ASKED.values(), ids=ASKED)
    def test_by_settings(self, files: Dict[str, str], path: List[str], tmp_path: Path) -> None:
        out = passed(go(tmp_path, {**files, "conftest.py": EARLY, "test_it.py": ACTIVE}, path))
        assert f"{HEAD}\n  {APPLIED}\n  {ARMED}\n" in out[: out.index("collected")]
        assert "= compatshim =" not in out  # nothing came after the header

    def test_by_option(self, path: List[str], tmp_path: Path) -> None:
        files = {"conftest.py": EARLY, "test_it.py": ACTIVE}
        passed(go(tmp_path, files, path, "--compatshim"))
        assert go(tmp_path, files, path).code != 0

    def test_what_came_later_is_in_the_summary(self, path: List[str], tmp_path: Path) -> None:
        out = passed(go(tmp_path, {"test_it.py": ACTIVE}, path, "--compatshim"))
        header, _, summary = out.partition("collected")
        assert APPLIED.replace("applied", "armed") in header
        assert "= compatshim =" in summary
        assert APPLIED in summary

    @pytest.mark.parametrize("args", [("-q",), ("-q", "-n", "2")], ids=" ".join)
    def test_quiet(self, args: List[str], path: List[str], tmp_path: Path) -> None:
        assert "CSA-" not in passed(go(tmp_path, {"test_it.py": ACTIVE}, path, "--compatshim", *args))

    @pytest.mark.parametrize(
        ("env", "text"),
        [
            ({"COMPATSHIM": "off"}, "compatshim 0.1.0 (off by COMPATSHIM): switched off."),
            ({"COMPATSHIM": "observe"}, "compatshim 0.1.0 (observe by COMPATSHIM):"),
        ],
    )
    def test_under_other_modes(self, env: Dict[str, str], text: str, path: List[str], tmp_path: Path) -> None:
        test = f"{MENDED}\ndef test_it():\n    assert not mended()\n"
        assert text in passed(go(tmp_path, {"test_it.py": test}, path, "--compatshim", **env))

    def test_a_healthy_environment(self, installed: str, tmp_path: Path) -> None:
        healthy = support.site(tmp_path / "healthy", support.HEALTHY)
        out = passed(go(tmp_path, {"test_it.py": "def test_it(): pass"}, [installed, healthy], "--compatshim"))
        assert "compatshim 0.1.0 (apply): nothing to do here.\n" in out

    def test_what_could_not_be_mended_is_a_warning_of_the_session(self, installed: str, tmp_path: Path) -> None:
        modules = {**support.MODULES, "evaluate/module.py": "class Other: pass"}
        site = support.site(tmp_path / "site", support.STORY, modules)
        test = "def test_it():\n    import evaluate.module\n"
        out = passed(go(tmp_path, {"test_it.py": test}, [installed, site], "--compatshim"))
        assert "CompatshimWarning: compatshim CSA-2026-0001: evaluate.module was not mended" in out
        assert "CSA-2026-0001 skipped: evaluate_filefreelock on evaluate.module" in out

    def test_when_the_package_is_damaged(self, path: List[str], tmp_path: Path) -> None:
        home = Path(plugin.installed(tmp_path / "damaged"))
        for name in ("hook", "status"):
            (home / "compatshim" / "startup" / f"{name}.py").write_text("raise RuntimeError('damaged')")
        done = go(tmp_path, {"test_it.py": "def test_it(): pass"}, [str(home), path[1]], "--compatshim")
        passed(done)
        assert "compatshim could not start (RuntimeError: damaged)" in done.out + done.err


class TestImported:
    """By the project itself."""

    def test_by_a_conftest(self, path: List[str], tmp_path: Path) -> None:
        files = {"conftest.py": f"import compatshim\n{EARLY}", "test_it.py": ACTIVE}
        out = passed(go(tmp_path, files, path, "-W", "error"))
        assert f"{HEAD}\n  {APPLIED}\n" in out[: out.index("collected")]
        assert "CSA-" not in passed(go(tmp_path, files, path, "-p", "no:compatshim"))

    def test_by_a_test(self, path: List[str], tmp_path: Path) -> None:
        out = passed(go(tmp_path, {"test_it.py": f"import compatshim\n{ACTIVE}"}, path))
        header, _, summary = out.partition("collected")
        assert HEAD not in header
        assert APPLIED in summary

    @pytest.mark.parametrize("args", ["'-W', 'error'", "'-W', 'error', '-n', '1'"])
    def test_before_pytest(self, args: str, path: List[str], tmp_path: Path) -> None:
        support.site(tmp_path / "project", modules={"test_it.py": f"import compatshim\n{ACTIVE}"})
        code = f"import compatshim, pytest; sys.exit(pytest.main(['-p', 'no:cacheprovider', {args}]))"
        passed(support.run(code, path, flags=("-s",), cwd=tmp_path / "project", env={"PYTHONPATH": ":".join(path)}))


class TestWorkers:
    """pytest-xdist."""

    def test_are_mended_and_heard(self, path: List[str], tmp_path: Path) -> None:
        files = {"conftest.py": EARLY, "test_a.py": ACTIVE, "test_b.py": ACTIVE}
        out = passed(go(tmp_path, files, path, "--compatshim", "-n", "2"), 2)
        assert f"gw0, gw1: {HEAD}\n  {APPLIED}\n" in out

    def test_that_differ(self, path: List[str], tmp_path: Path) -> None:
        test = """
import os, time
def test_it():
    time.sleep(1)  # one for each worker
    if os.environ["PYTEST_XDIST_WORKER"] == "gw1":
        import compatshim
"""
        out = passed(go(tmp_path, {"test_a.py": test, "test_b.py": test}, path, "-n", "2"), 2)
        assert f"\ngw1: {HEAD}\n" in out
        assert "gw0" not in out[out.index("= compatshim =") :]

    def test_that_crash(self, path: List[str], tmp_path: Path) -> None:
        test = "import os\ndef test_crash():\n    os._exit(1)\ndef test_well():\n    pass\n"
        done = go(tmp_path, {"test_it.py": test}, path, "--compatshim", "-n", "1")
        assert done.code == 1
        assert "1 failed, 1 passed" in done.out
        assert "INTERNALERROR" not in done.out + done.err
