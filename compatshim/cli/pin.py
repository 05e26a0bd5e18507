"""Write a constraint file under which no known-bad combination can be installed."""

from __future__ import annotations

import argparse
import shlex
import sys

from compatshim import __version__, cli
from compatshim.cli import options

HELP = "write a constraint file that avoids every known-bad combination"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    options.solving(parser, "least-change")
    parser.add_argument(
        "--only-changes", action="store_true", help="leave out the guards that keep other combinations away"
    )


def run(args: argparse.Namespace) -> int:
    """Print the constraint file; exit status 1 when there is no answer."""
    from compatshim import constraints
    from compatshim.report import data, text

    solved = options.solved(args)
    if solved is None:
        return cli.NOTHING
    found, answer = solved
    if answer.solution is None:
        if args.format == "json":
            sys.stdout.write(data.render("pin", found.catalog, data.outcome(answer)))
        elif answer.impossible is not None:
            page = text.Page(sys.stderr)
            text.impossible(page, answer.impossible)
            sys.stderr.write(page.render())
        return cli.FINDINGS
    changes = answer.solution.changes
    versions = dict(found.inventory.versions())
    versions.update({change.project: change.after for change in changes if change.after is not None})
    cured = tuple(finding.advisory.id for finding in found.findings if finding.level == "error")
    lines = constraints.pins(answer.reasons, cured)
    if not args.only_changes:
        lines += constraints.guards(versions, changes, found.catalog)
    command = f"python -m compatshim {shlex.join(args.argv)}"
    made = constraints.ConstraintFile(__version__, found.catalog.digest, command, lines)
    if args.format == "json":
        content = {**data.outcome(answer), **data.constraint_file(made)}
        sys.stdout.write(data.render("pin", found.catalog, content))
        return cli.CLEAN
    sys.stdout.write(made.render())
    if not changes:
        options.say("nothing needs to change; the file keeps it so")
    for sentence in answer.why:
        options.say(sentence)
    if not answer.solution.proved:
        options.say("not proved minimal: the search was cut short")
    return cli.CLEAN
