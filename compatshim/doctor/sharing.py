"""How a cache is shared, as its top folder says it, and what that asks of all that is in it. Pure."""

from __future__ import annotations

import stat
from typing import NamedTuple, Optional

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

    def __bool__(self) -> bool:
        return self.group or self.others


def sharing(mode: int, gid: int, owner: str, group: str) -> Sharing:
    """What a top folder says. A group with its owner's name is his alone, and shares with nobody."""
    return Sharing(bool(mode & GROUP) and owner != group, bool(mode & OTHERS), gid)


def wanted(shared: Sharing, item: Item) -> Optional[Item]:
    """How an item must be for all who share the cache; None where it is so already.

    Folders are for making files in, with the group of the folder; lock files are opened for writing by everybody;
    all else is read. No right is ever taken away.
    """
    bits = 0
    for holds, shift in ((shared.group, 3), (shared.others, 0)):
        if holds:
            bits |= (7 if item.folder else 6 if item.lock else 4) << shift
    if shared.group and item.folder:
        bits |= stat.S_ISGID
    gid = shared.gid if shared.group else item.gid
    made = item._replace(mode=item.mode | bits, gid=gid)
    return made if made != item else None
