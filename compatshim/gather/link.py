"""A process in its job: one meeting place or one connection per group, and which round each object is in."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import os
import shutil
import socket
import sys
import tempfile
import threading
import time

from compatshim.gather import groups, rendezvous, spool
from compatshim.gather.errors import GatherError
from compatshim.gather.hub import Hub
from compatshim.gather.spoke import Refused, Spoke, hail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Collection, Dict, List, Optional, Tuple

    from compatshim.gather.rendezvous import Rendezvous

    Check = Callable[[Dict[int, str]], None]


_ANSWER = 2.0
"""Seconds that whoever listens where rank 0 wants to has to say that it is rank 0, too."""
_ASKING = 4.0
"""Seconds that all of them have together, before they get a tenth each."""


class Link:
    """One rank's end of a group. Rank 0 receives, all others send."""

    def __init__(self, meeting: Rendezvous, rank: int, world: int, folder: str) -> None:
        self.rank = rank
        self.world = world
        self._meeting = meeting
        self._folder = folder
        self._numbers: Dict[str, int] = {}
        self._lock = threading.Lock()
        self._hub: Optional[Hub] = None
        self._spool = ""
        self._abandoned = False
        self._spoke = Spoke(meeting, rank, world) if rank else None

    def greet(self) -> None:
        """Be there for the others from now on: rank 0 listens, the others connect if it does already.

        What is wrong is not said here but by :meth:`gather`, which all ranks call: who fails alone is out of step.
        """
        with contextlib.suppress(GatherError, OSError):
            if self._spoke is not None:
                self._spoke.greet()
            else:
                self._listening().busy = True

    def check(self, what: str) -> None:
        """Raise :exc:`GatherError` in a fork of the process whose link this is."""
        if self._abandoned:
            raise GatherError(f"{what}: its rows are of the process that this one was forked from")

    def gather(self, what: str, path: str, timeout: float, check: Check) -> Optional[List[str]]:
        """Bring the rows in the files of all ranks together: on rank 0 their paths in rank order, elsewhere None.

        ``path`` is empty for no rows, and so are those that are returned. Raises :exc:`GatherError` on all ranks
        unless the rows of every rank are there.
        """
        one = (what, self._next(what))
        if self._spoke is not None:
            self._spoke.submit(one, path, timeout)
            return None

        def checked(others: Dict[int, str]) -> None:
            check({0: path, **dict(sorted(others.items()))})

        hub = self._listening()
        hub.busy = False
        others = hub.collect(one, timeout, checked)
        return [path, *(others[rank] for rank in range(1, self.world))]

    def survey(
        self, what: str, path: str, timeout: float, without: Collection[int] = ()
    ) -> Optional[Tuple[Dict[int, str], Dict[int, str]]]:
        """Bring to rank 0 what comes within ``timeout`` seconds, and there say why the rest does not.

        Rank 0 does not wait for those ranks that it is to do ``without``. On rank 0, the paths of all ranks that
        came, its own among them, and reasons by rank; None elsewhere. Raises :exc:`GatherError` where rank 0 cannot
        be reached, or two processes say that they are one rank.
        """
        one = (what, self._next(what))
        if self._spoke is not None:
            self._spoke.submit(one, path, timeout)
            return None
        hub = self._listening()
        hub.busy = False
        paths, absent = hub.survey(one, timeout, without)
        return {0: path, **paths}, absent

    def fail(self, what: str, reason: str) -> None:
        """Fail the next round of an object on all ranks: this one has no rows to give."""
        one = (what, self._next(what))
        if self._abandoned:  # the parent's round is not ours to fail
            return
        if self._spoke is not None:
            self._spoke.fail(one, reason)
        else:
            with contextlib.suppress(GatherError):  # then nobody finds us
                self._listening().fail(one, f"rank 0 failed: {reason}")

    def number(self, what: str) -> int:
        """The last round of an object that was begun here; -1 before the first."""
        return self._numbers.get(what, -1)

    def computing(self) -> contextlib.AbstractContextManager[None]:
        """While rank 0 computes, the others wait for it."""
        return self._hub.computing() if self._hub is not None else contextlib.nullcontext()

    def close(self, *, moved: bool = False) -> None:
        """Leave the group; ``moved`` when this process is another rank now, and its place is free."""
        if self._hub is not None:
            self._meeting.withdraw("" if moved else self._hub.untold)
            self._hub.close(moved=moved)
        elif self._spoke is not None:
            self._spoke.close(moved=moved)
        if self._spool:
            shutil.rmtree(self._spool, ignore_errors=True)

    def abandon(self) -> None:
        """Forget what a fork copied."""
        self._abandoned = True
        if self._hub is not None:
            self._hub.abandon()
        if self._spoke is not None:
            self._spoke.abandon()

    def _next(self, what: str) -> int:
        with self._lock:
            number = self._numbers[what] = self._numbers.get(what, -1) + 1
            return number

    def _listening(self) -> Hub:
        with self._lock:
            if self._hub is None or self._hub.retired:
                try:
                    self._hub = self._opened()
                except OSError as error:
                    raise GatherError(f"rank 0 cannot meet the others {self._meeting.where}: {error}") from None
            return self._hub

    def _opened(self) -> Hub:
        token = self._meeting.token()
        # Another rank 0 of this job that announced itself, and lives: it makes room, or both are wrong.
        if isinstance(self._meeting, rendezvous.Folder):
            for place in self._meeting.places():
                _challenge(place.hosts, place.port, place.token, self.world, _ANSWER)
        spool.sweep(self._folder)
        self._spool = self._spool or tempfile.mkdtemp(prefix=f".{spool.tag()}-", dir=self._folder)
        listener = self._bound(token)
        try:
            self._meeting.announce(listener.getsockname()[1], token)
            return Hub(listener, token, self.world, self._spool, self._meeting)
        except BaseException:  # whatever it is, Ctrl-C as well: nobody answers there
            listener.close()
            raise

    def _bound(self, token: bytes) -> socket.socket:
        """A listening socket at the first port that can be had."""
        ports = self._meeting.ports()
        end = time.monotonic() + _ASKING
        problem: Optional[OSError] = None
        for port in ports:
            for _ in range(20):
                try:
                    return _listen(port)
                except OSError as error:
                    problem = error
                    left = min(_ANSWER, max(end - time.monotonic(), 0.1))
                    taken = error.errno == errno.EADDRINUSE
                    if not taken or not _challenge(("127.0.0.1",), port, token, self.world, left):
                        break
                    time.sleep(0.05)  # it makes room
        raise GatherError(f"rank 0 cannot listen on port {ports[0]} to {ports[-1]}: {problem}")


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024, reuse_port=False
            )
    return socket.create_server(("", port), backlog=1024)


def _challenge(hosts: Tuple[str, ...], port: int, token: bytes, world: int, limit: float) -> bool:
    """Whether another rank 0 listened there and makes room. Raises :exc:`GatherError` when it cannot.

    It has ``limit`` seconds to answer, on each host.
    """
    for host in hosts:
        try:
            with socket.create_connection((host, port), timeout=limit) as sock:
                hail(sock, token, 0, world, "", timeout=limit)
        except Refused as error:
            if error.final:
                raise GatherError(str(error)) from None
            return not str(error)
        except Exception:  # noqa: BLE001, S112  not of ours, whatever it is
            continue
    return False


_links: Dict[Tuple[str, int, int, str, str], Link] = {}
_lock = threading.Lock()
_owner = 0


def link(rank: int, world: int, folder: str, name: str) -> Optional[Link]:
    """The link of rank ``rank`` of ``world``: through its group, or else through files in ``folder``.

    ``name`` tells objects of several jobs in one folder apart. None under ``COMPATSHIM_GATHER=off``.
    """
    global _lock, _owner
    wanted = groups.mode()
    if wanted == "off":
        return None
    if _owner != os.getpid():  # the first time, or in a child of a fork
        _lock = threading.Lock()
        if not _owner:
            atexit.register(_close_all)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_forget)
        util = sys.modules.get("multiprocessing.util")
        if util is not None:  # its children end without what is registered above
            util.Finalize(None, _close_all, exitpriority=0)
        _owner = os.getpid()
    with _lock:
        for group in groups.find(wanted):
            if (group.rank, group.world) == (rank, world):
                return _made(group.kind, rank, world, folder, meet=group.rendezvous)
        for key, held in list(_links.items()):
            # A pool's worker that is another rank now: the job that it was that rank of is over.
            if key[0] == "files" and key[2:] == (world, folder, name) and key[1] != rank:
                held.close(moved=True)
                del _links[key]
        meet = functools.partial(rendezvous.Folder, folder, f"{name}\0{world}")
        return _made("files", rank, world, folder, meet=meet, name=name)


def _made(kind: str, rank: int, world: int, folder: str, *, meet: Callable[[], Rendezvous], name: str = "") -> Link:
    key = (kind, rank, world, folder if kind == "files" else "", name)
    found = _links.get(key)
    if found is None:
        found = _links[key] = Link(meet(), rank, world, folder)
    return found


def _forget() -> None:
    for held in _links.values():
        held.abandon()
    _links.clear()


def _close_all() -> None:
    if _owner == os.getpid():
        for held in _links.values():
            held.close()
        _links.clear()
