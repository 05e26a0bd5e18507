"""Write the work of `kb verify` as the matrix of a workflow.

In a step: `python -m compatshim kb matrix --github >> "$GITHUB_OUTPUT"`; in the job that needs it:
`strategy: {matrix: "${{ fromJSON(needs.plan.outputs.matrix) }}"}`, `python-version: ${{ matrix.pythons }}` and
`python -m compatshim kb verify ${{ matrix.advisories }}`.
"""

from __future__ import annotations

import argparse
import json
import sys

from compatshim import cli
from compatshim.cli import UsageError, kb_machines, options

HELP = "write the work of `kb verify` as the matrix of a workflow"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("advisory", nargs="*", metavar="CSA-…", help="default: all")
    parser.add_argument("--github", action="store_true", help="one line, `matrix=…`, for $GITHUB_OUTPUT")
    parser.add_argument(
        "--os",
        metavar="NAME",
        action="append",
        default=[],
        help="a kind of machine (may be repeated); default: ubuntu-latest",
    )
    parser.add_argument("--jobs", metavar="N", type=int, default=20, help="at most so many; default: %(default)s")
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")


def run(args: argparse.Namespace) -> int:
    """Write it to standard output."""
    from compatshim import catalog
    from compatshim.kb import matrix

    known = catalog.load(args.advisories or catalog.BUNDLED)
    wanted = [options.named(known, identifier) for identifier in args.advisory] or list(known.advisories)
    try:
        made = matrix.jobs(wanted, kb_machines.metadata(), args.os or ["ubuntu-latest"], number=args.jobs)
    except ValueError as error:
        raise UsageError(f"--jobs: {error}") from error
    told = matrix.github(made)
    if args.github:
        sys.stdout.write(f"matrix={json.dumps(told, separators=(',', ':'))}\n")
    else:
        json.dump(told, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    options.say(f"{len(made)} jobs, {sum(job.cases for job in made)} cases")
    return cli.CLEAN
