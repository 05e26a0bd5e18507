"""The ledgers of a job's processes, as ``COMPATSHIM_LOG`` collected them (:mod:`compatshim.startup.joblog`)."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from compatshim.startup.joblog import FULL, LIMIT

_START = re.compile(rb'(?=\{"time":")')
"""Where a line begins, also behind one that was torn: within a JSON string the quotes would be escaped."""
TROUBLE = ("error", "shape-unknown", "setting-ignored")
"""Reasons that are a finding wherever they occur."""


class Outcome(NamedTuple):
    """The last word on one shim and module. See :class:`compatshim.startup.ledger.Entry`."""

    advisory: str
    shim: str
    module: str
    action: str
    reason: str
    detail: str


class Process(NamedTuple):
    """One process of a job."""

    job: str
    host: str
    pid: int
    rank: Optional[int]
    world: Optional[int]
    program: str
    last: str
    """When it wrote last, in UTC."""
    outcomes: Tuple[Outcome, ...]


class Log(NamedTuple):
    """All that is in a directory."""

    processes: Tuple[Process, ...]
    torn: int
    """Lines that could not be read: their writer was killed, or the disk was full."""
    full: Tuple[str, ...]
    """Files that reached their limit; later lines are missing."""
    unread: Tuple[str, ...]
    """Files that could not be read, and why."""


def read(folder: str) -> Log:
    """Merge the files of a directory by process. Raises :exc:`OSError` when the directory cannot be read."""
    lines: List[Dict[str, Any]] = []
    torn, full, unread = 0, [], []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".jsonl"):
            continue
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            unread.append(f"{path}: {error.strerror}")
            continue
        found, lost = _lines(content)
        if len(content) >= LIMIT:
            full.append(path)
        lines += found
        torn += lost
    return Log(tuple(_processes(lines)), torn, tuple(full), tuple(unread))


def _lines(content: bytes) -> Tuple[List[Dict[str, Any]], int]:
    """The lines that are whole, and how many are not."""
    pieces = [piece for line in content.split(b"\n") for piece in _START.split(line) if piece]
    found = [line for line in map(_parsed, pieces) if line is not None]
    return found, len(pieces) - len(found)


def _parsed(piece: bytes) -> Optional[Dict[str, Any]]:
    try:
        line: Dict[str, Any] = json.loads(piece)
        _key(line), _outcome(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return line


def _key(line: Dict[str, Any]) -> Tuple[str, int, int]:
    return str(line["host"]), int(line["pid"]), int(line["started"])


def _outcome(line: Dict[str, Any]) -> Outcome:
    if line["action"] == FULL:
        return Outcome("", "", "", FULL, "", "")
    return Outcome(*(str(line[name]) for name in Outcome._fields))


def _processes(lines: Iterable[Dict[str, Any]]) -> Iterable[Process]:
    grouped: Dict[Tuple[str, int, int], List[Dict[str, Any]]] = {}
    for line in lines:
        grouped.setdefault(_key(line), []).append(line)
    for own in grouped.values():
        last = own[-1]
        outcomes = (_outcome(line) for line in own)
        newest = {(one.advisory, one.shim, one.module): one for one in outcomes if one.action != FULL}
        yield Process(
            str(last.get("job") or ""),
            str(last["host"]),
            int(last["pid"]),
            last.get("rank"),
            last.get("world"),
            str(last.get("program") or ""),
            str(last["time"]),
            tuple(newest.values()),
        )


def jobs(log: Log) -> Dict[str, List[Process]]:
    """The processes by job; those of no known job are under the empty string."""
    found: Dict[str, List[Process]] = {}
    for process in sorted(
        log.processes, key=lambda one: (one.job, one.rank is None, one.rank or 0, one.host, one.pid)
    ):
        found.setdefault(process.job, []).append(process)
    return found


def outcomes(processes: Iterable[Process]) -> Dict[Outcome, List[Process]]:
    """Equal outcomes together, in the order of advisories and modules."""
    found: Dict[Outcome, List[Process]] = {}
    for process in processes:
        for outcome in process.outcomes:
            found.setdefault(outcome, []).append(process)
    return dict(sorted(found.items()))


def findings(processes: Sequence[Process]) -> Tuple[Outcome, ...]:
    """What is not as it should be: trouble, and what was skipped in some processes and applied in others."""
    found = outcomes(processes)
    applied = {(one.advisory, one.module) for one in found if one.action == "applied"}
    return tuple(
        one
        for one in found
        if one.reason in TROUBLE or (one.action == "skipped" and (one.advisory, one.module) in applied)
    )


def who(processes: Sequence[Process]) -> str:
    """Processes in words: ``ranks 0-7 on 2 hosts``."""
    hosts = sorted({one.host for one in processes})
    where = f"on {hosts[0]}" if len(hosts) == 1 else f"on {len(hosts)} hosts"
    ranks = sorted({one.rank for one in processes if one.rank is not None})
    number = f"{len(processes)} process{'es' if len(processes) > 1 else ''}"
    if not ranks:
        return f"{number} {where}"
    text = f"rank{'s' if len(ranks) > 1 else ''} {ranges(ranks)}"
    # The children of a rank have its environment.
    return f"{text} {where}" if len(ranks) == len(processes) else f"{text} ({number}) {where}"


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers in words: ``0-2, 5``."""
    parts: List[List[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
