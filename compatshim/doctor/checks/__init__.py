"""The checks, by what they are about. Each judges what was seen and looks at nothing itself."""

from __future__ import annotations

import importlib

_MODULES = ("place", "permissions", "space", "locks", "leftovers", "versions", "job")


def load() -> None:
    """Enter all checks into the registry."""
    for name in _MODULES:
        importlib.import_module(f"{__name__}.{name}")
