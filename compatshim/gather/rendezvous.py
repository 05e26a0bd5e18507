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

from compatshim.gather import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence


_LAST_PORT = 65535


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

    def withdraw(self) -> None:
        """Rank 0 listens no more."""


class Store(Rendezvous):
    """A key of a store of :mod:`torch.distributed`."""

    def __init__(self, store: Any, key: str) -> None:
        self._store = store
        self._key = key
        self.where = "by torch's store"

    def announce(self, port: int, token: bytes) -> None:
        """Set the key."""
        self._store.set(self._key, _written(port, token))

    def places(self) -> List[Place]:
        """What the key says, once it is set."""
        if not self._store.check([self._key]):  # `get` would wait, and the whole program with it
            return []
        return _read(bytes(self._store.get(self._key)))


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
        self._prefix = f".compatshim-gather-{hashlib.sha256(name.encode()).hexdigest()[:20]}-"
        self._path: Optional[str] = None
        self._owner: Optional[int] = None
        self.where = f"through {folder}"

    def announce(self, port: int, token: bytes) -> None:
        """Write the file, whole or not at all, for nobody but this user."""
        self._path = os.path.join(self._folder, f"{self._prefix}{os.urandom(16).hex()}.json")
        descriptor, path = tempfile.mkstemp(prefix=".compatshim-", dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_written(port, token))
        os.replace(path, self._path)

    def places(self) -> List[Place]:
        """What the files of this user say; those of processes of this host that are dead are removed."""
        found: List[Place] = []
        for name in sorted(os.listdir(self._folder)):
            if name.startswith(self._prefix):
                path = os.path.join(self._folder, name)
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    with open(path, "rb") as file:
                        # Whoever may write here could send our rows to himself.
                        if os.fstat(file.fileno()).st_uid != self._user():
                            continue
                        text = file.read(1 << 16)
                    if _dead(text):
                        os.remove(path)
                    elif path != self._path:
                        found += _read(text)
        return found

    def _user(self) -> int:
        """Who owns the files that this process makes there: on a network not always who it is here."""
        if self._owner is None:
            with tempfile.TemporaryFile(prefix=".compatshim-", dir=self._folder) as file:
                self._owner = os.fstat(file.fileno()).st_uid
        return self._owner

    def withdraw(self) -> None:
        """Remove the file."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                os.remove(self._path)


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
