"""``enable`` and ``disable`` in real virtual environments: what is written, what it does, what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from compatshim import autostart, cli
from compatshim.autostart import PTH, START, AutostartError, Target
from tests import support

(PTH_NAME,) = PTH
MODULE_NAME, START_NAME = START
ARMED = "import sys; print('compatshim' in sys.modules)"


class Venv:
    """A virtual environment with nothing but compatshim."""

    def __init__(self, folder: Path, python: str, *options: str) -> None:
        done = support.start([python, "-m", "venv", "--without-pip", *options, str(folder)])
        assert done.code == 0, done.err
        self.python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        where = autostart.target(self.python)
        self.site = Path(where.folder)
        support.copy_package(self.site)

    @property
    def names(self) -> List[str]:
        return sorted(one.name for one in self.site.iterdir())

    def run(self, code: str, *flags: str, **env: str) -> support.Completed:
        return support.start([self.python, *flags, "-c", code], env=env)

    @property
    def armed(self) -> bool:
        done = self.run(ARMED)
        assert (done.code, done.err) == (0, ""), done.err
        return done.out == "True\n"


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    return Venv(tmp_path / "venv", sys.executable)


def command(*words: str) -> Tuple[int, str, str]:
    """Our command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "compatshim", *words], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("python", support.every_python())
def test_enabled_and_disabled_again(python: str, tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv", python)
    before = venv.names
    assert not venv.armed
    place = venv.site / PTH_NAME
    assert command("disable", "--python", venv.python) == (0, f"nothing to do: not enabled in {venv.site}\n", "")
    assert command("enable", "--python", venv.python) == (0, f"wrote {place}\n", "")
    assert venv.armed
    assert command("enable", "--python", venv.python) == (0, f"nothing to do: enabled already in {venv.site}\n", "")
    for flags in (("-I",), ("-E",), ("-s",)):
        assert venv.run(ARMED, *flags).out == "True\n"
    assert venv.run(ARMED, "-S").out == "False\n"
    assert venv.run("import compatshim; print(compatshim.status())", COMPATSHIM="off").out == (
        "compatshim (off by COMPATSHIM): switched off.\n"
    )
    code, out, _ = command("status", "--python", venv.python, "--format", "json")
    assert (code, json.loads(out)["enabled"]) == (0, [str(place)])
    assert f"enabled by {place}" in " ".join(command("status", "--python", venv.python)[1].split())
    assert command("disable", "--python", venv.python) == (0, f"removed {place}\n", "")
    assert venv.names == before
    assert not venv.armed


def test_a_path_that_grows_is_looked_at_again(tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv", sys.executable)
    autostart.enable(autostart.target(venv.python))
    # Read later than ours, as the site directory of the system is: what lies there must be found, too.
    later = support.site(tmp_path / "later", support.STORY, support.MODULES)
    (venv.site / "zz.pth").write_text(f"{later}\n", encoding="utf-8")
    code = "import evaluate.module, datasets.utils._filelock\n" + support.MENDED + "print(mended())"
    assert venv.run(code).out == "['datasets.utils._filelock', 'evaluate.module']\n"
    code = "import sys; print([type(f).__name__ for f in sys.meta_path if type(f).__module__[:10] == 'compatshim'])"
    assert venv.run(code).out == "['Finder']\n"


def test_nothing_stays_behind_where_nothing_is_wrong(venv: Venv) -> None:
    autostart.enable(autostart.target(venv.python))
    code = "import sys; print([f for f in sys.meta_path if type(f).__module__.startswith('compatshim')])"
    assert venv.run(code).out == "[]\n"


@pytest.mark.parametrize("damage", ["uninstalled", "broken", "half"])
def test_silent_when_compatshim_is_gone_or_broken(venv: Venv, damage: str) -> None:
    autostart.enable(autostart.target(venv.python))
    package = venv.site / "compatshim"
    if damage == "uninstalled":
        shutil.rmtree(package)
    elif damage == "broken":
        (package / "__init__.py").write_text("(", encoding="utf-8")
    else:
        (package / "startup" / "late.py").unlink()
    done = venv.run("print('runs')")
    assert (done.code, done.out, done.err) == (0, "runs\n", "")
    assert command("disable", "--python", venv.python)[0] == 0
    assert PTH_NAME not in venv.names


@pytest.mark.parametrize("verb", ["enable", "disable"])
@pytest.mark.parametrize("text", ["", "import os\n", PTH[PTH_NAME] + "\n"])
def test_a_file_of_somebody_else_is_left_alone(verb: str, text: str, venv: Venv) -> None:
    place = venv.site / PTH_NAME
    place.write_text(text, encoding="utf-8")
    code, out, err = command(verb, "--python", venv.python)
    assert (code, out) == (2, "")
    assert err.startswith(f"compatshim: {place}: was not written by this command and is left alone")
    assert place.read_text(encoding="utf-8") == text


def test_where_compatshim_is_not(tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv", sys.executable)
    shutil.rmtree(venv.site / "compatshim")
    code, out, err = command("enable", "--python", venv.python)
    assert (code, out) == (2, "")
    assert f"{venv.python} -I cannot import compatshim (ModuleNotFoundError" in err
    assert f"{venv.python} -m pip install compatshim" in err
    assert venv.names == []


@pytest.mark.parametrize("verb", ["enable", "disable"])
def test_what_is_no_python(verb: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    code, out, err = command(verb, "--python", missing)
    assert (code, out) == (2, "")
    assert err.startswith(f"compatshim: {missing}: cannot be run (")


def fake(folder: Path, *, version: Tuple[int, int] = (3, 11), managed: str = "") -> Target:
    return Target(sys.executable, str(folder), version, managed, "")


def test_an_environment_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = fake(tmp_path, managed="/usr/lib/python3.11/EXTERNALLY-MANAGED")
    with pytest.raises(AutostartError, match=r"EXTERNALLY-MANAGED\); .* --break-system-packages"):
        autostart.enable(where)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(autostart, "_works", lambda _: True)
    assert autostart.enable(where, break_system_packages=True) == [str(tmp_path / PTH_NAME)]


def test_the_marker_of_the_system_is_seen() -> None:
    system = [python for python in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(python)]
    for python in system:
        where = autostart.target(python)
        if where.managed:
            assert os.path.basename(where.managed) == "EXTERNALLY-MANAGED"
            return
    pytest.skip("no Python here is left to a package manager: not run")


@pytest.mark.skipif(os.name == "nt", reason="no POSIX permissions here: not run")
def test_a_folder_that_cannot_be_written(public: Path) -> None:
    with denied(public / "site") as folder, pytest.raises(AutostartError, match="cannot be written") as caught:
        autostart.enable(fake(folder))
    assert "python -m compatshim run" in str(caught.value)
    (public / "site" / PTH_NAME).write_text(PTH[PTH_NAME], encoding="utf-8")
    with denied(public / "site") as folder, pytest.raises(AutostartError, match="cannot be written"):
        autostart.disable(fake(folder))
    assert os.listdir(public / "site") == [PTH_NAME]


@contextlib.contextmanager
def denied(folder: Path) -> Iterator[Path]:
    """A folder that we may read and not write."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_what_does_not_work_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder that this interpreter does not read at start.
    with pytest.raises(AutostartError, match="nothing was changed"):
        autostart.enable(fake(tmp_path))
    assert list(tmp_path.iterdir()) == []

    def interrupted(_: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(autostart, "_works", interrupted)
    with pytest.raises(KeyboardInterrupt):
        autostart.enable(fake(tmp_path))
    assert list(tmp_path.iterdir()) == []


class TestPython315:
    """It cannot be run here: its rules are those of PEP 829, held against what is written."""

    @pytest.fixture
    def enabled(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
        monkeypatch.setattr(autostart, "_works", lambda _: True)
        where = fake(tmp_path, version=(3, 15))
        assert autostart.enable(where) == [str(tmp_path / MODULE_NAME), str(tmp_path / START_NAME)]
        return where

    def test_each_line_is_a_comment_or_an_entry_point(self, enabled: Target) -> None:
        lines = Path(enabled.folder, START_NAME).read_text(encoding="utf-8").splitlines()
        (entry,) = [line for line in lines if line.strip() and not line.startswith("#")]
        assert entry == f"{MODULE_NAME[:-3]}:start"

    @pytest.mark.skipif(sys.version_info < (3, 9), reason="pkgutil.resolve_name is of Python 3.9: not run")
    @pytest.mark.parametrize("damage", ["", "uninstalled", "broken"])
    def test_the_entry_point_imports_compatshim_or_is_silent(
        self, enabled: Target, tmp_path: Path, damage: str
    ) -> None:
        if damage != "uninstalled":
            support.copy_package(tmp_path)
        if damage == "broken":
            (tmp_path / "compatshim" / "__init__.py").write_text("(", encoding="utf-8")
        code = f"import pkgutil\npkgutil.resolve_name({MODULE_NAME[:-3] + ':start'!r})()"
        done = support.run(code, [enabled.folder], value="'compatshim' in sys.modules")
        assert (done.data, done.err) == (damage == "", "")

    @pytest.mark.parametrize("python", support.every_python())
    def test_older_versions_do_not_read_it(self, python: str, tmp_path: Path) -> None:
        venv = Venv(tmp_path / "venv", python)
        for name, text in START.items():
            (venv.site / name).write_text(text, encoding="utf-8")
        assert not venv.armed

    def test_disabled_again(self, enabled: Target, tmp_path: Path) -> None:
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "compatshim_enabled.cpython-315.pyc").touch()
        (tmp_path / "__pycache__" / "other.cpython-315.pyc").touch()
        (tmp_path / PTH_NAME).write_text(PTH[PTH_NAME], encoding="utf-8")  # of a Python since upgraded
        assert sorted(autostart.found([str(tmp_path)])) == [str(tmp_path / PTH_NAME), str(tmp_path / START_NAME)]
        removed = [str(tmp_path / name) for name in (START_NAME, MODULE_NAME, PTH_NAME)]
        assert autostart.disable(enabled) == removed
        assert autostart.disable(enabled) == []
        assert [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*.*")] == [
            os.path.join("__pycache__", "other.cpython-315.pyc")
        ]

    def test_an_upgrade_gets_what_it_reads(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autostart, "_works", lambda _: True)
        autostart.enable(fake(tmp_path, version=(3, 14)))
        assert autostart.enable(fake(tmp_path, version=(3, 15))) == [
            str(tmp_path / MODULE_NAME),
            str(tmp_path / START_NAME),
        ]


def test_what_is_no_folder_enables_nothing(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"PK")
    (tmp_path / PTH_NAME).mkdir()
    assert autostart.found([str(tmp_path / "archive.zip"), str(tmp_path / "missing"), "", str(tmp_path)]) == []


def test_commands_are_known() -> None:
    assert {"run", "enable", "disable"} <= set(cli.COMMANDS)
