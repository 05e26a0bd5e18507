"""Make every Python of an environment import compatshim when it starts.

One small file is written next to the installed libraries: a .pth file, or a .start file for Python 3.15 and later.
`compatshim disable` takes it away again; COMPATSHIM=off in the environment overrules it.
"""

from __future__ import annotations

import argparse
import sys

from compatshim import cli

HELP = "let every Python of this environment import compatshim when it starts"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--python", metavar="PATH", help="the interpreter of another environment")
    parser.add_argument(
        "--break-system-packages",
        action="store_true",
        help="also where the system's package manager claims the environment (PEP 668), as pip has it",
    )


def run(args: argparse.Namespace) -> int:
    """Write the files; what is there already is no error."""
    from compatshim import autostart

    where = autostart.target(args.python or sys.executable)
    written = autostart.enable(where, break_system_packages=args.break_system_packages)
    for place in written:
        print(f"wrote {place}")
    if not written:
        print(f"nothing to do: enabled already in {where.folder}")
    return cli.CLEAN
