"""Looks through a cache for what is left of dead runs, and says what of it could go now."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Tuple

from compatshim.caches import leftovers, listing, mounts, removal
from compatshim.caches.leftovers import Leftover, Policy
from compatshim.caches.listing import Listing
from compatshim.caches.mounts import LOCAL, Mount
from compatshim.caches.removal import Outcome
from compatshim.caches.where import Cache


class Survey(NamedTuple):
    """What was found in a cache."""

    cache: Cache
    root: str
    """The cache's folder, of which no part is a symbolic link."""
    mount: Optional[Mount]
    there: bool
    refused: str = ""
    """Why it was not looked into."""
    listing: Listing = Listing((), (), ())
    groups: Tuple[Tuple[Leftover, Outcome], ...] = ()

    @property
    def looked(self) -> bool:
        """Whether it was looked into."""
        return self.there and not self.refused


def survey(cache: Cache, policy: Policy, *, force_network: bool = False) -> Survey:
    """List a cache and ask for each group in it whether it could be removed; nothing is changed."""
    root = os.path.realpath(cache.path)
    found = Survey(cache, root, mounts.mount(root), os.path.isdir(root))
    if not found.there:
        return found
    refused = _refused(found.mount, force_network=force_network)
    if refused:
        return found._replace(refused=refused)
    try:
        listed = listing.read(root, cache.kind)
    except OSError as error:
        return found._replace(refused=f"cannot be read: {error.strerror}")
    groups = tuple(
        (one, removal.examine(root, one, policy)) for one in leftovers.leftovers(cache.kind, listed.entries)
    )
    return found._replace(listing=listed, groups=groups)


def _refused(mount: Optional[Mount], *, force_network: bool) -> str:
    if mount is not None and mount.read_only:
        return f"is on a file system that is mounted read-only ({mount.type})"
    if force_network or (mount is not None and mount.reach == LOCAL):
        return ""
    kind = "a file system of unknown type" if mount is None else f"{mount.type} ({mount.source})"
    return (
        f"is on {kind}, where a lock that is free here may be held on another machine: nothing in it is touched "
        "(--force-network, when no program uses it anywhere)"
    )
