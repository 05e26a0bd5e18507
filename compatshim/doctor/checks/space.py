"""Whether there is room: for bytes, for files, and for the names that lock files have."""

from __future__ import annotations

from typing import Tuple

from compatshim.doctor.checks.words import clean, elsewhere, error, size
from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.findings import Finding, Said, of_folder
from compatshim.terminal import plural

_MIB = 1 << 20
BYTES = (64 * _MIB, 1024 * _MIB)
INODES = (100, 5000)
"""Below the first it is an error, below the second a warning."""
NAME = 255
"""Bytes that datasets lets the name of a lock file have."""


def _severity(number: int, limits: Tuple[int, int]) -> str:
    return "error" if number < limits[0] else "warning" if number < limits[1] else ""


@of_folder("CACHE-SPACE", "Is there free space?")
def space(seen: Folder, process: Process) -> Said:
    """As the file system says it for this user; and whether 4096 bytes could be written."""
    if seen.refused == "EDQUOT":
        yield Finding("error", f"nothing can be written: {error('EDQUOT')}", clean(seen))
        return
    if seen.space is None:
        return
    full = seen.refused == "ENOSPC" and seen.space.inodes != 0
    severity = "error" if full else _severity(seen.space.free, BYTES)
    if severity:
        yield Finding(
            severity,
            f"{size(seen.space.free)} of {size(seen.space.total)} are free for this user"
            + (", and nothing could be written" if full else ""),
            clean(seen),
        )


@of_folder("CACHE-INODES", "Can more files be made?")
def inodes(seen: Folder, process: Process) -> Said:
    """Where the file system counts them."""
    if seen.space is None or seen.space.inodes is None:
        return
    severity = _severity(seen.space.inodes, INODES)
    if severity:
        left = plural(seen.space.inodes, "more file")
        yield Finding(severity, f"{left} can be made, of {seen.space.all_inodes} (inodes)", clean(seen))


@of_folder("CACHE-NAMES", "May the name of a lock file be 255 bytes long?")
def names(seen: Folder, process: Process) -> Said:
    """Datasets replaces the end of a longer one by its hash(), which every process salts differently."""
    if seen.space is None:
        return
    if seen.long_name == "ENAMETOOLONG":
        limit = f"{seen.space.name_max} bytes, as the file system says its limit is, are refused"
    elif seen.space.name_max < NAME:
        limit = f"at most {seen.space.name_max} bytes are allowed"
    else:
        return
    yield Finding(
        "warning",
        f"file names are short here ({limit}): the lock file of a long path gets another name in every process, "
        "and excludes nobody",
        f"{elsewhere(seen)}  # or, in all processes: export PYTHONHASHSEED=0",
    )
