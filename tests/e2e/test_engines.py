"""Real launchers, on one host and on two that share nothing: an unchanged program, the numbers of one process."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import pytest

from compatshim.kb.environments import Environment
from tests.doctor.support import as_root, mounted
from tests.e2e import ranks, support

pytestmark = pytest.mark.e2e
matrix = pytest.mark.matrix

PROGRAM = os.path.join(support.PROGRAMS, "engine.py")
CLIENTS = os.path.join(support.PROGRAMS, "clients.py")
AROUND = ("torch==2.13.0+cpu", "accelerate", "mpi4py", "openmpi", "transformers")
VERSIONS = {"evaluate": "0.4.6", "datasets": "5.2.0", "filelock": "4.2.11"}
WORLD = 4
AS_ROOT = {f"{name}_ALLOW_RUN_AS_ROOT{suffix}": "1" for name in ("OMPI", "PRTE") for suffix in ("", "_CONFIRM")}


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with pytest.MonkeyPatch.context() as patch:
        if "PIP_FIND_LINKS" in os.environ:
            patch.setenv("UV_FIND_LINKS", os.environ.get("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"]))
        yield support.build(VERSIONS, around=AROUND)


@pytest.fixture(scope="module")
def plain() -> Environment:
    """Without torch and MPI, which are large: what needs only this is run every time."""
    return support.build(VERSIONS, around=())


def variables(folder: Path, environment: Environment, **more: str) -> Dict[str, str]:
    ours = ("COMPATSHIM", "RANK", "WORLD", "MASTER", "SLURM", "OMPI", "PMI", "TORCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = folder / "path"
    path.mkdir(exist_ok=True)
    if not (path / "compatshim").exists():
        os.symlink(support.PACKAGE, path / "compatshim")
    scripts = os.path.join(environment.prefix, "bin")
    return {
        **kept,
        **AS_ROOT,
        "PYTHONPATH": str(path),
        "PATH": os.pathsep.join([scripts, kept["PATH"]]),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": "/tmp",
        **more,
    }


def right(kind: str, world: int = WORLD) -> List[Dict[str, Any]]:
    """What the ranks must have got: the rows of all in rank order, and None elsewhere."""
    rows = [
        {"rows": [f"{name} {number} {rank}" for rank in range(world)]}
        for number in range(3)
        for name in ("rows", "other")
    ]
    found = [{"world": world, "results": rows, "kinds": [kind]}]
    return found + [{"world": world, "results": [None] * 6, "kinds": [kind]} for _ in range(world - 1)]


def got(folder: Path, world: int = WORLD) -> List[Any]:
    return [
        json.loads((folder / f"out-{rank}").read_text())
        for rank in range(world)
        if (folder / f"out-{rank}").exists()
    ]


def run(commands: Sequence[Tuple[Sequence[str], Mapping[str, str]]], folder: Path) -> List[int]:
    """Run commands side by side; their exit statuses."""
    with (folder / "said").open("wb") as said:
        running = [
            subprocess.Popen(command, env=env, cwd=folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
            for command, env in commands
        ]
        try:
            return [one.wait(300) for one in running]
        finally:
            for one in running:
                one.kill()


LAUNCHERS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "torch": ("torch", ("torchrun", "--standalone", f"--nproc-per-node={WORLD}")),
    "torchrun": ("torch", ("torchrun", "--standalone", f"--nproc-per-node={WORLD}")),
    "accelerate": ("torch", ("torchrun", "--standalone", f"--nproc-per-node={WORLD}")),
    "mpi": ("mpi", ("mpirun", "--oversubscribe", "-n", str(WORLD), "python")),
}


@matrix
@pytest.mark.parametrize("engine", LAUNCHERS)
def test_a_launcher(environment: Environment, engine: str, tmp_path: Path) -> None:
    kind, command = LAUNCHERS[engine]
    words = [*command, PROGRAM, engine, str(tmp_path / "out"), str(tmp_path / "cache")]
    assert run([(words, variables(tmp_path, environment))], tmp_path) == [0], (tmp_path / "said").read_text()
    assert got(tmp_path) == right(kind)


@pytest.mark.parametrize("kind", [pytest.param("env", marks=matrix), "slurm"])
def test_by_hand(plain: Environment, kind: str, tmp_path: Path) -> None:
    port = str(ranks.free_port())
    commands = []
    for rank in range(WORLD):
        if kind == "env":
            set_by = {"RANK": str(rank), "WORLD_SIZE": str(WORLD)}
        else:
            set_by = {
                "SLURM_PROCID": str(rank),
                "SLURM_NTASKS": str(WORLD),
                "SLURM_JOB_ID": "1",
                "SLURM_STEP_ID": "0",
            }
        # No directory is shared.
        words = [plain.python, PROGRAM, kind, str(tmp_path / "out"), str(tmp_path / f"cache-{rank}")]
        commands.append((words, variables(tmp_path, plain, MASTER_ADDR="127.0.0.1", MASTER_PORT=port, **set_by)))
    assert run(commands, tmp_path) == [0] * WORLD, (tmp_path / "said").read_text()
    assert got(tmp_path) == right(kind)
    assert [
        name for rank in range(WORLD) for _, _, names in os.walk(tmp_path / f"cache-{rank}") for name in names
    ] == []


@matrix
class TestClients:
    """transformers' Trainer and a training loop of accelerate, on ranks that share no directory."""

    def train(self, environment: Environment, client: str, folder: Path, *before: str) -> int:
        launcher = ("torchrun", "--standalone", "--nproc-per-node=2")
        words = [*before, *launcher, CLIENTS, client, str(folder / "out"), str(folder / "cache")]
        return run([(words, variables(folder, environment))], folder)[0]

    @pytest.mark.parametrize("client", ["trainer", "accelerate"])
    def test_mended(self, environment: Environment, client: str, tmp_path: Path) -> None:
        code = self.train(environment, client, tmp_path, "python", "-m", "compatshim", "run")
        assert code == 0, (tmp_path / "said").read_text()
        first, second = got(tmp_path, 2)
        rounds = [tuple(one.values()) for one in first["wanted"]]
        assert len(set(rounds)) == 3, "rows of another round would not be noticed"
        assert first["results"] == first["wanted"] == second["wanted"]
        assert second["results"] == [None] * 3
        if client == "trainer":
            assert [tuple(one) for one in first["logged"]] == rounds

    @pytest.mark.parametrize("client", ["trainer", "accelerate"])
    def test_evaluate_alone(self, environment: Environment, client: str, tmp_path: Path) -> None:
        assert self.train(environment, client, tmp_path) != 0
        assert "ValueError: Expected to find locked file" in (tmp_path / "said").read_text()


@as_root
class TestTwoMounts:
    """One directory, mounted twice: a rank does not see the locks of the other (evaluate#481)."""

    def compute(self, environment: Environment, folder: Path, *options: str) -> List[int]:
        (folder / "real").mkdir()
        group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(ranks.free_port())}
        with mounted(folder / "cache-0", "bindfs", str(folder / "real")) as one, mounted(
            folder / "cache-1", "bindfs", str(folder / "real")
        ) as other:
            commands = [
                (
                    [environment.python, PROGRAM, "env", str(folder / "out"), str(cache), *options],
                    variables(folder, environment, RANK=str(rank), **group),
                )
                for rank, cache in enumerate((one, other))
            ]
            return run(commands, folder)

    def test_mended(self, plain: Environment, tmp_path: Path) -> None:
        assert self.compute(plain, tmp_path) == [0, 0], (tmp_path / "said").read_text()
        assert got(tmp_path, 2) == right("env", 2)

    def test_evaluate_alone(self, plain: Environment, tmp_path: Path) -> None:
        assert self.compute(plain, tmp_path, "alone") == [0, 0], (tmp_path / "said").read_text()
        # What becomes of the later rounds, of which some seem to go well, depends on the time.
        first = [result for answer in got(tmp_path, 2) for result in answer["results"][:2]]
        assert [result[:28] for result in first] == ["Expected to find locked file"] * 4


@matrix
@pytest.mark.parametrize(
    ("fault", "said", "within"),
    [
        ("killed", "torch's store is gone", 2.0),
        ("stopped", "cannot reach rank 0 by torch's store within 2 s (torch's store does not answer)", 4.0),
        ("ended", "rank 0 is gone (its process ended, after this: it, round 0: the rows of 2 of 3 ranks", 2.0),
    ],
)
def test_a_rank_that_comes_too_late_for_torchs_store(
    environment: Environment, fault: str, said: str, within: float, tmp_path: Path
) -> None:
    code = """
import datetime, json, os, signal, sys, time
import torch.distributed as dist
from compatshim.gather import rendezvous
from compatshim.gather.link import Link
fault, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
limit = datetime.timedelta(seconds=10)
def opened(): return dist.TCPStore("127.0.0.1", port, is_master=False, wait_for_workers=False, timeout=limit)
def failing(rank, timeout):
    link, start = Link(rendezvous.Store(opened, "key"), rank, 3, folder), time.monotonic()
    try:
        link.greet()
        link.gather("it", "", timeout, print)
    except ValueError as error:
        return str(error), time.monotonic() - start
    finally:
        link.close()
host = os.fork()
if host == 0:
    kept = dist.TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False)
    time.sleep(60)  # until it is killed
    os._exit(0)
store = opened()
if fault == "ended" and os.fork() == 0:
    failing(0, 0.2)
    os._exit(0)
elif fault == "ended":
    os.wait()
else:
    os.kill(host, signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
    os.waitpid(host, os.WUNTRACED)
opened = lambda: store
print(json.dumps(failing(1, 2.0)), flush=True)
if fault != "killed": os.kill(host, signal.SIGKILL)
os._exit(0)
"""
    words = [environment.python, "-c", code, fault, str(ranks.free_port()), str(tmp_path)]
    done = subprocess.run(
        words, env=variables(tmp_path, environment), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer, took = json.loads(done.stdout.splitlines()[-1])
    assert said in answer
    assert took < within


HOSTS = {"A": "10.77.0.1", "B": "10.77.0.2"}
ON_HOST = """
set -e
mount --make-rprivate /
mkdir -p "$PRIVATE"
mount -t tmpfs tmpfs "$PRIVATE"
printf '127.0.0.1 localhost\\n10.77.0.1 nodeA\\n10.77.0.2 nodeB\\n' > "$PRIVATE/hosts"
mount --bind "$PRIVATE/hosts" /etc/hosts
hostname "$NAME"
exec "$@"
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Any]:
    """Two hosts, each with its network, name and a directory that the other does not see; how to run on one."""
    tools = ("ip", "unshare", "mount", "hostname", "bash")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if sys.platform != "linux" or os.geteuid() != 0 or missing:
        pytest.skip(f"two hosts need Linux, root and {', '.join(missing) or 'namespaces'}: not run")
    tag = f"cs{os.getpid() % 10000}"

    def ip(*words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, check=False, text=True)
        if done.returncode:
            pytest.skip(f"no network namespaces here ({done.stderr.strip()}): not run")

    try:
        for name in HOSTS:
            ip("netns", "add", f"{tag}{name}")
        ip(
            "link",
            "add",
            f"{tag}a",
            "netns",
            f"{tag}A",
            "type",
            "veth",
            "peer",
            "name",
            f"{tag}b",
            "netns",
            f"{tag}B",
        )
        for name, address in HOSTS.items():
            device = f"{tag}{name.lower()}"
            for words in (
                ("addr", "add", f"{address}/24", "dev", device),
                ("link", "set", device, "up"),
                ("link", "set", "lo", "up"),
            ):
                ip("-n", f"{tag}{name}", *words)

        def on(name: str, *words: str) -> Tuple[List[str], Dict[str, str]]:
            command = [
                "ip",
                "netns",
                "exec",
                f"{tag}{name}",
                "unshare",
                "-m",
                "-u",
                "bash",
                "-c",
                ON_HOST,
                "host",
                *words,
            ]
            return command, {
                "NAME": f"node{name}",
                "PRIVATE": str(tmp_path / "private"),
                "DEVICE": f"{tag}{name.lower()}",
            }

        yield on
    finally:
        for name in HOSTS:
            subprocess.run(["ip", "netns", "del", f"{tag}{name}"], capture_output=True, check=False)


class TestTwoHosts:
    def ended(self, tmp_path: Path, codes: Sequence[int]) -> None:
        assert not any(codes), (tmp_path / "said").read_text()

    @matrix
    @pytest.mark.parametrize("engine", ["torch", "torchrun"])
    def test_torchrun(self, environment: Environment, hosts: Any, engine: str, tmp_path: Path) -> None:
        commands = []
        for name, address in HOSTS.items():
            words, more = hosts(
                name, "torchrun", "--nnodes=2", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-id=job",
                f"--rdzv-endpoint={HOSTS['A']}:29531", f"--local-addr={address}", PROGRAM, engine,
                str(tmp_path / "out"), str(tmp_path / "private" / "cache"),
            )  # fmt: skip
            commands.append((words, variables(tmp_path, environment, GLOO_SOCKET_IFNAME=more["DEVICE"], **more)))
        self.ended(tmp_path, run(commands, tmp_path))
        assert got(tmp_path) == right("torch")

    @matrix
    def test_mpirun(self, environment: Environment, hosts: Any, tmp_path: Path) -> None:
        # In place of ssh, with the name of the host and the command that starts MPI's daemon there.
        enter, more = hosts("B", "bash", "-c")
        agent = tmp_path / "agent"
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in more.items())
        agent.write_text(f'#!/bin/bash\nset -e\n[ "$1" = nodeB ]\nshift\n{exports}exec {shlex.join(enter)} "$*"\n')
        agent.chmod(0o755)
        words, more = hosts(
            "A", "mpirun", "--prtemca", "plm_ssh_agent", str(agent), "--host", "nodeA:2,nodeB:2", "-n", str(WORLD),
            "python", PROGRAM, "mpi", str(tmp_path / "out"), str(tmp_path / "private" / "cache"),
        )  # fmt: skip
        self.ended(tmp_path, run([(words, variables(tmp_path, environment, **more))], tmp_path))
        assert got(tmp_path) == right("mpi")

    @pytest.mark.parametrize("options", [(), pytest.param(("kill",), marks=matrix)])
    def test_by_hand(self, plain: Environment, hosts: Any, options: Tuple[str, ...], tmp_path: Path) -> None:
        commands = []
        for rank in range(WORLD):
            words, more = hosts(
                "AB"[rank // 2], plain.python, PROGRAM, "env", str(tmp_path / "out"),
                str(tmp_path / "private" / "cache"), *options,
            )  # fmt: skip
            more.update(RANK=str(rank), WORLD_SIZE=str(WORLD), MASTER_ADDR="nodeA", MASTER_PORT="29611")
            commands.append((words, variables(tmp_path, plain, **more)))
        codes = run(commands, tmp_path)
        if not options:
            self.ended(tmp_path, codes)
            assert got(tmp_path) == right("env")
        else:
            assert [code != 0 for code in codes] == [False, False, False, True]
            for answer in got(tmp_path):
                assert all("rank 3: connection lost" in result for result in answer["results"][2:])

    def test_the_network_is_cut(self, plain: Environment, hosts: Any, tmp_path: Path) -> None:
        code = f"""
import compatshim.gather.link as link, os, subprocess, sys
rank = int(os.environ["RANK"])
path = os.path.join({str(tmp_path)!r}, "rows-%d" % rank)
with open(path, "wb") as file: file.write(b"x" * 30_000_000)
held = link.link(rank, 2, {str(tmp_path)!r}, "x")
def fine(paths): pass
held.gather("it", "", 20.0, fine)
if rank:
    import compatshim.gather.spoke as spoke
    real, calls = spoke._sent, []
    def sent(*args):
        calls.append(1)
        if len(calls) == 3: subprocess.run(["ip", "link", "set", os.environ["DEVICE"], "down"], check=True)
        return real(*args)
    spoke._sent = sent
try: answer = str(held.gather("it", path, 3.0, fine))
except ValueError as error: answer = str(error)
with open(os.path.join({str(tmp_path)!r}, "answer-%d" % rank), "w") as file: file.write(answer)
os._exit(0)
"""
        commands = []
        for rank in range(2):
            words, more = hosts("AB"[rank], plain.python, "-c", code)
            more.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="nodeA", MASTER_PORT="29621")
            commands.append((words, variables(tmp_path, plain, **more)))
        self.ended(tmp_path, run(commands, tmp_path))
        assert "rank 1: stopped after" in (tmp_path / "answer-0").read_text()
        assert "rank 0 was not heard of" in (tmp_path / "answer-1").read_text()
