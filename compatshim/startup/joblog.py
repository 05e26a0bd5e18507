"""The ledger of a whole job: with ``COMPATSHIM_LOG=DIRECTORY`` each process appends what it did to a file there.

One JSON object a line and one file a host, ``HOST.jsonl``: appending is atomic on one host's file system, and two
hosts never write to the same file, which network file systems would not keep apart. Nothing is locked, nothing is
created but the file, and a file does not grow beyond :data:`LIMIT` by more than the lines being written then.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time

from compatshim.startup import distributed
from compatshim.startup.notices import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from compatshim.startup.ledger import Entry

LIMIT = 4 << 20
"""Bytes in a file after which no more is written."""
LINE = 4000
"""The most bytes in a line: what is written at once stays whole."""
FULL = "full"
"""The action of the last line in a file that reached its limit."""

_process: Dict[str, Any] = {}
_folder = ""
_silent = False


def append(entry: Entry) -> None:
    """Write one line. What goes wrong is one warning, and no more is written in this process."""
    global _silent, _folder
    if _silent:
        return
    try:
        # The program may change its directory later on; all lines go to the one it was started in.
        _folder = _folder or os.path.abspath(os.environ["COMPATSHIM_LOG"])
        _write(os.path.join(_folder, _name()), entry.as_dict())
    except Exception as error:
        _silent = True
        from compatshim.startup import guard

        warn(f"COMPATSHIM_LOG: nothing more is written to {_folder} ({guard.describe(error)}).", "COMPATSHIM_LOG")


def _write(path: str, content: Dict[str, str]) -> None:
    # Somebody else's link or pipe in a shared directory is not written to, nor waited for.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        if found.st_size >= LIMIT:
            return
        line = _line(content)
        _put(descriptor, line)
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if end - len(line) < LIMIT <= end:  # exactly one line crosses the limit, and its writer says so
            _put(descriptor, _line({"action": FULL}))
    finally:
        os.close(descriptor)


def _put(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) != len(line):
        raise OSError("the disk is full")


def _line(content: Dict[str, str]) -> bytes:
    """A line that begins with its time, which is how a reader finds the next one after a torn one."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    short = {name: value[:300] for name, value in content.items()}
    for some in (short, {**short, "detail": ""}):
        text = json.dumps({"time": stamp, **_this(now), **some}, separators=(",", ":"))
        if len(text) < LINE:
            break
    return text.encode("ascii") + b"\n"


def _this(now: float) -> Dict[str, Any]:
    """Which process this is; a forked child is another one."""
    if _process.get("pid") != os.getpid():
        _process.update(
            host=_host(),
            pid=os.getpid(),
            started=int(now * 1_000_000),  # numbers of processes are used again
            rank=distributed.rank(),
            world=distributed.world(),
            job=distributed.job()[:100],
            program=os.path.basename(sys.argv[0] if getattr(sys, "argv", None) else "")[:100],
        )
    return _process


def _host() -> str:
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[:100] or "host"


def _name() -> str:
    # Elsewhere a C library moves to the end and then writes, in two steps.
    return f"{_host()}.jsonl" if os.name == "posix" else f"{_host()}-{os.getpid()}.jsonl"
