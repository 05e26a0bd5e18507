"""Tasks performed by the workers of a Dask cluster.

The scheduler hands each task to a worker, and to another one when that dies. A worker needs compatshim, the same as
here, and the Pythons; the reproducer travels with the task. Environments stay on the machine of the worker.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from threading import Lock
from typing import TYPE_CHECKING, Any, Dict, Set

from compatshim.kb import runs
from compatshim.kb.environments import Stopped
from compatshim.kb.runs import Observation, Site, Task

if TYPE_CHECKING:
    from distributed import Future

_TIMEOUT = 10  # seconds that a scheduler has to answer
_AHEAD = 2  # tasks for each thread of a worker, so that it need not wait for the next one


class ClusterError(Exception):
    """A cluster cannot be used; the message says which one, why, and what to do."""


class Cluster:
    """The workers behind a scheduler: all of one kind, or what one observes would not hold for another."""

    def __init__(self, address: str, *, limit: float = float("inf"), since: float = 0.0) -> None:
        """Connect to the scheduler at ``address``. Raises :exc:`ClusterError`."""
        from distributed import Client

        self._how = {"limit": limit, "since": since}
        self._asked: Set[Future] = set()
        self._lock = Lock()
        try:
            self._client: Any = Client(address, timeout=_TIMEOUT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"--scheduler {address}: does not answer ({error}): is the scheduler up?") from error
        try:
            self.site = self._common(address)
            threads: Dict[str, int] = self._client.nthreads()
            self.parallel = _AHEAD * sum(threads.values())
        except BaseException:
            self.close()
            raise

    def _common(self, address: str) -> Site:
        """What all workers are."""
        try:
            sites: Dict[str, Any] = self._client.run(runs.site)
        except Exception as error:  # whatever a worker raised, or what it is on the way from there
            raise ClusterError(f"--scheduler {address}: a worker has not this compatshim: {error}") from error
        if not sites:
            raise ClusterError(f"--scheduler {address}: has no worker yet: start some with `dask worker {address}`")
        found = {site: worker for worker, site in sites.items()}
        if len(found) > 1:
            (one, first), (other, second), *_ = found.items()
            differ = [name for name in Site._fields if getattr(one, name) != getattr(other, name)]
            raise ClusterError(
                f"--scheduler {address}: workers {first} and {second} differ in {', '.join(differ)}: "
                "use workers of one kind; `kb matrix` is for several kinds"
            )
        site: Site = next(iter(found))
        if site.runtime != runs.site().runtime:
            raise ClusterError(f"--scheduler {address}: the workers have another compatshim than this one")
        return site

    def perform(self, task: Task) -> Observation:
        """Hand a task to the cluster and wait."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        future = self._client.submit(runs.perform, task, **self._how, pure=False)
        with self._lock:
            self._asked.add(future)
        try:
            seen: Observation = future.result()
        except (CancelledError, FutureCancelledError) as error:
            raise Stopped(task.name) from error
        except KilledWorker as error:
            return Observation("failed", f"one worker after another died of it: {error}")
        finally:
            with self._lock:
                self._asked.discard(future)
        return seen

    def stop(self) -> None:
        """Cancel what was handed out. A worker ends what it is at, and nobody waits for it."""
        with self._lock:
            asked = list(self._asked)
        self._client.cancel(asked, force=True)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()
