"""Give those who share a cache their part in what the user owns there: no right is taken, no link followed."""

from __future__ import annotations

import os
import stat
from typing import Iterator, NamedTuple, Set, Tuple

from compatshim.doctor import access, sharing
from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.lockfiles import item_of
from compatshim.doctor.sharing import Item
from compatshim.doctor.walk import Walk


class Change(NamedTuple):
    """A file or folder as it is, and as it is to be."""

    path: str
    before: Item
    after: Item

    def __str__(self) -> str:
        words = []
        if self.before.mode != self.after.mode:
            words.append(f"mode {self.before.mode:04o} to {self.after.mode:04o}")
        if self.before.gid != self.after.gid:
            words.append(f"group {access.group(self.before.gid)} to {access.group(self.after.gid)}")
        return f"{self.path}: {', '.join(words)}"


class Passed(NamedTuple):
    """Something that is not touched, and why."""

    path: str
    reason: str


class Plan(NamedTuple):
    """All changes of one folder, what is passed over, and whether all of the folder was looked at."""

    changes: Tuple[Change, ...]
    passed: Tuple[Passed, ...]
    complete: bool


def plan(folder: Folder, process: Process) -> Plan:
    """What is to be changed in a folder that others share; nothing in one that they do not."""
    shared = sharing.sharing(folder)
    if not shared or not folder.exists or folder.kind != "folder":
        return Plan((), (), complete=True)
    walk = Walk(folder.real)
    known = sharing.named((*folder.acl.access, *folder.acl.default)) if folder.acl is not None else set()
    changes, passed = [], []
    for path, item, links in _items(folder, walk):
        after = sharing.wanted(shared, item)
        if after is None or item.uid != process.uid:
            continue
        if links > 1:
            # Another name may be in a place that is nobody else's: to write here would be to write there.
            passed.append(Passed(path, f"it has {links} names"))
        elif (
            (after.gid != item.gid or (after.mode & ~item.mode) & stat.S_ISGID)
            and process.uid != 0
            and after.gid not in (process.gid, *process.groups)  # the system drops the setgid bit without a word
        ):
            passed.append(Passed(path, f"{process.user} is not in the group {access.group(after.gid)}"))
        elif not _named(path) <= known:
            # The group's bits are its list's mask: they would let in whoever the list names.
            passed.append(Passed(path, "its access control list names others than that of the cache"))
        else:
            changes.append(Change(path, item, after))
    return Plan(tuple(changes), tuple(passed), walk.complete)


def _named(path: str) -> Set[str]:
    try:
        return sharing.named(access.acl(path).access)
    except access.UnreadableError:
        return set()


def _items(folder: Folder, walk: Walk) -> Iterator[Tuple[str, Item, int]]:
    """The folder and all that is in it, each with the number of its names."""
    yield folder.real, Item(folder.mode, folder.uid, folder.gid, folder=True), 1
    for entry, status in walk:
        item = item_of(entry.name, status)
        if item is not None:
            yield entry.path, item, 1 if item.folder else status.st_nlink


def attempt(change: Change) -> str:
    """Make one change; what is returned says why it could not be made."""
    try:
        apply(change)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def apply(change: Change) -> None:
    """Make one change. Raises :exc:`OSError`, also when it is not any more what it was when it was planned."""
    # By a descriptor of the thing itself: whatever takes its place meanwhile is not touched.
    descriptor = os.open(change.path, getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        item = item_of(os.path.basename(change.path), status)
        if item is None or (item.folder, item.uid) != (change.before.folder, change.before.uid):
            raise OSError(0, "it was replaced meanwhile", change.path)
        if not item.folder and status.st_nlink > 1:
            raise OSError(0, "it got another name meanwhile", change.path)
        place = f"/proc/self/fd/{descriptor}" if hasattr(os, "O_PATH") else descriptor
        if status.st_gid != change.after.gid:
            os.chown(place, -1, change.after.gid)
        # After the group: to change that may take bits away.
        wanted = stat.S_IMODE(status.st_mode) | change.after.mode
        os.chmod(place, wanted)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & wanted != wanted:
            raise OSError(0, "the system did not give all of these rights", change.path)
    finally:
        os.close(descriptor)
