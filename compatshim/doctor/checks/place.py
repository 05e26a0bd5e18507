"""Whether a cache folder can be there and written at all."""

from __future__ import annotations

import os

from compatshim.doctor.checks.words import elsewhere, error, owner
from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.findings import Finding, Said, of_folder, shell

_READ_ONLY, _FULL = ("EROFS",), ("ENOSPC", "EDQUOT")
_USELESS = "nothing new can be downloaded"
_FAILS = "every lock and every new file there fails"


@of_folder("CACHE-FOLDER", "Is a folder there, or can one be made?")
def folder(seen: Folder, process: Process) -> Said:
    """Nothing there is well: the libraries make it."""
    if seen.kind != "folder":
        above = f" ({seen.real} is one)" if seen.real != os.path.realpath(seen.path) else ""
        yield Finding("error", f"a file is where a folder must be{above}", elsewhere(seen))
    elif not seen.exists and seen.refused and seen.refused not in _READ_ONLY:
        yield Finding("error", f"it is not there and cannot be made: {error(seen.refused)}", elsewhere(seen))


@of_folder("CACHE-WRITE", "Can this user make files there?")
def write(seen: Folder, process: Process) -> Said:
    """Measured by making one."""
    if not seen.exists or seen.kind != "folder" or seen.refused in ("", *_READ_ONLY, *_FULL):
        return
    severity = "warning" if seen.name.startswith("hub") else "error"
    then = "what is in it may be read, " + _USELESS if severity == "warning" else _FAILS
    message = f"no file can be made there ({error(seen.refused)}): {then}"
    if process.uid == seen.uid:
        command, who = shell("chmod", "u+rwx", seen.real), ""
    elif seen.mode & 0o020 and seen.gid not in (process.gid, *process.groups) and seen.owner != seen.group:
        message += f"; it is for the group {seen.group}, which {process.user} is not in"
        command, who = shell("usermod", "--append", "--groups", seen.group, process.user), "root"
    elif seen.gid in (process.gid, *process.groups) and seen.owner != seen.group:
        message += f"; it is {seen.owner}'s, and his group {seen.group} may not write"
        command, who = shell("chmod", "g+rwxs", seen.real), owner(seen, process)
    else:
        message += f"; it is {seen.owner}'s"
        command, who = elsewhere(seen), ""
    yield Finding(severity, message, command, who)


@of_folder("CACHE-READ-ONLY", "Is the file system mounted for writing?")
def read_only(seen: Folder, process: Process) -> Said:
    """By the mount, or because a file could not be made for that reason."""
    if seen.refused not in _READ_ONLY and not (seen.mount is not None and seen.mount.read_only):
        return
    where = (
        f"the {seen.mount.type} file system at {seen.mount.point}" if seen.mount is not None else "its file system"
    )
    whole = seen.exists and seen.name.startswith("hub")
    then = f"what is in it may be read, {_USELESS}" if whole else _FAILS
    yield Finding("warning" if whole else "error", f"{where} is read-only: {then}", elsewhere(seen))


@of_folder("CACHE-CLOCK", "Does the file system's clock agree with this machine's?")
def clock(seen: Folder, process: Process) -> Said:
    """Of a file server, as a rule: a local file system has the machine's own."""
    limit = 2.0
    if seen.made is None or abs(seen.made.drift) <= limit:
        return
    ahead = "ahead of" if seen.made.drift > 0 else "behind"
    yield Finding(
        "warning",
        f"the file system's clock is {abs(seen.made.drift):.1f} s {ahead} that of {process.host}: how old a file "
        "is, and so whether a lock or a download is left over, is judged wrongly",
        "timedatectl set-ntp true",
        "root",
    )
