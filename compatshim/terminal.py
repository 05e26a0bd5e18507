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


_BLANKS = "\t\xa0\u202f\u3000"


def visible(text: str) -> str:
    """The text in one line, in which whatever would act on the terminal, or is not seen, is an escape.

    File names are other users' words: they may hold line ends, colours, and bytes that are no text.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in _BLANKS else ascii(one)[1:-1] for one in text)
