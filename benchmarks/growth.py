"""How building and solving grow with each of the four sizes of a made-up world, drawn."""

from __future__ import annotations

import os
import statistics
import sys
from typing import Dict, List, Mapping, NamedTuple, Tuple

from benchmarks import solve
from tests.solve import tangles

DRAWING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "growth.svg")

BASE: Mapping[str, int] = {"projects": 300, "versions": 30, "advisories": 1_000, "hits": 8}
"""What stays when one of them grows."""
SIZES: Mapping[str, Tuple[int, ...]] = {
    "projects": (100, 200, 300, 500, 1_000),
    "versions": (10, 20, 30, 60, 120),
    "advisories": (250, 500, 1_000, 2_500, 5_000, 10_000),
    "hits": (1, 2, 4, 8, 16, 32),
}
SEEDS = range(5)


class Point(NamedTuple):
    """Medians over the seeds, in CPU milliseconds."""

    size: int
    build: float
    solve: float


def run() -> Dict[str, List[Point]]:
    """All curves."""
    return {name: [_point(name, size) for size in sizes] for name, sizes in SIZES.items()}


def _point(name: str, size: int) -> Point:
    builds, solves = [], []
    for seed in SEEDS:
        sizes = {**BASE, name: size}
        build, answer = solve.world(tangles.large(seed, **sizes), 3)
        builds.append(min(build))
        solves.append(min(answer))
    sys.stderr.write(f"{name} {size}\n")
    return Point(size, statistics.median(builds), statistics.median(solves))


def draw(curves: Mapping[str, List[Point]]) -> None:
    """Write the drawing."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    # Without what would differ from run to run, and with letters as letters.
    plt.rcParams.update({"svg.hashsalt": "compatshim", "svg.fonttype": "none", "font.size": 10})
    figure, panels = plt.subplots(2, 2, figsize=(9, 6.5), sharey=True, layout="constrained")
    titles = {"projects": "distributions", "versions": "versions of each", "hits": "advisories that match"}
    for panel, (name, points) in zip(panels.flat, curves.items()):
        sizes = [point.size for point in points]
        # Of the colours that Okabe and Ito chose for all kinds of sight; the marks differ, too.
        panel.plot(sizes, [point.build for point in points], "s--", color="#0072B2", label="build the problem")
        panel.plot(sizes, [point.solve for point in points], "o-", color="#D55E00", label="solve")
        panel.set(xscale="log", yscale="log", xlabel=titles.get(name, name))
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.xaxis.set_minor_locator(ticker.NullLocator())
        panel.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panel.grid(visible=True, color="#dddddd")
    for panel in panels[:, 0]:
        panel.set_ylabel("CPU milliseconds")
    panels[0, 0].legend()
    figure.suptitle(
        f"Otherwise {BASE['projects']} distributions of {BASE['versions']} versions, "
        f"{BASE['advisories']:,} advisories, {BASE['hits']} of which match",
        fontsize=11,
    )
    figure.savefig(DRAWING, metadata={"Date": None})
