"""Go through all that is in a cache: every entry with its status, no link followed, within a limit."""

from __future__ import annotations

import os
import stat
import time
from typing import Iterator, Tuple

from compatshim.doctor.facts import TEMPORARY

ENTRIES = 500_000
SECONDS = 10.0
"""How much of one cache is gone through, and for how long."""


class Walk:
    """One way through a folder; afterwards it tells how far it came."""

    def __init__(self, folder: str, *, entries: int = ENTRIES, seconds: float = SECONDS) -> None:
        self._waiting = [folder]
        self._entries = entries
        self._deadline = time.monotonic() + seconds
        self.seen = 0
        self.complete = True

    def __iter__(self) -> Iterator[Tuple[os.DirEntry[str], os.stat_result]]:
        """What is in the folder and below, but for what a doctor made there, and what is gone meanwhile."""
        while self._waiting:
            try:
                with os.scandir(self._waiting.pop()) as listed:
                    for entry in listed:
                        if self.seen >= self._entries or time.monotonic() > self._deadline:
                            self.complete = False
                            return
                        self.seen += 1
                        if entry.name.startswith(TEMPORARY):
                            continue
                        try:
                            status = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:  # tools remove lock files at any time
                            continue
                        if stat.S_ISDIR(status.st_mode):
                            self._waiting.append(entry.path)
                        yield entry, status
            except FileNotFoundError:
                continue
            except OSError:  # not for us
                self.complete = False
