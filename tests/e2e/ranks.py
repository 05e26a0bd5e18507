"""Jobs of several ranks on the real evaluate: what they are, how they are played, and what must come of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from compatshim.kb import environments
from tests.e2e import support

PROGRAM = os.path.join(support.PROGRAMS, "ranks.py")


class Job(NamedTuple):
    """A program that is run by ``world`` ranks; see programs/ranks.py."""

    code: str
    world: int = 3
    argv: Tuple[str, ...] = ("program",)
    family: bool = False
    port: Optional[int] = None
    """The port of its address in the environment; None for no process group at all."""
    env: Mapping[str, str] = {}

    def sent(self) -> Dict[str, Any]:
        """As the program reads it."""
        env = dict(self.env)
        if self.port is not None:
            env.update(
                RANK="{rank}", WORLD_SIZE=str(self.world), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(self.port)
            )
        return {"world": self.world, "code": self.code, "argv": self.argv, "family": self.family, "env": env}


class Rank(NamedTuple):
    """What a rank noted: results, None, or errors as text; how long each took; how it ended."""

    notes: List[Any]
    took: List[float]
    code: Union[int, str]
    seconds: float


class Player:
    """One environment in which jobs are played; evaluate is imported once."""

    def __init__(self, environment: environments.Environment, folder: str, *, shim: bool) -> None:
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(("COMPATSHIM", "RANK"))
        }
        variables["PYTHONPATH"] = folder
        if shim:
            os.symlink(support.PACKAGE, os.path.join(folder, "compatshim"))
        command = [environment.python, PROGRAM, *(["--shim"] if shim else [])]
        self.errors = open(os.path.join(folder, "stderr"), "w+b")  # noqa: SIM115  as long as the process
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=variables, cwd=folder
        )
        self.left: List[str] = []

    def play(self, *jobs: Job, limit: float = 30.0) -> List[List[Rank]]:
        """What the ranks of each job noted. ``limit`` is in seconds; whoever runs longer is ``hung``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = json.dumps({"jobs": [job.sent() for job in jobs], "limit": limit})
        self.process.stdin.write(request.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.said()
        answer = json.loads(line)
        self.left = answer["left"]
        return [[Rank(**rank) for rank in ranks] for ranks in answer["jobs"]]

    def said(self) -> str:
        """What came on standard error."""
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End the program."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()


def free_port() -> int:
    """A port with a few free ones behind it, by all appearances."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return min(port, 65000)


def wrong(ranks: Sequence[Rank], rounds: Sequence[Any], dead: Mapping[int, int]) -> List[str]:
    """What is not as it must be: a wrong number, an error that not every surviving rank has, a hang.

    ``rounds`` says of each what rank 0 must get: a result, or the words (a list) that the error of every surviving
    rank contains, one of them at least; ``dead`` are the ranks that do not survive, by how they end.
    """
    found = []
    for number, rank in enumerate(ranks):
        if rank.code != dead.get(number, 0):
            found.append(f"rank {number} ended with {rank.code}: {rank.notes}")
        if number in dead:
            continue
        if len(rank.notes) != len(rounds):
            found.append(f"rank {number} noted {rank.notes}")
            continue
        for place, (note, wanted) in enumerate(zip(rank.notes, rounds)):
            if isinstance(wanted, list):
                if not isinstance(note, str) or not any(word in note for word in wanted):
                    found.append(f"rank {number}, round {place}: {note!r}, not an error of {wanted}")
            elif note != (wanted if number == 0 else None):
                found.append(f"rank {number}, round {place}: {note!r}, not {wanted!r}")
    return found
