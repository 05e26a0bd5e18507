"""Print an ordered upgrade plan; every state on the way is no worse than the one before."""

from __future__ import annotations

import argparse
import sys

from compatshim import cli
from compatshim.cli import options

HELP = "print an ordered upgrade plan"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    options.solving(parser, "recommended")


def run(args: argparse.Namespace) -> int:
    """Print the plan; exit status 1 when there is none."""
    from compatshim.report import data, text

    solved = options.solved(args)
    if solved is None:
        return cli.NOTHING
    found, answer = solved
    status = cli.CLEAN if answer.solution is not None else cli.FINDINGS
    steps = answer.steps
    if args.format == "json":
        listed = [
            data.step(step, [text.pip(step.changes, args.python), text.uv(step.changes, args.python)])
            for step in steps
        ]
        sys.stdout.write(data.render("plan", found.catalog, {**data.outcome(answer), "steps": listed}))
        return status
    stream = sys.stdout if status == cli.CLEAN else sys.stderr
    page = text.Page(stream)
    if answer.impossible is not None:
        text.impossible(page, answer.impossible)
    elif not steps:
        page.line("Nothing to do: no version needs to move.")
        page.line(text.summary(found))
    else:
        text.plan(page, answer, steps, args.python)
    stream.write(page.render())
    return status
