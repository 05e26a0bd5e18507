"""CPU time of programs and of functions, and what is said of many runs."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple


class Spread(NamedTuple):
    """The least, the middle and the most of several figures."""

    least: float
    median: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def spread(figures: Sequence[float]) -> Spread:
    """Of at least one figure."""
    return Spread(min(figures), statistics.median(figures), max(figures))


def ratio(figures: Sequence[float], others: Sequence[float]) -> Spread:
    """Round by round, so that what slows the machine down for a while slows both down."""
    return spread([one / other for one, other in zip(figures, others)])


def programs(commands: Mapping[str, Sequence[str]], rounds: int) -> Dict[str, List[float]]:
    """CPU milliseconds (user and system, children included) of every command, one after the other in each round.

    A round that does not count comes first: caches are warm then, and bytecode is compiled.
    """
    found: Dict[str, List[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            milliseconds = program(command)[0]
            if number:
                found[name].append(milliseconds)
        if sys.stderr.isatty():
            sys.stderr.write(f"\rround {number} of {rounds} ")
    return found


def program(command: Sequence[str]) -> Tuple[float, int]:
    """CPU milliseconds of one run, and its exit status."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COMPATSHIM"))}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds * 1e3, done.returncode


def function(
    work: Callable[[], object], rounds: int, *, before: Callable[[], object] = lambda: None
) -> List[float]:
    """CPU milliseconds of every call; ``before`` is called ahead of each and is not counted."""
    found = []
    gc.collect()
    gc.disable()  # as the command line runs
    try:
        for _ in range(rounds):
            before()
            start = time.process_time()
            work()
            found.append((time.process_time() - start) * 1e3)
    finally:
        gc.enable()
    return found
