"""What text for people needs in every command: the width of the terminal, and numbers with their nouns."""

from __future__ import annotations

import os
import sys


def columns(otherwise: int) -> int:
    """Columns of the terminal, or as COLUMNS has it; ``otherwise`` where there is no terminal.

    Without ``shutil``, which loads every compression of the standard library.
    """
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or otherwise  # type: ignore[union-attr]  # None, too
    except (AttributeError, ValueError, OSError):  # no standard output, closed, or no terminal
        return otherwise


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun; ``many`` where an s behind ``one`` would be wrong."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
