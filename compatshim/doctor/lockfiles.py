"""Which lock files are in a cache: looked at only, neither opened for writing nor locked."""

from __future__ import annotations

import os
import stat
import time
from typing import List, Optional, Tuple

from compatshim.caches import host, leftovers, listing
from compatshim.doctor import access
from compatshim.doctor.facts import Closed, Folder, Leftovers, LockFile
from compatshim.doctor.sharing import Item, sharing, wanted
from compatshim.doctor.walk import Walk

MOST = 20_000
"""Lock files and closed folders of one cache that are kept; of others, it is known only that they are there."""
_SECRETS = ("token", "stored_tokens")
"""What huggingface_hub has for its user alone in HF_HOME, which may be a cache, too."""


def survey(folder: Folder, uid: int) -> Leftovers:
    """The lock files in a folder and below, and how much of the user's own is not for those who share it."""
    walk = Walk(folder.real)
    found: List[LockFile] = []
    closed: List[Closed] = []
    shared = sharing(folder)
    top = Item(folder.mode, folder.uid, folder.gid, folder=True)
    unshared = int(folder.uid == uid and bool(shared) and wanted(shared, top) is not None)
    for entry, status in walk:
        item = item_of(entry.name, status)
        if item is None:
            continue
        if shared and status.st_uid == uid and wanted(shared, item) is not None:
            unshared += 1
        if item.folder and len(closed) < MOST and _is_refused(entry.path, os.W_OK | os.X_OK):
            closed.append(Closed(entry.path, item.mode, item.uid, item.gid))
        if item.lock and len(found) < MOST:
            found.append(_lock_file(entry.path, status))
    return Leftovers(tuple(found), walk.seen, walk.complete and len(found) < MOST, unshared, tuple(closed))


def _is_refused(path: str, mode: int) -> bool:
    """Whether this user may not do that with what is there; of what is gone meanwhile, nothing is refused."""
    return not access.allowed(path, mode) and os.path.lexists(path)


def item_of(name: str, status: os.stat_result) -> Optional[Item]:
    """A file or folder with a name; None for links, pipes and the like, and for what nobody else may ever read."""
    folder = stat.S_ISDIR(status.st_mode)
    if not folder and (not stat.S_ISREG(status.st_mode) or name in _SECRETS):
        return None
    lock = not folder and name.endswith((".lock", ".incomplete"))
    return Item(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, folder, lock)


def _lock_file(path: str, status: os.stat_result) -> LockFile:
    marker, alive = _marker(path) if 0 < status.st_size <= listing.MARKER else ("", None)
    return LockFile(
        path, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid,
        round(time.time() - status.st_mtime, 1), not _is_refused(path, os.R_OK | os.W_OK), marker, alive,
    )  # fmt: skip


def _marker(path: str) -> Tuple[str, Optional[bool]]:
    """Who holds a soft lock, and whether that process lives, where it can be asked."""
    told = leftovers.marker(listing.text(path))
    if told is None:
        return "", None
    return f"process {told.pid} on {told.host}", host.alive(told.pid) if told.host == host.name() else None
