"""What `import compatshim` costs a healthy program: modules, files, and instructions. Nothing here is timed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Sequence

import pytest

from compatshim import catalog
from compatshim.metadata.snapshot import Snapshot
from tests import support
from tests.startup import instructions, surplus, tree

REAL = catalog.load()
KNOWN = Snapshot.bundled()
HEALTHY = tree.healthy(REAL, KNOWN)

LOADED = ["compatshim"]
"""Exactly these: a module more is a cost to every program."""


@pytest.mark.parametrize("flags", [("-I", "-S"), ("-I",), ()], ids=lambda flags: " ".join(flags) or "ordinary")
@pytest.mark.parametrize("python", support.every_python())
def test_loads_only_these_modules(python: str, flags: Sequence[str], home: str, tmp_path: Path) -> None:
    path = [home, support.site(tmp_path / "site", support.HEALTHY)]
    code = "import os  # without `site` nothing has\nbefore = set(sys.modules)\nimport compatshim"
    done = support.run(code, path, value="sorted(set(sys.modules) - before)", python=python, flags=flags)
    assert done.data == LOADED


WATCH = """
import os, sys
opened, listed = [], []
def watch(event, args):
    if event == "open":
        opened.append(str(args[0]))
    elif event in ("os.listdir", "os.scandir"):
        listed.append(str(args[0]))
sys.addaudithook(watch)
import compatshim
home = os.path.dirname(compatshim.__file__)
seen = [[os.path.relpath(path, home) for path in opened], list(listed), list(sys.path)]
"""


@pytest.mark.parametrize("python", support.every_python())
def test_opens_two_files_and_lists_each_directory_once(python: str, tmp_path: Path) -> None:
    home = support.copy_package(tmp_path / "home")
    subprocess.run([python, "-m", "compileall", "-q", os.path.join(home, "compatshim")], check=True)
    site = support.site(tmp_path / "site", support.HEALTHY)
    opened, listed, path = support.run(WATCH, [home, site], value="seen", python=python).data
    bytecode, index = opened
    assert os.path.basename(bytecode).startswith("__init__.cpython-")
    assert index == os.path.join("startup", "index.txt")
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) <= set(path)


class TestCommand:
    """`python -m compatshim` is no program to mend, where Python tells what it was started with."""

    def armed(self, python: str, path: Sequence[object], *words: str) -> bool:
        done = support.start(
            [python, "-X", "importtime", "-B", *words], env={"PYTHONPATH": os.pathsep.join(map(str, path))}
        )
        assert "import time:" in done.err, done.err
        assert re.search(r"\| +compatshim$", done.err, re.MULTILINE), done.err
        return re.search(r"\| +compatshim\.startup\.hook$", done.err, re.MULTILINE) is not None

    @pytest.mark.parametrize(
        "words", [("-m", "compatshim", "--version"), ("-mcompatshim",), ("-W", "error", "-m", "compatshim")]
    )
    @pytest.mark.parametrize("python", support.every_python())
    def test_is_not_armed(self, python: str, words: Sequence[str], home: str, story: str) -> None:
        version = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"], check=True, stdout=subprocess.PIPE
        )
        told = tuple(map(int, version.stdout.split())) >= (3, 10)
        assert self.armed(python, [home, story], *words) == (not told)

    @pytest.mark.parametrize(
        "words",
        [
            ("-m", "other"),
            ("-m", "other", "compatshim"),
            ("-m", "other", "-m", "compatshim"),
            ("-mother", "x"),
            ("-m", "other.compatshim"),
            ("-c", "import compatshim", "-m", "compatshim"),
        ],
    )
    @pytest.mark.parametrize("python", support.every_python())
    def test_others_are(self, python: str, words: Sequence[str], home: str, story: str, tmp_path: Path) -> None:
        place = tmp_path / "other"
        place.mkdir()
        (place / "__init__.py").write_text("import compatshim\n")
        for name in ("__main__.py", "compatshim.py"):
            (place / name).write_text("")
        assert self.armed(python, [home, story, tmp_path], *words)


@pytest.mark.skipif(instructions.VALGRIND is None, reason="no valgrind here: not run")
@pytest.mark.parametrize("python", support.every_python())
def test_instructions(python: str, tmp_path: Path) -> None:
    site = tree.make(python, str(tmp_path / "venv"), HEALTHY)
    own = tree.interpreter(str(tmp_path / "venv"))
    assert len([name for name in os.listdir(site) if name.endswith(".dist-info")]) == 300
    nothing = instructions.count([own, "-c", "pass"])
    for content, most in (
        (surplus.catalog(REAL, KNOWN, 200, HEALTHY), 1.08),  # which has all real ones
        (surplus.catalog(REAL, KNOWN, 1000, HEALTHY), 1.12),
    ):
        tree.write_index(site, content, KNOWN)
        assert tree.loaded(own) == LOADED
        ratio = instructions.count([own, "-c", "import compatshim"]) / nothing
        assert ratio <= most, f"{len(content.advisories)} advisories: {ratio:.3f}"
        assert ratio > 1.01  # or nothing was done
