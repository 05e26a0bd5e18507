"""What the lock files that are in a cache tell: who cannot take them, which nobody will release, who made them."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple, TypeVar, Union

from compatshim.doctor import access
from compatshim.doctor.checks.permissions import shared
from compatshim.doctor.checks.versions import REMOVING, locks
from compatshim.doctor.checks.words import clean, some, within
from compatshim.doctor.facts import Closed, Folder, LockFile, Process
from compatshim.doctor.findings import Finding, Said, of_folder, shell
from compatshim.terminal import plural

_NAMES = ("(", "-name", "*.lock", "-o", "-name", "*.incomplete", ")")
_GROUP = {"rw": 0o060, "rwx": 0o070}
_EXECUTABLE = 0o111
DAY = 86400.0
RECENT = 7 * DAY
MANY = 1000

_I = TypeVar("_I", bound=Union[LockFile, Closed])


@of_folder("LOCK-ACCESS", "May this user open the lock files that are there?")
def opens(seen: Folder, process: Process) -> Said:
    """One that cannot be opened for writing cannot be taken: PermissionError."""
    if seen.leftovers is None or seen.refused == "EROFS":
        return
    for uid, files in _by_owner(one for one in seen.leftovers.files if not one.opens):
        yield Finding(
            "error",
            f"{plural(len(files), 'lock file')} of {access.user(uid)} (mode {_modes(files)}) cannot be opened by "
            f"{process.user}: {some((one.path for one in files), seen)}: PermissionError for whoever needs "
            f"{'it' if len(files) == 1 else 'them'}",
            *_opened(seen, process, files, _NAMES, "rw"),
        )


@of_folder("CACHE-INSIDE", "May this user make files in the folders within a shared cache?")
def inside(seen: Folder, process: Process) -> Said:
    """In a cache that is shared with nobody, it is CACHE-OWNER that says so."""
    if seen.leftovers is None or seen.refused or not shared(seen):
        return
    for uid, folders in _by_owner(seen.leftovers.closed):
        yield Finding(
            "warning",
            f"in {plural(len(folders), 'folder')} of {access.user(uid)} (mode {_modes(folders)}) no files can be "
            f"made by {process.user}: {some((one.path for one in folders), seen)}: PermissionError for whoever "
            "needs a lock or a new file there",
            *_opened(seen, process, folders, ("-type", "d"), "rwx"),
        )


def _by_owner(items: Iterable[_I]) -> List[Tuple[int, List[_I]]]:
    found: Dict[int, List[_I]] = {}
    for one in items:
        found.setdefault(one.uid, []).append(one)
    return sorted(found.items(), key=lambda pair: pair[0])


def _modes(items: Iterable[_I]) -> str:
    return ", ".join(sorted({f"{one.mode:04o}" for one in items}))


def _opened(
    seen: Folder, process: Process, items: Sequence[_I], names: Sequence[str], rights: str
) -> Tuple[str, str]:
    """The command that opens what one user owns to the one that looks, and who has to give it."""
    uid, mine = items[0].uid, {process.gid, *process.groups}
    owner = access.user(uid)
    bits = _GROUP[rights]
    setgid = "s" if rights == "rwx" else ""
    how: List[List[str]]
    if uid == process.uid:
        how = [["chmod", f"u+{rights}"]]
    elif shared(seen).listed or all(one.gid in mine and one.mode & bits == bits for one in items):
        # Their access control lists decide.
        how = [["setfacl", "-m", f"u:{process.user}:{rights}"]]
    elif all(one.gid in mine for one in items):
        how = [["chmod", f"g+{rights}{setgid}"]]
    elif seen.gid in mine and seen.group != seen.owner:
        how = [["chgrp", seen.group], ["chmod", f"g+{rights}{setgid}"]]
    else:
        how = [["chmod", f"a+{rights}"]]
    words: List[str] = []
    for command in how:
        words += ["-exec", *command, "{}", "+"]
    return within(seen, *names, "-user", owner, *words), "" if process.uid in {uid, 0} else owner


@of_folder("LOCK-SOFT", "Is a soft lock left of a process that is gone?")
def soft(seen: Folder, process: Process) -> Said:
    """Where there is no flock, filelock makes a file that says who holds the lock; a killed process leaves it."""
    if seen.leftovers is None:
        return
    marked = [one for one in seen.leftovers.files if one.marker]
    dead = [one for one in marked if one.alive is False]
    if dead:
        yield Finding(
            "error",
            f"{plural(len(dead), 'soft lock')} of processes of {process.host} that are gone: "
            f"{some((one.path for one in dead), seen)} ({dead[0].marker}): filelock before 3.22 waits for "
            f"{'it' if len(dead) == 1 else 'them'} for ever",
            shell("rm", "--", *sorted(one.path for one in dead)[:20]),
        )
    foreign = [one for one in marked if one.alive is None]
    if foreign:
        yield Finding(
            "note",
            f"{plural(len(foreign), 'soft lock')} of other hosts, where it must be seen whether they are held: "
            f"{some((one.path for one in foreign), seen)} ({foreign[0].marker})",
        )


@of_folder(
    "LOCK-MAKER", "Did another release of filelock, which does not go with this one, make lock files lately?"
)
def maker(seen: Folder, process: Process) -> Said:
    """Only filelock to 3.9.1, and the copy within datasets to 2.15, make executable ones. A hint, and no proof."""
    # Some file systems make everything executable.
    if seen.leftovers is None or (seen.made is not None and seen.made.mode & _EXECUTABLE):
        return
    removing = [name for name, version in locks(process.versions) if REMOVING[0] <= version <= REMOVING[1]]
    old = [one for one in seen.leftovers.files if one.mode & _EXECUTABLE and one.age < RECENT and not one.marker]
    if removing and old:
        yield Finding(
            "warning",
            f"{plural(len(old), 'lock file')} of the last week {'is' if len(old) == 1 else 'are'} executable, as "
            f"filelock to 3.9.1 and datasets to 2.15 make them ({some((one.path for one in old), seen)}); "
            f"together with {removing[0]} here, two processes may hold one lock",
            shell(process.python, "-m", "pip", "install", f"filelock>{REMOVING[1]}"),
        )


@of_folder("LOCK-MANY", "Are there very many old lock files?")
def many(seen: Folder, process: Process) -> Said:
    """They are empty and harm nobody, but each takes an inode and the time of whoever lists them."""
    if seen.leftovers is None:
        return
    old = [one for one in seen.leftovers.files if one.age > DAY]
    if len(old) >= MANY:
        yield Finding(
            "note",
            f"{len(old)} lock files are more than a day old",
            clean(seen),
        )
