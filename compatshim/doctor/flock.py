"""Whether a lock that one process holds keeps another one out: measured with two processes of its own.

Both are children, so that a file system that never answers costs a timeout and not the whole command. What they do
is what filelock does: ``flock``, exclusive and without waiting, on a file opened for reading and writing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Optional

EXCLUDES, SHARES, STUCK, SILENT = "excludes", "shares", "stuck", "silent"
"""A second process is kept out; is let in; is kept out even when nobody holds the lock; no answer came in time.
Anything else is the name of an error, as ``ENOLCK``."""

TIMEOUT = 10.0
"""Seconds for each answer."""

# Commands: `take PATH`, `leave`. Answers: `taken`, `refused`, or the name of an error.
_PROGRAM = """
import errno, fcntl, os, sys
held = -1
for line in iter(sys.stdin.readline, ""):
    word, _, path = line.rstrip("\\n").partition(" ")
    if word == "leave":
        os.close(held)
        held, answer = -1, "left"
    else:
        held = -1
        try:
            held = os.open(os.fsdecode(bytes.fromhex(path)), os.O_RDWR)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            answer = "taken"
        except OSError as error:
            if held >= 0:
                os.close(held)
            name = errno.errorcode.get(error.errno, str(error.errno))
            answer = "refused" if name in ("EAGAIN", "EWOULDBLOCK", "EACCES") else name
    print(answer, flush=True)
"""


class _Taker:
    """A process that takes and leaves locks as it is told."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def take(self, path: str) -> str:
        return self._ask(f"take {os.fsencode(path).hex()}")

    def leave(self) -> None:
        self._ask("leave")

    def _ask(self, text: str) -> str:
        process = self._process
        assert process.stdin is not None  # noqa: S101  pipes, as asked for
        assert process.stdout is not None  # noqa: S101  likewise
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        try:
            process.stdin.write(f"{text}\n")
            process.stdin.flush()
            return process.stdout.readline().strip() or SILENT
        except OSError:
            return SILENT
        finally:
            timer.cancel()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Meter:
    """Two processes that try locks on each other; made when first needed."""

    def __init__(self) -> None:
        self._holder: Optional[_Taker] = None
        self._other: Optional[_Taker] = None

    def close(self) -> None:
        """End both processes."""
        for taker in (self._holder, self._other):
            if taker is not None:
                taker.close()
        self._holder = self._other = None

    def measure(self, path: str) -> str:
        """What locks on the file at ``path``, which is there, do: one of the words above, or an error."""
        if sys.platform == "win32":
            return ""
        if self._holder is None or self._other is None:
            self._holder, self._other = _Taker(), _Taker()
        answer = _excludes(self._holder, self._other, path)
        if answer == SILENT:
            self.close()
        return answer


def _excludes(holder: _Taker, other: _Taker, path: str) -> str:
    first = holder.take(path)
    if first != "taken":
        return STUCK if first == "refused" else first
    second = other.take(path)
    holder.leave()
    if second == "taken":
        other.leave()
        return SHARES
    if second != "refused":
        return second
    # A file system that refuses everybody does not exclude: it fails.
    again = other.take(path)
    if again == "taken":
        other.leave()
        return EXCLUDES
    return STUCK if again == "refused" else again
