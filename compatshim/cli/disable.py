"""Undo what `compatshim enable` did to an environment, and no more."""

from __future__ import annotations

import argparse
import sys

from compatshim import cli

HELP = "undo what `enable` did"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--python", metavar="PATH", help="the interpreter of another environment")


def run(args: argparse.Namespace) -> int:
    """Remove the files; where there are none is no error."""
    from compatshim import autostart

    where = autostart.target(args.python or sys.executable)
    removed = autostart.disable(where)
    for place in removed:
        print(f"removed {place}")
    if not removed:
        print(f"nothing to do: not enabled in {where.folder}")
    return cli.CLEAN
