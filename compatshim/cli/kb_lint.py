"""Hold the advisories against the rules that make them trustworthy. Exit status: 0 all hold, 1 some do not."""

from __future__ import annotations

import argparse
import glob
import json
import os
import sys

from compatshim import cli
from compatshim.cli import options

HELP = "hold the advisories against the rules"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("advisory", nargs="*", metavar="CSA-…", help="default: all")
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")
    parser.add_argument(
        "--reproducers", metavar="DIR", default=os.path.join("tests", "reproducers"), help="default: %(default)s"
    )
    parser.add_argument("--rules", action="store_true", help="only say what the rules are")
    parser.add_argument("--show-waived", action="store_true", help="say also what is waived, and why")
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Check, and say what is wrong."""
    from compatshim import catalog
    from compatshim.kb import lint, shims
    from compatshim.metadata.snapshot import Snapshot

    if args.rules:
        for one in lint.CHECKS.values():
            sys.stdout.write(f"{one.id}: {one.level}: {one.rule}\n")
        return cli.CLEAN
    folder = args.advisories or catalog.BUNDLED
    programs = glob.glob(os.path.join(glob.escape(args.reproducers), "*.py"))
    if not programs:
        raise cli.UsageError(f"{args.reproducers}: holds no reproducer; say where they are with --reproducers DIR")
    known = catalog.load(folder)
    base = lint.Base(
        known,
        Snapshot.bundled(),
        folder,
        shims.names(),
        tuple(sorted(os.path.splitext(os.path.basename(path))[0] for path in programs)),
    )
    wanted = [options.named(known, identifier).id for identifier in args.advisory]
    wrong, waived = lint.lint(base, wanted, whole=folder == catalog.BUNDLED)
    errors = [problem for problem in wrong if problem.level == lint.ERROR]
    if args.format == "json":
        told = {"schema_version": "1.0", "problems": [problem._asdict() for problem in wrong]}
        told["waived"] = [problem._asdict() for problem in waived]
        json.dump(told, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        for problem in wrong:
            sys.stdout.write(f"{problem}{' (warning)' if problem.level == lint.WARNING else ''}\n")
        if args.show_waived:
            reasons = {(one.id, waiver): waiver.reason for one in known.advisories for waiver in one.waivers}
            for problem in waived:
                reason = next(
                    text
                    for (identifier, waiver), text in reasons.items()
                    if identifier == problem.where and waiver.waives(problem.check, problem.subject)
                )
                sys.stdout.write(f"{problem} (waived: {reason})\n")
        checked = len(wanted) or len(known.advisories)
        options.say(
            f"{checked} advisories, {len(lint.CHECKS)} checks: {len(errors)} errors, "
            f"{len(wrong) - len(errors)} warnings, {len(waived)} waived"
        )
    return cli.FINDINGS if errors else cli.CLEAN
