"""Removes groups of leftovers, each under its own locks, and in an order in which any part done harms nobody.

Locks are taken without waiting and held until the data are gone; what was listed is looked at again under them.
Data go first and names of locks last: what a crash leaves is data without use, or locks that nobody holds. Every
path is opened part by part below the cache: no symbolic link, however late it is put there, leads out of it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from compatshim.caches import leftovers, locks
from compatshim.caches.leftovers import FOLDER, LOCK, MARKER, Entry, Guard, Leftover, Policy
from compatshim.caches.locks import IN_USE, InUseError, StaysError, UnfitError, Unlinked, UnlockableError

REMOVED, FREE, LEFT, FAILED = "removed", "removable", "left", "failed"


_UNTOLD = "this file system does not tell whether it is open"


class Outcome(NamedTuple):
    """What became of a group."""

    state: str
    """``removed``; ``removable``, when that was only asked; ``left``; ``failed``: some of it may be gone."""
    reason: str = ""
    freed: int = 0


def examine(root: str, one: Leftover, policy: Policy) -> Outcome:
    """Whether a group could be removed now: all its locks are taken for a moment, and nothing is changed."""
    return _attempt(root, one, policy, None)


def remove(root: str, one: Leftover, policy: Policy, unlinked: Unlinked) -> Outcome:
    """Remove a group, if nobody uses it and it is still as it was listed."""
    return _attempt(root, one, policy, unlinked)


def _attempt(root: str, one: Leftover, policy: Policy, unlinked: Optional[Unlinked]) -> Outcome:
    try:
        with _Work(root, policy, unlinked) as work:
            reason = leftovers.objection(one, policy)
            if reason:
                raise UnfitError(reason)
            work.take(one)
            work.open_data(one.data)
            if unlinked is None:
                return Outcome(FREE)
            work.make(one)
            return work.remove(one)
    except StaysError as error:
        return Outcome(LEFT, str(error))
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        return Outcome(LEFT if gone else FAILED, f"{error.filename or one.name}: {error.strerror}")


class _Work:
    """The descriptors of one group."""

    def __init__(self, root: str, policy: Policy, unlinked: Optional[Unlinked]) -> None:
        self._policy, self._unlinked = policy, unlinked
        self._folders: Dict[str, int] = {}
        self._stack = contextlib.ExitStack()
        self._root = root
        self._guards: Sequence[Guard] = ()
        self._held: Dict[Guard, int] = {}
        self._made: Set[Guard] = set()
        self._data: List[int] = []

    def __enter__(self) -> _Work:  # noqa: PYI034  Python 3.8 has no Self
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._stack.callback(os.close, fd)
        self._folders[""] = fd
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the locks in the reverse order; only then of the data: to free space takes time."""
        for guard in reversed(self._guards):
            if guard in self._held and (guard not in self._made or not self._unlink(guard)):
                os.close(self._held[guard])
        for fd in self._data:
            os.close(fd)
        self._stack.close()

    def _folder(self, path: str) -> int:
        if path not in self._folders:
            self._folders[path] = self._stack.enter_context(locks.folder(self._folders[""], path))
        return self._folders[path]

    def take(self, one: Leftover) -> None:
        """Take every lock of a group that is there."""
        self._guards = one.guards
        listed = {(entry.folder, entry.name): entry for entry in one.locks}
        for guard in one.guards:
            try:
                at = self._folder(guard.folder)
                self._held[guard] = locks.hold(at, guard.name)
            except FileNotFoundError:
                continue
            except UnlockableError:
                # Soft locks are for file systems without others.
                if one.kind != MARKER:
                    raise
                self._held[guard] = locks.opened(at, guard.name)
            self._check_lock(self._held[guard], listed.get((guard.folder, guard.name)))
            if one.kind == LOCK and locks.sole(self._held[guard]) is None:
                raise UnfitError(_UNTOLD)

    def make(self, one: Leftover) -> None:
        """Make and take the locks that are missing and matter: whoever begins now finds them held."""
        for guard in one.guards:
            if guard.needed and guard not in self._held:
                try:
                    self._held[guard] = locks.hold(self._folder(guard.folder), guard.name, create=True)
                except FileExistsError:  # somebody was faster, and is at work
                    raise InUseError from None
                self._made.add(guard)

    def _check_lock(self, fd: int, listed: Optional[Entry]) -> None:
        about = os.fstat(fd)
        if listed is not None:
            self._check(about, listed)
        if about.st_nlink != 1:
            raise UnfitError("a lock file has other names (hard links)")
        if about.st_size:
            # A marker is held as long as it exists. That its process is gone was seen when it was listed.
            told = os.pread(fd, about.st_size, 0).decode("utf-8", "replace")
            if listed is None or told != listed.marker:
                raise InUseError
        if locks.sole(fd) is False:  # somebody waits for it
            raise InUseError

    def _check(self, about: os.stat_result, listed: Entry) -> None:
        if (about.st_dev, about.st_ino) != listed.identity or about.st_uid not in listed.owners:
            raise UnfitError(f"{listed.name} was replaced since it was listed")
        if self._policy.now - about.st_mtime < self._policy.age or about.st_mtime > listed.changed:
            raise UnfitError(f"{listed.name} changed since it was listed")

    def open_data(self, data: Sequence[Entry]) -> None:
        """See that the data are as they were listed, and that nobody has them open."""
        for entry in data:
            at = self._folder(entry.folder)
            if entry.type == FOLDER:
                self._check(os.stat(entry.name, dir_fd=at, follow_symlinks=False), entry)
                for place, name in _files(at, entry.name):
                    fd = locks.opened(place, name)
                    try:
                        self._check_unused(fd)
                    finally:
                        os.close(fd)
                continue
            fd = locks.opened(at, entry.name)
            self._data.append(fd)
            self._check(os.fstat(fd), entry)
            self._check_unused(fd)

    def _check_unused(self, fd: int) -> None:
        unused = locks.sole(fd)
        if unused is False:
            raise InUseError
        if unused is None and not self._held:
            raise UnfitError(f"no lock protects it, and {_UNTOLD}")

    def remove(self, one: Leftover) -> Outcome:
        """Unlink the data, then the names of locks that may go."""
        freed = 0
        for entry in one.data:
            at = self._folder(entry.folder)
            if entry.type == FOLDER:
                _remove_folder(at, entry.name)
            else:
                os.unlink(entry.name, dir_fd=at)
            freed += entry.freed
        going = {(entry.folder, entry.name) for entry in one.locks if self._policy.lock_files or entry.size}
        for guard in reversed(one.guards):
            wanted = guard in self._made or (guard.folder, guard.name) in going
            if guard in self._held and wanted and not self._unlink(guard, certain=one.kind != MARKER):
                # What is taken before this one keeps others from asking for it; so those names stay, too.
                break
        else:
            return Outcome(REMOVED, freed=freed)
        return Outcome(REMOVED, freed=freed) if one.data else Outcome(LEFT, IN_USE)

    def _unlink(self, guard: Guard, *, certain: bool = True) -> bool:
        """Take away the name of a lock that is held, if it is ``certain``, or likely, that no other has it open."""
        fd, at = self._held[guard], self._folder(guard.folder)
        unused = locks.sole(fd)
        if unused is False or (certain and not unused) or not locks.same(at, guard.name, fd):
            return False
        os.unlink(guard.name, dir_fd=at)
        del self._held[guard]
        if self._unlinked is not None:
            self._unlinked.add(fd)
        return True


def _files(at: int, name: str) -> Iterator[Tuple[int, str]]:
    """Every regular file below a folder, with a descriptor of the one that it is in."""
    for _, _, names, place in os.fwalk(name, dir_fd=at, follow_symlinks=False, onerror=_raise):
        for one in names:
            if stat.S_ISREG(os.stat(one, dir_fd=place, follow_symlinks=False).st_mode):
                yield place, one


def _remove_folder(at: int, name: str) -> None:
    for _, folders, names, place in os.fwalk(name, topdown=False, dir_fd=at, follow_symlinks=False, onerror=_raise):
        for one in names:
            os.unlink(one, dir_fd=place)
        for one in folders:
            if stat.S_ISLNK(os.stat(one, dir_fd=place, follow_symlinks=False).st_mode):
                os.unlink(one, dir_fd=place)
            else:
                os.rmdir(one, dir_fd=place)
    os.rmdir(name, dir_fd=at)


def _raise(error: OSError) -> None:
    raise error
