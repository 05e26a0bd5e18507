"""What a hook takes of a commit, once it is set up, with a hook that everybody knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from typing import Dict, List, NamedTuple, Sequence

from benchmarks import place, timing
from compatshim.files import cache_directory
from compatshim.kb import environments
from compatshim.kb.environments import Spec

_CORPUS = os.path.join(place.ROOT, "tests", "data", "manifests")
PEER = "check-toml"
COMMITS = {
    "a lock and its pyproject.toml": ("uv/uv.lock", "uv/pyproject.toml"),
    "pyproject.toml": ("uv/pyproject.toml",),
    "requirements.txt, made by uv": ("uv/requirements.txt",),
}
"""What a commit has, by what it is called."""


class Row(NamedTuple):
    """One commit."""

    name: str
    ratios: timing.Spread
    """CPU time of ours as a multiple of the peer's."""
    milliseconds: timing.Spread
    """Elapsed, of the hook's program alone."""


def run(rounds: int) -> List[Row]:
    """Time the hook on some commits. Raises :exc:`AssertionError` when it does not do its work."""
    python = environments.interpreters()["3.11"]
    needs = ("pre-commit-hooks==6.0.0", "packaging", "rich", "pip-requirements-parser", "pyyaml", "poetry-core")
    made = environments.build(Spec(python, needs), cache=cache_directory("benchmarks"))
    environments.install(
        made, ["--quiet", "--reinstall-package", "compatshim", f"{place.ROOT}[files]"], installer="uv"
    )
    folder = tempfile.mkdtemp(prefix="compatshim-hook-")
    try:
        return [_row(name, files, os.path.dirname(made.python), folder, rounds) for name, files in COMMITS.items()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(name: str, files: Sequence[str], programs: str, folder: str, rounds: int) -> Row:
    paths = [shutil.copy(os.path.join(_CORPUS, one), folder) for one in files]
    toml = [shutil.copy(os.path.join(_CORPUS, one), folder) for one in COMMITS["a lock and its pyproject.toml"]]
    ours = (os.path.join(programs, "compatshim"), "check", "--allow-empty", *paths)
    commands: Dict[str, Sequence[str]] = {"ours": ours, PEER: (os.path.join(programs, PEER), *toml)}
    done = subprocess.run(ours, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # the corpus has a bad combination
    assert " in 1 file checked, " in done.stdout, done.stdout
    assert subprocess.run(commands[PEER], check=False).returncode == 0
    found = timing.programs(commands, rounds)
    return Row(name, timing.ratio(found["ours"], found[PEER]), timing.spread(_elapsed(ours, rounds)))


def _elapsed(command: Sequence[str], rounds: int) -> List[float]:
    found = []
    for _ in range(rounds):
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        found.append((time.monotonic() - start) * 1e3)
    return found
