"""Rank 0 and the others over real connections: rounds that end well or for all, and strangers that do no harm."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import pytest

from compatshim.gather import hub, link, origin, spoke, spool, wire
from compatshim.gather.errors import GatherError
from compatshim.gather.link import Link
from compatshim.gather.rendezvous import Folder, Place, Rendezvous
from compatshim.gather.rounds import Rounds

TOKEN = b"t" * 32
WORLD = 3


class Known(Rendezvous):
    """Everybody knows where rank 0 listens once it does."""

    def __init__(self, *, sure: bool = True) -> None:
        self.sure = sure
        self.where = "where the test says"
        self.port = 0

    def token(self) -> bytes:
        return TOKEN

    def announce(self, port: int, _: bytes) -> None:
        self.port = port

    def places(self) -> List[Place]:
        return [Place(["127.0.0.1"], self.port, TOKEN)] if self.port else []


class Lazy(Known):
    """An announcement that moves on only when it is pushed, as a message of MPI between two hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: List[int] = []
        self.pushes: List[int] = []

    def announce(self, port: int, _: bytes) -> None:
        self.waiting = [port]

    def progress(self) -> bool:
        self.pushes.append(threading.get_ident())
        if len(self.pushes) == 5:
            (self.port,) = self.waiting
        return len(self.pushes) < 5


class Job:
    """All ranks of a job, each in a thread of this process."""

    def __init__(self, folder: Path, meeting: Callable[[], Rendezvous], world: int = WORLD) -> None:
        self.folder = folder
        self.links = [Link(meeting(), rank, world, str(folder)) for rank in range(world)]

    def rows(self, rank: int, text: bytes) -> str:
        path = self.folder / f"own-{rank}-{len(text)}"
        path.write_bytes(text)
        return str(path)

    def round(
        self, texts: Sequence[Optional[bytes]], *, what: str = "it", timeout: float = 5.0, skip: Sequence[int] = ()
    ) -> List[Any]:
        """What each rank got: on rank 0 the rows of all, an error, or None."""
        got: List[Any] = ["did not take part"] * len(self.links)

        def play(rank: int) -> None:
            text = texts[rank]
            try:
                found = self.links[rank].gather(what, "" if text is None else self.rows(rank, text), timeout, fine)
                if found is not None:
                    found = [Path(path).read_bytes() if path else None for path in found]  # type: ignore[misc]  # bytes in place of paths
                got[rank] = found
            except GatherError as error:
                got[rank] = str(error)

        threads = [threading.Thread(target=play, args=(rank,)) for rank in range(len(texts)) if rank not in skip]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "hangs"
        return got

    def close(self) -> None:
        for one in reversed(self.links):
            one.close()


def fine(paths: Dict[int, str]) -> None:
    """Nothing is wrong with them."""


@pytest.fixture
def meeting() -> Known:
    return Known()


@pytest.fixture
def job(tmp_path: Path, meeting: Known) -> Iterator[Job]:
    made = Job(tmp_path, lambda: meeting)
    yield made
    made.close()
    assert [name for name in os.listdir(tmp_path) if not name.startswith("own-")] == []


CHANCE = random.Random(5)  # noqa: S311  sizes


def good(job: Job) -> None:
    texts = [os.urandom(CHANCE.randrange(1, 3_000_000)) for _ in range(WORLD)]
    assert job.round(texts) == [texts, None, None]


class TestRounds:
    def test_rows_come_in_rank_order(self, job: Job) -> None:
        for _ in range(3):
            good(job)

    def test_ranks_without_rows(self, job: Job) -> None:
        assert job.round([b"a", None, b""]) == [[b"a", None, None], None, None]

    def test_one_rank_is_late_and_the_next_round_is_right(self, job: Job) -> None:
        good(job)
        got = job.round([b"a"] * WORLD, timeout=0.5, skip=[1])
        assert "rank 1: connected, but did not call compute()" in got[0]
        assert got[2] == got[0]
        # Rank 1 comes to the round that failed, and is told so.
        assert job.round([b"a"] * WORLD, skip=[0, 2])[1] == got[0]
        good(job)

    def test_rank_0_is_late_and_the_next_round_is_right(self, job: Job) -> None:
        good(job)
        got = job.round([b"a"] * WORLD, timeout=0.5, skip=[0])
        assert all("rank 0 did not call compute() within 0.5 s" in one for one in got[1:])
        time.sleep(0.5)  # they have said so, and rank 0 hears of it
        got = job.round([b"a"] * WORLD, skip=[1, 2])
        assert ": gave up: " in got[0]
        good(job)

    def test_a_rank_fails(self, job: Job) -> None:
        good(job)
        job.links[1].fail("it", "out of luck")
        got = job.round([b"a"] * WORLD, skip=[1])
        assert "rank 1: gave up: out of luck" in got[0]
        assert got[2] == got[0]
        good(job)

    def test_rank_0_fails(self, job: Job) -> None:
        good(job)
        job.links[0].fail("it", "out of luck")
        assert job.round([b"a"] * WORLD, skip=[0])[1:] == ["rank 0 failed: out of luck"] * 2
        good(job)

    def test_the_rows_are_not_good(self, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        def bad(paths: Dict[int, str]) -> None:
            assert list(paths) == [0, 1, 2]
            raise GatherError("not these")

        real: Any = job.links[0].gather
        monkeypatch.setattr(job.links[0], "gather", lambda *args: real(*args[:3], bad))
        assert job.round([b"a"] * WORLD) == ["not these"] * WORLD

    def test_what_is_wrong_takes_long_to_say(self, job: Job) -> None:
        good(job)
        job.links[0].fail("it", "\U0001f600" * 100_000)
        got = job.round([b"a"] * WORLD, skip=[0])
        assert all(one.startswith("rank 0 failed: \U0001f600") for one in got[1:])
        good(job)

    def test_another_object(self, job: Job) -> None:
        good(job)
        other = threading.Thread(target=lambda: job.round([b"a"] * WORLD, what="other", skip=[0, 2], timeout=2.0))
        other.start()
        time.sleep(0.3)
        got = job.round([b"a"] * WORLD, timeout=0.5, skip=[1])
        assert "rank 1: is in other, round 0" in got[0]
        other.join()

    def test_a_rank_that_comes_again_is_one_behind(self, job: Job) -> None:
        good(job)
        job.links[1]._numbers["it"] += 1
        got = job.round([b"a"] * WORLD, timeout=2.0)
        assert "rank 1: is in round 2 already" in got[0]

    def test_the_disk_of_rank_0_is_full(self, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        good(job)

        class Full:
            def __init__(self, file: Any) -> None:
                self.file = file

            def write(self, _: Any) -> int:
                raise OSError(28, "No space left on device")

            def close(self) -> None:
                self.file.close()

        real = os.fdopen
        monkeypatch.setattr(os, "fdopen", lambda *args: Full(real(*args)))
        got = job.round([b"a" * 3_000_000] * WORLD)
        assert all("rank 0 could not keep its rows ([Errno 28] No space left on device)" in one for one in got)
        monkeypatch.undo()
        good(job)

    def test_the_rows_of_a_rank_cannot_be_read(self, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        good(job)
        with monkeypatch.context() as patch:
            real: Any = job.links[1].gather
            patch.setattr(
                job.links[1], "gather", lambda what, _, *more: real(what, str(job.folder / "none"), *more)
            )
            got = job.round([b"a"] * WORLD)
        assert all("its rows cannot be read" in one for one in got)
        assert "rank 1: gave up" in got[0]
        good(job)

    def test_rank_0_is_gone(self, job: Job) -> None:
        good(job)
        job.links[0].close()
        got = job.round([b"a"] * WORLD, skip=[0])
        assert all("rank 0 is gone" in one for one in got[1:])

    def test_nobody_waits_long_for_a_rank_0_that_said_that_it_ends(
        self, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spoke, "_FAREWELL", 0.2)
        good(job)
        job.links[1].fail("it", "no rows")
        failed = job.round([b"a"] * WORLD, skip=[1])
        job.links[0].close()
        for number in range(2):
            got = job.round([b"a"] * WORLD, timeout=60.0, skip=[0, 1])
            assert f"its process ended, after this: {failed[0]}" in got[2]
            assert ("within 0.2 s" in got[2]) == bool(number)


def connect(meeting: Known) -> socket.socket:
    return socket.create_connection(("127.0.0.1", meeting.port), timeout=5)


def hello(sock: socket.socket, token: bytes, fields: bytes, size: Optional[int] = None) -> None:
    greeting = b""
    while len(greeting) < wire.GREETING:
        greeting += sock.recv(wire.GREETING - len(greeting))
    nonce = greeting[len(wire.MAGIC) :]
    head = wire.ANSWER.pack(wire.MAGIC, b"n" * wire.NONCE, len(fields) if size is None else size)
    sock.sendall(head + fields + wire.proof(token, b"other", nonce, b"n" * wire.NONCE, fields))


def ended(sock: socket.socket) -> bool:
    sock.settimeout(5)
    with contextlib.suppress(ConnectionError):
        while sock.recv(1 << 16):
            pass
    return True


class TestStrangers:
    @pytest.fixture(autouse=True)
    def round_before_and_after(self, job: Job) -> Iterator[None]:
        good(job)
        yield
        good(job)

    @pytest.mark.parametrize("seed", range(20))
    def test_random_bytes(self, meeting: Known, seed: int) -> None:
        with connect(meeting) as sock:
            sock.sendall(bytes(random.Random(seed).choices(range(256), k=9999)))  # noqa: S311  not a secret
            assert ended(sock)

    @pytest.mark.parametrize("size", [0, wire.LARGEST_HELLO + 1, 2**32 - 1])
    def test_a_hello_of_a_size_that_none_has(self, meeting: Known, size: int) -> None:
        with connect(meeting) as sock:
            hello(sock, TOKEN, b"{}", size)
            assert ended(sock)

    @pytest.mark.parametrize("token", [b"", b"x" * 32])
    def test_another_token(self, meeting: Known, token: bytes) -> None:
        with connect(meeting) as sock:
            hello(sock, token, b"{}")
            assert ended(sock)

    @pytest.mark.parametrize(
        "fields", [b"[]", b"\xff", b"{}", b"[" * 9999, b'{"rank": "x"}', b'{"rank": 1, "world": 3}']
    )
    def test_a_hello_that_says_nothing(self, meeting: Known, fields: bytes) -> None:
        with connect(meeting) as sock:
            hello(sock, TOKEN, fields)
            assert ended(sock)

    def test_half_a_greeting_keeps_nobody(self, meeting: Known, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "GREETED_WITHIN", 0.3)
        with connect(meeting) as sock:
            sock.sendall(wire.MAGIC[:5])
            start = time.monotonic()
            assert ended(sock)
            assert time.monotonic() - start < 3

    def test_a_thousand_connections(self, meeting: Known, job: Job) -> None:
        held = [connect(meeting) for _ in range(1000)]
        good(job)
        assert len(job.links[0]._hub._strangers) <= hub.STRANGERS  # type: ignore[union-attr]  # rank 0 has one
        for sock in held:
            sock.close()

    def test_a_stranger_in_each_moment_of_a_round(self, meeting: Known, job: Job) -> None:
        stop = threading.Event()

        def pester() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError), connect(meeting) as sock:
                    sock.sendall(os.urandom(CHANCE.randrange(1, 500)))

        threads = [threading.Thread(target=pester) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                good(job)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("words", [b"", wire.MAGIC])
def test_somebody_else_where_rank_0_should_be_costs_no_more_than_the_timeout(tmp_path: Path, words: bytes) -> None:
    held = []

    def listen(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                held.append(sock)
                threading.Thread(target=trickle, args=(sock,)).start()

    def trickle(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number in range(len(words)):
                sock.sendall(words[number : number + 1])
                time.sleep(0.2)  # never silent for long, and never done

    class Elsewhere(Known):
        def places(self) -> List[Place]:
            return super().places() * 8

    meeting = Elsewhere()
    rank_1 = Link(meeting, 1, WORLD, str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        meeting.announce(listener.getsockname()[1], TOKEN)
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
        start = time.monotonic()
        rank_1.greet()
        with pytest.raises(GatherError, match=r"cannot reach rank 0 .* within 0.5 s .*127.0.0.1: timed out"):
            rank_1.gather("it", "", 0.5, fine)
        assert time.monotonic() - start < 3
    for sock in held:
        sock.close()


def test_silent_services_on_all_of_rank_0s_ports_have_a_few_seconds_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: List[float] = []

    def ask(*args: Any) -> bool:
        limits.append(args[-1])
        time.sleep(limits[-1])  # it does not answer
        return False

    monkeypatch.setattr(link, "_challenge", ask)
    monkeypatch.setattr(link, "_ASKING", 0.5)
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("", 0))).getsockname()[1] for _ in range(8)]
        meeting = Known()
        monkeypatch.setattr(meeting, "ports", lambda: taken)
        with pytest.raises(GatherError, match=f"cannot listen on port {taken[0]} to {taken[-1]}: .*in use"):
            Link(meeting, 0, WORLD, str(tmp_path)).gather("it", "", 1.0, fine)
    assert len(limits) == 8
    assert sum(limits) < 0.5 + 8 * 0.1 + 1e-6


def said(rank: int, instance: str, world: int = WORLD) -> bytes:
    fields = {"rank": rank, "world": world, "instance": instance, "origin": origin.mine(rank)}
    return json.dumps(fields).encode()


class TestTheTokenIsKnown:
    """What a faulty rank may do: its job fails, nothing else."""

    @pytest.mark.parametrize(
        "frame",
        [
            wire.FRAME.pack(99, 2, 0) + b"{}",
            wire.FRAME.pack(wire.ROWS, wire.LARGEST_OBJECT + 1, 0),
            wire.FRAME.pack(wire.ROWS, 2, 0) + b"{}",
            wire.FRAME.pack(wire.ROWS, 2, wire.LARGEST_ROWS + 1) + b"{}",
            wire.FRAME.pack(wire.STATE, 2, 5) + b"{}",
            wire.FRAME.pack(wire.VERDICT, 27, 0) + b'{"what": "it", "number": 0}',
            os.urandom(500),
        ],
    )
    def test_a_message_that_is_none(self, meeting: Known, job: Job, frame: bytes) -> None:
        job.links[0].greet()
        with connect(meeting) as sock:
            hello(sock, TOKEN, said(1, "x"))
            sock.sendall(frame)
            assert ended(sock)
        got = job.round([b"a"] * WORLD, skip=[1], timeout=2.0)
        assert "rank 1: broke the protocol" in got[0]

    def test_two_processes_say_that_they_are_one_rank(self, meeting: Known, job: Job) -> None:
        good(job)
        with connect(meeting) as sock:
            hello(sock, TOKEN, said(1, "somebody else"))
            assert ended(sock)
        got = job.round([b"a"] * WORLD)
        assert all("two processes say that they are rank 1" in str(one) for one in got)

    def test_another_number_of_ranks(self, meeting: Known, job: Job) -> None:
        job.links[0].greet()
        with connect(meeting) as sock:
            hello(sock, TOKEN, said(1, "x", world=2))
            assert ended(sock)
        got = job.round([b"a"] * WORLD, skip=[1], timeout=0.5)
        assert "rank 1: was sent away: it says it is rank 1 of 2, rank 0 counts 3" in got[0]

    def test_rows_that_stop(self, meeting: Known, job: Job) -> None:
        job.links[0].greet()
        with connect(meeting) as sock:
            hello(sock, TOKEN, said(1, "x"))
            sock.sendall(wire.frame(wire.ROWS, {"what": "it", "number": 0}, 1000) + b"x" * 400)
            got = job.round([b"a"] * WORLD, skip=[1], timeout=0.7)
        assert "rank 1: stopped after 400 of 1000 bytes" in got[0]

    def test_rows_that_come_slowly_are_waited_for(self, meeting: Known, job: Job) -> None:
        job.links[0].greet()
        got: List[Any] = []
        with connect(meeting) as sock:
            hello(sock, TOKEN, said(1, "x"))
            rest = threading.Thread(target=lambda: got.append(job.round([b"a"] * WORLD, skip=[1], timeout=0.7)))
            rest.start()
            sock.sendall(wire.frame(wire.ROWS, {"what": "it", "number": 0}, 8))
            for _ in range(8):
                time.sleep(0.25)
                sock.sendall(b"x")
            rest.join()
        assert got == [[[b"a", b"x" * 8, b"a"], "did not take part", None]]


class TestRank0ComesLateToWhatTheOthersSay:
    """As when a metric held the interpreter: a rank's rows, and that it gave up since, have both come by then."""

    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = hub.Hub._receive

        def late(self: hub.Hub, peer: Any) -> None:
            time.sleep(0.03)  # what was sent together has come together by then; nothing tells when
            real(self, peer)

        monkeypatch.setattr(hub.Hub, "_receive", late)

    @pytest.fixture
    def two(self, tmp_path: Path, meeting: Known) -> Iterator[Job]:
        made = Job(tmp_path, lambda: meeting, world=2)
        made.links[0].greet()
        yield made
        made.close()

    def rank_1(self, meeting: Known, number: int, *, gives_up: bool) -> socket.socket:
        sock = connect(meeting)
        hello(sock, TOKEN, said(1, "x", world=2))
        one = {"what": "it", "number": number}
        more = wire.frame(wire.GAVE_UP, {**one, "reason": "gave up: not heard of"}) if gives_up else b""
        sock.sendall(wire.frame(wire.ROWS, one) + more)
        return sock

    def test_it_believes_the_last(self, meeting: Known, two: Job) -> None:
        self.rank_1(meeting, 0, gives_up=True).close()
        got = two.round([b"a"])
        assert "rank 1: gave up: not heard of" in got[0]

    def test_a_verdict_that_cannot_be_told_does_no_harm_to_the_next_round(
        self, meeting: Known, two: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub.Hub, "_unheard", lambda *_: False)  # it gives up just after rank 0 has looked
        self.rank_1(meeting, 0, gives_up=True).close()
        assert two.round([b"a"])[0] == [b"a", None]
        again = threading.Timer(0.3, lambda: socks.append(self.rank_1(meeting, 1, gives_up=False)))
        socks: List[socket.socket] = []
        again.start()
        assert two.round([b"b"])[0] == [b"b", None]
        again.join()
        socks[0].close()


@pytest.mark.skipif(os.name != "posix", reason="no such limit: not run")
def test_a_process_that_may_open_nothing_more_still_takes_part(job: Job) -> None:
    import resource

    good(job)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        got = job.round([None] * WORLD)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert got == [[None] * WORLD, None, None]


class TestAnnouncementThatMustBePushed:
    def test_rows(self, tmp_path: Path) -> None:
        meeting = Lazy()
        job = Job(tmp_path, lambda: meeting)
        good(job)
        job.close()
        assert len(meeting.pushes) >= 5
        assert len({*meeting.pushes}) == 1, "only the thread that announced may do it"

    def test_survey(self, tmp_path: Path) -> None:
        meeting = Lazy()
        job = Job(tmp_path, lambda: meeting, world=2)
        other = threading.Thread(target=lambda: job.links[1].survey("it", job.rows(1, b"b"), 5.0))
        other.start()
        found = job.links[0].survey("it", "", 5.0)
        other.join(30)
        job.close()
        assert found is not None
        assert ({*found[0]}, found[1]) == ({0, 1}, {})


class TestFolder:
    def test_rounds_and_nothing_is_left(self, tmp_path: Path) -> None:
        job = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        for _ in range(2):
            good(job)
        assert job.links[0]._hub is not None
        assert [path.stat().st_mode & 0o077 for path in tmp_path.glob(".compatshim-gather-*.json")] == [0]
        job.close()
        assert [name for name in os.listdir(tmp_path) if not name.startswith("own-")] == []

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run")
    def test_rows_that_a_dead_process_left_are_removed(self, tmp_path: Path) -> None:
        child = os.fork()
        if child == 0:
            (tmp_path / f"own-{spool.tag()}-x.arrow").touch()
            (tmp_path / f".{spool.tag()}-x").mkdir()
            (tmp_path / f".{spool.tag()}-x" / "rows.arrow").touch()
            os._exit(0)
        os.waitpid(child, 0)
        living = tmp_path / f"own-{spool.tag()}-x.arrow"
        living.touch()
        job = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(job)
        job.close()
        assert list(tmp_path.glob("*compatshim-*")) == [living]

    def test_what_a_dead_process_left_is_removed(self, tmp_path: Path) -> None:
        folder = Folder(str(tmp_path), "name")
        if hasattr(os, "fork"):
            process = os.fork()
            if process == 0:
                folder.announce(1, b"t")
                os._exit(0)
            os.waitpid(process, 0)
            assert len(os.listdir(tmp_path)) == 1
        tmp_path.joinpath(f"{folder._prefix}broken.json").write_text("{")
        assert folder.places() == []
        assert os.listdir(tmp_path) == [f"{folder._prefix}broken.json"]

    def test_what_dead_processes_of_other_hosts_left_does_not_hide_what_lives(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(origin, "host", lambda: "another")
            for number in range(10):
                Folder(str(tmp_path), "name").announce(number + 1, b"t")
        for path in tmp_path.iterdir():
            os.utime(path, (1, 1))
        Folder(str(tmp_path), "name").announce(99, b"t")
        found = Folder(str(tmp_path), "name").places()
        assert found[0].port == 99
        assert len(found) == 4

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not root: not run")
    def test_what_somebody_else_wrote_is_not_believed(self, tmp_path: Path) -> None:
        theirs = Folder(str(tmp_path), "name")
        theirs.announce(1, b"t")
        (path,) = tmp_path.iterdir()
        ours = Folder(str(tmp_path), "name")
        assert [place.port for place in ours.places()] == [1]
        os.chown(path, 65534, -1)
        assert ours.places() == []

    def test_a_rank_that_comes_when_rank_0_has_failed_and_is_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        got = one.round([b"a"] * WORLD, timeout=0.3, skip=[1, 2])
        assert "rank 2: not connected" in got[0]
        one.links[0].close()
        late = one.round([b"a"] * WORLD, timeout=0.3, skip=[0])[1]
        assert "cannot reach rank 0" in late
        assert f"said: its process ended, after this: {got[0]}" in late
        with monkeypatch.context() as patch:
            patch.setattr("sys.argv", ["another program"])
            late = one.round([b"a"] * WORLD, timeout=0.3, skip=[0])[1]
            assert "nothing listens: it is not there yet, or not any more" in late
        one.close()
        two = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(two)
        two.close()
        assert [name for name in os.listdir(tmp_path) if not name.startswith("own-")] == []

    def test_a_rank_0_that_told_all_leaves_nothing(self, tmp_path: Path) -> None:
        job = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(job)
        job.round([b"a"] * WORLD, timeout=0.3, skip=[1])
        job.close()
        assert [name for name in os.listdir(tmp_path) if not name.startswith("own-")] == []

    def test_a_second_rank_0_takes_over_from_one_that_does_nothing(self, tmp_path: Path) -> None:
        one = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(one)
        two = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(two)
        good(one)
        two.close()
        one.close()

    def test_processes_become_other_ranks(self, tmp_path: Path) -> None:
        """As the workers of a pool do, of which some stay what they were."""
        job = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        good(job)
        for moves in ([1, 2], [0, 1], [0]):
            stay = [rank for rank in range(1, WORLD) if rank not in moves]
            got: List[Any] = []
            skip = [rank for rank in range(WORLD) if rank not in stay]
            early = threading.Thread(
                target=lambda what, skip, got: got.extend(job.round([b"a"] * WORLD, what=what, skip=skip)),
                args=(str(moves), skip, got),
            )
            early.start()
            time.sleep(0.3)  # they have asked by then, most times: both orders must do
            for rank in moves:
                job.links[rank].close(moved=True)
                job.links[rank] = Link(Folder(str(tmp_path), "name"), rank, WORLD, str(tmp_path))
            assert job.round([b"a"] * WORLD, what=str(moves), skip=stay)[0] == [b"a"] * WORLD
            early.join()
            assert [got[rank] for rank in stay] == [None] * len(stay)
        job.close()
        assert [name for name in os.listdir(tmp_path) if not name.startswith("own-")] == []

    def test_a_second_rank_0_beside_one_that_has_rows_is_an_error_for_both(self, tmp_path: Path) -> None:
        one = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        one.links[0].greet()
        two = Job(tmp_path, lambda: Folder(str(tmp_path), "name"))
        got = two.round([b"a"] * WORLD, timeout=5.0)
        assert all("two processes say that they are rank 0" in str(answer) for answer in got)
        assert "two processes say that they are rank 0" in one.round([b"a"] * WORLD, timeout=5.0, skip=[1, 2])[0]
        two.close()
        one.close()


def test_rows_that_come_when_nothing_can_be_trusted_any_more_are_sent_back() -> None:
    """Nobody would wait for them, and their rank would wait for an answer."""
    rounds = Rounds(WORLD)
    assert rounds.begin(1, ("it", 0), 1, 0.0) == ""
    rounds.poison = "two are rank 2"
    assert rounds.arrive(1, ("it", 0), "rows") == "two are rank 2"
    assert rounds.begin(1, ("it", 1), 1, 0.0) == "two are rank 2"
    assert rounds.quiet()


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no fork here: not run")
def test_a_child_of_a_rank_does_not_keep_its_connection_open() -> None:
    """A data loader's workers outlive a rank that is killed; the others still notice at once."""
    from tests import support

    code = """
import os, signal, sys, tempfile, time
from compatshim.gather import link
folder = tempfile.mkdtemp()
def fine(paths): pass
def rank_1():
    held = link.link(1, 2, folder, "x")
    held.gather("it", "", 5.0, fine)
    if os.fork() == 0:
        time.sleep(8)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
process = os.fork()
if process == 0: rank_1()
held = link.link(0, 2, folder, "x")
first = held.gather("it", "", 5.0, fine)
start = time.monotonic()
try: second = held.gather("it", "", 20.0, fine)
except ValueError as error: second = str(error)
"""
    value = "[first, second, time.monotonic() - start < 5]"
    path = [os.path.dirname(support.PACKAGE)]
    first, second, soon = support.run(code, path, value=value).data
    assert first == ["", ""]
    assert "rank 1: connection lost" in second
    assert soon


class TestSurvey:
    """A round in which who is missing is told, and stops nobody."""

    def surveyed(
        self, job: Job, ranks: Sequence[int], timeout: float, without: Sequence[int] = ()
    ) -> Dict[int, Any]:
        got: Dict[int, Any] = {}

        def play(rank: int) -> None:
            try:
                path = job.rows(rank, b"x" * (rank + 1))
                got[rank] = job.links[rank].survey("it", path, timeout, without)
            except GatherError as error:
                got[rank] = str(error)

        threads = [threading.Thread(target=play, args=(rank,)) for rank in ranks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "hangs"
        return got

    def sizes(self, paths: Dict[int, str]) -> Dict[int, int]:
        found = {rank: os.path.getsize(path) for rank, path in paths.items()}
        for rank, path in paths.items():
            if rank:
                os.remove(path)
        return found

    def test_all_are_there(self, job: Job) -> None:
        got = self.surveyed(job, range(WORLD), 5.0)
        assert (self.sizes(got[0][0]), got[0][1]) == ({0: 1, 1: 2, 2: 3}, {})
        assert [got[1], got[2]] == [None, None]
        good(job)

    def test_one_is_missing(self, job: Job) -> None:
        got = self.surveyed(job, [0, 1], 0.5)
        assert (self.sizes(got[0][0]), got[0][1]) == ({0: 1, 1: 2}, {2: "not connected"})
        assert got[1] is None
        began = time.monotonic()
        got = self.surveyed(job, [0, 1], 20.0, without=[2])
        assert (self.sizes(got[0][0]), got[0][1]) == ({0: 1, 1: 2}, {})
        assert time.monotonic() - began < 5
        late = self.surveyed(job, [2], 5.0)
        assert "is over" in late[2]

    def test_one_dies(self, job: Job) -> None:
        good(job)
        job.links[2].close()
        got = self.surveyed(job, [0, 1], 20.0)
        assert (self.sizes(got[0][0]), list(got[0][1])) == ({0: 1, 1: 2}, [2])
        assert "connection lost" in got[0][1][2]
