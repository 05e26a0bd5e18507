"""Rank 0's end: one thread that listens, receives the rows of all other ranks, and tells them how a round ended.

Nothing in the thread blocks on a connection: whatever a stranger sends, or does not send, costs a place among few
that are kept for strangers, and that for seconds. Rows go to disk as they come, so memory does not grow with them.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import selectors
import socket
import tempfile
import threading
import time

from compatshim.gather import origin, spool, wire
from compatshim.gather.errors import GatherError
from compatshim.gather.rounds import Rounds, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Callable, Collection, Dict, Generator, List, Optional, Set, Tuple

    from compatshim.gather.rendezvous import Rendezvous
    from compatshim.gather.rounds import Round

    # Yields how many bytes it wants, and is sent them.
    Talk = Generator[int, bytes, None]

STRANGERS = 64
"""Connections that have not proved themselves; one more, and the oldest goes."""
GREETED_WITHIN = 10.0
BEAT = 0.25
"""Seconds between two words to a rank that waits."""
LINGER = 2.0
"""Seconds in which the last words of a process that ends can still be heard."""
_PROGRESS = 0.01
"""Seconds between two calls that move an announcement on."""
_CHUNK = 1 << 20
_OTHER = "other arguments, or another parent; COMPATSHIM_GATHER_TOKEN makes them one job"
_LARGEST_BACKLOG = 1 << 20
_LONGEST = 4000
"""Letters of a verdict: each may take a dozen bytes on its way."""


class _Peer:
    """One connection."""

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.since = now
        self.talk: Talk
        self.wanted = 0
        self.got = bytearray()
        self.out = bytearray()
        self.rank = 0
        """0 for a stranger: rank 0 is we."""
        self.sink: Optional[BinaryIO] = None
        self.path = ""
        self.left = 0
        self.trouble = ""
        self.goodbye = False
        self.closing = False


class Hub:
    """The meeting place of a job, which rank 0 keeps.

    ``meeting`` is how the others learn of it. Rows are kept in files in ``folder`` until they are taken.
    """

    def __init__(self, listener: socket.socket, token: bytes, world: int, folder: str, meeting: Rendezvous) -> None:
        self.token = token
        self.world = world
        self.folder = folder
        self.meeting = meeting
        self.rounds = Rounds(world)
        self.busy = False
        """Whether rank 0 has rows of its own that wait for a round."""
        self._origin = origin.mine(0)
        self._collecting: Set[Round] = set()
        self._computing = 0
        self._retired = False
        self._closed = 0.0
        self._failed = ""
        self._doubt = ""
        self._seats: Dict[int, Tuple[str, str]] = {}
        self._peers: Dict[int, _Peer] = {}
        self._strangers: Dict[_Peer, None] = {}
        self._changed = threading.Condition()
        self._beat = 0.0
        self._buffer = bytearray(_CHUNK)
        self._listener = listener
        listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="compatshim-gather", daemon=True)
        self._thread.start()

    @property
    def retired(self) -> bool:
        """Whether another process of this job became rank 0."""
        return self._retired

    @property
    def untold(self) -> str:
        """How the last round failed, when a rank was never here to be told; else empty."""
        heard = self._retired or len(self._seats) == self.world - 1
        return self._ended() if self._failed and not heard else ""

    # What rank 0's own threads call.

    def collect(self, one: Round, timeout: float, check: Callable[[Dict[int, str]], None]) -> Dict[int, str]:
        """The paths of the rows of all other ranks, by rank; an empty path for no rows.

        ``check`` is given them before anybody is told that all went well. Raises :exc:`GatherError`, here and on
        all ranks, when a rank is missing after ``timeout`` seconds without progress, or will not come.
        """
        since = time.monotonic()
        with self._changed:
            try:
                with self._attending(one):
                    problem = self._problem(one, since, timeout)
                    while not problem and (not self.rounds.complete(one) or self._unheard(one)):
                        self._wait(timeout)
                        problem = self._problem(one, since, timeout)
                    paths = {} if problem else dict(self.rounds.arrived.get(one, {}))
            except BaseException:
                self._end(one, f"{describe(one)}: rank 0 was interrupted")
                raise
            if problem:
                self._end(one, problem)
                raise GatherError(problem)
        try:
            check(paths)
        except BaseException as error:
            with self._changed:
                self._end(one, str(error) or type(error).__name__)
            raise
        with self._changed:
            self._end(one, "", keep=True)
        return paths

    def survey(
        self, one: Round, timeout: float, without: Collection[int] = ()
    ) -> Tuple[Dict[int, str], Dict[int, str]]:
        """The paths of the rows that come, by rank, and why those of the other ranks do not.

        Ranks that it is to do ``without`` are not waited for. It ends well for everybody who is there; who comes
        later is told that it is over. Raises :exc:`GatherError` when nothing that comes can be trusted.
        """
        since = time.monotonic()
        with self._changed:
            with self._attending(one):
                while True:
                    gone, late = self.rounds.absent(one, since, timeout, time.monotonic())
                    paths = dict(self.rounds.arrived.get(one, {}))
                    if self.rounds.poison or len({*paths, *gone, *late, *without}) == self.world - 1:
                        break
                    self._wait(timeout)
            self._end(one, self.rounds.poison, keep=not self.rounds.poison)
            if self.rounds.poison:
                raise GatherError(self.rounds.poison)
        return paths, {**gone, **late}

    def fail(self, one: Round, reason: str) -> None:
        """Rank 0 itself fails a round."""
        with self._changed:
            self._end(one, reason)

    @contextlib.contextmanager
    def computing(self) -> Generator[None, None, None]:
        """While rank 0 computes, the others wait for it however long that takes."""
        with self._changed:
            self._computing += 1
        try:
            yield
        finally:
            with self._changed:
                self._computing -= 1

    def close(self, *, moved: bool = False) -> None:
        """End all connections and the thread, after what is still to be said to the others.

        When it ``moved``, they look for another rank 0; else they do not wait for one.
        """
        with self._changed:
            self._closed = time.monotonic() + LINGER
            for rank in self._peers:
                self._tell(rank, wire.RETIRED, {"reason": "" if moved else self._ended()})
        self._nudge()
        self._thread.join(LINGER)

    def abandon(self) -> None:
        """Close what a fork copied: the connections are the parent's."""
        for sock in (self._listener, self._wake, self._woken, *(peer.sock for peer in self._everybody())):
            sock.close()

    @contextlib.contextmanager
    def _attending(self, one: Round) -> Generator[None, None, None]:
        """While rank 0 waits for the rows of a round; a doubt about who is who counts from now on."""
        self.rounds.poison = self.rounds.poison or self._doubt
        self._collecting.add(one)
        try:
            yield
        finally:
            self._collecting.discard(one)

    def _wait(self, timeout: float) -> None:
        """Wait for something to change, in the thread that announced: it may be the only one that may call MPI."""
        self._changed.wait(min(_PROGRESS if self.meeting.progress() else BEAT, timeout))

    def _unheard(self, one: Round) -> bool:
        """Whether a rank has said more since its rows came, as that it gave up (a metric held the interpreter)."""
        there = (self._peers.get(rank) for rank in self.rounds.arrived.get(one, {}))
        return any(peer is not None and _more(peer.sock) for peer in there)

    def _problem(self, one: Round, since: float, timeout: float) -> str:
        if self._retired:
            return f"{describe(one)}: another process became rank 0"
        return self.rounds.problem(one, since, timeout, time.monotonic())

    def _end(self, one: Round, verdict: str, *, keep: bool = False) -> None:
        waiting = [rank for rank, other in self.rounds.waiting() if other == one]
        for rank in waiting:
            if rank in self.rounds.sending and rank in self._peers:
                self._peers[rank].goodbye = True  # it breaks off, for a reason that we give
        verdict = verdict[:_LONGEST]
        self._failed = verdict
        for path in self.rounds.end(one, verdict).values():
            if not keep:
                spool.remove(path)
        for rank in waiting:
            self._tell(rank, wire.VERDICT, {"what": one[0], "number": one[1], "problem": verdict})
            # At once: the metric may hold the interpreter from now on, and the thread would not come to it.
            peer = self._peers.get(rank)
            with contextlib.suppress(OSError):
                while peer is not None and peer.out:
                    del peer.out[: peer.sock.send(peer.out)]
        self._nudge()

    def _ended(self) -> str:
        return f"its process ended, after this: {self._failed}" if self._failed else "its process ended"

    def _tell(self, rank: int, kind: int, fields: Dict[str, Any]) -> None:
        peer = self._peers.get(rank)
        if peer is not None:
            peer.out += wire.frame(kind, fields)

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"!")

    def _everybody(self) -> List[_Peer]:
        return [*self._peers.values(), *self._strangers]

    # What the thread does.

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    with contextlib.suppress(OSError):
                        self._woken.recv(4096)
                else:
                    self._receive(key.data)
            with self._changed:
                self._beats()
                for peer in self._everybody():
                    self._send(peer)
                if self._retired or (self._closed and self._said(time.monotonic())):
                    break
        self._selector.close()
        self.abandon()

    def _pause(self) -> Optional[float]:
        """How long there is nothing to do but to listen; None for any time."""
        with self._changed:
            return BEAT / 2 if self._closed or self._strangers or self.rounds.waiting() else None

    def _said(self, now: float) -> bool:
        """Whether the others have heard all. Rows on their way are read: else the system would forget our words."""
        for peer in self._peers.values():
            if not peer.out:
                with contextlib.suppress(OSError):
                    peer.sock.shutdown(socket.SHUT_WR)
        return not any(peer.out or peer.left for peer in self._peers.values()) or now > self._closed

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptors left: the strangers make room
            if self._strangers:
                self._drop(next(iter(self._strangers)), "")
            else:
                time.sleep(BEAT / 10)  # the connection stays ready, and would be tried without end
            return
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _Peer(sock, time.monotonic())
        if len(self._strangers) >= STRANGERS:
            self._drop(next(iter(self._strangers)), "")
        self._strangers[peer] = None
        peer.talk = self._talk(peer)
        peer.wanted = next(peer.talk)
        self._selector.register(sock, selectors.EVENT_READ, peer)
        self._send(peer)

    def _receive(self, peer: _Peer) -> None:
        """Take what has come on a connection, a piece at most: the others have their turn, too."""
        if peer.left:
            self._take(peer)
        elif not peer.closing:
            with self._changed:  # what is taken is also known, or :meth:`_unheard` would miss it
                self._take(peer)

    def _take(self, peer: _Peer) -> None:
        size = min(peer.left, _CHUNK) if peer.left else peer.wanted - len(peer.got)
        try:
            count = peer.sock.recv_into(self._buffer, size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._drop(peer, f"connection lost ({error.strerror or error})")
            return
        if not count:
            self._drop(peer, "connection lost")
            return
        try:
            self._feed(peer, memoryview(self._buffer)[:count])
        except Exception:  # noqa: BLE001  whatever it is: one connection must not end the thread
            self._drop(peer, "broke the protocol")

    def _feed(self, peer: _Peer, data: memoryview) -> None:
        if peer.left:
            peer.left -= len(data)
            if peer.sink is not None:
                try:
                    peer.sink.write(data)
                except OSError as error:
                    self._discard(peer, f"rank 0 could not keep its rows ({error})")
            with self._changed:
                sending = self.rounds.sending.get(peer.rank)
                if sending is not None:
                    self.rounds.progress(peer.rank, sending.size - peer.left, time.monotonic())
            if peer.left:
                return
            peer.wanted = peer.talk.send(b"")
            return
        peer.got += data
        while not peer.left and len(peer.got) == peer.wanted:
            whole = bytes(peer.got)
            peer.got.clear()
            peer.wanted = peer.talk.send(whole)

    def _discard(self, peer: _Peer, reason: str) -> None:
        """Take the rest of a rank's rows without keeping them, and fail the round."""
        peer.trouble = reason
        self._forget(peer)
        with self._changed:
            sending = self.rounds.sending.get(peer.rank)
            if sending is not None:
                self.rounds.give_up(peer.rank, sending.round, reason)
                self._changed.notify_all()

    def _drop(self, peer: _Peer, reason: str) -> None:
        with self._changed:
            self._strangers.pop(peer, None)
            if self._peers.get(peer.rank) is peer:
                del self._peers[peer.rank]
                self.rounds.leave(peer.rank, "" if peer.goodbye else reason)
            self._changed.notify_all()
        self._forget(peer)
        peer.talk.close()
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(peer.sock)
        peer.sock.close()

    def _forget(self, peer: _Peer) -> None:
        """Remove what a connection has left half done."""
        if peer.sink is not None:
            with contextlib.suppress(OSError):
                peer.sink.close()
            peer.sink = None
            spool.remove(peer.path)

    def _send(self, peer: _Peer) -> None:
        try:
            while peer.out:
                del peer.out[: peer.sock.send(peer.out)]
        except (BlockingIOError, InterruptedError):
            if len(peer.out) > _LARGEST_BACKLOG:
                self._drop(peer, "does not listen")
            return
        except OSError:
            peer.out.clear()  # what it said before it went is still to be read, and may be why
        if peer.closing:
            self._drop(peer, "")

    def _beats(self) -> None:
        """Tell those who wait that rank 0 lives, and send strangers away who do not say who they are."""
        now = time.monotonic()
        for peer in [one for one in self._strangers if now > one.since + GREETED_WITHIN]:
            self._drop(peer, "")
        if now >= self._beat + BEAT:
            self._beat = now
            for rank, one in self.rounds.waiting():
                attending = bool(self._computing or one in self._collecting)
                self._tell(rank, wire.STATE, {"attending": attending})

    def _talk(self, peer: _Peer) -> Talk:
        """One connection from the greeting to the end."""
        nonce = secrets.token_bytes(wire.NONCE)
        peer.out += wire.MAGIC + nonce
        magic, other, size = wire.ANSWER.unpack((yield wire.ANSWER.size))
        if magic != wire.MAGIC or not 0 < size <= wire.LARGEST_HELLO:
            raise wire.ProtocolError("no greeting")
        hello = yield size
        proof = yield wire.MAC
        if not hmac.compare_digest(proof, wire.proof(self.token, b"other", nonce, other, hello)):
            raise wire.ProtocolError("wrong token")
        peer.out += wire.proof(self.token, b"listener", nonce, other, hello)
        with self._changed:
            refusal = self._seat(peer, wire.fields(hello))
            # Before anything else that is said to this rank.
            peer.out += wire.frame(wire.REFUSED if refusal else wire.WELCOME, refusal)
            self._changed.notify_all()
        if refusal:
            peer.closing = True
            yield 1
            raise wire.ProtocolError("was sent away")
        while True:
            kind, size, rows = wire.opened((yield wire.FRAME.size))
            fields = wire.fields((yield size) if size else b"{}")
            try:
                one = (str(fields["what"]), int(fields["number"]))
                reason = str(fields.get("reason", ""))
            except (KeyError, TypeError, ValueError) as error:
                raise wire.ProtocolError("a field is missing") from error
            if kind == wire.ROWS:
                yield from self._rows(peer, one, rows)
            elif kind == wire.GAVE_UP:
                peer.goodbye = True
                with self._changed:
                    spool.remove(self.rounds.give_up(peer.rank, one, reason))
                    self._changed.notify_all()
            elif kind == wire.RETIRED:
                peer.goodbye = True
                with self._changed:
                    self._seats.pop(peer.rank, None)
                    self._changed.notify_all()
            else:
                raise wire.ProtocolError("not for rank 0")

    def _rows(self, peer: _Peer, one: Round, size: int) -> Talk:
        peer.goodbye = False
        peer.path = ""
        with self._changed:
            peer.trouble = self.rounds.begin(peer.rank, one, size, time.monotonic())
        if size:
            if not peer.trouble:
                try:
                    descriptor, peer.path = tempfile.mkstemp(suffix=".arrow", prefix="rows-", dir=self.folder)
                    peer.sink = os.fdopen(descriptor, "wb")
                except OSError as error:
                    self._discard(peer, f"rank 0 could not keep its rows ({error})")
            peer.left = size
            yield 0
        if peer.sink is not None:
            try:
                peer.sink.close()
                peer.sink = None
            except OSError as error:
                self._discard(peer, f"rank 0 could not keep its rows ({error})")
        with self._changed:
            trouble = peer.trouble or self.rounds.arrive(peer.rank, one, peer.path)
            if trouble:
                spool.remove(peer.path)
                self._tell(peer.rank, wire.VERDICT, {"what": one[0], "number": one[1], "problem": trouble})
            self._changed.notify_all()

    def _seat(self, peer: _Peer, hello: Dict[str, Any]) -> Dict[str, Any]:  # noqa: C901  one reason after the other
        """Give a connection its rank; what is returned says why not."""
        try:
            rank, world, instance = int(hello["rank"]), int(hello["world"]), str(hello["instance"])
            who, name = hello["origin"], str(hello["origin"]["name"])
            ours = self.meeting.sure or origin.same_job(self._origin, who)
        except (KeyError, TypeError, ValueError) as error:
            raise wire.ProtocolError("a field is missing") from error
        if not ours:
            if rank not in self._seats:
                self.rounds.refused[rank] = f"taken for another job's ({_OTHER})"
            return {"reason": f"rank 0 takes this rank for another job's ({_OTHER})", "final": False}
        if world != self.world or not 0 <= rank < world:
            reason = f"it says it is rank {rank} of {world}, rank 0 counts {self.world}"
            self.rounds.refused[rank] = reason
            return {"reason": reason, "final": False}
        if self.rounds.poison:
            return {"reason": self.rounds.poison, "final": True}
        idle = self.rounds.quiet() and not self._collecting and not self._computing and not self.busy
        if rank == 0 and idle:
            self._retire()
            return {"reason": "", "final": False}
        held = self._seats.get(rank, ("", self._origin["name"]))
        if rank == 0 or held[0] not in ("", instance):
            # It may look for another rank 0, which is about to come.
            self._doubt = _two(rank, held[1], name)
            if not idle:
                self.rounds.poison = self._doubt
                for other, one in self.rounds.waiting():
                    self._tell(other, wire.VERDICT, {"what": one[0], "number": one[1], "problem": self._doubt})
            return {"reason": self._doubt, "final": not idle}
        self._seats[rank] = (instance, name)
        if rank in self._peers:  # the network lost a connection, and we have not noticed yet
            self._drop(self._peers[rank], "")
        self._strangers.pop(peer, None)
        peer.rank = rank
        self._peers[rank] = peer
        self.rounds.join(rank)
        return {}

    def _retire(self) -> None:
        self._retired = True
        for peer in self._peers.values():
            peer.out += wire.frame(wire.RETIRED, {"reason": ""})
        self._changed.notify_all()


def _more(sock: socket.socket) -> bool:
    """Whether something has come that was not read yet; the end of the connection counts."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        pass
    return True


def _two(rank: int, one: str, other: str) -> str:
    return (
        f"two processes say that they are rank {rank} ({one}; {other}): if they belong to two jobs, give each job "
        "another experiment_id, MASTER_PORT or COMPATSHIM_GATHER_TOKEN"
    )
