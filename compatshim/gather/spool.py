"""Files with rows, which go when nobody needs them any more."""

from __future__ import annotations

import contextlib
import os


def remove(path: str) -> None:
    """Remove a file that need not be there; empty for none."""
    if path:
        with contextlib.suppress(OSError):
            os.remove(path)
