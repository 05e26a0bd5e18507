"""Files with rows, which go when nobody needs them any more, or their process died without removing them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil

from compatshim.gather import origin


def host() -> str:
    """What names say of this host, or container, since it was started: 12 hexadecimal digits."""
    return hashlib.sha256(origin.host().encode()).hexdigest()[:12]


def tag() -> str:
    """A part of the names of files and directories with rows: which host's process made them."""
    return f"compatshim-{host()}-{os.getpid()}"


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
    ours = re.compile(rf"compatshim-{host()}-(\d+)-")
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            made = ours.search(name)
            if made and not origin.alive(int(made.group(1))):
                path = os.path.join(folder, name)
                if os.path.isdir(path):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    remove(path)
