"""Run the benchmarks: `python -m benchmarks`; see the README beside this file."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import List, Sequence

from benchmarks import growth, hook, place, ranks, solve, tree, whole
from benchmarks.startup import run as startup

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
SUBJECTS = ("whole", "solve", "growth", "startup", "hook", "tree", "ranks")


def main() -> int:
    """Run the subjects and print their tables; with ``--save`` keep them in the README and redraw the curves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subject", nargs="*", metavar="|".join(SUBJECTS), help="all of them by default")
    parser.add_argument("--rounds", type=int, default=21, help="how often each is run; default: %(default)s")
    parser.add_argument("--save", action="store_true", help="keep the figures in README.md, and the drawing")
    args = parser.parse_args()
    unknown = set(args.subject) - set(SUBJECTS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: the subjects are {', '.join(SUBJECTS)}")
    for subject in args.subject or SUBJECTS:
        text = _run(subject, args.rounds, save=args.save)
        sys.stdout.write(f"{text}\n")
        if args.save:
            _keep(subject, text)
    return 0


def _run(subject: str, rounds: int, *, save: bool) -> str:
    """The table of one subject; its curves are drawn where there are some and they are wanted."""
    return {
        "whole": _whole,
        "solve": _solve,
        "growth": _growth,
        "startup": _startup,
        "hook": _hook,
        "tree": _tree,
        "ranks": _ranks,
    }[subject](rounds, save)


def _whole(rounds: int, _: bool) -> str:
    programs = whole.run(rounds)
    rows = [(row.name, str(row.ratios), row.peer, row.target) for row in programs]
    return _table(("program", "CPU time as a multiple", "of", "at most"), rows)


def _solve(rounds: int, _: bool) -> str:
    steps = solve.run(rounds, place.prepare(whole.ANSWER).inside.python)
    return _table(("step", "CPU ms", "at most"), [(row.name, str(row.milliseconds), row.target) for row in steps])


def _growth(_: int, save: bool) -> str:
    curves = growth.run()
    if save:
        growth.draw(curves)
    return _table(
        ("size", "build, CPU ms", "solve, CPU ms", "all proved minimal"),
        [
            (f"{point.size:,} {name}", f"{point.build:.0f}", f"{point.solve:.0f}", "yes" if point.proved else "no")
            for name, points in curves.items()
            for point in points
        ],
    )


def _hook(rounds: int, _: bool) -> str:
    return _table(
        ("commit", f"CPU time as a multiple of {hook.PEER}", "elapsed, ms", "at most"),
        [(row.name, str(row.ratios), str(row.milliseconds), "300") for row in hook.run(rounds)],
    )


def _ranks(rounds: int, save: bool) -> str:
    figures = ranks.run(rounds)
    if save:
        ranks.draw(figures)
    return "\n".join(_table(ranks.head(whole=whole), ranks.table(figures, whole=whole)) for whole in (False, True))


def _tree(_: int, save: bool) -> str:
    found = tree.run()
    if save:
        tree.draw(found)
    points = _table(
        ("manifests", "elapsed, s", "CPU, s", "CPU for each, ms", "largest process, MiB"),
        [
            (
                f"{point.size:,}",
                str(point.seconds),
                str(point.cpu),
                f"{point.cpu.median / point.size * 1e3:.2f}",
                f"{point.memory:.0f}",
            )
            for point in found.points
        ],
    )
    loop = _table(
        ("one process with the same files as arguments", "of"),
        [(f"{found.loop} as long", f"{found.jobs} processes, {tree.LOOP:,} manifests")],
    )
    return f"{points}\n{loop}"


def _startup(rounds: int, save: bool) -> str:
    """The programs, the Pythons, the finder, and the points of the curves."""
    found = startup.run(rounds)
    if save:
        startup.draw(found.curves)
    programs = _table(
        ("program", "instructions as a multiple of `python -c pass`", "CPU time as a multiple", "at most"),
        [(row.name, f"{row.instructions:.3f}", str(row.time), row.target) for row in found.rows],
    )
    pythons = _table(
        ("Python", *(f"with {size:,} advisories" for size in startup.TARGETS)),
        [(minor, f"{few:.3f}", f"{many:.3f}") for minor, few, many in found.pythons],
    )
    finder = _table(
        ("import of another module, once an advisory has matched", "at most"),
        [(f"{found.finder.least:.2f} µs at the least, median {found.finder.median:.2f} µs", "1 µs")],
    )
    points = _table(
        ("size", "instructions as a multiple"),
        [
            (f"{size:,} {name}", f"{ratio:.3f}")
            for name, curve in zip(startup.Curves._fields, found.curves)
            for size, ratio in curve.items()
        ],
    )
    return f"{programs}\n{pythons}\n{finder}\n{points}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines: List[Sequence[str]] = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _keep(subject: str, text: str) -> None:
    with open(README, encoding="utf-8") as file:
        before = file.read()
    place_of_it = re.compile(rf"(?<=<!-- {subject} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    with open(README, "w", encoding="utf-8") as file:
        file.write(place_of_it.sub(lambda _: text, before, count=1))


if __name__ == "__main__":
    sys.exit(main())
