"""Modes and disabled advisories: by variable, by file, by nobody; and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional

import pytest

from tests import support
from tests.support import MENDED, Completed, run

USE = f"import compatshim, evaluate.module, datasets.utils._filelock\n{MENDED}"
BOTH = ["datasets.utils._filelock", "evaluate.module"]
STATUS = "[mended(), compatshim.status().as_dict(), len(compatshim.status().entries)]"
# As users start Python; `-I` would not look at the current directory.
FLAGS = ("-s", "-S")


def go(
    path: List[str], folder: Path, content: Any = None, code: str = USE, value: str = STATUS, **options: Any
) -> Completed:
    """Run in a directory with this ``pyproject.toml``."""
    folder.mkdir(parents=True, exist_ok=True)
    if content is not None:
        target = folder / "pyproject.toml"
        target.write_bytes(content if isinstance(content, bytes) else f"[tool.compatshim]\n{content}\n".encode())
    return run(code, path, value=value, cwd=folder, **{"flags": FLAGS, **options})


@pytest.fixture
def path(home: str, story: str) -> List[str]:
    return [home, story]


@pytest.fixture(scope="session")
def parser(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory that holds tomli and nothing else."""
    return support.copy_library("tomli", tmp_path_factory.mktemp("tomli"))


class TestFile:
    @pytest.mark.parametrize(("mode", "mended"), [("off", []), ("observe", []), ("apply", BOTH), ("strict", BOTH)])
    def test_mode(self, mode: str, mended: List[str], path: List[str], tmp_path: Path) -> None:
        found, status, _ = go(path, tmp_path, f"mode = '{mode}'").data
        assert found == mended
        assert (status["mode"], status["mode_source"]) == (mode, str(tmp_path / "pyproject.toml"))
        assert (status["disable"], status["disable_source"]) == ([], "default")
        reasons = {entry["reason"] for entry in status["entries"] if entry["reason"] != "probe-negative"}
        assert reasons == ({""} if mended else {f"mode-{mode}"})

    @pytest.mark.parametrize(
        ("disable", "mended"),
        [
            ("['CSA-2026-0001']", BOTH[:1]),
            ("['csa-2026-0002', 'CSA-2026-0006', 'CSA-2999-0001', 'ACME-2026-0001']", BOTH[1:]),
            ("'*'", []),
            ("['*']", []),
            ("[]", BOTH),
        ],
    )
    def test_disable(self, disable: str, mended: List[str], path: List[str], tmp_path: Path) -> None:
        done = go(path, tmp_path, f"disable = {disable}\nignore = 'is for the command line'")
        found, status, _ = done.data
        assert (found, done.err) == (mended, "")
        assert status["disable_source"] == str(tmp_path / "pyproject.toml")

    @pytest.mark.parametrize("python", support.every_python())
    def test_on_every_python(self, python: str, path: List[str], parser: str, tmp_path: Path) -> None:
        found, status, _ = go([*path, parser], tmp_path, "mode = 'observe'", python=python).data
        assert (found, status["mode"]) == ([], "observe")

    @pytest.mark.parametrize(
        "content", [b"[tool]\ncompatshim.mode = 'off'", b"tool = { compatshim = { mode = 'off' } }"]
    )
    def test_in_any_spelling_of_toml(self, content: bytes, path: List[str], tmp_path: Path) -> None:
        assert go(path, tmp_path, content).data[0] == []

    def test_the_nearest_one_alone(self, path: List[str], tmp_path: Path) -> None:
        outer, inner = tmp_path, tmp_path / "inner"
        assert go(path, outer, "mode = 'observe'").data[0] == []
        assert go(path, inner / "deep").data[1]["mode_source"] == str(outer / "pyproject.toml")
        inner.joinpath("pyproject.toml").write_text("[project]\nname = 'other'\ndependencies = ['compatshim']\n")
        status = go(path, inner / "deep").data[1]
        assert (status["mode"], status["mode_source"]) == ("apply", "default")

    @pytest.mark.parametrize(
        ("setting", "value", "mended"), [("mode", "apply", BOTH[1:]), ("disable", "CSA-2026-0001", [])]
    )
    def test_a_variable_wins_for_its_own_setting(
        self, setting: str, value: str, mended: List[str], path: List[str], tmp_path: Path
    ) -> None:
        content = "mode = 'observe'\ndisable = ['CSA-2026-0002', 'CSA-2026-0006']"
        name = {"mode": "COMPATSHIM", "disable": "COMPATSHIM_DISABLE"}[setting]
        found, status, _ = go(path, tmp_path, content, env={name: value}).data
        assert found == mended
        sources = {status["mode_source"], status["disable_source"]}
        assert sources == {name, str(tmp_path / "pyproject.toml")}
        assert status[f"{setting}_source"] == name

    def test_is_not_read_where_variables_say_all(self, path: List[str], tmp_path: Path) -> None:
        env = {"COMPATSHIM": "apply", "COMPATSHIM_DISABLE": "CSA-2026-0001"}
        assert go(path, tmp_path, "broken", env=env).err == ""

    def test_is_not_read_by_an_isolated_interpreter(self, path: List[str], tmp_path: Path) -> None:
        assert go(path, tmp_path, "mode = 'off'", flags=("-I", "-S")).data[0] == BOTH

    def test_is_not_read_by_a_healthy_one(self, home: str, tmp_path: Path) -> None:
        watch = (
            "opened = []\nsys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
        )
        seen = "[name for name in opened if name.endswith('pyproject.toml')]"
        site = support.site(tmp_path / "site", support.HEALTHY)
        code = f"{watch}import compatshim\nbefore = {seen}\nmode = compatshim.status().mode"
        done = go([home, site], tmp_path, "mode = 'strict'", code, f"[before, len({seen}), mode]")
        assert done.data == [[], 1, "strict"]

    def test_of_a_directory_that_is_gone(self, path: List[str], tmp_path: Path) -> None:
        code = f"import os; os.chdir({str(tmp_path)!r}); os.mkdir('x'); os.chdir('x'); os.rmdir('../x')\n{USE}"
        assert go(path, tmp_path / "start", None, code).data[0] == BOTH

    def test_strict_raises_whatever_is_imported_first(self, home: str, tmp_path: Path) -> None:
        modules = {**support.MODULES, "evaluate/module.py": "class Other: pass"}
        site = support.site(tmp_path / "site", support.STORY, modules)
        for code in (USE, f"import evaluate.module\n{USE}"):
            done = go([home, site], tmp_path, "mode = 'strict'", code)
            assert done.code == 1
            assert "RuntimeError: compatshim CSA-2026-0001: evaluate.module was not mended" in done.err


class TestTrouble:
    """One warning and one entry, and the defaults."""

    CASES = (
        ("mode = 'of'", "tool.compatshim.mode: 'of' is not one of off, observe, apply, strict"),
        ("mode = ['off']", "tool.compatshim.mode: ['off'] is not one of"),
        ("disable = 'CSA-2026-0001'", 'a list of advisories or "*" is wanted'),
        ("disable = [1]", 'a list of advisories or "*" is wanted'),
        ("disable = ['evaluate']", 'a list of advisories or "*" is wanted'),
        ("mode = ", "could not be used (TOMLDecodeError: "),
        (b"[tool.compatshim]\nmode = '\xff'", "could not be used (UnicodeDecodeError: "),
        (b"[tool]\ncompatshim = 1", "could not be used (TypeError: tool.compatshim is not a table"),
        (b"tool = 'compatshim'", "could not be used (AttributeError: "),
    )

    @pytest.mark.parametrize(("content", "message"), CASES, ids=[str(case[0]) for case in CASES])
    def test_in_the_file(self, content: Any, message: str, path: List[str], tmp_path: Path) -> None:
        self.check(go(path, tmp_path, content, f"{USE}\nfor _ in range(2): compatshim.status()"), message, tmp_path)

    def check(self, done: Completed, message: str, folder: Optional[Path] = None) -> None:
        found, status, _ = done.data
        assert (found, status["mode"], status["disable"]) == (BOTH, "apply", [])
        (notice,) = done.notices
        assert "CompatshimWarning: compatshim " in notice
        (entry,) = [entry for entry in status["entries"] if entry["reason"] == "setting-ignored"]
        assert message in notice
        assert message in entry["detail"]
        assert folder is None or str(folder / "pyproject.toml") in notice

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("COMPATSHIM", "OFF", "COMPATSHIM='OFF' is not one of off, observe, apply, strict; it is ignored."),
            ("COMPATSHIM_DISABLE", "1", "COMPATSHIM_DISABLE: 1 is no advisory"),
        ],
    )
    def test_in_a_variable(self, name: str, value: str, message: str, path: List[str], tmp_path: Path) -> None:
        self.check(go(path, tmp_path, env={name: value}), message)

    def test_the_rest_of_a_list_counts(self, path: List[str], tmp_path: Path) -> None:
        done = go(path, tmp_path, env={"COMPATSHIM_DISABLE": "evaluate,CSA-2026-0001"})
        assert done.data[0] == BOTH[:1]
        assert len(done.notices) == 1

    def test_an_unreadable_file(self, path: List[str], tmp_path: Path) -> None:
        # As another user would see it; the tests may run as one who can read everything.
        code = f"""
def deny(event, args):
    if event == "open" and str(args[0]).endswith("pyproject.toml"):
        raise PermissionError(13, "Permission denied", args[0])
sys.addaudithook(deny)
{USE}"""
        self.check(go(path, tmp_path, "mode = 'off'", code), "could not be used (PermissionError: ", tmp_path)

    @pytest.mark.parametrize("minor", ["3.8", "3.10"])
    def test_without_a_parser(self, minor: str, path: List[str], tmp_path: Path) -> None:
        if minor not in support.interpreters():
            pytest.skip(f"no Python {minor} here: not run")
        python = support.interpreters()[minor]
        self.check(go(path, tmp_path, "mode = 'off'", python=python), "No module named 'tomli'", tmp_path)
        depends = b"[project]\nname = 'x'\ndependencies = ['compatshim']  # see [tool.compatshim]"
        assert go(path, tmp_path, depends, python=python).err == ""

    def test_healthy_and_never_asked_is_never_told(self, home: str, tmp_path: Path) -> None:
        site = support.site(tmp_path / "site", support.HEALTHY)
        assert go([home, site], tmp_path, "mode = 'of'", "import compatshim", "1").err == ""


class TestText:
    @pytest.mark.parametrize(
        ("content", "env", "text"),
        [
            ("", {}, "compatshim (apply): nothing to do here."),
            ("", {"COMPATSHIM": "off"}, "compatshim (off by COMPATSHIM): switched off."),
            ("mode = 'observe'", {}, "compatshim (observe by {file}): nothing to do here."),
            (
                "disable = ['CSA-2026-0001']",
                {"COMPATSHIM": "strict"},
                "compatshim (strict by COMPATSHIM; without CSA-2026-0001 by {file}): nothing to do here.",
            ),
        ],
    )
    def test_says_who_decided(self, content: str, env: Any, text: str, home: str, tmp_path: Path) -> None:
        done = go([home], tmp_path, content, "import compatshim", "str(compatshim.status())", env=env)
        assert done.data == text.format(file=tmp_path / "pyproject.toml")
