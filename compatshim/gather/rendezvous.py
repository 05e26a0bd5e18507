"""How the ranks of a job learn where rank 0 listens, and the token that only they know.

Each way is a channel that the job has already: the store of torch, a message of MPI, an address that the launcher
has put into the environment, or the directory that evaluate's ranks share.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import tempfile
import threading
import time

from compatshim.gather import names, origin, spool
from compatshim.gather.errors import GatherError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Sequence

_LAST_PORT = 65535
_NEWEST = 4
"""Announcements in a folder that are tried."""


class Place:
    """Where rank 0 may be: names or addresses of its host, the port, and the token."""

    __slots__ = ("hosts", "port", "token")

    def __init__(self, hosts: Sequence[str], port: int, token: bytes) -> None:
        self.hosts = tuple(dict.fromkeys(hosts))
        self.port = port
        self.token = token


class Rendezvous:
    """The base of all. ``sure``: no other job can come across it. ``where``: for messages."""

    sure = True
    where = ""

    def ports(self) -> Sequence[int]:
        """Where rank 0 may listen, in order; 0 for any port."""
        return (0,)

    def token(self) -> bytes:
        """The token of a job whose rank 0 this process is."""
        return os.urandom(32)

    def announce(self, port: int, token: bytes) -> None:
        """Rank 0 listens there now."""

    def places(self) -> List[Place]:
        """Where the other ranks should try, as far as is known now; does not wait."""
        return []

    def progress(self) -> bool:
        """Whether an announcement is still on its way, and needs this call again and again while rank 0 waits."""
        return False

    def withdraw(self, reason: str) -> None:
        """Rank 0 listens no more; ``reason`` is for ranks that have not asked yet, empty where all is well."""

    def last_words(self, rank: int) -> str:  # noqa: ARG002  a folder needs it
        """What a rank 0 that is not there any more left for this rank; empty for nothing."""
        return ""


class Store(Rendezvous):
    """A key of a store of :mod:`torch.distributed`, which is ``opened`` when it is first needed."""

    def __init__(self, opened: Callable[[], Any], key: str) -> None:
        self._opened = opened
        self._key = key
        self._question: Optional[_Question] = None
        self.where = "by torch's store"

    def announce(self, port: int, token: bytes) -> None:
        """Set the key."""
        self._set(_written(port, token))

    def places(self) -> List[Place]:
        """What the key says, once it is set."""
        if self._question is None:  # else the last one still waits
            self._question = _Question(self._get)
        text = self._question.answer(1.0)
        self._question = None
        if not text:
            return []
        reason = json.loads(text.decode()).get("reason")
        if reason:  # nobody comes after it: processes that are started anew have another key
            raise GatherError(f"rank 0 is gone ({reason})")
        return _read(text)

    def withdraw(self, reason: str) -> None:
        """Leave the reason in place of the address."""
        if reason:
            with contextlib.suppress(GatherError, OSError):  # the store may be gone before us
                self._set(json.dumps({"reason": reason}).encode())

    def _set(self, text: bytes) -> None:
        _Question(lambda: self._opened().set(self._key, text)).answer(5.0)

    def _get(self) -> bytes:
        store = self._opened()
        return bytes(store.get(self._key)) if store.check([self._key]) else b""  # `get` waits for the key


class _Question:
    """What a store is asked, in a thread: where its host is stopped or cut off, it waits without end."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._found: Any = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, name="compatshim-store", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self._ask()
        except Exception as error:  # noqa: BLE001  torch has its own
            self._error = str(error).partition("\n")[0] or type(error).__name__

    def answer(self, timeout: float) -> Any:
        """Raises TimeoutError while there is none, and :exc:`GatherError` when there will be none."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError("torch's store does not answer")
        if self._error:
            raise GatherError(f"torch's store is gone, and rank 0 cannot be found ({self._error})")
        return self._found


class Mpi(Rendezvous):
    """A message of rank 0 to each other rank, with a tag that nobody else uses."""

    def __init__(self, mpi: Any) -> None:
        self._mpi = mpi
        self._world = mpi.COMM_WORLD
        self._tag = self._world.Get_attr(mpi.TAG_UB) - 4077
        self._sent: List[Any] = []
        self._found: List[Place] = []
        self.where = "by MPI"

    def announce(self, port: int, token: bytes) -> None:
        """Send it to all; nobody has to receive it before rank 0 goes on."""
        text = _written(port, token)
        for rank in range(1, self._world.Get_size()):
            request = self._world.Isend([text, self._mpi.BYTE], dest=rank, tag=self._tag)
            self._sent.append((request, text))  # neither may go before the message has

    def progress(self) -> bool:
        """Test the messages: between hosts MPI moves one on only while it is called."""
        self._sent = [one for one in self._sent if self._under_way(one[0])]
        return bool(self._sent)

    def _under_way(self, request: Any) -> bool:
        try:
            return not request.Test()
        except self._mpi.Exception:  # that rank is gone; it is missed for its rows
            return False

    def places(self) -> List[Place]:
        """What rank 0 sent, once it has."""
        if not self._found:
            status = self._mpi.Status()
            if self._world.Iprobe(source=0, tag=self._tag, status=status):
                text = bytearray(status.Get_count(self._mpi.BYTE))
                self._world.Recv([text, self._mpi.BYTE], source=0, tag=self._tag)
                self._found = _read(bytes(text))
        return self._found


class Address(Rendezvous):
    """A host that all ranks know, and one of a few ports behind one that they know."""

    def __init__(self, host: str, port: int, secret: Sequence[str], *, sure: bool, count: int = 8) -> None:
        self.sure = sure
        self.host = host
        first = port + 1 if port + count <= _LAST_PORT else port - count
        self._ports = tuple(range(first, first + count))
        self._token = hashlib.sha256("\0".join([host, str(port), *secret]).encode()).digest()
        self.where = f"at {host}, ports {first} to {first + count - 1}"

    def ports(self) -> Sequence[int]:
        """One of a few: any of them may be somebody else's."""
        return self._ports

    def token(self) -> bytes:
        """What all ranks can derive."""
        return self._token

    def places(self) -> List[Place]:
        """All of them."""
        return [Place([self.host], port, self._token) for port in self._ports]


class Folder(Rendezvous):
    """A small file of rank 0 in a directory that all ranks share; its name says for which ranks it is."""

    sure = False

    def __init__(self, folder: str, name: str) -> None:
        self._folder = folder
        stem = names.meeting(name)
        self._prefix = f"{stem}-"
        self._ended = os.path.join(folder, f"{stem}{names.ENDED}")
        self._path: Optional[str] = None
        self._owner: Optional[int] = None
        self.where = f"through {folder}"

    def announce(self, port: int, token: bytes) -> None:
        """Write the file, and remove what the rank 0 before left."""
        if self._path is None:
            self._path = os.path.join(self._folder, f"{self._prefix}{os.urandom(16).hex()}.json")
        self._write(self._path, _written(port, token))
        spool.remove(self._ended)

    def places(self) -> List[Place]:
        """What the newest files of this user say; those of processes of this host that are dead are removed.

        Another host's may be dead, too, and nobody can tell. To try them all would take longer than anybody waits.
        """
        found = []
        for name in os.listdir(self._folder):
            if name.startswith(self._prefix):
                path = os.path.join(self._folder, name)
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    text = self._text(path)
                    if _dead(text):
                        os.remove(path)
                    elif path != self._path:
                        found.append((os.path.getmtime(path), _read(text)))
        found.sort(key=lambda one: one[0], reverse=True)
        return [place for _, places in found[:_NEWEST] for place in places]

    def withdraw(self, reason: str) -> None:
        """Remove the file; the reason stays, under a name that the next rank 0 here knows."""
        if self._path is not None:
            spool.remove(self._path)
            if reason:
                fields = {"reason": reason, "at": time.time(), "origin": origin.mine(0)}
                with contextlib.suppress(OSError):
                    self._write(self._ended, json.dumps(fields).encode())

    def last_words(self, rank: int) -> str:
        """What a rank 0 of the same job, as far as can be told, has left here."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            fields = json.loads(self._text(self._ended).decode())
            if origin.same_job(fields["origin"], origin.mine(rank)):
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(fields["at"]))
                return f"a rank 0 that was here until {at} said: {fields['reason']}"
        return ""

    def _write(self, path: str, text: bytes) -> None:
        """Whole or not at all, for nobody but this user."""
        descriptor, new = tempfile.mkstemp(prefix=".compatshim-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
            os.replace(new, path)
        except BaseException:  # Ctrl-C, too, leaves nothing half written
            spool.remove(new)
            raise

    def _text(self, path: str) -> bytes:
        """What a file says. Raises OSError when somebody else wrote it: he could send our rows to himself."""
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_uid != self._user():
                raise PermissionError(f"{path} is somebody else's")
            return file.read(1 << 16)

    def _user(self) -> int:
        """Who owns the files that this process makes there: on a network not always who it is here."""
        if self._owner is None:
            with tempfile.TemporaryFile(prefix=".compatshim-", dir=self._folder) as file:
                self._owner = os.fstat(file.fileno()).st_uid
        return self._owner


def _written(port: int, token: bytes) -> bytes:
    fields = {"host": origin.host(), "pid": os.getpid(), "hosts": _hosts(), "port": port, "token": token.hex()}
    return json.dumps(fields).encode()


def _read(text: bytes) -> List[Place]:
    fields = json.loads(text.decode())
    hosts = list(fields["hosts"])
    if fields["host"] == origin.host():
        hosts.insert(0, "127.0.0.1")
    return [Place(hosts, int(fields["port"]), bytes.fromhex(fields["token"]))]


def _dead(text: bytes) -> bool:
    """Whether the process that wrote it was one of this host and is no more."""
    fields = json.loads(text.decode())
    return bool(fields["host"] == origin.host()) and not origin.alive(int(fields["pid"]))


def _hosts() -> List[str]:
    """Names and addresses by which other hosts may reach this one, the likeliest first."""
    name = socket.gethostname()
    found = [name]
    with contextlib.suppress(OSError):
        found = [str(one[4][0]) for one in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)] + found
    # The address of the interface with the default route: connecting a datagram socket sends nothing.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        found.insert(0, probe.getsockname()[0])
    master = os.environ.get("MASTER_ADDR", "")
    if master:
        found.insert(0, master)  # by convention the host of rank 0
    return [one for one in dict.fromkeys(found) if not one.startswith(("127.", "::1")) or one == master]
