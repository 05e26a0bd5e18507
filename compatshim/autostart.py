"""The files that make every Python of an environment import compatshim when it starts; they come and go as a whole.

Python before 3.15 executes the line of a ``.pth`` file. From 3.15 on (PEP 829) it calls what a ``.start`` file
names, which no older version reads. What cannot be imported there is told at every start: so the file names a
module of its own beside it, which stays silent when compatshim has been uninstalled.
"""

from __future__ import annotations

import ast
import contextlib
import glob
import os
import subprocess
from typing import Dict, List, NamedTuple, Sequence, Tuple

from compatshim import files
from compatshim.errors import CompatshimError

TIMEOUT = 60
"""Seconds that an interpreter has to answer."""

_ABOUT = "# Written by `python -m compatshim enable`; `python -m compatshim disable` takes it away again.\n"

PTH = {
    "compatshim_enabled.pth": _ABOUT
    + 'import sys; exec("try:\\n    import compatshim.startup.late\\nexcept Exception:\\n    pass")\n',
}
"""Text by file name, for Python before 3.15."""

START = {
    "compatshim_enabled.py": _ABOUT
    + '''

def start():
    """Import compatshim; what is not there or broken is passed over."""
    try:
        import compatshim  # noqa: F401
    except Exception:
        pass
''',
    "compatshim_enabled.start": _ABOUT + "compatshim_enabled:start\n",
}
"""Text by file name, for Python 3.15 and later. The last is what sets the others going."""

_ASK = """
import os, sys, sysconfig
scheme = getattr(sysconfig, "get_default_scheme", getattr(sysconfig, "_get_default_scheme", None))
stdlib = sysconfig.get_path("stdlib", scheme()) if scheme else sysconfig.get_path("stdlib")
marker = os.path.join(stdlib, "EXTERNALLY-MANAGED")
try:
    import compatshim
    trouble = ""
except Exception as error:
    trouble = "%s: %s" % (type(error).__name__, error)
managed = marker if sys.prefix == sys.base_prefix and os.path.isfile(marker) else ""
print(ascii((sysconfig.get_path("purelib"), tuple(sys.version_info[:2]), managed, trouble)))
"""


class AutostartError(CompatshimError):
    """Nothing was changed; the message says what stands in the way and what to do."""


class Target(NamedTuple):
    """What an interpreter says of the environment that it runs."""

    python: str
    folder: str
    """Its directory of pure libraries."""
    version: Tuple[int, int]
    managed: str
    """The marker of PEP 668 that leaves the environment to another package manager; empty without one."""
    trouble: str
    """Why compatshim cannot be imported there; empty when it can."""


def target(python: str) -> Target:
    """Ask an interpreter, without what only the current shell or user gives it. Raises :exc:`AutostartError`."""
    answer = _isolated(python, _ASK)
    try:
        line = answer.stdout.splitlines()[-1]  # start-up files may print, too
        return Target(python, *ast.literal_eval(line))
    except (ValueError, LookupError, TypeError, SyntaxError) as error:
        raise AutostartError(
            f"{python}: did not answer as a Python interpreter does (exit {answer.returncode})"
        ) from error


def found(path: Sequence[str]) -> List[str]:
    """The files along a module search path that set compatshim going in its environment."""
    names = {_last(texts): texts[_last(texts)] for texts in (PTH, START)}
    places = {os.path.join(entry, name): text for entry in path for name, text in names.items()}
    # Entries may be archives, or closed to us.
    return [place for place, text in places.items() if os.path.isfile(place) and files.read_text(place) == text]


def enable(where: Target, *, break_system_packages: bool = False) -> List[str]:
    """Write what that Python reads, and see that it works; returns the paths written, none when they were there.

    Raises :exc:`AutostartError`; then nothing has changed.
    """
    if where.managed and not break_system_packages:
        raise AutostartError(
            f"{where.folder} is left to the system's package manager ({where.managed}); "
            "enable it in a virtual environment, or insist with --break-system-packages"
        )
    if where.trouble:
        raise AutostartError(
            f"{where.python} -I cannot import compatshim ({where.trouble}); "
            f"install it there first: {where.python} -m pip install compatshim"
        )
    wanted = START if where.version >= (3, 15) else PTH
    _refuse_others(where.folder, wanted)
    missing = {name: text for name, text in wanted.items() if not os.path.exists(os.path.join(where.folder, name))}
    try:
        for name, text in missing.items():
            files.write_atomically(os.path.join(where.folder, name), text)
        works = not missing or _works(where.python)
    except BaseException as error:  # an interrupt leaves nothing behind, either
        _remove(where.folder, missing)
        if isinstance(error, OSError):
            raise _not_writable(where.folder, error) from error
        raise
    if not works:
        _remove(where.folder, missing)
        raise AutostartError(
            f"{where.python}: does not read {os.path.join(where.folder, _last(wanted))} when it starts; "
            "nothing was changed"
        )
    return [os.path.join(where.folder, name) for name in missing]


def disable(where: Target) -> List[str]:
    """Take away what :func:`enable` wrote, for whatever Python; returns the paths, none when there was nothing.

    Raises :exc:`AutostartError`.
    """
    _refuse_others(where.folder, {**PTH, **START})
    try:
        return _remove(where.folder, {**PTH, **START})
    except OSError as error:
        raise _not_writable(where.folder, error) from error


def _last(texts: Dict[str, str]) -> str:
    return list(texts)[-1]


def _refuse_others(folder: str, texts: Dict[str, str]) -> None:
    """Raise when a file has one of our names and another's content."""
    for name, text in texts.items():
        place = os.path.join(folder, name)
        if os.path.lexists(place) and files.read_text(place) != text:
            raise AutostartError(
                f"{place}: was not written by this command and is left alone; look at it, remove it"
            )


def _remove(folder: str, texts: Dict[str, str]) -> List[str]:
    """Remove the files that are there, what sets them going first, and what Python compiled of them."""
    removed = []
    for name in reversed(list(texts)):
        place = os.path.join(folder, name)
        if os.path.exists(place):
            os.unlink(place)
            removed.append(place)
    if any(place.endswith(".py") for place in removed):
        cache = os.path.join(folder, "__pycache__")
        for compiled in glob.glob(os.path.join(glob.escape(cache), "compatshim_enabled.*.pyc")):
            os.unlink(compiled)
        with contextlib.suppress(OSError):  # others' are in it, or there is none
            os.rmdir(cache)
    return removed


def _not_writable(folder: str, error: OSError) -> AutostartError:
    return AutostartError(
        f"{folder}: cannot be written ({error.strerror or error}); do it as who may, "
        "or use `python -m compatshim run`, which writes nothing"
    )


def _works(python: str) -> bool:
    """Whether a fresh interpreter has imported compatshim before anybody asked for it."""
    return _isolated(python, "import sys; sys.exit('compatshim' not in sys.modules)").returncode == 0


def _isolated(python: str, code: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [python, "-I", "-c", code],
            env={**os.environ, "COMPATSHIM": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AutostartError(f"{python}: did not answer within {TIMEOUT} seconds") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AutostartError(f"{python}: cannot be run ({reason}); name a Python interpreter") from error
