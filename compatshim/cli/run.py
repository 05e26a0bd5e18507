"""Run a program with compatshim in every Python process that it starts.

`compatshim run script.py ...` runs a script with the own interpreter, as do `-m MODULE ...` and `-c CODE ...`; any
other word is a program on PATH, such as torchrun, pytest or `python -X dev script.py`. Nothing of the program is
changed but its environment: PYTHONPATH gets a folder of compatshim's in front.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from typing import Dict, List, Mapping, Sequence, Tuple

from compatshim import cli

HELP = "run a program with compatshim in all its Python processes"

BOOTSTRAP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bootstrap")
"""The folder that holds nothing but a ``sitecustomize.py``."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.usage = "compatshim run [options] [--] (SCRIPT.py | -m MODULE | -c CODE | PROGRAM) [ARGUMENT ...]"
    parser.add_argument(
        "--mode", choices=("off", "observe", "apply", "strict"), help="set COMPATSHIM for the program"
    )
    parser.add_argument(
        "--disable",
        metavar="CSA-…",
        action="append",
        default=[],
        help="add an advisory to COMPATSHIM_DISABLE for the program (may be repeated; * for all)",
    )


def split(words: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Our own options, and the program with all its words; argparse changes its mind on those from year to year."""
    end = 0
    while end < len(words) and words[end].startswith(("--", "-h")) and words[end] != "--":
        end += 2 if words[end].startswith(("--m", "--d")) and "=" not in words[end] else 1
    program = list(words[end:])
    return list(words[:end]), program[1:] if program[:1] == ["--"] else program


def run(args: argparse.Namespace) -> int:
    """Become the program; where a process cannot, start it and return its exit status."""
    command = _command(args.program)
    env = environment(os.environ)
    if args.mode:
        env["COMPATSHIM"] = args.mode
    if args.disable:
        env["COMPATSHIM_DISABLE"] = ",".join(
            [*filter(None, [env.get("COMPATSHIM_DISABLE")]), *_known(args.disable)]
        )
    program = shutil.which(command[0])
    if program is None:
        place = command[0] if os.path.dirname(command[0]) else f"{command[0]} (on PATH)"
        raise cli.UsageError(f"run: there is no script and no program {place} that can be run")
    try:
        return _wait(program, command, env) if os.name == "nt" else _become(program, command, env)
    except OSError as error:
        raise cli.UsageError(f"run: {program} cannot be run ({error.strerror or error})") from error


def environment(variables: Mapping[str, str]) -> Dict[str, str]:
    """The environment variables of a program all of whose Pythons shall have compatshim.

    Raises :exc:`~compatshim.cli.UsageError` when compatshim lies where PYTHONPATH cannot point.
    """
    if os.pathsep in BOOTSTRAP:
        raise cli.UsageError(f"run: PYTHONPATH cannot name {BOOTSTRAP}, which has a {os.pathsep!r} in it; move it")
    # What the user has stays as it is behind ours, empty entries (which mean the current directory) included;
    # but a variable that is empty as a whole has no entries.
    path = variables.get("PYTHONPATH", "")
    if path != BOOTSTRAP and not path.startswith(BOOTSTRAP + os.pathsep):
        path = BOOTSTRAP + os.pathsep + path if path else BOOTSTRAP
    return {**variables, "PYTHONPATH": path}


def _command(words: List[str]) -> List[str]:
    if not words:
        raise cli.UsageError("run: there is nothing to run; name a script.py, -m MODULE or a program")
    if words[0].startswith("-"):
        if words[0][:2] not in ("-m", "-c"):
            raise cli.UsageError(
                f"run {words[0]}: is no option here; Python's own go to `run python {words[0]} ...`"
            )
        if len(words) == 1 and len(words[0]) == 2:  # noqa: PLR2004
            raise cli.UsageError(f"run {words[0]}: there is nothing to run behind it")
        return [sys.executable, *words]
    return [sys.executable, *words] if _is_script(words[0]) else words


def _is_script(word: str) -> bool:
    """Whether the own interpreter runs it: a Python file, or a folder that is a program."""
    if os.path.isdir(word):
        return os.path.exists(os.path.join(word, "__main__.py"))
    return word.endswith((".py", ".pyw", ".pyz")) and os.path.exists(word)


def _known(identifiers: List[str]) -> List[str]:
    from compatshim.startup import match

    known = match.known()
    for name in identifiers:
        if name != "*" and name.upper() not in known:
            raise cli.UsageError(
                f"run --disable {name}: no advisory with a shim has this id; those are {', '.join(known)}"
            )
    return [name.upper() for name in identifiers]


def _become(program: str, command: List[str], env: Mapping[str, str]) -> int:
    """Let the program take the place of this process: its signals, exit status and streams are its own."""
    import signal

    sys.stdout.flush()
    sys.stderr.flush()
    # What Python ignores for itself, the program would otherwise ignore, too.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execve(program, command, env)  # noqa: S606  that is what the user asked for


def _wait(program: str, command: List[str], env: Mapping[str, str]) -> int:
    """Start the program and wait for it. Ctrl-C reaches it on the console that both share; it decides."""
    import subprocess

    with subprocess.Popen(command, executable=program, env=env) as process:
        while process.returncode is None:
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()
        return process.returncode
