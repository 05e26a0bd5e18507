"""Look at the cache folders as one process sees them: what the doctor asks of the system is here or below.

A file is made in each folder for a moment, because only that tells what becomes of new files there: their mode,
group and owner, and the clock of a file server. Nothing that was there before is changed, opened for writing or
locked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
import sys
import time
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from compatshim.caches import mounts
from compatshim.caches.where import Cache
from compatshim.doctor import access, lockfiles
from compatshim.doctor.facts import TEMPORARY, Folder, Made, Process, Space
from compatshim.doctor.flock import Meter


def process(
    caches: Iterable[Cache],
    *,
    rank: int,
    world: int,
    versions: Mapping[str, str],
    others: Mapping[str, Mapping[str, str]],
    survey: bool = True,
) -> Process:
    """What is known of this process and its caches. ``survey`` says whether to look for lock files, too."""
    with contextlib.closing(Meter()) as meter:
        folders = tuple(folder(cache, name, meter, survey=survey) for name, cache in _named(caches))
    posix = sys.platform != "win32"
    uid = user()
    return Process(
        rank, world, socket.gethostname(), os.getpid(), sys.executable,
        access.user(uid) if posix else "", uid, os.getegid() if posix else -1,
        tuple(os.getgroups()) if posix else (), _umask(), versions, others, _protected(), folders,
    )  # fmt: skip


def _named(caches: Iterable[Cache]) -> Iterator[Tuple[str, Cache]]:
    """Each with its kind as a name; the second of a kind is ``kind-2``."""
    count: Dict[str, int] = {}
    for cache in caches:
        number = count[cache.kind] = count.get(cache.kind, 0) + 1
        yield cache.kind if number == 1 else f"{cache.kind}-{number}", cache


def user() -> int:
    """The number of the user that this process acts as; -1 where users have none."""
    return os.geteuid() if sys.platform != "win32" else -1


def folder(cache: Cache, name: str, meter: Meter, *, survey: bool) -> Folder:
    """One cache folder, under a name that no other of this process has."""
    real, status, problem = _nearest(cache.path)
    found = Folder(name, cache.path, cache.source, real, exists=real == os.path.realpath(cache.path))
    if status is None:
        return found._replace(exists=False, refused=problem)
    unseen: List[Tuple[str, str]] = []
    found = found._replace(
        mode=stat.S_IMODE(status.st_mode), uid=status.st_uid, gid=status.st_gid,
        owner=access.user(status.st_uid), group=access.group(status.st_gid), mount=mounts.mount(real),
    )  # fmt: skip
    if not stat.S_ISDIR(status.st_mode):
        return found._replace(kind="file", exists=True, unseen=tuple(unseen))
    if found.mount is None:
        unseen += [
            (check, f"{sys.platform} does not say what it is") for check in ("CACHE-MOUNT", "CACHE-READ-ONLY")
        ]
    found = found._replace(space=_space(real, unseen))
    if not found.exists:
        found = found._replace(refused=problem or _refusal(real, found.mount))
        if not found.refused:
            # Of what will be made there, only whether locks exclude can be said now.
            found = _tried(found, meter, unseen)._replace(made=None)
        return found._replace(unseen=tuple(unseen))
    try:
        found = found._replace(acl=access.acl(real))
    except access.UnreadableError as error:
        unseen.append(("CACHE-ACL", str(error)))
    found = _tried(found, meter, unseen)
    found = found._replace(owned_by=_owners(real))
    if survey:
        found = found._replace(leftovers=lockfiles.survey(found, user()))
    return found._replace(unseen=tuple(unseen))


def _nearest(path: str) -> Tuple[str, Optional[os.stat_result], str]:
    """The path without links, or what is above it and there; and the error that hides the path itself."""
    problem = ""
    at = os.path.abspath(path)
    while True:
        try:
            return os.path.realpath(at), os.stat(at), problem
        except OSError as error:
            if error.errno != errno.ENOENT:
                problem = problem or access.code(error)
            elif os.path.islink(at):
                problem = problem or "a link to nowhere"
        above = os.path.dirname(at)
        if above == at:
            return at, None, problem or "ENOENT"
        at = above


def _refusal(path: str, mount: Optional[mounts.Mount]) -> str:
    """Why no folder can be made there; empty when it can."""
    if mount is not None and mount.read_only:
        return "EROFS"
    return "" if access.allowed(path, os.W_OK | os.X_OK) else "EACCES"


def _tried(found: Folder, meter: Meter, unseen: List[Tuple[str, str]]) -> Folder:
    """What becomes of a file that is made there."""
    path = os.path.join(found.real, f"{TEMPORARY}try-{secrets.token_hex(8)}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        return found._replace(refused=access.code(error))
    try:
        try:
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
            now, status = time.time(), os.fstat(descriptor)
        except OSError as error:
            return found._replace(refused=access.code(error))
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        made = Made(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, round(status.st_mtime - now, 3))
        flock = meter.measure(path)
        if not flock:
            unseen.append(("CACHE-FLOCK", f"locks are not measured on {sys.platform}"))
        return found._replace(made=made, flock=flock, long_name=_long_name(found))
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


def _long_name(found: Folder) -> str:
    """The error of a file whose name is as long as the file system says it may be."""
    if found.space is None:
        return ""
    path = os.path.join(found.real, TEMPORARY.ljust(found.space.name_max, "x"))
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        os.remove(path)
    except OSError as error:
        return access.code(error)
    return ""


def _space(path: str, unseen: List[Tuple[str, str]]) -> Optional[Space]:
    if sys.platform == "win32":
        unseen.append(("CACHE-SPACE", "free space is not looked at on Windows"))
        return None
    try:
        found = os.statvfs(path)
    except OSError as error:
        unseen.append(("CACHE-SPACE", error.strerror or str(error)))
        return None
    counted = found.f_files > 0  # btrfs and many network file systems make inodes as they need them
    return Space(
        found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize,
        found.f_favail if counted else None, found.f_files if counted else None, found.f_namemax,
    )  # fmt: skip


def _owners(path: str, most: int = 2000) -> Tuple[int, ...]:
    """Who owns what is directly in a folder, of which so much is looked at."""
    owners: Dict[int, None] = {}
    with contextlib.suppress(OSError), os.scandir(path) as listed:
        for number, entry in enumerate(listed):
            if number >= most:
                break
            with contextlib.suppress(OSError):
                owners[entry.stat(follow_symlinks=False).st_uid] = None
    return tuple(sorted(owners))


def _umask() -> int:
    value = os.umask(0o077)  # the only way to read it that every system has; this process has one thread
    os.umask(value)
    return value


def _protected() -> bool:
    try:
        with open("/proc/sys/fs/protected_regular", encoding="ascii") as file:
            return file.read().strip() not in ("", "0")
    except (OSError, ValueError):
        return False
