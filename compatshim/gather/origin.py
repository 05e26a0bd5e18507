"""Where a process comes from, to tell two jobs apart that nothing else tells apart.

Launchers and schedulers name their jobs, torch and MPI have a channel of their own. Where a program is started by
hand, or by :mod:`multiprocessing`, the ranks of two jobs may meet at one address or in one directory. They are of
different jobs when they were started with different arguments, or are children of different parents.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

_MOST = 64  # arguments; the others count as one


def mine(rank: int) -> Dict[str, Any]:
    """What a process says of itself, as plain data; arguments only as digests."""
    parent = _multiprocessing_parent()
    return {
        "host": host(),
        "name": f"{os.getpid()} on {socket.gethostname()}",
        "pid": os.getpid(),
        "parent": os.getppid(),
        "family": parent or os.getpid(),
        "child": bool(parent),
        "arguments": _arguments(rank),
    }


def same_job(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two processes may be ranks of one job, as far as can be told."""
    if one["host"] == other["host"]:
        if one["pid"] == other["parent"] or other["pid"] == one["parent"]:
            return True
        if (one["child"] or other["child"]) and one["family"] != other["family"]:
            return False
    ours, theirs = one["arguments"], other["arguments"]
    return len(ours) == len(theirs) and all(
        words == others and len(numbers) == len(counts) and all(map(_alike, numbers, counts))
        for (words, numbers), (others, counts) in zip(ours, theirs)
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether two numbers are the same, or each is the rank of its process: ``--rank=1`` is like ``--rank=0``."""
    return bool(one[0] == other[0] or (one[1] and other[1]))


def host() -> str:
    """The current boot of this machine, seen from this container."""
    parts = [socket.gethostname()]
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            parts.append(file.read().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux: the name is all there is
        pass
    return " ".join(parts)


def alive(pid: int) -> bool:
    """Whether this host has a process of this number; one that may not be asked is there."""
    if os.name != "posix":  # where to ask would be to end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        pass
    return True


def _multiprocessing_parent() -> int:
    """The parent of a child of :mod:`multiprocessing`; 0 for any other process."""
    process = sys.modules.get("multiprocessing.process")
    parent = process.parent_process() if process is not None else None
    return parent.pid if parent is not None else 0


def _arguments(rank: int) -> List[Any]:
    """Each argument as a digest of what is no number, and its numbers: a digest, and whether it is the rank."""
    words = [str(word) for word in getattr(sys, "argv", [])]
    words = [*words[:_MOST], "\0".join(words[_MOST:])] if len(words) > _MOST else words
    return [
        [
            _digest(re.sub(r"\d+", "0", word)),
            [[_digest(number), int(number) == rank] for number in re.findall(r"\d+", word)[:_MOST]],
        ]
        for word in words
    ]


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogateescape")).hexdigest()[:12]
