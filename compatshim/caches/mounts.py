"""What file system a path is on, and whether locks there exclude other machines' processes.

A lock that is free proves something only where every process that can see the file asks one kernel for it.
"""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple, Optional, Tuple

LOCAL, NETWORK, UNKNOWN = "local", "network", "unknown"

_LOCAL_TYPES = """
ext2 ext3 ext4 xfs btrfs zfs tmpfs ramfs f2fs overlay bcachefs jfs reiserfs nilfs2 vfat exfat ntfs3 ntfs fuseblk
ecryptfs erofs squashfs udf
""".split()  # noqa: SIM905  a list of words
# FUSE may be anything, and two mounts of one folder do not see each other's locks; what a host shares, neither.
_NETWORK_TYPES = """
nfs nfs3 nfs4 cifs smb3 smbfs lustre gpfs mmfs beegfs ceph glusterfs 9p virtiofs vboxsf afs coda ncpfs pvfs2
orangefs ocfs2 gfs2 panfs wekafs quobyte prl_fs vmhgfs davfs fuse
""".split()  # noqa: SIM905  a list of words
_FIELDS, _MORE = 6, 2  # of a line, before and behind its separator, that are used
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted file system."""

    point: str
    """The folder it is mounted at."""
    type: str
    """As the kernel names it: ``ext4``, ``nfs4``, ``fuse.sshfs``."""
    source: str
    """The device, or the server and its export."""
    read_only: bool
    options: Tuple[str, ...] = ()
    """Of the mount and of the whole file system: ``rw``, ``local_lock=flock`` …"""

    @property
    def reach(self) -> str:
        """``local``, ``network``, or ``unknown``: whose locks are seen here."""
        if self.type in _LOCAL_TYPES:
            return LOCAL
        if self.type in _NETWORK_TYPES or self.type.startswith("fuse."):
            return NETWORK
        return UNKNOWN


def mount(path: str, table: Optional[Tuple[Mount, ...]] = None) -> Optional[Mount]:
    """The file system that holds ``path``, or would hold it; None where the system does not say (not Linux)."""
    if table is None:
        table = mounts()
    real = os.path.realpath(path)
    found = None
    for one in table:
        # One mounted later hides what was there.
        if _within(real, one.point) and (found is None or len(one.point) >= len(found.point)):
            found = one
    return found


def mounts() -> Tuple[Mount, ...]:
    """Every file system that this process sees, in the order in which they were mounted."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return tuple(parse(file.read()))
    except OSError:
        return ()


def parse(text: str) -> Iterator[Mount]:
    """The lines of a ``mountinfo`` (proc_pid_mountinfo(5))."""
    for line in text.split("\n"):
        before, separator, after = line.partition(" - ")
        fields, more = before.split(" "), after.split(" ")
        if not separator or len(fields) < _FIELDS or len(more) < _MORE:
            continue
        # Either the mount or the whole file system may be read-only.
        options = ",".join([fields[5], *more[2:3]]).split(",")
        yield Mount(_text(fields[4]), more[0], _text(more[1]), "ro" in options, tuple(options))


def _text(field: str) -> str:
    """A field, in which blanks are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")
