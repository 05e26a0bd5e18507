"""How wide the terminal is, without ``shutil``: it loads every compression of the standard library."""

from __future__ import annotations

import os
import sys


def columns(otherwise: int) -> int:
    """Columns of the terminal, or as COLUMNS has it; ``otherwise`` where there is no terminal."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or otherwise  # type: ignore[union-attr]  # None, too
    except (AttributeError, ValueError, OSError):  # no standard output, closed, or no terminal
        return otherwise
