"""What real shells offer after `compatshim completion SHELL`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Set

import pytest

from compatshim import cli, files
from compatshim.cli import arguments
from compatshim.cli.completion import SHELLS
from compatshim.kb import completion
from tests import support

CASES = [
    ("compatshim che", {"check"}),
    ("compatshim p", {"pin", "plan"}),
    ("compatshim check --format sa", {"sarif"}),
    ("compatshim check --fail-on-p", {"--fail-on-possible"}),
    ("compatshim kb li", {"lint"}),
    ("compatshim completion ", {*SHELLS}),
    ("compatshim check --output rep", {"report.sarif"}),
]
"""What is typed, and what must be offered, in a folder with ``report.sarif``."""

BASH = r"""
source "$1"; cd "$2"; line=$3
COMP_LINE=$line COMP_POINT=${#line}
read -ra COMP_WORDS <<< "$line"
[[ $line == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }  # within a real completion only
words=$(complete -p compatshim); name=${words#* -F }; name=${name%% *}
"$name" compatshim "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: not run")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report.sarif").touch()
    return tmp_path


@pytest.mark.parametrize("name", SHELLS)
def test_prints_the_script(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", name]) == cli.CLEAN
    out, err = capsys.readouterr()
    assert err == ""
    assert out == files.read_text(completion.path(name))


def test_scripts_are_fresh() -> None:
    """They name every command and option that the parser has: `kb compile --check` compares the bytes."""
    pytest.importorskip("shtab", reason="no shtab here: not run")
    try:
        made = completion.scripts(arguments.parser(), SHELLS)
    except ImportError as error:
        pytest.skip(f"{error}: not run")
    for path, text in made.items():
        assert files.read_text(path) == text, path


def test_completion_costs_the_other_commands_nothing(home: str, packaging: str, tmp_path: Path) -> None:
    code = "from compatshim import cli\ncode = cli.main(['check'])\n"
    path = [home, packaging, support.site(tmp_path, support.HEALTHY)]
    modules = support.run(code, path, value="sorted(sys.modules)").data
    assert {"shtab", "compatshim.cli.completion", "compatshim.kb"} & {*modules} == set()


@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash(line: str, wanted: Set[str], folder: Path) -> None:
    command = [shell("bash"), "--norc", "-c", BASH, "-", completion.path("bash"), str(folder), line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    offered = {word.strip() for word in done.stdout.splitlines()}
    assert wanted <= offered
    if " " not in wanted:
        assert all(word.startswith(line.rsplit(" ", maxsplit=1)[-1]) for word in offered)


@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish(line: str, wanted: Set[str], folder: Path) -> None:
    code = f"source {completion.path('fish')}; cd {folder}; complete -C '{line}'"
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TERM": "dumb"}
    # fish completes only commands that there are.
    (folder / "bin").mkdir()
    (folder / "bin" / "compatshim").touch(mode=0o755)
    env["PATH"] = f"{folder / 'bin'}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [shell("fish"), "-N", "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert wanted <= {entry.split("\t")[0].strip() for entry in done.stdout.splitlines()}


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to pretend: not run")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_zsh(line: str, wanted: Set[str], folder: Path) -> None:
    """In a terminal: the completion system works nowhere else."""
    zsh = shell("zsh")
    functions = folder / "functions"
    functions.mkdir()
    shutil.copy(completion.path("zsh"), functions / "_compatshim")
    setup = f"cd {folder}; fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; PS1='> '"
    shown = Terminal([zsh, "-f", "-i"], home=folder)
    with contextlib.closing(shown):
        shown.write(f"{setup}; echo re''ady\n")
        shown.until(["ready"])
        shown.write(f"{line}\t\t")
        assert shown.until(sorted(wanted)), shown.text


class Terminal:
    """A program that believes to be in one, 200 columns wide."""

    def __init__(self, command: List[str], home: Path) -> None:
        import fcntl
        import pty
        import struct
        import termios

        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        env = {**os.environ, "TERM": "dumb", "HOME": str(home), "ZDOTDIR": str(home)}
        self._program = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, env=env, start_new_session=True
        )
        os.close(follower)
        os.set_blocking(leader, False)
        self._leader, self.text = leader, ""

    def write(self, text: str) -> None:
        self.text = ""
        os.write(self._leader, text.encode())

    def until(self, words: List[str]) -> bool:
        """Read until all words are there; whether that happened within half a minute."""
        import select

        end = time.monotonic() + 30
        while time.monotonic() < end:
            if all(word in self.text for word in words):
                return True
            if select.select([self._leader], [], [], 1)[0]:
                try:
                    self.text += os.read(self._leader, 1 << 16).decode("utf-8", "replace")
                except OSError:  # it has ended
                    return False
        return False

    def close(self) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._leader)
