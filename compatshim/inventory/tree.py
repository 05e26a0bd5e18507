"""The manifests below a folder, found by their names."""

from __future__ import annotations

import os
from typing import Iterator, List, NamedTuple, Tuple

from compatshim.inventory import detect
from compatshim.model import Unread

SKIPPED = frozenset(
    (
        ".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", ".eggs", "node_modules", "site-packages",
        "dist-packages", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    )
)  # fmt: skip
"""Names of folders that hold what somebody else wrote, or what a program can make again."""
_ENVIRONMENT = "pyvenv.cfg"


class Tree(NamedTuple):
    """What is below a folder."""

    paths: Tuple[str, ...]
    """Manifests, each folder's own before those below it, in order of name."""
    unread: Tuple[Unread, ...]
    """What could not be looked into."""


def walk(folder: str) -> Tree:
    """Look through a folder and all below it. Raises :exc:`OSError` when the folder itself cannot be listed.

    Links to folders are not followed. A ``pyproject.toml`` that a lock stands for is left out; for which, locks of
    uv are opened to see.
    """
    paths: List[str] = []
    unread: List[Unread] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = _entries(here)
        except OSError as error:
            if here == folder:
                raise
            unread.append(Unread(here, f"cannot be listed: {error.strerror or error}"))
            continue
        if any(name == _ENVIRONMENT for name, _ in entries):
            continue
        paths += detect.manifests(here, entries)
        below = (name for name, is_folder in entries if is_folder and name not in SKIPPED and name != "conda-meta")
        waiting += [os.path.join(here, name) for name in below][::-1]
    return Tree(tuple(detect.standing(paths)), tuple(unread))


def _entries(folder: str) -> List[Tuple[str, bool]]:
    """Names in a folder, sorted, and whether each is a folder itself."""
    with os.scandir(folder) as found:
        return sorted(_told(found))


def _told(entries: Iterator[os.DirEntry[str]]) -> Iterator[Tuple[str, bool]]:
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder or not (entry.is_symlink() and os.path.isdir(entry.path)):
            yield entry.name, is_folder
