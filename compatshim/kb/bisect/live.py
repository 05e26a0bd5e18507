"""The oracle that is the world: a combination is what the reproducer says in an environment that holds it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from packaging.version import Version

from compatshim.kb.bisect.boxes import Box, Point, inside
from compatshim.kb.bisect.lattice import Lattice
from compatshim.kb.bisect.search import BAD, GOOD, UNKNOWN
from compatshim.kb.engine import Engine
from compatshim.kb.environments import BuildError
from compatshim.kb.runs import SEEN, Observation
from compatshim.kb.verify import Watch
from compatshim.kb.worlds import Planner, Program
from compatshim.model import Verified

_MOMENT = 0.1  # seconds


class Seen(NamedTuple):
    """What a combination did, on the first Python on which it did anything."""

    minor: str
    observation: Observation


class Live:
    """Answers by running; remembers what was seen. Call it with points."""

    def __init__(self, lattice: Lattice, planner: Planner, program: Program, engine: Engine, watch: Watch) -> None:
        self._lattice = lattice
        self._planner = planner
        self._program = program
        self._engine = engine
        self._watch = watch
        self.seen: Dict[Point, Seen] = {}

    def __call__(self, points: Sequence[Point]) -> List[str]:
        """The label of each point. Raises :exc:`BuildError` when it cannot be found out, as without a network."""
        with ThreadPoolExecutor(self._engine.backend.parallel) as pool:
            futures = [pool.submit(self._look, point) for point in points]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self._abandon(futures)
                raise

    def _abandon(self, futures: Sequence[Future[str]]) -> None:
        for future in futures:
            future.cancel()
        while wait(futures, timeout=_MOMENT).not_done:
            self._engine.backend.stop()

    def _look(self, point: Point) -> str:
        pins = self._lattice.pins(point)
        candidate = self._planner.candidate(pins)
        if not all(self._planner.usable(name, version) for name, version in pins.items()):
            return UNKNOWN
        reasons: List[str] = []
        told: Set[Tuple[str, str]] = set()
        for minor in candidate.minors:
            seen = self._engine.observe(candidate.task(minor, self._program))
            if seen.outcome in SEEN:
                self.seen[point] = Seen(minor, seen)
                self._watch.saw(f"{candidate}, Python {minor}: {seen.outcome}")
                return BAD if seen.outcome == "bad" else GOOD
            if seen.outcome == "failed":
                raise BuildError(f"{candidate}, Python {minor}: {seen.text}")
            reasons.append(f"{seen.outcome} on Python {minor}: {seen.text}")
            # What a second Python does as well, a third will not do better.
            if seen.outcome == "inapplicable" or (seen.outcome, seen.text) in told:
                break
            told.add((seen.outcome, seen.text))
        self._watch.saw(f"{candidate}: unknown: {reasons[0] if reasons else 'no Python here admits it'}")
        return UNKNOWN

    def rows(self, box: Box, projects: Sequence[str]) -> Tuple[Verified, ...]:
        """What was seen that bears on a box: what is bad inside, and good outside along one axis only."""
        found = []
        for point, (minor, seen) in sorted(self.seen.items()):
            outside = sum(not low <= index <= high for (low, high), index in zip(box, point))
            if (seen.outcome == "bad" and inside(box, point)) or (seen.outcome == "good" and outside == 1):
                installed = dict(seen.installed)
                versions = tuple((name, Version(installed[name])) for name in sorted(projects) if name in installed)
                found.append(Verified(seen.outcome, minor, seen.platform, seen.date, versions))
        return tuple(found)
