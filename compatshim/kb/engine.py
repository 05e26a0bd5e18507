"""Where tasks are performed, and the journal in front of it: what was observed before is not run again."""

from __future__ import annotations

import os
from threading import Lock
from typing import Dict, Protocol

from compatshim.kb import environments, runs
from compatshim.kb.journal import Journal
from compatshim.kb.runs import SEEN, Observation, Site, Task


class Backend(Protocol):
    """Machines that perform tasks, all of the same kind."""

    @property
    def site(self) -> Site:
        """What they are."""

    @property
    def parallel(self) -> int:
        """How many tasks they perform at a time."""

    def perform(self, task: Task) -> Observation:
        """Perform a task and wait for it. Called from ``parallel`` threads."""

    def stop(self) -> None:
        """End what is being performed: other threads' :meth:`perform` raises."""


class Here:
    """The machine this runs on."""

    def __init__(self, *, jobs: int, cache: str = "", limit: float = float("inf"), since: float = 0.0) -> None:
        """Perform ``jobs`` tasks at a time, as :func:`runs.perform` does."""
        self.parallel = jobs
        self._interpreters = environments.interpreters()
        self._how = {"cache": cache or None, "limit": limit, "since": since}

    @property
    def site(self) -> Site:
        """What this machine is."""
        return runs.site()

    def perform(self, task: Task) -> Observation:
        """Perform a task."""
        return runs.perform(task, interpreters=self._interpreters, **self._how)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Kill what is being performed."""
        environments.stop()


class Engine:
    """Observes what tasks do, each at most once.

    ``counted`` runs were really made.
    """

    def __init__(self, backend: Backend, journal: Journal, *, since: float = 0.0) -> None:
        """Perform on ``backend`` what ``journal`` does not know, or knows from before ``since`` only."""
        self.backend = backend
        self.counted = 0
        self._site = backend.site
        self._journal = journal
        self._since = since
        self._asked: Dict[str, Lock] = {}
        self._lock = Lock()

    @property
    def minors(self) -> tuple[str, ...]:
        """The Pythons there are."""
        return tuple(minor for minor, _ in self._site.pythons)

    def observe(self, task: Task, *, expected: str = "") -> Observation:
        """What a task does; safe to call from many threads.

        A ``bad`` or ``good`` outcome that is not the ``expected`` one is believed only when a second run agrees.
        """
        key = task.key(self._site)
        with self._lock:
            asked = self._asked.setdefault(key, Lock())
        with asked:  # another case may want the same at this moment
            known = self._journal.recall(key, expected=expected, since=self._since)
            if known is not None:
                return known
            seen = self._perform(task)
            if expected and seen.outcome in SEEN and seen.outcome != expected:
                again = self._perform(task)
                if again.outcome != seen.outcome:
                    text = f"{seen.outcome} ({seen.text}), then {again.outcome} ({again.text})"
                    return again._replace(outcome="unsteady", text=text)
                seen = again
            self._journal.record(key, seen)
            return seen

    def _perform(self, task: Task) -> Observation:
        with self._lock:
            self.counted += 1
        return self.backend.perform(task)


def journal_path(cache: str = "") -> str:
    """Where the journal of a cache of environments is."""
    return os.path.join(cache or environments.cache_directory(), "journal.jsonl")
