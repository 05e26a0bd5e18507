"""Find by running which combinations of versions a reproducer is bad on, and write it down as advisories.

Only a small part of all combinations is run; what that can miss is told. Ctrl-C loses nothing: the same command
goes on from there. Exit status: 0 nothing is bad, 1 something is, 3 nothing could be run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, Dict, List

from compatshim import cli
from compatshim.cli import UsageError, kb_machines, options

if TYPE_CHECKING:
    from compatshim.kb.bisect.lattice import Lattice
    from compatshim.kb.bisect.live import Live
    from compatshim.kb.bisect.search import Found, Gap
    from compatshim.kb.worlds import Program

HELP = "find which versions a reproducer is bad on"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("reproducer", metavar="REPRODUCER", help="a file, or the name of one below --reproducers")
    parser.add_argument(
        "--project",
        metavar="NAME[,NAME…]",
        action="append",
        required=True,
        help='one to four, each with bounds if you like, as "datasets>=2.10" (may be repeated)',
    )
    parser.add_argument(
        "--requires",
        metavar="REQUIREMENT",
        action="append",
        default=[],
        help="what every environment needs besides",
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=int, default=60, help="of one run; default: %(default)s"
    )
    parser.add_argument(
        "--probes",
        metavar="N",
        type=int,
        default=12,
        help="combinations to look at where nothing is known when all else is settled; default: %(default)s",
    )
    parser.add_argument(
        "--at-most", metavar="N", type=int, help="combinations to look at in all; default: no limit"
    )
    parser.add_argument(
        "--write", metavar="DIR", help="write a draft of an advisory for each bad region into this folder"
    )
    parser.add_argument("--record", metavar="FILE", help="write all that was seen into this file")
    kb_machines.configure(parser)
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Search, and say what was found."""
    from compatshim.kb.bisect.lattice import LatticeError, lattice, seeds, split
    from compatshim.kb.bisect.live import Live
    from compatshim.kb.bisect.search import search
    from compatshim.kb.worlds import Planner

    metadata = kb_machines.metadata()
    program = _program(args)
    try:
        asked = lattice([one for text in args.project for one in split(text)], metadata)
    except (LatticeError, ValueError) as error:
        raise UsageError(str(error)) from error
    with kb_machines.engine(args) as engine, kb_machines.watching(engine) as watch:
        planner = Planner(asked.projects, metadata, engine.minors, program.requires)
        oracle = Live(asked, planner, program, engine, watch)
        try:
            found = search(
                asked.sizes,
                oracle,
                seeds=seeds(asked, planner),
                probes=args.probes,
                runs=args.at_most,
                at_once=engine.backend.parallel,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"{len(oracle.seen)} combinations are remembered; run it again to go on"
            ) from None
    told = _told(args.reproducer, asked, found, runs=engine.counted)
    if args.record:
        _record(args, told, found, at_once=engine.backend.parallel)
    if args.write:
        _write(args.write, program, asked, found, oracle)
    if args.format == "json":
        json.dump(told, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _say(told)
    if not oracle.seen:
        return cli.NOTHING
    return cli.FINDINGS if found.boxes else cli.CLEAN


def _program(args: argparse.Namespace) -> Program:
    from compatshim.kb.worlds import Program

    path = args.reproducer
    if not os.path.exists(path):
        path = os.path.join(args.reproducers, f"{path}.py")
    name = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as file:
        return Program(name, file.read(), tuple(args.requires), args.timeout)


def _told(reproducer: str, asked: Lattice, found: Found, *, runs: int) -> Dict[str, Any]:
    counts = {label: list(found.answers.values()).count(label) for label in ("bad", "good", "unknown")}
    return {
        "schema_version": "1.0",
        "reproducer": os.path.splitext(os.path.basename(reproducer))[0],
        "projects": {name: [str(v) for v in axis] for name, axis in zip(asked.projects, asked.versions)},
        "combinations": asked.size,
        "looked_at": counts,
        "runs": runs,
        "complete": found.complete,
        "bad": [[str(term) for term in asked.terms(box)] for box in found.boxes],
        "may_have_missed": [_gap(asked, gap) for gap in found.gaps],
    }


def _gap(asked: Lattice, gap: Gap) -> Dict[str, Any]:
    axis = asked.versions[gap.axis]
    among = {
        name: [str(versions[low]), str(versions[high])]
        for name, versions, (low, high) in zip(asked.projects, asked.versions, gap.cell)
    }
    return {
        "taken_for": gap.label,
        "project": asked.projects[gap.axis],
        "versions": gap.size,
        "from": str(axis[gap.start]),
        "to": str(axis[gap.start + gap.size - 1]),
        "among": among,
    }


def _say(told: Dict[str, Any]) -> None:
    sizes = " x ".join(f"{len(axis)} {name}" for name, axis in told["projects"].items())
    counts = ", ".join(f"{number} {label}" for label, number in told["looked_at"].items())
    lines: List[str] = [
        f"{sizes} = {told['combinations']:,} combinations, {sum(told['looked_at'].values())} looked at: {counts}"
    ]
    lines += [f"bad: {'; '.join(terms)}" for terms in told["bad"]] or ["bad: nothing that was looked at"]
    if not told["complete"]:
        lines.append("stopped at --at-most: the bad regions are parts of larger ones, and there may be others")
    for gap in told["may_have_missed"]:
        others = ", ".join(f"{name} {low} to {high}" for name, (low, high) in gap["among"].items())
        lines.append(
            f"taken for {gap['taken_for']}: {gap['versions']} versions of {gap['project']} in a row, {gap['from']} "
            f"to {gap['to']}, none of them tried among {others}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


def _record(args: argparse.Namespace, told: Dict[str, Any], found: Found, *, at_once: int) -> None:
    from compatshim import files

    answers = [[*point, label] for point, label in found.answers.items()]
    rows = ",\n".join(f"  {json.dumps(row)}" for row in answers)
    asked = [f"--project {shlex.quote(one)}" for one in args.project]
    asked += [f"--requires {shlex.quote(one)}" for one in args.requires]
    command = f"python -m compatshim kb bisect {args.reproducer} {' '.join(asked)} --probes {args.probes}"
    head = {
        "about": f"recorded from real runs by: {command} --jobs {at_once} --record FILE",
        "probes": args.probes,
        "at_once": at_once,
        **{key: told[key] for key in ("reproducer", "projects", "bad")},
    }
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
    files.write_atomically(args.record, f'{{\n{lines},\n "answers": [\n{rows}\n ]\n}}\n')


def _write(folder: str, program: Program, asked: Lattice, found: Found, oracle: Live) -> None:
    from compatshim import files
    from compatshim.kb import draft, rows

    os.makedirs(folder, exist_ok=True)
    for box in found.boxes:
        identifier = draft.number(folder)
        terms = asked.terms(box)
        path = os.path.join(folder, f"{identifier}.toml")
        files.write_atomically(path, draft.text(identifier, terms=terms, reproducer=program.name))
        rows.write(path, oracle.rows(box, [term.project for term in terms]))
        options.say(f"{path}: a draft; `kb lint` says what is missing")
