"""An advisory about two projects that nobody has, their releases, and machines that run its reproducer."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Lock
from typing import Callable, Dict, List, Optional, Tuple

from packaging.version import Version

from compatshim import catalog
from compatshim.kb import runs
from compatshim.kb.cases import Case
from compatshim.kb.engine import Engine
from compatshim.kb.environments import Stopped
from compatshim.kb.journal import Journal
from compatshim.kb.runs import Observation, Site, Task
from compatshim.kb.verify import Result, Runner, Watch
from compatshim.kb.worlds import Program
from compatshim.metadata.interface import Release
from compatshim.model import Advisory, Verified

HEAD = """\
schema_version = "1.0"   # a comment, which stays
id = "CSA-2026-0001"
title = "A and b do not go together"
symptom = "hang"
severity = "high"
root_cause = '''Because.'''

[[terms]]
project = "a"
imports = ["a"]
ranges = [{ introduced = "2.0", fixed = "3.0" }, {introduced="5.0",  last_checked="6.0"}]

[[terms]]
project = "b"
ranges = [{ introduced = "0", fixed = "1.2" }]

[[remedies]]
kind = "upgrade"
constraints = ["b>=1.2", "c<3"]

[[remedies]]
kind = "shim"
shim = "a_b"

[reproducer]
id = "hangs"
requires = ["pytz==2024.1"]
timeout = 7

[[references]]
type = "WEB"
url = "https://example.org/"
"""

A = ("1.8", "1.9", "2.0", "2.1", "2.9", "3.0", "4.0", "5.0", "6.0", "7.0")
B = ("0.1", "1.0", "1.1", "1.2", "1.3")


class Known:
    """Releases of two projects; some are yanked, some say which Python they want."""

    description = "made up"

    def knows(self, project: str) -> bool:
        return bool(project)

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        if project == "a":
            wants = {"6.0": ">=3.12", "7.0": ">=3.12", "1.8": "not a specifier"}
            known = tuple(
                Release("a", Version(text), wants.get(text, ">=3.8"), uploaded="2024-01-01") for text in A
            )
            return (*known, Release("a", Version("2.8.9"), yanked=True))
        if project == "b":
            return tuple(Release("b", Version(text), uploaded="2019-01-01" if text == "0.1" else "") for text in B)
        return None


MINORS = ("3.8", "3.11", "3.12")
ON = ("3.11", runs.platform())


def advisory(text: str = HEAD) -> Advisory:
    return catalog.parse(text.encode(), "CSA-2026-0001.toml")


def versions(**found: str) -> Tuple[Tuple[str, Version], ...]:
    return tuple(sorted((project, Version(text)) for project, text in found.items()))


def row(outcome: str, on: Tuple[str, str] = ON, date: str = "2026-11-22", **found: str) -> Verified:
    return Verified(outcome, on[0], on[1], date, versions(**found))


Says = Tuple[str, str]
"""An outcome and the text that goes with it."""
BAD: Says = ("bad", "BAD: it hangs")
GOOD: Says = ("good", "healthy")


class World:
    """A backend on which ``does`` says what each combination does, and ``missing`` what cannot be had."""

    site = Site(runs.platform(), tuple((minor, f"{minor}.1") for minor in MINORS), "digest")

    def __init__(self, folder: Path, *, parallel: int = 1) -> None:
        self.parallel = parallel
        self.does: Dict[Tuple[Tuple[str, ...], bool], Says] = {}
        self.otherwise: Optional[Callable[[Task], Says]] = None
        self.missing: List[str] = []
        self.ran: List[Tuple[Tuple[str, ...], bool]] = []
        self.tasks: List[Task] = []
        self.most = 1000
        """After so many tasks the next takes until it is stopped."""
        self.stopped = Event()
        self.folder = folder
        self._lock = Lock()

    def perform(self, task: Task) -> Observation:
        pins = dict(line.split("==") for line in task.requirements)
        if set(self.missing) & {task.minor, *task.requirements}:
            return Observation("uninstallable", "Because there is no such wheel.")
        key = (tuple(f"{name} {pins[name]}" for name in ("a", "b") if name in pins), task.shim)
        if len(self.tasks) >= self.most:
            assert self.stopped.wait(timeout=60)
            raise Stopped
        with self._lock:
            self.ran.append(key)
            self.tasks.append(task)
        outcome, text = self.otherwise(task) if self.otherwise else self.does[key]
        return Observation(outcome, text, "2026-11-25", runs.platform(), tuple(sorted(pins.items())), 1.5)

    def stop(self) -> None:
        self.stopped.set()

    @property
    def engine(self) -> Engine:
        """A new one, as of a new process, with the journal of those before."""
        return Engine(self, Journal(str(self.folder / "cache" / "journal.jsonl")))

    def ask(self, case: Case) -> Result:
        return Runner(advisory(), Program("hangs", "print()", (), 7), self.engine, Watch()).answer(case)
