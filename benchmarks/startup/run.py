"""Measure start-up: the table, the curves, and how the curves are drawn."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from benchmarks import timing
from benchmarks.startup import finder, peers
from compatshim import catalog
from compatshim.kb import environments
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Catalog
from tests.startup import instructions, surplus, tree

DRAWING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "growth.svg")
PYTHON = "3.11"
"""Of the table and the curves."""

NOTHING = ("-c", "pass")
IMPORT = ("-c", "import compatshim")
VERSIONS = ("-c", "from importlib.metadata import version as v; v('evaluate'), v('filelock'), v('numpy')")

DISTRIBUTIONS = (50, 100, 300, 1000)
ADVISORIES = (0, 50, 100, 200, 500, 1000)
"""Zero stands for the real catalog alone."""
SIZE, CATALOG = 300, 200
TARGETS = {200: "1.08", 1000: "1.12"}


class Row(NamedTuple):
    """One program against the same interpreter with nothing to do."""

    name: str
    instructions: float
    """As a multiple."""
    time: Optional[timing.Spread]
    target: str = ""


class Curves(NamedTuple):
    """Instructions as a multiple of ``python -c pass``, by size."""

    distributions: Dict[int, float]
    advisories: Dict[int, float]


class Result(NamedTuple):
    """All that was measured."""

    rows: List[Row]
    pythons: List[Tuple[str, float, float]]
    """Minor version, and the multiples of instructions with 200 and with 1,000 advisories."""
    curves: Curves
    finder: finder.Cost


class _Place:
    """A healthy environment whose index can be exchanged."""

    def __init__(self, folder: str, python: str, versions: Mapping[str, Version]) -> None:
        self.site = tree.make(python, folder, versions)
        self.python = tree.interpreter(folder)
        self.versions = versions
        self.nothing = instructions.count([self.python, *NOTHING])

    def ratio(self, content: Catalog, *, modules: Sequence[str] = ("compatshim",)) -> float:
        """Instructions as a multiple; only these modules may be loaded, if any are given."""
        tree.write_index(self.site, content, _KNOWN)
        loaded = tree.loaded(self.python)
        assert not modules or tuple(loaded) == tuple(modules), loaded
        return instructions.count([self.python, *IMPORT]) / self.nothing


_KNOWN = Snapshot.bundled()
_REAL = catalog.load()


def run(rounds: int) -> Result:
    """Measure all. Raises :exc:`AssertionError` when a program does not do what it is measured for."""
    assert instructions.VALGRIND is not None, "the benchmark of start-up needs valgrind"
    found = environments.interpreters()
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        rows, cost = _rows(found[PYTHON], folder, rounds)
        pythons = []
        for minor, python in sorted(found.items(), key=lambda item: Version(item[0])):
            place = _Place(os.path.join(folder, minor), python, tree.healthy(_REAL, _KNOWN, SIZE))
            pythons.append((minor, place.ratio(_many(CATALOG, place)), place.ratio(_many(1000, place))))
            _say(f"Python {minor}")
        return Result(rows, pythons, _curves(found[PYTHON], folder), cost)


def _rows(python: str, folder: str, rounds: int) -> Tuple[List[Row], finder.Cost]:
    """The programs, of which the times are taken in turn."""
    healthy = tree.healthy(_REAL, _KNOWN, SIZE)
    found: Dict[str, Tuple[Sequence[str], Sequence[str], float, str]] = {}

    def healthy_place(name: str, versions: Mapping[str, Version]) -> _Place:
        return _Place(os.path.join(folder, name), python, versions)

    def ours(name: str, place: _Place, ratio: float, target: str = "") -> None:
        found[name] = ([place.python, *IMPORT], [place.python, *NOTHING], ratio, target)
        _say(name)

    place = healthy_place("real", healthy)
    ours(f"import compatshim, its {len(_REAL.advisories)} advisories", place, place.ratio(_REAL))
    for size, target in TARGETS.items():
        place = healthy_place(str(size), healthy)
        ours(f"import compatshim, {size:,} advisories", place, place.ratio(_many(size, place)), target)
    newer = {**healthy, **{project: Version("9999") for project in list(healthy)[: len(healthy) // 50]}}
    place = healthy_place("newer", newer)
    many = _many(CATALOG, place)
    ours(f"the same with {CATALOG}, six versions newer than the index", place, place.ratio(many, modules=()))
    place = healthy_place("armed", {**healthy, "datasets": Version("4.0.0")})
    ours(
        f"import compatshim, its {len(_REAL.advisories)} advisories, one of which matches",
        place,
        place.ratio(_REAL, modules=()),
    )
    cost = finder.measure(place.python)
    metadata = [place.python, *VERSIONS]
    for project in ("evaluate", "filelock", "numpy"):
        where = os.path.join(place.site, f"{project}-{healthy[project]}.dist-info", "METADATA")
        with open(where, "w", encoding="utf-8") as file:
            file.write(f"Metadata-Version: 2.1\nName: {project}\nVersion: {healthy[project]}\n")
    count = instructions.count(metadata) / place.nothing
    found["importlib.metadata.version(), three times"] = (metadata, [place.python, *NOTHING], count, "")
    for peer in peers.prepare(python):
        ratio = instructions.count(peer.command) / instructions.count(peer.nothing)
        found[peer.name] = (peer.command, peer.nothing, ratio, "")
        _say(peer.name)
    commands = {(name, which): row[which] for name, row in found.items() for which in (0, 1)}
    times = timing.programs({f"{which} {name}": words for (name, which), words in commands.items()}, rounds)
    return [
        Row(name, ratio, timing.ratio(times[f"0 {name}"], times[f"1 {name}"]), target)
        for name, (_, _, ratio, target) in found.items()
    ], cost


def _many(size: int, place: _Place) -> Catalog:
    return surplus.catalog(_REAL, _KNOWN, size, place.versions)


def _curves(python: str, folder: str) -> Curves:
    curves = Curves({}, {})
    for size in DISTRIBUTIONS:
        place = _Place(os.path.join(folder, f"d{size}"), python, tree.healthy(_REAL, _KNOWN, size))
        curves.distributions[size] = place.ratio(_many(CATALOG, place))
        if size == SIZE:
            for number in ADVISORIES:
                content = _many(number, place)
                curves.advisories[len(content.advisories)] = place.ratio(content)
        _say(f"{size} distributions")
    return curves


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


def draw(curves: Curves) -> None:
    """Write the drawing."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    plt.rcParams.update({"svg.hashsalt": "compatshim", "svg.fonttype": "none", "font.size": 10})
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    titles = (f"distributions, with {CATALOG} advisories", f"advisories, with {SIZE} distributions")
    for panel, points, title in zip(panels, curves, titles):
        panel.plot(list(points), list(points.values()), "o-", color="#D55E00", label="import compatshim")
        for size, target in TARGETS.items():
            known = {"color": "#0072B2", "linestyle": "--" if size == CATALOG else ":", "linewidth": 1}
            panel.axhline(float(target), **known, label=f"at most, with {size:,} advisories")
        panel.set(xlabel=title, ylim=(1, 1.14), xlim=(0, None))
        panel.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        panel.grid(visible=True, color="#dddddd")
    panels[0].set_ylabel("instructions, python -c pass = 1")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(DRAWING, metadata={"Date": None})
