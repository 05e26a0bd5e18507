"""The parser of the command line: every option, help, and what is wrong with the words that were given."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any, Sequence

from compatshim import __version__, terminal
from compatshim.cli import COMMANDS


class _Formatter(argparse.HelpFormatter):
    """The usual help; argparse makes one for every option, and the usual one asks ``shutil`` for the width."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"width": terminal.columns(80) - 2, **kwargs})


class _Version(argparse.Action):
    """Reads what the version is when somebody asks."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from compatshim import compiled

        catalog = compiled.load({})
        sys.stdout.write(f"compatshim {__version__} (catalog {catalog.version}, {catalog.digest})\n")
        parser.exit()


def parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the whole command line, or of as much of it as ``argv`` needs."""
    made = argparse.ArgumentParser(
        prog="compatshim",
        description="Finds version combinations that install but do not work, and the way out of them.",
        epilog="Exit status: 0 clean, 1 findings, 2 usage or internal error, 3 nothing could be checked, "
        "130 interrupted.",
        formatter_class=_Formatter,
    )
    made.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        dest=argparse.SUPPRESS,
        default=argparse.SUPPRESS,
        help="say the versions of it and of its catalog",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    # Where a command is named, what the others would have said is not needed: it takes as long as a healthy check.
    for name in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        module = importlib.import_module(f"compatshim.cli.{name}")
        command = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, formatter_class=_Formatter
        )
        module.configure(command)
        command.set_defaults(run=module.run)
    return made
