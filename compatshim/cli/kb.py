"""Work on the knowledge base: compile the start-up index, rebuild the snapshot, verify advisories by running."""

from __future__ import annotations

import argparse
import os
import sys

from compatshim import cli
from compatshim.cli import options

HELP = "work on the knowledge base (for developers of compatshim)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    commands = parser.add_subparsers(dest="kb", metavar="COMMAND", required=True)
    compile_ = commands.add_parser("compile", help="write startup/_index.py from the advisories and the snapshot")
    compile_.add_argument("--check", action="store_true", help="only say whether it is fresh (exit status 1: no)")
    commands.add_parser("snapshot", help="rebuild the bundled index metadata from the network")
    verify = commands.add_parser("verify", help="run reproducers in real environments and write the verified rows")
    verify.add_argument("advisory", nargs="*", metavar="CSA-…", help="default: all")
    verify.add_argument(
        "--reproducers",
        metavar="DIR",
        default=os.path.join("tests", "reproducers"),
        help="default: %(default)s",
    )


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    return {"compile": _compile, "snapshot": _snapshot, "verify": _verify}[args.kb](args)


def _compile(args: argparse.Namespace) -> int:
    from compatshim import catalog
    from compatshim.kb import compile as compiler
    from compatshim.metadata.snapshot import Snapshot

    known, snapshot = catalog.load(), Snapshot.bundled()
    if args.check:
        if compiler.read() == compiler.index(known, snapshot):
            return cli.CLEAN
        options.say("startup/_index.py is not what the advisories say: run `python -m compatshim kb compile`")
        return cli.FINDINGS
    written = compiler.write(known, snapshot)
    options.say(f"{compiler.INDEX}: {'written' if written else 'is fresh'} ({len(known.advisories)} advisories)")
    return cli.CLEAN


def _snapshot(args: argparse.Namespace) -> int:
    del args
    from compatshim.kb import snapshot
    from compatshim.metadata import snapshot as reader

    place = os.path.join(os.path.dirname(os.path.abspath(reader.__file__)), "data", "snapshot.zip")
    built = snapshot.build(snapshot.NEIGHBOURHOOD, place, report=options.say)
    options.say(str(built))
    return cli.CLEAN


def _verify(args: argparse.Namespace) -> int:
    from compatshim import catalog
    from compatshim.kb import environments, verify
    from compatshim.metadata.snapshot import Snapshot

    known = catalog.load()
    wanted = [options.named(known, identifier) for identifier in args.advisory] or list(known.advisories)
    contradicted = False
    for advisory in wanted:
        result = verify.verify(
            advisory,
            metadata=Snapshot.bundled(),
            interpreters=environments.interpreters(),
            reproducers=args.reproducers,
            advisories=catalog.BUNDLED,
            report=options.say,
        )
        sys.stdout.write(
            f"{advisory.id}: {len(result.rows)} rows, {len(result.contradictions)} contradictions, "
            f"{len(result.skipped)} skipped\n"
        )
        contradicted = contradicted or bool(result.contradictions)
        for item in (*result.contradictions, *result.skipped):
            options.say(f"{advisory.id}: {item}")
    return cli.FINDINGS if contradicted else cli.CLEAN
