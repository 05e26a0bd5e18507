"""What the ranks of a job do in a cache to see whether it is one folder, and whether locks reach all of them.

Each node makes a file whose name nobody else has, and rank 0 holds a lock; then all look, and try that lock; then
rank 0 lets go of it, and all try again. They go in step by the rounds of :mod:`compatshim.doctor.ranks`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from typing import Dict, Iterable, Iterator, List, Tuple

from compatshim.doctor import access
from compatshim.doctor.facts import TEMPORARY, Folder, Sight

_HERE, _HELD, _SUFFIX = f"{TEMPORARY}here-", f"{TEMPORARY}held-", ".lock"
_PATIENCE = 5.0
"""Seconds within which a lock that was let go of must be free everywhere."""
_MOST = 16
"""Locks that are tried: of doctors that were killed, some may be left."""


class Mark:
    """What this process makes in one folder: its file, and on rank 0 a lock that it holds.

    Where the folder is not there yet, in the one above it in which it would be made.
    """

    def __init__(self, folder: Folder, *, makes: bool, holds: bool) -> None:
        self.folder = folder
        self.token = ""
        self._path = ""
        self._lock = ""
        self._held = -1
        if makes and folder.kind == "folder" and not folder.refused:
            token = secrets.token_hex(8)
            path = os.path.join(folder.real, f"{_HERE}{token}")
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
                self.token, self._path = token, path
        if holds and self.token:
            self._hold(os.path.join(folder.real, f"{_HELD}{self.token}{_SUFFIX}"))

    def _hold(self, path: str) -> None:
        if sys.platform == "win32":
            return
        import fcntl

        with contextlib.suppress(OSError):
            self._held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            self._lock = path
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # what cannot be held cannot be tried; CACHE-FLOCK says why
                self.let_go()
                os.remove(path)
                raise

    def look(self) -> Sight:
        """What is there now, and what becomes of each lock."""
        names = self._names()
        seen = tuple(sorted(name[len(_HERE) :] for name in names if name.startswith(_HERE)))
        return Sight(self.token, seen, {token: _tried(path) for token, path in self._locks(names)})

    def again(self) -> Dict[str, str]:
        """What becomes of each lock when its holder has let go, if that is seen in time."""
        deadline = time.monotonic() + _PATIENCE
        found = {token: _tried(path) for token, path in self._locks(self._names())}
        while "refused" in found.values() and time.monotonic() < deadline:
            time.sleep(0.1)  # when another host lets go, nobody tells
            found = {token: _tried(path) for token, path in self._locks(self._names())}
        return found

    def let_go(self) -> None:
        """Release the lock; its file stays until :meth:`remove`."""
        if self._held >= 0:
            with contextlib.suppress(OSError):
                os.close(self._held)
            self._held = -1

    def remove(self) -> None:
        """Leave nothing behind."""
        self.let_go()
        for path in (self._path, self._lock):
            if path:
                with contextlib.suppress(OSError):
                    os.remove(path)

    def _names(self) -> List[str]:
        if self._path:
            # A client of a file server lists a folder from memory, unless it has changed something there itself.
            other = f"{self._path}-"
            with contextlib.suppress(OSError):
                os.close(os.open(other, os.O_WRONLY | os.O_CREAT, 0o644))
                os.remove(other)
        try:
            return [name for name in os.listdir(self.folder.real) if name.startswith(TEMPORARY)]
        except OSError:
            return []

    def _locks(self, names: Iterable[str]) -> Iterator[Tuple[str, str]]:
        held = sorted(name for name in names if name.startswith(_HELD) and name.endswith(_SUFFIX))
        for name in held[:_MOST]:
            token = name[len(_HELD) : -len(_SUFFIX)]
            if token != self.token:
                yield token, os.path.join(self.folder.real, name)


def _tried(path: str) -> str:
    """What becomes of sharing a lock: all who try may share it, and only an exclusive holder keeps them out."""
    if sys.platform == "win32":
        return "ENOSYS"
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        return access.code(error)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        code = access.code(error)
        return "refused" if code in ("EAGAIN", "EWOULDBLOCK", "EACCES") else code
    finally:
        os.close(descriptor)
    return "taken"
