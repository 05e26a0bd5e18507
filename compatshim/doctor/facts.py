"""What was seen of caches and processes: plain values, which also travel between ranks as JSON.

Nothing here judges. What could not be seen is None, or has its reason in ``unseen``.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from compatshim.caches import leftovers
from compatshim.caches.mounts import Mount

TEMPORARY = leftovers.DOCTOR
PROJECTS = ("filelock", "datasets", "evaluate", "huggingface-hub")
"""Whose versions count: they take the locks."""


class Acl(NamedTuple):
    """An access control list as POSIX has it: ``group::rwx``, ``user:1000:rw-``, ``mask::r-x``."""

    access: Tuple[str, ...] = ()
    default: Tuple[str, ...] = ()
    """What new files get; empty where a folder has none."""


class Made(NamedTuple):
    """A file that was made in a folder to see what becomes of it."""

    mode: int
    uid: int
    gid: int
    drift: float
    """Seconds by which the file system's clock is ahead of this machine's."""


class Space(NamedTuple):
    """What is free for this user, as the file system says it."""

    free: int
    """Bytes."""
    total: int
    inodes: Optional[int]
    """Files that can still be made; None where the file system does not count them."""
    all_inodes: Optional[int]
    name_max: int
    """Bytes of a file's name."""


class LockFile(NamedTuple):
    """A file that is locked or appended to by whoever needs it: ``*.lock``, ``*.incomplete``."""

    path: str
    mode: int
    uid: int
    gid: int
    age: float
    """Seconds since it was written or made."""
    opens: bool
    """Whether this user may open it as a lock is opened: for reading and writing."""
    marker: str = ""
    """What is written in it, of a soft lock: the process that holds it, and that process' host."""
    alive: Optional[bool] = None
    """Whether that process is there; None where it cannot be known."""


class Closed(NamedTuple):
    """A folder within a cache in which this user may not make files."""

    path: str
    mode: int
    uid: int
    gid: int


class Leftovers(NamedTuple):
    """The lock files in a folder."""

    files: Tuple[LockFile, ...]
    seen: int
    """Entries that were looked at."""
    complete: bool
    """Whether that was all of them."""
    unshared: int
    """How many files and folders of the user's own are not for those who share the folder."""
    closed: Tuple[Closed, ...] = ()


class Folder(NamedTuple):
    """One cache folder as one process sees it."""

    name: str
    """What is kept in it: ``hub``, ``datasets``, ``metrics`` …; of several of a kind, with a number."""
    path: str
    told: str
    """The variable that says where it is, ``default``, or an option."""
    real: str
    """Without symbolic links; of a folder that is not there yet, the nearest one above it that is."""
    exists: bool
    kind: str = "folder"
    """``folder``, or what is there instead."""
    mode: int = 0
    uid: int = -1
    gid: int = -1
    owner: str = ""
    group: str = ""
    acl: Optional[Acl] = None
    owned_by: Tuple[int, ...] = ()
    """Who owns what is directly in it."""
    mount: Optional[Mount] = None
    space: Optional[Space] = None
    made: Optional[Made] = None
    refused: str = ""
    """Why no file could be made there: the name of the error (``EACCES``, ``EROFS``, ``ENOSPC`` …)."""
    long_name: str = ""
    """The error of making a file with the longest name that the file system allows; empty when it went well."""
    flock: str = ""
    """What locks between two processes did: see :mod:`compatshim.doctor.flock`."""
    leftovers: Optional[Leftovers] = None
    unseen: Tuple[Tuple[str, str], ...] = ()
    """What could not be seen, and why: pairs of a check's id and a reason."""


class Process(NamedTuple):
    """One process of the job, with the caches that it uses."""

    rank: int
    world: int
    host: str
    pid: int
    python: str
    user: str
    uid: int
    gid: int
    groups: Tuple[int, ...]
    umask: int
    versions: Mapping[str, str]
    """Of the projects that use or take locks."""
    others: Mapping[str, Mapping[str, str]]
    """The same of other interpreters that use these caches, by their path."""
    protected_regular: bool
    """Whether the kernel keeps others' files in sticky folders from being opened with O_CREAT."""
    folders: Tuple[Folder, ...]


class Sight(NamedTuple):
    """What one rank saw of one cache folder while all ranks looked at it."""

    token: str
    """What its own file in the folder is called; empty where it made none."""
    seen: Tuple[str, ...]
    """The tokens of all whose files it saw."""
    locks: Mapping[str, str]
    """What became of sharing each lock that it saw held: ``refused``, ``taken``, or an error's name; by token."""
    after: Mapping[str, str] = {}
    """The same when rank 0 had let go of its own."""


class Seen(NamedTuple):
    """What one rank saw while all ranks looked."""

    rank: int
    clock: float
    """Seconds since 1970 when all ranks were told to look at theirs."""
    sights: Mapping[str, Sight]
    """By the cache's name."""


class Job(NamedTuple):
    """All that is known of a job; of a single process where there are no ranks."""

    processes: Tuple[Process, ...]
    seen: Tuple[Seen, ...] = ()
    absent: Mapping[int, str] = {}
    """Ranks that did not answer, and why, with their node where that is known."""
    apart: str = ""
    """Why the ranks could not be compared at all."""


def pack(value: Any) -> Any:
    """A value of this module as JSON has it."""
    if hasattr(value, "_asdict"):
        return {name: pack(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): pack(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(part) for part in value]
    return value


def process(data: Mapping[str, Any]) -> Process:
    """A process from what :func:`pack` made of it. Raises :exc:`TypeError`, :exc:`KeyError`."""
    folders = tuple(map(_folder, data["folders"]))
    return Process(**{**data, "groups": tuple(data["groups"]), "folders": folders})


def seen(data: Mapping[str, Any]) -> Seen:
    """What a rank saw from what :func:`pack` made of it. Raises as :func:`process`."""
    sights = {name: Sight(**{**one, "seen": tuple(one["seen"])}) for name, one in data["sights"].items()}
    return Seen(**{**data, "sights": sights})


def _folder(data: Mapping[str, Any]) -> Folder:
    found: Dict[str, Any] = dict(data)
    if found["acl"] is not None:
        found["acl"] = Acl(*(tuple(found["acl"][part]) for part in Acl._fields))
    if found["mount"] is not None:
        found["mount"] = Mount(**{**found["mount"], "options": tuple(found["mount"]["options"])})
    for name, kind in (("space", Space), ("made", Made)):
        if found[name] is not None:
            found[name] = kind(**found[name])
    if found["leftovers"] is not None:
        files = tuple(LockFile(**one) for one in found["leftovers"]["files"])
        closed = tuple(Closed(**one) for one in found["leftovers"]["closed"])
        found["leftovers"] = Leftovers(**{**found["leftovers"], "files": files, "closed": closed})
    found["owned_by"] = tuple(found["owned_by"])
    found["unseen"] = tuple((check, reason) for check, reason in found["unseen"])
    return Folder(**found)
