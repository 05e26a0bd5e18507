"""Files with rows, which go when nobody needs them any more, or their process died without removing them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil

from compatshim.gather import names, origin


def host() -> str:
    """What names say of this host, or container, since it was started: 12 hexadecimal digits."""
    return hashlib.sha256(origin.host().encode()).hexdigest()[:12]


def tag() -> str:
    """A part of the names of files and directories with rows: which host's process made them."""
    return names.tag(host(), os.getpid())


def remove(path: str) -> None:
    """Remove a file that need not be there; empty for none."""
    if path:
        with contextlib.suppress(OSError):
            os.remove(path)


def remove_own(path: str) -> None:
    """Remove a file if this very process made it: a fork has a copy of whoever would."""
    if tag() in path:
        remove(path)


def sweep(folder: str) -> None:
    """Remove what processes of this host that are dead left in a folder."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            made = names.maker(name)
            if made and made[0] == host() and not origin.alive(made[1]):
                path = os.path.join(folder, name)
                if os.path.isdir(path):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    remove(path)
