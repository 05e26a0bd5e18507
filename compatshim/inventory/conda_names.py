"""What conda calls the projects of PyPI. Most names are the same but for dashes; these are not."""

from __future__ import annotations

from typing import Optional

from compatshim.model import canonical

NAMES = {
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python",
    "pyarrow-all": "pyarrow",
    "pyarrow-core": "pyarrow",
    "python-build": "build",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-base": "tensorflow",
}
NONE = frozenset(("python", "tzdata", "xxhash"))
"""Packages of conda that are something else than the project of that name: the time zones, the C library."""


def project(name: str) -> Optional[str]:
    """The normalised name on PyPI; None for what is no project of Python."""
    known = canonical(name)
    if known in NONE or name.startswith("_"):
        return None
    return NAMES.get(known, known)
