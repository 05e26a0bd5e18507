"""The end of every rank but 0: find rank 0, send rows, wait for how the round ended.

Each wait has an end. Rank 0 says several times a second that it lives and whether it attends to this round; a rank
that does not hear so for as long as the timeout gives up, and says that, too.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import selectors
import socket
import threading
import time

from compatshim.gather import origin, wire
from compatshim.gather.errors import GatherError
from compatshim.gather.rounds import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Dict, List, Optional, Tuple

    from compatshim.gather.rendezvous import Place, Rendezvous
    from compatshim.gather.rounds import Round

_CHUNK = 1 << 20
_HANDSHAKE = 5.0
_FAREWELL = 2.0
"""Seconds for which another rank 0 is looked for when the last one said that its process ends."""
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""Takes no descriptor of its own, of which there may be none left."""


class Refused(GatherError):  # noqa: N818  it is
    """Whoever listens there does not take us; ``final`` when waiting would not change that."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Failed(GatherError):  # noqa: N818  it did
    """Rank 0's verdict on a round."""


class Moved(GatherError):  # noqa: N818  it did
    """Rank 0 takes no rows any more, and has not judged the round; another one may."""


class Spoke:
    """A rank's connection to rank 0, made when it is first needed and kept."""

    def __init__(self, meeting: Rendezvous, rank: int, world: int) -> None:
        self.meeting = meeting
        self.rank = rank
        self.world = world
        self._instance = os.urandom(16).hex()
        self._sock: Optional[socket.socket] = None
        self._lock = threading.Lock()
        self._untold: List[Tuple[Round, str]] = []
        """Rounds that this rank has failed, and why, that rank 0 does not know of yet."""
        self._sending = False
        self._farewell = ""
        """What rank 0 said when its process ended, until there is another one."""

    def greet(self) -> None:
        """Connect if rank 0 is there already, so that it notices when this process dies. Never waits long."""
        if self._lock.acquire(blocking=False):
            try:
                if self._sock is None:
                    self._sock = self._knock(1.0, [])
            except GatherError:
                pass
            finally:
                self._lock.release()

    def submit(self, one: Round, path: str, timeout: float) -> None:
        """Send the file at ``path`` (empty: no rows) for a round, and wait until rank 0 has those of all ranks.

        Raises :exc:`GatherError` when the round failed, here or anywhere.
        """
        with self._lock:
            self._alive()
            since = time.monotonic()
            while True:
                try:
                    return self._submit(one, path, timeout)
                except Moved:
                    self._sending = False
                    self._close()
                    if time.monotonic() > since + timeout:  # two could take turns without end
                        raise

    def _submit(self, one: Round, path: str, timeout: float) -> None:
        if self._sock is None:
            self._sock = self._connected(one, timeout)
        self._farewell = ""
        try:
            rows = open(path, "rb") if path else None  # noqa: SIM115  there may be none
        except OSError as error:
            unread = f"its rows cannot be read ({error})"
            self._give_up(self._sock, one, unread)
            raise GatherError(f"{describe(one)}: {unread}") from None
        try:
            self._confess(self._sock)
            self._exchange(self._sock, one, rows, timeout)
        except (OSError, wire.ProtocolError) as error:
            self._close()
            reason = getattr(error, "strerror", "") or error
            raise GatherError(f"{describe(one)}: rank 0 is gone ({reason})") from None
        except (Failed, Moved):
            raise
        except BaseException as error:  # Ctrl-C, too: the others are told
            if self._sock is not None:
                self._give_up(self._sock, one, str(error) or type(error).__name__)
            raise
        finally:
            if rows is not None:
                rows.close()

    def fail(self, one: Round, reason: str) -> None:
        """Tell rank 0, if it can be reached, that this rank fails a round."""
        with self._lock:
            self._untold.append((one, reason))
            if self._sock is None:
                with contextlib.suppress(GatherError):
                    self._sock = self._knock(1.0, [])
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    self._confess(self._sock)

    def close(self, *, moved: bool = False) -> None:
        """End the connection; when it ``moved``, another process may be this rank."""
        with self._lock:
            if moved and self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.settimeout(1.0)
                    self._sock.sendall(wire.frame(wire.RETIRED, {"what": "", "number": 0}))
            self._close()

    def abandon(self) -> None:
        """Close what a fork copied: the connection is the parent's."""
        if self._sock is not None:
            self._sock.close()

    def _close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _give_up(self, sock: socket.socket, one: Round, reason: str) -> None:
        """Fail a round, and say so. In the middle of the rows there is no way but to break off."""
        self._untold.append((one, reason))
        with contextlib.suppress(OSError):
            if not self._sending:
                self._confess(sock)
        self._close()

    def _confess(self, sock: socket.socket) -> None:
        """Tell rank 0 which rounds this rank has failed."""
        sock.settimeout(1.0)
        while self._untold:
            one, reason = self._untold[0]
            text = f"gave up: {reason}"[:2000]
            sock.sendall(wire.frame(wire.GAVE_UP, {"what": one[0], "number": one[1], "reason": text}))
            del self._untold[0]

    def _alive(self) -> None:
        """Look at what came since the last round: a rank 0 that moved is looked for, one that died is an error."""
        while self._sock is not None and _ready(self._sock, 0.0)[0]:
            try:
                kind, fields = _read(self._sock, time.monotonic() + 1.0)
            except OSError as error:
                self._close()
                raise GatherError(f"rank 0 is gone ({error.strerror or error})") from None
            if kind == wire.RETIRED:
                self._close()
                self._farewell = str(fields.get("reason", ""))
                if self._farewell:
                    raise GatherError(f"rank 0 is gone ({self._farewell})")

    def _exchange(self, sock: socket.socket, one: Round, rows: Optional[BinaryIO], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        heard = time.monotonic()
        size = os.fstat(rows.fileno()).st_size if rows is not None else 0
        pending = memoryview(wire.frame(wire.ROWS, {"what": one[0], "number": one[1]}, size))
        self._sending = True
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                raise GatherError(self._silence(one, timeout, time.monotonic() - heard))
            readable, writable = _ready(sock, min(wait, 1.0), write=self._sending)
            if readable:  # first: after its last word rank 0 may be gone
                kind, fields = _read(sock, deadline)
                heard = time.monotonic()
                if kind == wire.STATE and fields.get("attending"):
                    deadline = heard + timeout
                elif kind == wire.VERDICT and (fields.get("what"), fields.get("number")) == one:
                    return self._judge(str(fields.get("problem", "")))
                elif kind == wire.RETIRED:
                    self._farewell = str(fields.get("reason", ""))
                    if not self._farewell:
                        raise Moved(f"{describe(one)}: another process became rank 0")
                    raise GatherError(f"{describe(one)}: rank 0 is gone ({self._farewell})")
            elif writable:
                pending = pending[_sent(sock, pending) :]
                if not pending and rows is not None:
                    pending = memoryview(rows.read(_CHUNK))
                self._sending = bool(pending)

    def _judge(self, problem: str) -> None:
        """Take rank 0's verdict; rows that are still on their way end with the connection."""
        if self._sending:
            self._sending = False
            self._close()
        if problem:
            raise Failed(problem)

    def _silence(self, one: Round, timeout: float, silent: float) -> str:
        if silent < min(timeout, 2.0):
            return f"{describe(one)}: rank 0 did not call compute() within {timeout:g} s"
        return f"{describe(one)}: rank 0 was not heard of for {silent:.1f} s"

    def _connected(self, one: Round, timeout: float) -> socket.socket:
        """A connection to rank 0, for which it is waited until the timeout."""
        timeout = min(timeout, _FAREWELL) if self._farewell else timeout
        deadline = time.monotonic() + timeout
        reasons: List[str] = []
        pause = 0.01
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                reasons.append(self._farewell or self.meeting.last_words(self.rank))
                why = "; ".join(filter(None, dict.fromkeys(reasons)))
                raise GatherError(
                    f"{describe(one)}: cannot reach rank 0 {self.meeting.where} within {timeout:g} s "
                    f"({why or 'nothing listens: it is not there yet, or not any more'})"
                )
            del reasons[:]
            sock = self._knock(left, reasons)
            if sock is not None:
                return sock
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))  # nobody tells when it listens
            pause = min(pause * 1.5, 0.25)

    def _knock(self, timeout: float, reasons: List[str]) -> Optional[socket.socket]:
        """Try all places where rank 0 may be, once; one that does not answer leaves time for the others."""
        deadline = time.monotonic() + timeout
        try:
            places = self.meeting.places()
        except OSError as error:
            reasons.append(str(error))
            return None
        for place in places:
            for host in place.hosts:
                limit = min(_HANDSHAKE, max((deadline - time.monotonic()) / 2, 0.05))
                try:
                    return self._greeted(host, place, limit)
                except Refused as error:
                    if error.final:
                        raise
                    reasons.append(str(error))
                    break
                except ConnectionRefusedError:  # nothing listens
                    continue
                except (OSError, wire.ProtocolError) as error:
                    reasons.append(f"{host}: {error}")
        return None

    def _greeted(self, host: str, place: Place, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, place.port), timeout=timeout)
        try:
            hail(sock, place.token, self.rank, self.world, self._instance, timeout=timeout)
        except BaseException:
            sock.close()
            raise
        return sock


def hail(sock: socket.socket, token: bytes, rank: int, world: int, instance: str, *, timeout: float) -> None:
    """Greet whoever listens at the other end. Raises OSError, ProtocolError, and :exc:`Refused`."""
    deadline = time.monotonic() + timeout
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    greeting = _exactly(sock, wire.GREETING, deadline)
    if not greeting.startswith(wire.MAGIC):
        raise wire.ProtocolError("something else listens there")
    nonce, own = greeting[len(wire.MAGIC) :], secrets.token_bytes(wire.NONCE)
    hello = json.dumps({"rank": rank, "world": world, "instance": instance, "origin": origin.mine(rank)}).encode()
    answer = wire.ANSWER.pack(wire.MAGIC, own, len(hello)) + hello + wire.proof(token, b"other", nonce, own, hello)
    sock.sendall(answer)
    proof = _exactly(sock, wire.MAC, deadline)
    if not hmac.compare_digest(proof, wire.proof(token, b"listener", nonce, own, hello)):
        raise wire.ProtocolError("another job listens there")
    kind, fields = _read(sock, deadline)
    if kind != wire.WELCOME:
        raise Refused(str(fields.get("reason", "")), final=bool(fields.get("final")))


def _ready(sock: socket.socket, timeout: float, *, write: bool = False) -> Tuple[bool, bool]:
    """Whether there is something to read, and (if asked) room to write, within so many seconds."""
    with _Selector() as selector:
        selector.register(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0))
        events = sum(event for _, event in selector.select(timeout))
    return bool(events & selectors.EVENT_READ), bool(events & selectors.EVENT_WRITE)


def _sent(sock: socket.socket, data: memoryview) -> int:
    """How much there was room for."""
    sock.setblocking(False)
    try:
        return sock.send(data)
    except (BlockingIOError, InterruptedError):
        return 0


def _read(sock: socket.socket, deadline: float) -> Tuple[int, Dict[str, Any]]:
    """One frame of rank 0. Raises OSError at the end of the connection, and when it is not there by then."""
    kind, size, _ = wire.opened(_exactly(sock, wire.FRAME.size, deadline))
    return kind, wire.fields(_exactly(sock, size, deadline)) if size else {}


def _exactly(sock: socket.socket, size: int, deadline: float) -> bytes:
    """So many bytes. Raises OSError when the connection ends before, or they do not come in time."""
    found = bytearray()
    while len(found) < size:
        sock.settimeout(max(deadline - time.monotonic(), 0.01))
        piece = sock.recv(size - len(found))
        if not piece:
            raise ConnectionError("connection lost")
        found += piece
    return bytes(found)
