"""The manifests below a folder, found by their names."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, NamedTuple, Tuple

from compatshim import files
from compatshim.inventory import detect
from compatshim.inventory.ignored import Ignored, ignored
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
    ignored: Tuple[str, ...] = ()
    """Manifests that git ignores."""
    trouble: Tuple[str, ...] = ()
    """Where git should have been asked for that and gave no answer, and why."""


def walk(folder: str, *, everything: bool = False) -> Tree:
    """Look through a folder and all below it. Raises :exc:`OSError` when the folder itself cannot be listed.

    Links to folders are not followed. What git ignores is left out, unless ``everything`` is wanted; so is a
    ``pyproject.toml`` that a lock stands for, for which locks of uv are opened to see.
    """
    paths: List[str] = []
    unread: List[Unread] = []
    top = folder if files.repository(os.path.realpath(folder)) is not None else ""
    works: Dict[str, List[str]] = {top: []}
    waiting = [(folder, top)]
    while waiting:
        here, work = waiting.pop()
        try:
            entries = _entries(here)
        except OSError as error:
            if here == folder:
                raise
            unread.append(Unread(here, f"cannot be listed: {error.strerror or error}"))
            continue
        if any(name == _ENVIRONMENT for name, _ in entries):
            continue
        if here != folder and any(name == ".git" for name, _ in entries):  # a work tree of its own
            works[work].append(here)
            works[here] = []
            work = here
        found = detect.named(here, entries)
        paths += found
        works[work] += found
        below = (name for name, is_folder in entries if is_folder and name not in SKIPPED and name != "conda-meta")
        waiting += [(os.path.join(here, name), work) for name in below][::-1]
    works.pop("", None)  # what is in no work tree
    left = Ignored(set(), ()) if everything else ignored(works)
    kept = detect.standing([path for path in paths if path not in left.paths])
    return Tree(tuple(kept), tuple(unread), tuple(path for path in paths if path in left.paths), left.trouble)


def _entries(folder: str) -> List[Tuple[str, bool]]:
    """Names in a folder, sorted, and whether each is a folder itself."""
    with os.scandir(folder) as found:
        return sorted(_told(found))


def _told(entries: Iterator[os.DirEntry[str]]) -> Iterator[Tuple[str, bool]]:
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder or not (entry.is_symlink() and os.path.isdir(entry.path)):
            yield entry.name, is_folder
