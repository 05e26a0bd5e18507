"""Write a constraint file under which no known-bad combination can be installed."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Tuple

from compatshim import __version__, cli
from compatshim.cli import options

if TYPE_CHECKING:
    import argparse

    from compatshim.answer import Answer
    from compatshim.constraints import Line

HELP = "write a constraint file that avoids every known-bad combination"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser, ("text", "json", "uv"))
    options.inputs(parser)
    options.solving(parser, "least-change")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument(
        "--only-changes", action="store_true", help="leave out the guards that keep other combinations away"
    )
    extent.add_argument("--full", action="store_true", help="pin every distribution, as a freeze does")


def run(args: argparse.Namespace) -> int:
    """Print the constraint file; exit status 1 when there is no answer."""
    from compatshim import constraints
    from compatshim.report import data, uv

    answer = options.solved(args)
    if answer is None:
        return cli.NOTHING
    if answer.solution is None:
        options.impossible(args, "pin", answer)
        return cli.FINDINGS
    verdict = options.verified(args, answer)
    catalog = answer.analysis.catalog
    command = f"python -m compatshim {shlex.join(args.argv)}"
    made = constraints.ConstraintFile(__version__, catalog.digest, command, _lines(args, answer))
    if args.format == "json":
        content = {**data.outcome(answer), **data.constraint_file(made), "verified": data.verdict(verdict)}
        sys.stdout.write(data.render("pin", catalog, content))
    else:
        sys.stdout.write(uv.render(made, answer.overrides) if args.format == "uv" else made.render())
        if not answer.changes:
            options.say("nothing needs to change; the file keeps it so")
        for sentence in answer.why:
            options.say(sentence)
        options.tell(answer, verdict)
    return cli.CLEAN if verdict is None or verdict.agrees else cli.NOTHING


def _lines(args: argparse.Namespace, answer: Answer) -> Tuple[Line, ...]:
    from compatshim import constraints
    from compatshim.inventory import environment

    if args.only_changes:
        return answer.pins
    if not args.full:
        return (*answer.pins, *answer.guards)
    distributions = answer.analysis.inventory.distributions
    direct = sorted(name for name, item in distributions.items() if environment.direct(item))
    for name in direct:
        options.say(f"left out: {name} was installed from a path or an address, so no index need have it")
    versions = {name: version for name, version in answer.after.items() if name not in direct}
    return constraints.full(versions, (*answer.pins, *answer.guards), "as installed")
