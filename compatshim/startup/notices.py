"""What compatshim says to people: a warning once, by one process of a job; what was applied, to the log."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Set


class CompatshimWarning(UserWarning):
    """Something known to be bad could not be mended. Every message begins with ``compatshim``."""


CompatshimWarning.__module__ = "compatshim"  # where it is public

_said: Set[str] = set()


def inform(message: str) -> None:
    """Tell the log (logger ``compatshim``, level INFO) that a shim was applied."""
    try:
        import logging

        logging.getLogger("compatshim").info("compatshim %s", message)
    except Exception:  # a handler of the user's that fails
        pass


def warn(message: str, cause: str = "") -> None:
    """Warn once per cause (or message), in the process that speaks for the job, without ever raising."""
    text = f"compatshim {message}"
    try:
        if (cause or message) in _said:
            return
        _said.add(cause or message)
        from compatshim.startup import distributed

        if not distributed.speaks():
            return
        import warnings

        warnings.warn(text, CompatshimWarning, stacklevel=_outside())
    except Exception:  # `-W error`: the user's import comes first
        try:
            sys.stderr.write(text + "\n")
        except Exception:  # a program without a console
            pass


def _outside() -> int:
    """The stack level of the first frame that is not ours, seen from the caller: the user's import."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  inspect costs more than a notice is worth
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "compatshim":
        level, frame = level + 1, frame.f_back
    return level
