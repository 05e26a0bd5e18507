"""``run``: what it becomes, in processes of its own; the user's arguments, streams, signals and sitecustomize."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from compatshim import cli
from compatshim.cli import run as command
from tests import support

TELL = """
import json, os, sys
ours = sys.modules.get("compatshim")
json.dump({
    "argv": sys.argv[1:], "armed": ours is not None, "file": getattr(ours, "__file__", None), "path": sys.path,
    "variable": os.environ.get("PYTHONPATH"), "pid": os.getpid(), "executable": sys.executable,
    "custom": getattr(sys.modules.get("sitecustomize"), "__file__", None), "mode": os.environ.get("COMPATSHIM"),
    "disable": os.environ.get("COMPATSHIM_DISABLE"), "startup": os.environ.get("PYTHONSTARTUP"),
    "flags": sys.flags.dev_mode,
}, sys.stdout)
"""

posix = pytest.mark.skipif(os.name == "nt", reason="replaces the process and sends signals as POSIX does: not run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tell.py").write_text(TELL, encoding="utf-8")
    return tmp_path


def again(home: str, *words: str, python: str = sys.executable) -> List[str]:
    """``compatshim run`` by an interpreter that has nothing else, whatever its environment says."""
    code = f"import sys; sys.path.insert(0, {home!r}); from compatshim.__main__ import main; sys.exit(main())"
    return [python, "-I", "-c", code, "run", *words]


def start(folder: Path, home: str, *words: str, python: str = sys.executable, **env: str) -> support.Completed:
    """Run it in a folder."""
    return support.start(again(home, *words, python=python), env=env, cwd=folder)


def told(done: support.Completed) -> Dict[str, Any]:
    assert done.code == 0, done.err
    found: Dict[str, Any] = json.loads(done.out)
    return found


class TestForms:
    WORDS = ("a b", "", "--mode", "-m", "--", "--help", "é…", "*", "'\"\\")

    @pytest.mark.parametrize("python", support.every_python())
    @pytest.mark.parametrize("form", [["tell.py"], ["--", "tell.py"], ["-m", "tell"], ["-c", TELL]], ids=str)
    def test_words_arrive_as_they_are(self, form: List[str], python: str, folder: Path, home: str) -> None:
        found = told(start(folder, home, *form, *self.WORDS, python=python))
        assert found["argv"] == list(self.WORDS)
        assert found["armed"]
        assert os.path.dirname(str(found["file"])) == os.path.join(home, "compatshim")
        assert os.path.samefile(found["executable"], python)

    @posix
    def test_a_program_is_found_on_path(self, folder: Path, home: str) -> None:
        program = folder / "bin" / "my tool"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" tell.py "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
        assert told(start(folder, home, "my tool", "-x", "--", "y", PATH=path))["argv"] == ["-x", "--", "y"]
        found = told(start(folder, home, os.path.join("bin", "my tool")))
        assert found["armed"]

    def test_flags_of_the_interpreter(self, folder: Path, home: str) -> None:
        assert told(start(folder, home, sys.executable, "-X", "dev", "tell.py"))["flags"] is True

    def test_a_folder_that_is_a_program(self, folder: Path, home: str) -> None:
        (folder / "app").mkdir()
        (folder / "tell.py").rename(folder / "app" / "__main__.py")
        assert told(start(folder, home, "app", "x"))["argv"] == ["x"]

    def test_settings(self, folder: Path, home: str) -> None:
        found = told(start(folder, home, "tell.py"))
        assert (found["mode"], found["disable"]) == (None, None)
        found = told(
            start(
                folder, home, "--mode", "observe", "--disable", "csa-2026-0004", "--disable=*", "tell.py",
                COMPATSHIM_DISABLE="CSA-2026-0001", PYTHONSTARTUP="/some.py",
            )
        )  # fmt: skip
        assert (found["mode"], found["disable"]) == ("observe", "CSA-2026-0001,CSA-2026-0004,*")
        assert found["startup"] == "/some.py"
        assert told(start(folder, home, "--mode", "off", "tell.py"))["mode"] == "off"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "run: there is nothing to run; name a script.py, -m MODULE or a program"),
            (["--"], "run: there is nothing to run; name a script.py, -m MODULE or a program"),
            (["-m"], "run -m: there is nothing to run behind it"),
            (["-c"], "run -c: there is nothing to run behind it"),
            (["-X", "dev", "tell.py"], "run -X: is no option here; Python's own go to `run python -X ...`"),
            (["missing.py"], "run: there is no script and no program missing.py (on PATH) that can be run"),
            (["./missing"], "run: there is no script and no program ./missing that can be run"),
            (
                ["--disable", "CSA-1", "x"],
                "run --disable CSA-1: no advisory with a shim has this id; those are CSA-",
            ),
        ],
    )
    def test_usage_is_2(self, words: List[str], message: str, folder: Path, home: str) -> None:
        done = start(folder, home, *words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"compatshim: {message}")
        assert len(done.err.splitlines()) == 1

    @posix
    def test_a_program_that_is_none(self, folder: Path, home: str) -> None:
        (folder / "broken").write_bytes(b"\x00\x01")
        (folder / "broken").chmod(0o755)
        done = start(folder, home, "./broken")
        assert (done.code, done.err) == (2, "compatshim: run: ./broken cannot be run (Exec format error)\n")


class TestProcess:
    @pytest.mark.parametrize("code", [0, 1, 2, 77])
    def test_exit_status(self, code: int, folder: Path, home: str) -> None:
        assert start(folder, home, "-c", f"raise SystemExit({code})").code == code

    def test_streams_pass_through(self, folder: Path, home: str) -> None:
        copy = (
            "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer); sys.stderr.write('err')"
        )
        (folder / "in").write_bytes(b"\x00\xff\r\n")
        with open(folder / "in", "rb") as stdin:
            ended = subprocess.run(again(home, "-c", copy), stdin=stdin, capture_output=True, check=False)
        assert (ended.stdout, ended.stderr) == (b"\x00\xff\r\n", b"err")

    @posix
    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
    def test_signals_reach_the_program_which_is_the_same_process(self, name: str, folder: Path, home: str) -> None:
        text = (
            "import os, signal, sys\n"
            f"signal.signal(signal.{name}, lambda *_: sys.exit(9))\n"
            "print(os.getpid(), flush=True)\n"
            "signal.pause()\n"
        )
        with subprocess.Popen(again(home, "-c", text), stdout=subprocess.PIPE, cwd=folder) as process:
            assert process.stdout is not None
            assert int(process.stdout.readline()) == process.pid
            process.send_signal(getattr(signal, name))
            assert process.wait(60) == 9

    @posix
    def test_what_python_ignores_the_program_does_not(self, folder: Path, home: str) -> None:
        assert start(folder, home, "sh", "-c", "kill -PIPE $$; echo alive").code == -signal.SIGPIPE

    def test_where_a_process_cannot_become_another(self, capfd: pytest.CaptureFixture[str]) -> None:
        words = [sys.executable, "-c", "import os, sys; print(os.environ['X']); sys.exit(7)"]
        assert command._wait(sys.executable, words, {**os.environ, "X": "there"}) == 7
        assert capfd.readouterr().out == "there\n"


class TestPath:
    @pytest.mark.parametrize("before", [None, "", "own", "own:", ":own", "own::other", ":"], ids=repr)
    def test_is_what_it_was(self, before: Optional[str], folder: Path, home: str) -> None:
        self.compare(before, sys.executable, folder, home)

    @pytest.mark.parametrize("python", support.every_python())
    def test_is_what_it_was_everywhere(self, python: str, folder: Path, home: str) -> None:
        self.compare("own::other:", python, folder, home)

    @staticmethod
    def compare(before: Optional[str], python: str, folder: Path, home: str) -> None:
        setting = {} if before is None else {"PYTHONPATH": before.replace(":", os.pathsep)}
        (folder / "own").mkdir()
        plain = told(support.start([python, "tell.py"], env=setting, cwd=folder))
        found = told(start(folder, home, python, "tell.py", **setting))
        assert found["path"] == plain["path"]
        bootstrap = os.path.join(home, "compatshim", "bootstrap")
        assert found["variable"] == os.pathsep.join(filter(None, [bootstrap, setting.get("PYTHONPATH")]))

    def test_the_folder_holds_nothing_else(self) -> None:
        names = [name for name in os.listdir(command.BOOTSTRAP) if name != "__pycache__"]
        assert names == ["sitecustomize.py"]

    def test_twice_is_once(self, folder: Path, home: str) -> None:
        once = told(start(folder, home, "tell.py"))
        twice = told(start(folder, home, *again(home, "tell.py")))
        assert (twice["variable"], twice["path"]) == (once["variable"], once["path"])

    def test_another_version_in_between(self, folder: Path, home: str, tmp_path: Path) -> None:
        other = support.copy_package(tmp_path / "other")
        found = told(start(folder, home, *again(other, "tell.py")))
        assert found["path"] == told(start(folder, home, "tell.py"))["path"]
        assert len(found["variable"].split(os.pathsep)) == 2
        assert found["armed"]
        assert found["custom"] is None

    def test_a_folder_that_the_variable_cannot_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "BOOTSTRAP", os.pathsep.join(["/a", "b"]))
        with pytest.raises(cli.UsageError, match="PYTHONPATH cannot name"):
            command.environment({})

    def test_other_packages_of_ours_stay_out(self, folder: Path, tmp_path: Path) -> None:
        beside = support.copy_package(tmp_path / "beside")
        (tmp_path / "beside" / "secret.py").write_text("", encoding="utf-8")
        done = start(folder, beside, "-c", "import compatshim, secret")
        assert "No module named 'secret'" in done.err


class TestSitecustomize:
    """The user's own runs as it would have run."""

    OWN = "import builtins, sys\nbuiltins.own = getattr(builtins, 'own', 0) + 1\nHERE = True\n"
    ASK = (
        "import builtins, json, sys\n"
        "module = sys.modules.get('sitecustomize')\n"
        "print(json.dumps([getattr(builtins, 'own', 0), hasattr(module, 'HERE'), 'compatshim' in sys.modules]))"
    )

    def ask(self, folder: Path, home: str, python: str, own: str, *chain: str) -> support.Completed:
        (folder / "own").mkdir(exist_ok=True)
        (folder / "own" / "sitecustomize.py").write_text(own, encoding="utf-8")
        return start(folder, home, python, *chain, "-c", self.ASK, PYTHONPATH=str(folder / "own"))

    @pytest.mark.parametrize("python", support.every_python())
    def test_runs_once_and_is_the_module(self, python: str, folder: Path, home: str) -> None:
        done = self.ask(folder, home, python, self.OWN)
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == [1, True, True]

    @pytest.mark.parametrize("python", support.every_python())
    @pytest.mark.parametrize(
        "own",
        ["1 / 0", "import no_such", "raise ImportError('x', name='sitecustomize')", "raise SystemExit(5)", "("],
    )
    def test_its_errors_are_told_as_python_tells_them(self, own: str, python: str, folder: Path, home: str) -> None:
        with_us = self.ask(folder, home, python, own)
        without = support.start([python, "-c", self.ASK], cwd=folder, env={"PYTHONPATH": str(folder / "own")})
        assert with_us.code == without.code
        if without.code == 0:
            assert with_us.err == without.err
        else:  # a whole traceback, which has our line in it
            assert with_us.err.splitlines()[-1] == without.err.splitlines()[-1]

    @pytest.mark.parametrize("python", support.every_python())
    def test_without_one_there_is_none(self, python: str, folder: Path, home: str) -> None:
        code = (
            "import sys; print('sitecustomize' in sys.modules)\n"
            "try: import sitecustomize\nexcept ImportError: print(1)"
        )
        plain = support.start([python, "-c", code], cwd=folder)
        assert start(folder, home, python, "-c", code).out == plain.out

    def test_usercustomize_runs(self, folder: Path, home: str) -> None:
        if not __import__("site").ENABLE_USER_SITE:
            pytest.skip("no user site in this environment: not run")
        (folder / "usercustomize.py").write_text("print('user')", encoding="utf-8")
        assert start(folder, home, sys.executable, "-c", "", PYTHONPATH=str(folder)).out == "user\n"

    def test_a_broken_compatshim_is_as_if_absent(self, folder: Path, tmp_path: Path) -> None:
        home = support.copy_package(tmp_path / "broken")
        env = {"PYTHONPATH": os.path.join(home, "compatshim", "bootstrap")}
        (tmp_path / "broken" / "compatshim" / "__init__.py").write_text("(", encoding="utf-8")
        done = support.start([sys.executable, "-c", self.ASK], env=env, cwd=folder)
        assert (json.loads(done.out), done.err) == ([0, False, False], "")

    def test_older_pythons_start_undisturbed(self, folder: Path, home: str) -> None:
        versions = Path(os.path.expanduser(os.environ.get("PYENV_ROOT", "~/.pyenv"))) / "versions"
        old = [one for minor in ("2.7", "3.6", "3.7") for one in versions.glob(f"{minor}.*/bin/python")]
        if not old:
            pytest.skip("no Python older than 3.8 here: not run")
        (folder / "own").mkdir()
        (folder / "own" / "sitecustomize.py").write_text("import sys; sys.stdout.write('own ')", encoding="utf-8")
        for python in old:
            code = "import sys; sys.stdout.write(str('compatshim' in sys.modules))"
            done = start(folder, home, str(python), "-c", code, PYTHONPATH=str(folder / "own"))
            assert (done.code, done.out, done.err) == (0, "own False", ""), python


def test_grandchildren_are_reached(folder: Path, home: str) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, 'tell.py'], check=True)"
    assert told(start(folder, home, "-c", code))["armed"]


@pytest.mark.parametrize(
    ("flag", "reached"), [("-I", False), ("-E", False), ("-S", False), ("-s", True), ("-P", True)]
)
def test_which_flags_keep_it_out(flag: str, reached: bool, folder: Path, home: str) -> None:
    if flag == "-P" and sys.version_info < (3, 11):
        pytest.skip("-P is of Python 3.11: not run")
    assert told(start(folder, home, sys.executable, flag, "tell.py"))["armed"] is reached
