"""The command line: one module per command, each with ``HELP``, ``configure`` and ``run``.

Data goes to standard output, all else to standard error. Exit status: 0 clean, 1 findings (or no answer), 2 usage
or internal error, 3 nothing could be checked, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, List, Optional, Sequence

from compatshim import errors
from compatshim.errors import CompatshimError

if TYPE_CHECKING:
    import argparse

CLEAN, FINDINGS, ERROR, NOTHING = errors.CLEAN, errors.FINDINGS, errors.ERROR, errors.NOTHING

COMMANDS = (
    "check",
    "pin",
    "plan",
    "fix",
    "explain",
    "status",
    "config",
    "run",
    "enable",
    "disable",
    "doctor",
    "clean",
    "demo",
    "completion",
    "kb",
)


_OFTEN = ("check", "pin", "plan")
"""What is run so often, in every job of a continuous integration, that loading :mod:`argparse` shows."""


class UsageError(CompatshimError):
    """What the user asked for cannot be done; the message says what was wrong and what to do."""


class DisagreementError(CompatshimError):
    """A real installer would do something else than our answer says; the message names the dump."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit status; every failure is one clear message on standard error."""
    try:
        for name in ("stdout", "stderr"):  # closed by whoever started this
            if getattr(sys, name) is None:
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  as long as this process
        # Titles and file names hold characters that not every terminal's encoding has.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        _fail(f"interrupted; {str(interrupt) or 'nothing was changed'}")
        return errors.INTERRUPTED
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
        args = _plain(argv)
        if args is None:
            from compatshim.cli import arguments

            args = arguments.parser(argv).parse_args(argv)
        args.argv, args.program = argv, program
        status: int = args.run(args)
    except SystemExit as request:  # argparse has said what was wrong, or has helped
        return request.code if isinstance(request.code, int) else ERROR
    return status


def _plain(argv: List[str]) -> Optional[argparse.Namespace]:
    """What a command is told, where it is told in the plainest words."""
    if not argv or argv[0] not in _OFTEN:
        return None
    from compatshim.cli.words import Words

    module = importlib.import_module(f"compatshim.cli.{argv[0]}")
    words = Words({"command": argv[0], "run": module.run})
    module.configure(words)
    return words.read(argv[1:])


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
