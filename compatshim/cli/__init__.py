"""The command line: one module per command, each with ``HELP``, ``configure`` and ``run``.

Data goes to standard output, all else to standard error. Exit status: 0 clean, 1 findings (or no answer), 2 usage
or internal error, 3 nothing could be checked.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
from typing import Any, List, Optional, Sequence

from compatshim import __version__, errors, terminal
from compatshim.errors import CompatshimError

CLEAN, FINDINGS, ERROR, NOTHING = errors.CLEAN, errors.FINDINGS, errors.ERROR, errors.NOTHING

COMMANDS = (
    "check",
    "pin",
    "plan",
    "explain",
    "status",
    "config",
    "run",
    "enable",
    "disable",
    "demo",
    "completion",
    "kb",
)


class UsageError(CompatshimError):
    """What the user asked for cannot be done; the message says what was wrong and what to do."""


class DisagreementError(CompatshimError):
    """A real installer would do something else than our answer says; the message names the dump."""


class _Formatter(argparse.HelpFormatter):
    """The usual help; argparse makes one for every option, and the usual one asks ``shutil`` for the width."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"width": terminal.columns(80) - 2, **kwargs})


class _Version(argparse.Action):
    """Reads what the version is when somebody asks."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from compatshim import compiled

        catalog = compiled.load()
        sys.stdout.write(f"compatshim {__version__} (catalog {catalog.version}, {catalog.digest})\n")
        parser.exit()


def parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the whole command line, or of as much of it as ``argv`` needs."""
    made = argparse.ArgumentParser(
        prog="compatshim",
        description="Finds version combinations that install but do not work, and the way out of them.",
        epilog="Exit status: 0 clean, 1 findings, 2 usage or internal error, 3 nothing could be checked.",
        formatter_class=_Formatter,
    )
    made.add_argument("--version", action=_Version, nargs=0, help="say the versions of it and of its catalog")
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


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit status; every failure is one clear message on standard error."""
    try:
        # Titles and file names hold characters that not every terminal's encoding has.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return _fail(f"interrupted; {str(interrupt) or 'nothing was changed'}")
    except BrokenPipeError:
        _close_output()
        return ERROR
    except Exception as error:  # noqa: BLE001  whatever it is, the user gets a message
        return _fail(_message(error))
    return status


def _run(argv: List[str]) -> int:
    try:
        program: List[str] = []
        if argv[:1] == ["run"]:
            from compatshim.cli import run

            own, program = run.split(argv[1:])
            argv = ["run", *own]
        args = parser(argv).parse_args(argv)
        args.argv, args.program = argv, program
        status: int = args.run(args)
    except SystemExit as request:  # argparse has said what was wrong, or has helped
        return request.code if isinstance(request.code, int) else ERROR
    return status


def _message(error: Exception) -> str:
    """The one line that says what was wrong."""
    if isinstance(error, ModuleNotFoundError) and not (error.name or "compatshim").startswith("compatshim"):
        return (
            f"this command needs {error.name}, which is not installed here "
            f"(was compatshim installed with --no-deps?): python -m pip install {error.name}"
        )
    if isinstance(error, OSError):
        _close_output()
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, CompatshimError):
        return str(error)
    from compatshim.solve.search import OutOfBudgetError

    if isinstance(error, OutOfBudgetError):
        return f"the search was given up ({error}); hold fewer projects, or ask for less with --require"
    if os.environ.get("COMPATSHIM_DEBUG"):
        import traceback

        traceback.print_exc()
    return f"internal error: {type(error).__name__}: {error} (COMPATSHIM_DEBUG=1 shows where; please report it)"


def _fail(message: str) -> int:
    sys.stderr.write(f"compatshim: {message}\n")
    return ERROR


def _close_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
