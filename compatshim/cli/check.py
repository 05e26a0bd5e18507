"""List the known-bad combinations of an environment, with cause and fix."""

from __future__ import annotations

import argparse
import sys

from compatshim import cli
from compatshim.cli import options

HELP = "list known-bad combinations, with cause and fix"

_FAIL_ON = {
    "note": ("note", "warning", "error"),
    "warning": ("warning", "error"),
    "error": ("error",),
    "never": (),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    options.index(parser)
    parser.add_argument(
        "--fail-on",
        choices=tuple(_FAIL_ON),
        default="error",
        help="the lowest level of finding that makes the exit status 1; default: %(default)s",
    )
    parser.add_argument("--exit-zero", action="store_true", help="findings do not change the exit status")
    parser.add_argument("--strict", action="store_true", help="what could not be read counts as a finding")


def run(args: argparse.Namespace) -> int:
    """Check; exit status 1 with findings at or above ``--fail-on``."""
    found = options.analysis(args)
    options.not_checked(found.inventory)
    if options.nothing_read(found.inventory):
        return cli.NOTHING
    fix = None
    if any(finding.level == "error" for finding in found.findings):
        from compatshim.solve.search import OutOfBudgetError

        try:
            fix = options.answer(args, found, "least-change")
        except OutOfBudgetError:
            options.say("the search for the smallest fix was given up; the findings stand")
    if args.format == "json":
        from compatshim.report import data

        sys.stdout.write(data.render("check", found.catalog, data.check(found, fix)))
    else:
        from compatshim.report import text

        page = text.Page(sys.stdout)
        text.check(page, found, fix, args.python)
        sys.stdout.write(page.render())
    failed = any(finding.level in _FAIL_ON[args.fail_on] for finding in found.findings)
    failed = failed or (args.strict and bool(found.inventory.unread))
    return cli.FINDINGS if failed and not args.exit_zero else cli.CLEAN
