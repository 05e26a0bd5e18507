"""``check --recursive`` over a tree of many manifests: how it grows, and what its processes are worth."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from benchmarks import place, timing
from compatshim import processes

DRAWING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tree.svg")
SIZES = (1_250, 2_500, 5_000, 10_000)
LOOP = 2_500
"""Manifests that are also checked one after the other, in one process."""
ROUNDS = 3
_CORPUS = os.path.join(place.ROOT, "tests", "data", "manifests")
_KINDS = (
    "uv/uv.lock", "uv/requirements.txt", "uv/pyproject.toml", "poetry/poetry.lock", "poetry/pyproject.toml",
    "pdm/pdm.lock", "pip/pylock.toml", "compiled/story.txt", "uv-workspace/uv.lock", "conda/conda-lock.yml",
)  # fmt: skip
"""Real files; each project has one of them."""


class Point(NamedTuple):
    """Of one size."""

    size: int
    seconds: timing.Spread
    cpu: timing.Spread
    """Seconds of all processes."""
    memory: float
    """MiB of the largest process, at its most."""


class Result(NamedTuple):
    """The curve, and the plain loop."""

    points: List[Point]
    jobs: int
    loop: timing.Spread
    """Seconds of one process as a multiple of those of several, for :data:`LOOP` manifests."""


def run() -> Result:
    """All sizes. Raises :exc:`AssertionError` when a run does not say what it must."""
    folder = tempfile.mkdtemp(prefix="compatshim-tree-")
    try:
        for number in range(max(SIZES)):
            _project(folder, number)
        found = {size: _programs(folder, size) for size in SIZES}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    points = []
    for size, runs in found.items():
        several = [one for name, one in runs if name == "several"]
        points.append(
            Point(
                size,
                timing.spread([one.seconds for one in several]),
                timing.spread([one.cpu for one in several]),
                max(one.memory for one in several),
            )
        )
    loop, several = ([one.seconds for name, one in found[LOOP] if name == wanted] for wanted in ("one", "several"))
    return Result(points, processes.available(), timing.ratio(loop, several))


def _project(folder: str, number: int) -> None:
    """A folder with a manifest that no other project has in these words, in a folder for each thousand."""
    source = _KINDS[number % len(_KINDS)]
    here = os.path.join(folder, f"{number // 1_000:02}", f"{number:05}")
    os.makedirs(here)
    name = "requirements.txt" if source.endswith("story.txt") else os.path.basename(source)
    with open(os.path.join(_CORPUS, source), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(here, name), "w", encoding="utf-8") as file:
        file.write(f"{text}\n# project {number}\n")


class Run(NamedTuple):
    """One run of a program."""

    seconds: float
    cpu: float
    memory: float


def _programs(folder: str, size: int) -> List[Tuple[str, Run]]:
    """The runs for the first ``size`` projects, one program after the other in each round."""
    part = os.path.join(folder, f"first-{size}")
    os.mkdir(part)
    try:
        for number in range(0, size, 1_000):
            thousand = os.path.join(folder, f"{number // 1_000:02}")
            _linked(thousand, os.path.join(part, f"{number // 1_000:02}"), min(size - number, 1_000))
        files = sorted(_files(part))
        assert len(files) == size
        check = (sys.executable, "-m", "compatshim", "check")
        commands: Dict[str, Sequence[str]] = {"several": (*check, "--recursive", part)}
        if size == LOOP:
            commands["one"] = (*check, *files)
        found = []
        for number in range(ROUNDS):
            found += [(name, _run(command, size)) for name, command in commands.items()]
            sys.stderr.write(f"{size:,} manifests, round {number + 1} of {ROUNDS}\n")
        return found
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _linked(source: str, target: str, number: int) -> None:
    """The first projects of a folder in another one, without a copy of their files."""
    for name in sorted(os.listdir(source))[:number]:
        shutil.copytree(os.path.join(source, name), os.path.join(target, name), copy_function=os.link)


def _files(folder: str) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        yield from (os.path.join(here, name) for name in names)


def _run(command: Sequence[str], size: int) -> Run:
    variables = {**os.environ, "PYTHONPATH": place.ROOT}
    start = time.monotonic()
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.WEXITSTATUS(status)
    seconds = time.monotonic() - start
    assert process.returncode == 1, said[-500:]
    assert f" in {size} files checked, " in said, said[-500:]
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def draw(found: Result) -> None:
    """Write the drawing."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "compatshim", "svg.fonttype": "none", "font.size": 10})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    sizes = [point.size for point in found.points]
    for name, style, colour, values in (
        ("CPU", "s--", "#0072B2", [point.cpu.median for point in found.points]),
        ("elapsed", "o-", "#D55E00", [point.seconds.median for point in found.points]),
    ):
        left.plot(sizes, values, style, color=colour, label=name)
    left.set(ylabel="seconds")
    left.legend()
    right.plot(sizes, [point.memory for point in found.points], "^-", color="#009E73")
    right.set(ylabel="MiB of the largest process")
    for panel in (left, right):
        panel.set(xlabel="manifests", ylim=(0, None), xlim=(0, None))
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.grid(visible=True, color="#dddddd")
    figure.suptitle(f"check --recursive, {found.jobs} processes", fontsize=11)
    figure.savefig(DRAWING, metadata={"Date": None})
