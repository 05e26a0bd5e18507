"""Whether anybody holds a lock file, or has a file open, as the kernel knows it. Linux.

A lock that is free is not yet a lock file that may go: filelock before 3.20.4 opens the file first and locks it
afterwards, and one that was unlinked in between is locked all the same, beside another process that locked its
successor. So a lock file may be unlinked only while nobody but its holder has it open (:func:`sole`), and must be
held until nobody can be on the way to it (:class:`Unlinked`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from typing import Iterator, List, Optional, Tuple

try:
    import fcntl
except ImportError:  # Windows, where nothing of this works
    fcntl = None  # type: ignore[assignment]  # a module elsewhere

IN_USE = "in use"
SUPPORTED = hasattr(fcntl, "F_SETLEASE")
"""Whether this system can tell: only Linux can."""

_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_FLAGS = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) if SUPPORTED else 0
# Between looking up a name and having it open, a process is in the kernel, and cannot be stopped there.
_GRACE = 0.1
_PATIENCE = 10.0
_MANY = 200  # descriptors; a process usually may have 1024


class StaysError(Exception):
    """It must stay as it is; the message says why."""


class InUseError(StaysError):
    """Somebody holds it, or has it open."""

    def __init__(self) -> None:
        super().__init__(IN_USE)


class UnfitError(StaysError):
    """It is not what it was taken for."""


class UnlockableError(StaysError):
    """The file system has no locks."""


def hold(folder: int, name: str, *, create: bool = False) -> int:
    """A descriptor of the lock file ``name`` within the open ``folder``, locked; closing it lets go.

    Never waits, truncates or follows. With ``create``, the file must not exist yet. Raises a :exc:`StaysError`, and
    :exc:`OSError` when it cannot be opened.
    """
    fd = opened(folder, name, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0))
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in _HELD:
            raise InUseError from None
        raise UnlockableError(f"{name} cannot be locked here ({error.strerror})") from error
    if not same(folder, name, fd):  # it was unlinked between being opened and being locked
        os.close(fd)
        raise InUseError
    return fd


def opened(folder: int, name: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file within the open ``folder``; the same errors as :func:`hold`."""
    try:
        fd = os.open(name, flags | _FLAGS, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnfitError(f"{name} is a symbolic link") from None
        if error.errno == errno.EWOULDBLOCK:  # somebody has a lease on it
            raise InUseError from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UnfitError(f"{name} is no regular file")
    return fd


def same(folder: int, name: str, fd: int) -> bool:
    """Whether the name within the folder is (still) the file that is open."""
    try:
        return os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(fd))
    except OSError:
        return False


def sole(fd: int) -> Optional[bool]:
    """Whether no other process, nor another descriptor of this one, has the file open; None if nobody can say.

    The kernel grants a write lease (fcntl(2)) exactly then, on local file systems and to the file's owner. It is
    given back at once: whoever opens the file meanwhile waits for so long and no longer.
    """
    try:
        # The signal of a lease that is broken; by default it is SIGIO, which ends the process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, _harmless())
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    finally:
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


def _harmless() -> int:
    import signal

    return int(signal.SIGURG)


class Unlinked:
    """Lock files that have no name any more, each held until nobody can be on the way to it.

    Whoever opened one just before finds it held, closes it, and opens the name anew.
    """

    def __init__(self) -> None:
        self._held: List[Tuple[float, int]] = []

    def __enter__(self) -> Unlinked:  # noqa: PYI034  Python 3.8 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        self.drain()

    def add(self, fd: int) -> None:
        """Take over a descriptor from :func:`hold` whose file has just been unlinked."""
        self._held.append((time.monotonic(), fd))
        if len(self._held) >= _MANY:
            self.drain()

    def drain(self) -> None:
        """Wait until all can be let go, and do so. After ten seconds, what is open elsewhere is let go, too."""
        if not self._held:
            return
        last = self._held[-1][0]
        time.sleep(max(last + _GRACE - time.monotonic(), 0))  # nobody can be asked who is on the way
        waiting = [fd for _, fd in self._held]
        while waiting:
            waiting = [fd for fd in waiting if sole(fd) is False]
            if not waiting or time.monotonic() > last + _PATIENCE:
                break
            time.sleep(0.01)  # nor does the kernel tell when somebody closes a file
        while self._held:
            os.close(self._held.pop()[1])


@contextlib.contextmanager
def folder(root: int, path: str) -> Iterator[int]:
    """A descriptor of the folder ``path`` below the open folder ``root``; no part of it may be a symbolic link."""
    fd = os.dup(root)
    try:
        for part in filter(None, path.split("/")):
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)
