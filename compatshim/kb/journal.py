"""The runs that were finished, on disk: what makes an interrupted command go on from where it was.

A line of JSON for each run, appended in one piece; a crash leaves at most a last line that is not whole, which is
not read. Several processes may write to one journal.
"""

from __future__ import annotations

import json
import os
import time
from threading import Lock
from typing import BinaryIO, Dict, NamedTuple, Optional, Tuple

from compatshim import files
from compatshim.kb.runs import SEEN, Observation

_DAY = 86400  # seconds
_LASTING = ("inapplicable", "broken")  # what another try does not change
_FEW = 100  # lines
_REMEMBERED = (*SEEN, *_LASTING, "uninstallable")


class Entry(NamedTuple):
    """A run and when it was recorded, in seconds since the epoch."""

    observation: Observation
    when: float


class Journal:
    """The finished runs by key, kept in one file."""

    def __init__(self, path: str) -> None:
        """Keep them in ``path``, which need not be there."""
        self._path = path
        self._lock = Lock()
        self._entries = self._read()

    def recall(self, key: str, *, expected: str = "", since: float = 0.0) -> Optional[Observation]:
        """What was observed, if that still counts.

        What was ``expected`` counts for ever. A surprise counts for a day, so that an interrupted command can go
        on but the next one looks again; so does what could not be installed. What was recorded before ``since``
        does not count at all.
        """
        entry = self._entries.get(key)
        if entry is None or entry.when < since:
            return None
        found = entry.observation
        lasting = found.outcome in (expected, *_LASTING) if expected else found.outcome in (*SEEN, *_LASTING)
        return found if lasting or entry.when > time.time() - _DAY else None

    def record(self, key: str, observation: Observation) -> None:
        """Remember a run, unless another try might well end otherwise."""
        killed = observation.outcome == "broken" and observation.text.startswith("killed after")
        if observation.outcome not in _REMEMBERED or killed:
            return
        with self._lock:
            entry = self._entries[key] = Entry(observation, time.time())
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with files.locked(f"{self._path}.lock"), open(self._path, "a+b") as file:
                if file.tell() and not _ends_line(file):
                    file.write(b"\n")  # a crash cut the last one short
                file.write(_line(key, entry).encode("utf-8"))

    def _read(self) -> Dict[str, Entry]:
        lines = (files.read_text(self._path) or "").splitlines()
        entries = dict(filter(None, map(_parsed, lines)))
        if len(lines) > 2 * len(entries) + _FEW:
            self._compact()
        return entries

    def _compact(self) -> None:
        """Leave of the lines of one run only the last."""
        with files.locked(f"{self._path}.lock"):
            latest: Dict[str, str] = {}
            for line in (files.read_text(self._path) or "").splitlines():
                latest[line[: line.find(",")]] = line
            files.write_atomically(self._path, "".join(f"{line}\n" for line in latest.values()))


def _ends_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _parsed(line: str) -> Optional[Tuple[str, Entry]]:
    """A line's key and entry; None when it is not whole, or of another form."""
    try:
        key, when, values = json.loads(line)
        values["installed"] = tuple(values["installed"].items())
        return str(key), Entry(Observation(**values), float(when))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _line(key: str, entry: Entry) -> str:
    values = {**entry.observation._asdict(), "installed": dict(entry.observation.installed)}
    return json.dumps([key, round(entry.when), values]) + "\n"
