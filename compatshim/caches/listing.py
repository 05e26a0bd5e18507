"""What is in a cache, as data: nothing is followed, opened for writing or changed."""

from __future__ import annotations

import os
import stat
from typing import Iterator, List, NamedTuple, Optional, Tuple

from compatshim.caches import leftovers
from compatshim.caches.leftovers import FILE, FOLDER, LINK, OTHER, Entry

MARKER = 1024
"""Bytes that a marker may have: filelock's own limit."""


class Listing(NamedTuple):
    """The files of a cache, and what could not be looked at."""

    entries: Tuple[Entry, ...]
    unreadable: Tuple[str, ...]
    """Folders, and why."""
    elsewhere: Tuple[str, ...]
    """Folders on which another file system is mounted; they are not looked into."""


def read(root: str, kind: str) -> Listing:
    """List the cache in the folder ``root``, which may be a symbolic link; nothing in it may be."""
    entries: List[Entry] = []
    unreadable: List[str] = []
    elsewhere: List[str] = []
    device = os.stat(root).st_dev
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as found:
                items = sorted(found, key=lambda item: item.name)
        except OSError as error:
            unreadable.append(f"{folder or '.'}: {error.strerror}")
            continue
        for item in items:
            try:
                about = item.stat(follow_symlinks=False)
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    unreadable.append(f"{os.path.join(folder, item.name)}: {error.strerror}")
                continue
            path = f"{folder}/{item.name}" if folder else item.name
            if not stat.S_ISDIR(about.st_mode):
                entries.append(_file(root, folder, item.name, about))
            elif about.st_dev != device:
                elsewhere.append(path)
            elif leftovers.is_whole(kind, folder, item.name):
                entries.append(_folder(root, folder, item.name, about))
            elif leftovers.is_worth(kind, folder, item.name):
                waiting.append(path)
    return Listing(tuple(entries), tuple(unreadable), tuple(elsewhere))


def _file(root: str, folder: str, name: str, about: os.stat_result) -> Entry:
    is_file = stat.S_ISREG(about.st_mode)
    marker = ""
    if is_file and about.st_size and name.endswith(".lock") and about.st_size <= MARKER:
        marker = text(os.path.join(root, folder, name))
    return Entry(
        folder=folder,
        name=name,
        type=FILE if is_file else LINK if stat.S_ISLNK(about.st_mode) else OTHER,
        size=about.st_size,
        freed=_freed(about),
        changed=about.st_mtime,
        owners=frozenset({about.st_uid}),
        links=about.st_nlink,
        identity=(about.st_dev, about.st_ino),
        marker=marker,
    )


def text(path: str) -> str:
    """What is in a small file; empty where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    try:
        return os.read(fd, MARKER).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _folder(root: str, folder: str, name: str, about: os.stat_result) -> Entry:
    """A folder and all that is in it, as one thing."""
    size = freed = 0
    changed, owners, unreadable = about.st_mtime, {about.st_uid}, False
    for one in _below(os.path.join(root, folder, name)):
        if one is None or one.st_dev != about.st_dev:
            unreadable = True
            continue
        changed = max(changed, one.st_mtime)
        owners.add(one.st_uid)
        if not stat.S_ISDIR(one.st_mode):
            size += one.st_size
            freed += _freed(one)
    return Entry(
        folder=folder,
        name=name,
        type=FOLDER,
        size=size,
        freed=freed,
        changed=changed,
        owners=frozenset(owners),
        identity=(about.st_dev, about.st_ino),
        unreadable=unreadable,
    )


def _below(path: str) -> Iterator[Optional[os.stat_result]]:
    """About each file and folder below a folder; None for what cannot be looked at."""
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for item in found:
                    yield item.stat(follow_symlinks=False)
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(item.path)
        except OSError:  # noqa: PERF203  each folder may be the one
            yield None


def _freed(about: os.stat_result) -> int:
    return about.st_size if about.st_nlink == 1 else 0
