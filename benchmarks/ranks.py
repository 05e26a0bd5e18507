"""What it costs to bring the rows of all ranks together: evaluate's file locks, compatshim, and Python objects."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from typing import Dict, List, NamedTuple, Sequence, Tuple

import compatshim
from compatshim.kb import environments
from compatshim.kb.environments import Spec

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ranks_program.py")
DRAWING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ranks.svg")
REQUIREMENTS = (
    "evaluate==0.4.6", "datasets==5.2.0", "filelock==4.2.11", "torch==2.13.0+cpu", "accelerate==1.15.0",
)  # fmt: skip
WORLDS = (2, 4, 8)
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
WAYS = ("one process", "file locks", "compatshim", "gather_object", "gather_for_metrics")
MEASURED = WAYS[1:4]


class Figure(NamedTuple):
    """Medians over the rounds: seconds on rank 0, and bytes by which the peak of its memory grew."""

    seconds: float
    memory: float


Figures = Dict[Tuple[int, str, int, bool, str], Figure]
"""By ranks, kind of the rows, their number, whether all of ``compute`` was timed, and the way."""


def run(rounds: int) -> Figures:
    """All of it, on one machine."""
    python = environments.interpreters()["3.11"]
    links = tuple(f"--find-links={place}" for place in os.environ.get("PIP_FIND_LINKS", "").split())
    environment = environments.build(Spec(python, REQUIREMENTS, options=links))
    found: Dict[Tuple[int, str, int, bool, str], List[Tuple[float, float]]] = {}
    for world in WORLDS:
        for line in _played(environment, world, rounds):
            key = (world, line["kind"], line["size"], line["whole"], line["way"])
            found.setdefault(key, []).append((line["seconds"], line["memory"]))
    return {key: Figure(*map(statistics.median, zip(*each))) for key, each in found.items()}


def _played(environment: environments.Environment, world: int, rounds: int) -> List[Dict[str, object]]:
    folder = tempfile.mkdtemp(prefix="compatshim-ranks-")
    try:
        os.symlink(os.path.dirname(os.path.abspath(compatshim.__file__)), os.path.join(folder, "compatshim"))
        out = os.path.join(folder, "out")
        command = [
            os.path.join(environment.prefix, "bin", "torchrun"), "--standalone", f"--nproc-per-node={world}",
            PROGRAM, out, os.path.join(folder, "cache"), str(rounds), *map(str, SIZES),
        ]  # fmt: skip
        variables = {name: value for name, value in os.environ.items() if not name.startswith("COMPATSHIM")}
        variables.update(PYTHONPATH=folder, OMP_NUM_THREADS="1")
        subprocess.run(command, env=variables, cwd=folder, check=True, stderr=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(figures: Figures, *, whole: bool) -> List[Sequence[str]]:
    """A row per ranks, kind and number of rows: milliseconds of each way, and for the whole megabytes."""
    rows = []
    for world, kind, size in dict.fromkeys(key[:3] for key in figures):
        found = {way: figures.get((world, kind, size, whole, way)) for way in WAYS}
        alone, ours, objects = (found[way] for way in ("one process", "compatshim", "gather_object"))
        assert alone is not None
        assert ours is not None
        assert objects is not None
        cells = [f"{size:,} {kind}", str(world)]
        cells += [f"{one.seconds * 1e3:,.1f}" if one else "" for one in found.values()]
        cells.append(f"{(ours.seconds - alone.seconds) / objects.seconds:.2f}")
        if whole:
            cells += [f"{one.memory / 1e6:.0f}" for way, one in found.items() if one and way in MEASURED]
        rows.append(cells)
    return rows


def head(*, whole: bool) -> Sequence[str]:
    """The names of the columns."""
    times = (*(f"{way}, ms" for way in WAYS), "gathering / gather_object")
    return ("rows", "ranks", *times, *((f"{way}, MB" for way in MEASURED) if whole else ()))


def draw(figures: Figures) -> None:
    """Write the drawing: seconds until rank 0 has the rows of four ranks."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "compatshim", "svg.fonttype": "none", "font.size": 10})
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    # Of the colours that Okabe and Ito chose for all kinds of sight; the marks differ, too.
    styles = dict(zip(WAYS, ("x-.", "s--", "o-", "^:", "v:")))
    colours = dict(zip(WAYS, ("#555555", "#0072B2", "#D55E00", "#009E73", "#CC79A7")))
    for panel, kind in zip(panels, ("ints", "strings")):
        for way in WAYS:
            points = [
                (size, figures[key].seconds) for size in SIZES if (key := (4, kind, size, False, way)) in figures
            ]
            panel.plot(*zip(*points), styles[way], color=colours[way], label=way)
        panel.set(xscale="log", yscale="log", xlabel=f"predictions of four ranks, {kind}")
        panel.grid(visible=True, color="#dddddd")
    panels[0].set_ylabel("seconds until rank 0 has the rows")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(DRAWING, metadata={"Date": None})
