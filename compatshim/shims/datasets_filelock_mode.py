"""Give datasets' lock files the mode that the umask asks for, without ever changing the umask.

datasets 2.16 leaves the mode to filelock, which from 3.10.0 to 3.23.0 means 0644 whatever the umask. datasets
2.17 and later do ask for ``0666 & ~umask``, but learn the umask by setting it to 0666 for a moment, and a file
that another thread creates in that moment gets mode 0000. The replacement passes the right mode, and reads the
umask where the system shows it.
"""

from __future__ import annotations

import inspect
import os

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Optional, Tuple

MODULES = ("datasets.utils._filelock",)
CHANGES = (
    (
        "FileLock.__init__",
        "leaves the mode of the lock file to filelock, which makes it 0644 whatever the umask; or sets the umask "
        "of the whole process to 0666 for a moment in order to learn it",
        "asks for 0666 less the umask, which it reads without changing it where the system shows it (/proc); a "
        "mode that the caller names is kept",
    ),
)
LIMITS = (
    "Lock files that exist keep their mode. On a system without /proc the umask is learnt once, by a change to 077 "
    "and back. Other libraries that use filelock directly are not touched."
)


def probe(module: ModuleType) -> bool:
    """Whether ``FileLock()`` toggles the umask, or leaves the mode to a filelock that ignores it."""
    if os.name != "posix":
        return False
    default = inspect.signature(module.FileLock_.__init__).parameters.get("mode")
    if default is None:  # filelock before 3.10 follows the umask
        return False
    code = inspect.unwrap(module.FileLock.__init__).__code__
    if "umask" in code.co_names:
        return True
    # As a parameter, as a key, or among the keywords of a call.
    groups = (code.co_varnames, code.co_consts, *(item for item in code.co_consts if isinstance(item, tuple)))
    names_mode = any("mode" in group for group in groups)
    return default.default == 0o644 and not names_mode  # noqa: PLR2004  filelock's own default


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """An ``__init__`` that names the mode before the original does anything about it."""
    return [(module.FileLock, "__init__", guard.before(module.FileLock.__init__, named))]


def named(self: Any, lock_file: Any, *args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of ``FileLock()``, with the mode among them."""
    # Positional arguments after the path are timeout and mode, in every release of filelock that has a mode.
    if len(args) < 2 and kwargs.get("mode", -1) == -1:  # noqa: PLR2004
        kwargs["mode"] = 0o666 & ~current_umask()
    return (self, lock_file, *args), kwargs


_umask_at_start: Optional[int] = None


def current_umask() -> int:
    """The umask of this process, read from ``/proc`` where there is one.

    Elsewhere (macOS) it is learnt once, by a change to 077 and back: a file that another thread creates in that
    moment is private for too long, never unreadable to its owner.
    """
    global _umask_at_start  # noqa: PLW0603
    try:
        with open("/proc/self/status", "rb") as status:
            for line in status:
                if line.startswith(b"Umask:"):
                    return int(line[6:], 8)
    except OSError:
        pass
    if _umask_at_start is None:
        _umask_at_start = os.umask(0o077)
        os.umask(_umask_at_start)
    return _umask_at_start
