"""How long work that is partly remembered from before will still take."""

from __future__ import annotations

import time
from typing import Callable, Optional


class Pace:
    """Estimates from what was really run: what the journal answers takes no time and says nothing of the rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._clock = clock
        self._start = (clock(), 0)
        self._done = self._total = 0

    def note(self, done: int, total: int, runs: int) -> None:
        """Of ``total`` pieces of work ``done`` are finished; ``runs`` were made for them."""
        if not runs:
            self._start = (self._clock(), done)
        self._done, self._total = done, total

    @property
    def left(self) -> Optional[float]:
        """Seconds, or None while there is nothing to judge by."""
        since, before = self._start
        if self._total and self._done == self._total:
            return 0.0
        if self._done == before:
            return None
        return (self._clock() - since) / (self._done - before) * (self._total - self._done)

    def __str__(self) -> str:
        left = self.left
        if left is None:
            return "time left unknown"
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"
