"""The project that a program runs in: its ``pyproject.toml``."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def nearest() -> Optional[str]:
    """The path of the nearest ``pyproject.toml`` at or above the current directory; None where there is none."""
    try:
        folder = os.getcwd()
    except OSError:  # deleted
        return None
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
