"""How a cache is shared, as its top folder says it, and what that asks of all that is in it. Pure."""

from __future__ import annotations

import stat
from typing import Iterable, NamedTuple, Optional, Set

from compatshim.doctor.facts import Folder

GROUP, OTHERS = 0o020, 0o002


class Item(NamedTuple):
    """A file or folder: mode (permission bits), owner and group."""

    mode: int
    uid: int
    gid: int
    folder: bool
    lock: bool = False


class Sharing(NamedTuple):
    """Who besides the owner writes in a cache."""

    group: bool
    others: bool
    gid: int
    listed: bool = False
    """Whether an access control list names some."""
    temporary: bool = False
    """Whether it is as ``/tmp`` is: what is there is its owner's business, and much of it no cache."""

    def __bool__(self) -> bool:
        return self.group or self.others or self.listed


def sharing(folder: Folder) -> Sharing:
    """What a top folder says. A group with its owner's name is his alone, and shares with nobody."""
    listed = () if folder.acl is None else folder.acl.access
    writing = {kind for kind, who, rights in (one.split(":") for one in listed) if "w" in rights and not who}
    # With a list, the mode has its mask in the group's place.
    by_group = (
        {"group", "mask"} <= writing if any(one.startswith("mask:") for one in listed) else folder.mode & GROUP
    )
    others = bool(folder.mode & OTHERS)
    return Sharing(
        bool(by_group) and folder.owner != folder.group, others, folder.gid,
        bool(named(listed)) and "mask" in writing, others and bool(folder.mode & stat.S_ISVTX),
    )  # fmt: skip


def named(entries: Iterable[str]) -> Set[str]:
    """The users and groups that a list names."""
    return {one.rpartition(":")[0] for one in entries if one.split(":")[1]}


def wanted(shared: Sharing, item: Item) -> Optional[Item]:
    """How an item must be for all who share the cache; None where it is so already.

    Folders are for making files in, with the group of the folder; lock files are opened for writing by everybody;
    all else is read. No right is ever taken away.
    """
    if shared.temporary:
        return None
    bits = 0
    for holds, shift in ((shared.group, 3), (shared.others, 0)):
        if holds:
            bits |= (7 if item.folder else 6 if item.lock else 4) << shift
    if shared.group and item.folder:
        bits |= stat.S_ISGID
    gid = shared.gid if shared.group else item.gid
    made = item._replace(mode=item.mode | bits, gid=gid)
    return made if made != item else None
