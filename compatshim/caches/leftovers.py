"""What in a cache is left of runs that are over, and whether it may go: a listing goes in, groups come out. Pure.

Only names that the tools make are looked at. What one run made is one group, which goes as a whole or stays.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from compatshim.caches.where import ANY, DATASETS, DOWNLOADS, EVALUATE, HUB, METRICS, MODULES
from compatshim.gather import names

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"

RUN, DOWNLOAD, PREPARATION, TEMPORARY, LOCK, MARKER = (
    "run",
    "download",
    "preparation",
    "temporary",
    "lock",
    "marker",
)
"""Kinds of groups: the files of evaluate's processes; an unfinished download; an unfinished dataset; a file or
folder that would have been renamed; a lock file alone; a marker that is a lock as long as it exists."""

DOCTOR = ".compatshim-doctor-"
"""How the names of files begin that the doctor makes for a moment; one that is killed leaves them."""

_SPOOL = re.compile(rf"\.?{names.TAG}-[a-z0-9_]{{8}}(?:\.arrow)?")
"""Rows of :mod:`compatshim.gather`: in a folder of rank 0, or in a file."""
_LAST_WORDS = re.compile(names.MEETING + re.escape(names.ENDED))
_RUN = re.compile(
    r"(?P<experiment>.+)-(?P<n>[1-9]\d{0,5})-(?:(?P<k>0|[1-9]\d{0,5})\.arrow(?P<lock>\.lock)?|rdv\.lock)"
)
_HASH = r"[0-9a-f]{64}(?:\.[0-9a-f]{64})?(?:\.\w{1,4})?"  # of an address, and of its entity tag
_DOWNLOAD = re.compile(rf"(?P<target>{_HASH})\.incomplete")
_BLOB = re.compile(r"(?P<etag>.+?)(?:\.[0-9a-f]{8})?\.incomplete")
_TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}")  # as Python's tempfile names them
_REFERENCE = re.compile(r".+\.[0-9a-f]{8}\.tmp")
_PREPARED_LOCK = re.compile(r".+_(?:builder|info|infos)\.lock")
_DOWNLOAD_LOCK = re.compile(rf"{_HASH}\.lock")
_LOCK = re.compile(r".+\.lock")


class Entry(NamedTuple):
    """A file, or a folder with all that is in it."""

    folder: str
    """Within the cache, parts joined by ``/``; empty for the cache itself."""
    name: str
    type: str
    size: int
    """Bytes."""
    freed: int
    """Bytes that no other name keeps: nothing of a file with further hard links."""
    changed: float
    """When it was, in seconds since the epoch; of a folder, the newest in it."""
    owners: FrozenSet[int]
    """User ids."""
    links: int = 1
    identity: Tuple[int, int] = (0, 0)
    """Device and inode."""
    marker: str = ""
    """What is written in a lock file."""
    unreadable: bool = False
    """Whether some of a folder could not be looked at."""

    @property
    def path(self) -> str:
        """Within the cache."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Guard(NamedTuple):
    """A lock file under which the data of a group are written."""

    folder: str
    name: str
    needed: bool
    """Whether it is made where it is missing: a tool that comes meanwhile then finds it held."""


class Leftover(NamedTuple):
    """A group."""

    kind: str
    name: str
    """Of the run, or the path of the only file."""
    data: Tuple[Entry, ...]
    """In the order in which they go."""
    guards: Tuple[Guard, ...]
    """In the order in which they must be taken, so that no process of the tool is misled by a lock that is held
    here; they are let go in the reverse order."""
    locks: Tuple[Entry, ...] = ()
    """The lock files that belong to it alone; each is one of the guards."""

    @property
    def entries(self) -> Tuple[Entry, ...]:
        """All that belongs to it."""
        return self.data + self.locks

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return sum(entry.size for entry in self.data)

    @property
    def freed(self) -> int:
        """Bytes that removing its data frees."""
        return sum(entry.freed for entry in self.data)

    @property
    def changed(self) -> float:
        """When something of it changed last."""
        return max(entry.changed for entry in self.entries)


class Marker(NamedTuple):
    """The process that made a lock file which is a lock as long as it exists (``SoftFileLock``)."""

    pid: int
    host: str


class Policy(NamedTuple):
    """What may go."""

    now: float
    age: float
    """Seconds for which nothing of a group has changed."""
    user: int
    host: str
    """As filelock writes it into a marker."""
    alive: Callable[[int], bool]
    """Whether this host has such a process."""
    lock_files: bool = False
    """Whether lock files may go, too."""
    maker: str = ""
    """This host, as :mod:`compatshim.gather` writes it into names."""
    booted: float = 0.0
    """Since when this machine runs: no process that made anything before is there any more."""


def leftovers(kind: str, entries: Iterable[Entry]) -> List[Leftover]:
    """The groups in a cache of this kind, in order of their names."""
    folders: Dict[str, List[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, []).append(entry)
    found: List[Leftover] = []
    for folder, those in folders.items():
        rest = sorted(those)
        if kind in (METRICS, ANY):
            runs, rest = _runs(rest, certain=kind == METRICS)
            found += runs
        there = {entry.name for entry in rest}
        for entry in rest:
            one = _single(kind, folder, entry)
            # In a folder of which nothing is known, NAME.incomplete may be anybody's, but for its lock.
            if one is not None and not (
                kind == ANY and one.kind == PREPARATION and there.isdisjoint(guard.name for guard in one.guards)
            ):
                found.append(one)
    return sorted(found, key=lambda one: (one.entries[0].folder, one.name))


def is_whole(kind: str, folder: str, name: str) -> bool:
    """Whether a folder is one thing, which goes or stays, and is not looked into for others."""
    if _SPOOL.fullmatch(name):
        return True
    if kind == HUB and not folder:
        return _TEMPORARY.fullmatch(name) is not None
    return kind in (DATASETS, ANY) and name.endswith(".incomplete") and name != ".incomplete"


def is_worth(kind: str, folder: str, name: str) -> bool:
    """Whether there may be something in a folder: most of a hub's cache is finished."""
    if kind != HUB or folder:
        return not (kind == HUB and "/" not in folder and name not in ("blobs", "refs") and folder != ".locks")
    return name == ".locks" or "--" in name


def marker(text: str) -> Optional[Marker]:
    """What filelock 3.22 and later write into a marker; None for anything else."""
    lines = text.strip().splitlines()
    if not text.endswith("\n") or len(lines) not in (2, 3) or not re.fullmatch(r"[1-9]\d{0,9}", lines[0]):
        return None
    return Marker(int(lines[0]), lines[1])


def objection(one: Leftover, policy: Policy) -> str:
    """Why a group stays, before anybody asks whether it is in use; empty when it may go."""
    return next(_objections(one, policy), "")


def _objections(one: Leftover, policy: Policy) -> Iterator[str]:
    for entry in one.entries:
        others = sorted(entry.owners - {policy.user})
        if entry.type in (LINK, OTHER):
            yield f"{entry.name} is {'a symbolic link' if entry.type == LINK else 'no regular file'}"
        if others:
            yield f"{entry.name} belongs to user {others[0]}"
        if entry.unreadable:
            yield f"some of {entry.name} cannot be read"
        yield from _maker(entry, policy)
    for entry in one.locks:
        if entry.links != 1:
            yield f"{entry.name} has other names (hard links)"
        if entry.size:
            yield from _holder(entry, policy)
    if policy.now - one.changed < policy.age:
        yield YOUNG
    if one.kind == LOCK and not policy.lock_files and not any(entry.size for entry in one.locks):
        yield KEPT


YOUNG = "too young"
KEPT = "a lock file (--lock-files)"


def _holder(entry: Entry, policy: Policy) -> Iterator[str]:
    """Whether the process that wrote a marker may hold it."""
    told = marker(entry.marker)
    if told is None:
        yield f"{entry.name} holds something that no tool known here writes"
    elif told.host != policy.host:
        yield f"{entry.name} is a marker of process {told.pid} on {told.host}, which cannot be asked from here"
    elif policy.alive(told.pid):
        yield f"{entry.name} is a marker of process {told.pid}, which runs"


def _maker(entry: Entry, policy: Policy) -> Iterator[str]:
    """Whether the process in whose name rows were kept may need them."""
    told = names.maker(entry.name)
    if told is None or entry.changed < policy.booted:
        return
    host, pid = told
    if host != policy.maker:
        yield f"{entry.name} is of a process elsewhere, which cannot be asked from here"
    elif policy.alive(pid):
        yield f"{entry.name} is of process {pid}, which runs"


def _runs(entries: Sequence[Entry], *, certain: bool) -> Tuple[List[Leftover], List[Entry]]:
    """The groups of evaluate's processes in one folder, and what else is there.

    Where it is not ``certain`` that evaluate made the files, an arrow file without lock files is not one of them.
    """
    groups: Dict[Tuple[str, int], List[Tuple[Optional[int], bool, Entry]]] = {}
    rest = []
    for entry in entries:
        told = _RUN.fullmatch(entry.name)
        number = None if told is None or told["k"] is None else int(told["k"])
        # Only several processes have a rendezvous.
        if told is None or entry.type == FOLDER or (1 if number is None else number) >= int(told["n"]):
            rest.append(entry)
            continue
        is_lock = number is None or told["lock"] is not None
        groups.setdefault((told["experiment"], int(told["n"])), []).append((number, is_lock, entry))
    found = []
    for (experiment, n), those in groups.items():
        if not certain and not any(is_lock for _, is_lock, _ in those):
            rest += [entry for _, _, entry in those]
        else:
            found.append(_run(experiment, n, those))
    return found, rest


def _run(experiment: str, n: int, those: Sequence[Tuple[Optional[int], bool, Entry]]) -> Leftover:
    """The group of one run: processes ``0`` to ``n - 1`` and their rendezvous.

    Process 0 holds the rendezvous while it asks whether all others hold theirs, and every other one holds its own
    while it asks whether process 0 holds its. A lock that is held here for a moment would be a wrong answer. So the
    rendezvous is taken first and that of process 0 last: each refuses as long as anybody may ask for those behind.
    """
    folder = those[0][2].folder
    data = sorted((number or 0, entry) for number, is_lock, entry in those if not is_lock)
    locks = sorted((n if number is None else number, entry) for number, is_lock, entry in those if is_lock)
    name = f"{experiment}-{n}"
    # Not as many as there could be, where the number in the name is absurd or only locks are left.
    numbers = range(n) if data and n <= _MANY else sorted({number for number, _ in data + locks if number < n})
    needed = bool(data)
    guards = [Guard(folder, f"{name}-{number}.arrow.lock", needed) for number in numbers]
    if n > 1:
        guards.append(Guard(folder, f"{name}-rdv.lock", needed))
    return Leftover(
        RUN if data else LOCK,
        f"{folder}/{name}" if folder else name,
        tuple(entry for _, entry in data),
        tuple(reversed(guards)),
        tuple(entry for _, entry in locks),
    )


_MANY = 4096


def _single(kind: str, folder: str, entry: Entry) -> Optional[Leftover]:
    """What one file or folder is left of, if of anything."""
    if entry.type == FOLDER:
        return _folder(kind, folder, entry)
    if entry.name.startswith(DOCTOR) or _SPOOL.fullmatch(entry.name) or _LAST_WORDS.fullmatch(entry.name):
        return Leftover(TEMPORARY, entry.path, (entry,), ())
    if _is_lock(kind, folder, entry.name):
        own = Guard(folder, entry.name, needed=False)
        return Leftover(MARKER if entry.size else LOCK, entry.path, (), (own,), (entry,))
    guards = _guards(kind, folder, entry.name)
    if guards:
        return Leftover(DOWNLOAD, entry.path, (entry,), guards)
    is_reference = kind == HUB and folder.split("/")[1:2] == ["refs"] and _REFERENCE.fullmatch(entry.name)
    if is_reference or (kind in (DATASETS, EVALUATE, DOWNLOADS) and _TEMPORARY.fullmatch(entry.name)):
        return Leftover(TEMPORARY, entry.path, (entry,), ())
    return None


def _guards(kind: str, folder: str, name: str) -> Tuple[Guard, ...]:
    """The locks under which an unfinished download is written; empty for any other file."""
    above, _, last = folder.rpartition("/")
    told = _BLOB.fullmatch(name) if kind == HUB and last == "blobs" else None
    if told:
        lock = f"{told['etag']}.lock"
        # The second is where it was until huggingface_hub 0.20. Neither need be there.
        return Guard(f".locks/{above}", lock, needed=False), Guard(folder, lock, needed=False)
    told = _DOWNLOAD.fullmatch(name) if _holds_downloads(kind, folder) else None
    return (Guard(folder, f"{told['target']}.lock", needed=True),) if told else ()


def _folder(kind: str, folder: str, entry: Entry) -> Optional[Leftover]:
    if not is_whole(kind, folder, entry.name):
        return None
    if kind == HUB or _SPOOL.fullmatch(entry.name):
        return Leftover(TEMPORARY, entry.path, (entry,), ())
    lock = f"{entry.name[: -len('.incomplete')]}_builder.lock"
    # One with too long a name is called otherwise, each time: nothing can be known of it.
    guards = (Guard(folder, lock, needed=True),)
    return Leftover(PREPARATION, entry.path, (entry,), guards) if len(lock.encode()) <= _LONGEST else None


_LONGEST = 255


def _holds_downloads(kind: str, folder: str) -> bool:
    """Whether files are downloaded into a folder."""
    if kind == DOWNLOADS or (kind == HUB and not folder):
        return True
    return kind in (DATASETS, EVALUATE, ANY) and folder.rpartition("/")[2] == "downloads"


def _is_lock(kind: str, folder: str, name: str) -> bool:
    """Whether a tool that uses the cache makes a lock file of this name there."""
    if kind == HUB:
        parts = folder.split("/")
        inner = (parts[0] == ".locks" and len(parts) > 1) or parts[-1] == "blobs"
        return (inner and _LOCK.fullmatch(name) is not None) or _DOWNLOAD_LOCK.fullmatch(name) is not None
    if kind == MODULES:
        return (
            folder.partition("/")[0] in ("datasets_modules", "evaluate_modules")
            and _LOCK.fullmatch(name) is not None
        )
    if kind == DATASETS and not folder:  # one for each dataset, called like its folder
        return _LOCK.fullmatch(name) is not None
    if kind in (DATASETS, ANY) and _PREPARED_LOCK.fullmatch(name):
        return True
    return kind in (DATASETS, EVALUATE, DOWNLOADS, ANY) and _DOWNLOAD_LOCK.fullmatch(name) is not None
