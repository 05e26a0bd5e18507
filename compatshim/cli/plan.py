"""Print an ordered upgrade plan; every state on the way is no worse than the one before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    import argparse

HELP = "print an ordered upgrade plan"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    options.inputs(parser)
    options.solving(parser, "recommended")
    parser.add_argument(
        "--alternatives",
        metavar="N",
        type=int,
        default=0,
        help="show the next best N answers that are really different, and what each costs",
    )


def run(args: argparse.Namespace) -> int:
    """Print the plan; exit status 1 when there is none."""
    from compatshim.report import data, text

    if args.alternatives < 0:
        raise cli.UsageError(f"--alternatives {args.alternatives}: is not a number of answers")
    answer = options.solved(args, args.alternatives)
    if answer is None:
        return cli.NOTHING
    if answer.solution is None:
        options.impossible(args, "plan", answer)
        return cli.FINDINGS
    verdict = options.verified(args, answer)
    steps = answer.steps
    if args.format == "json":
        content = {
            **data.outcome(answer),
            "steps": [
                data.step(step, [text.pip(step.changes, args.python), text.uv(step.changes, args.python)])
                for step in steps
            ],
            "alternatives": [data.alternative(one) for one in answer.alternatives],
            "verified": data.verdict(verdict),
        }
        sys.stdout.write(data.render("plan", answer.analysis.catalog, content))
    else:
        page = text.Page(sys.stdout)
        if steps:
            text.plan(page, answer, steps, args.python)
        else:
            page.line("Nothing to do: no version needs to move.")
            page.line(text.summary(answer.analysis))
        if args.alternatives:
            text.alternatives(page, answer)
        sys.stdout.write(page.render())
        options.tell(answer, verdict)
    return cli.CLEAN if verdict is None or verdict.agrees else cli.NOTHING
