"""One function over many items in several processes, whatever becomes of one of them.

A process that is killed (the system does so when memory runs out) takes a pool of ``concurrent.futures`` with it,
and nobody knows which item it was about. So the few that were under way are tried again, each alone: what is killed
then is lost, all else is done.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Callable, Deque, Dict, Generic, List, Optional, Sequence, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

FEW = 16
"""Items for which starting processes takes longer than it saves."""
_AHEAD = 4
"""Items under way, for each process: one is worked on, the others wait where the process can take them."""
_MOST = 61 if sys.platform == "win32" else 1024
"""Processes that the system can wait for at once."""


def available() -> int:
    """How many processes can run at the same time."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(
    make: Callable[[], Callable[[Item], Result]],
    items: Sequence[Item],
    jobs: int,
    done: Callable[[int], None] = lambda _: None,
) -> List[Optional[Result]]:
    """What a function gives for each item, in their order; None where the process was killed that it ran in.

    ``make``, which must be importable by name, makes the function once in every process; the function must not
    raise. ``done`` is called here with the number of items that are done.
    """
    if len(items) < FEW:
        work = make()
        return [work(item) for item in items]
    return _Work(make, items, max(1, min(jobs, _MOST)), done).run()


class _Work(Generic[Item, Result]):
    def __init__(
        self,
        make: Callable[[], Callable[[Item], Result]],
        items: Sequence[Item],
        jobs: int,
        done: Callable[[int], None],
    ) -> None:
        self._make, self._items, self._jobs, self._told = make, items, jobs, done
        self._results: List[Optional[Result]] = [None] * len(items)
        self._done = 0

    def run(self) -> List[Optional[Result]]:
        waiting = deque(range(len(self._items)))
        while waiting:
            for number in self._pool(waiting, self._jobs, self._jobs * _AHEAD):
                if self._pool(deque([number]), 1, 1):  # it is this one
                    self._finish(number, None)
        return self._results

    def _pool(self, waiting: Deque[int], jobs: int, ahead: int) -> List[int]:
        """Work on what is waiting until there is nothing left, or a process was killed; what was under way then."""
        others = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(min(jobs, len(waiting)), initializer=_begin, initargs=(self._make,))
        under_way: Dict[Future[Result], int] = {}
        future: Future[Result]
        try:
            while waiting or under_way:
                while waiting and len(under_way) < ahead:
                    future = pool.submit(_work, self._items[waiting[0]])
                    under_way[future] = waiting.popleft()
                for ended in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = ended.result()
                    self._finish(under_way.pop(ended), result)
        except BrokenProcessPool:
            return sorted(under_way.values())
        finally:
            if under_way:  # interrupted, or broken: nobody waits for what others are at
                for process in set(multiprocessing.active_children()) - others:
                    process.kill()
            pool.shutdown()
        return []

    def _finish(self, number: int, result: Optional[Result]) -> None:
        self._results[number] = result
        self._done += 1
        self._told(self._done)


_made: List[Callable[..., object]] = []
"""What this process works with."""


def _begin(make: Callable[[], Callable[..., object]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this process sees to it
    gc.enable()  # which the command line does not: a process makes more than memory holds
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _made.append(make())


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however that was."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(item: Item) -> Result:  # type: ignore[type-var]  # whatever was made gives
    return _made[-1](item)  # type: ignore[return-value]  # likewise
