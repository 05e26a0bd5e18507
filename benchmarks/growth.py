"""How building and solving grow with each of the four sizes of a made-up world, drawn."""

from __future__ import annotations

import os
import statistics
import sys
from typing import Dict, List, Mapping, NamedTuple, Tuple

from benchmarks import solve
from tests.solve import tangles

DRAWING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "growth.svg")

BASE: Mapping[str, int] = {"projects": 1_000, "versions": 50, "advisories": 5_000, "hits": 20}
"""What stays when one of them grows: the large case of the other benchmark."""
SIZES: Mapping[str, Tuple[int, ...]] = {
    "projects": (500, 750, 1_000, 2_000),
    "versions": (10, 25, 50, 100),
    "advisories": (1_000, 2_500, 5_000, 7_500),
    "hits": (1, 5, 10, 20, 40),
}
SEEDS = range(3)


class Point(NamedTuple):
    """Medians over the seeds, in CPU milliseconds."""

    size: int
    build: float
    solve: float
    proved: bool
    """Whether all answers were proved minimal."""


def run() -> Dict[str, List[Point]]:
    """All curves."""
    return {name: [_point(name, size) for size in sizes] for name, sizes in SIZES.items()}


def _point(name: str, size: int) -> Point:
    sizes = {**BASE, name: size}
    worlds = [solve.world(tangles.large(seed, **sizes), 1) for seed in SEEDS]
    sys.stderr.write(f"{name} {size}\n")
    return Point(
        size,
        statistics.median([min(one.builds) for one in worlds]),
        statistics.median([min(one.solves) for one in worlds]),
        all(one.proved for one in worlds),
    )


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
        cut = [point for point in points if not point.proved]
        if cut:
            label = "solve, not always proved minimal"
            hollow = {"color": "#D55E00", "markerfacecolor": "white", "label": label}
            panel.plot([point.size for point in cut], [point.solve for point in cut], "o", **hollow)
        panel.set(xscale="log", yscale="log", xlabel=titles.get(name, name))
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.xaxis.set_minor_locator(ticker.NullLocator())
        panel.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panel.grid(visible=True, color="#dddddd")
    for panel in panels[:, 0]:
        panel.set_ylabel("CPU milliseconds")
    # Whatever panel has a kind of mark, the legend tells it, each once.
    handles = {}
    for panel in panels.flat:
        handles.update(dict(zip(*reversed(panel.get_legend_handles_labels()))))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    figure.suptitle(
        f"Otherwise {BASE['projects']:,} distributions of {BASE['versions']} versions, "
        f"{BASE['advisories']:,} advisories, {BASE['hits']} of which match",
        fontsize=11,
    )
    figure.savefig(DRAWING, metadata={"Date": None})
