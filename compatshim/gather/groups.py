"""Which process group this process is in: torch, MPI, a launcher's environment, Slurm, or none.

A group counts only where it is really there and its rank and size are those that the caller says. Nothing is
imported for it: a library that the program does not use is not what its ranks meet by.
"""

from __future__ import annotations

import functools
import getpass
import os
import sys
import zlib

from compatshim.gather import nodelist, rendezvous

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

SETTING = "COMPATSHIM_GATHER"
TOKEN = "COMPATSHIM_GATHER_TOKEN"  # noqa: S105  the name of a variable
MODES = ("auto", "off", "torch", "mpi", "env", "files")


def mode() -> str:
    """What the user wants; a word that is none of :data:`MODES` counts as ``auto``, and is said once."""
    word = os.environ.get(SETTING, "") or "auto"
    if word in MODES:
        return word
    from compatshim.startup import notices

    notices.warn(f"{SETTING}={word!r} is not one of {', '.join(MODES)}; it is ignored.", SETTING)
    return "auto"


class Group:
    """A group that is there: its kind, the rank of this process and the number of ranks, and how they meet."""

    __slots__ = ("_meet", "kind", "rank", "world")

    def __init__(self, kind: str, rank: int, world: int, meet: Any) -> None:
        self.kind = kind
        self.rank = rank
        self.world = world
        self._meet = meet

    def rendezvous(self) -> rendezvous.Rendezvous:
        """How the ranks find each other."""
        found: rendezvous.Rendezvous = self._meet()
        return found


def find(wanted: str) -> List[Group]:
    """The groups of this process, the one to be preferred first."""
    detectors = {
        "torch": (_torch, _torchrun),
        "mpi": (_mpi,),
        "env": (_environment, _slurm),
        "files": (),
        "off": (),
    }
    order = (_torchrun, _torch, _mpi, _environment, _slurm) if wanted == "auto" else detectors[wanted]
    found = (detect() for detect in order)
    return [group for group in found if group is not None]


def _torch() -> Optional[Group]:
    """An initialised :mod:`torch.distributed`, met by its store."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    store = sys.modules["torch.distributed.distributed_c10d"]._get_default_store()
    if store is None:  # the MPI back end has none
        return None
    rank, world = distributed.get_rank(), distributed.get_world_size()
    return Group("torch", rank, world, lambda: rendezvous.Store(lambda: store, _key()))


def _torchrun() -> Optional[Group]:
    """The store that torchrun keeps for its processes, whether they have initialised a group or not."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or "torch.distributed" not in sys.modules:
        return None
    launched = _launched()
    if launched is None:
        return None
    rank, world, host, port = launched

    @functools.lru_cache(maxsize=1)
    def opened() -> Any:
        from datetime import timedelta

        return sys.modules["torch.distributed"].TCPStore(
            host, port, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=10)
        )

    return Group("torch", rank, world, lambda: rendezvous.Store(opened, _key()))


def _key() -> str:
    # The store outlives the processes when torchrun starts them anew.
    return f"compatshim/gather/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"


def _mpi() -> Optional[Group]:
    """An initialised MPI of mpi4py."""
    mpi: Any = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized() or mpi.Is_finalized():
        return None
    return Group("mpi", mpi.COMM_WORLD.Get_rank(), mpi.COMM_WORLD.Get_size(), lambda: rendezvous.Mpi(mpi))


def _environment() -> Optional[Group]:
    """RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, whoever set them."""
    launched = _launched()
    if launched is None:
        return None
    rank, world, host, port = launched
    run = os.environ.get("TORCHELASTIC_RUN_ID", "")
    secret = [_user(), str(world), run, os.environ.get(TOKEN, "")]
    # torchrun itself listens at the port, so no two of them have the same.
    sure = bool(run or os.environ.get(TOKEN))
    return Group("env", rank, world, lambda: rendezvous.Address(host, port, secret, sure=sure))


def _launched() -> Optional[Tuple[int, int, str, int]]:
    rank, world, port = (_number(name) for name in ("RANK", "WORLD_SIZE", "MASTER_PORT"))
    host = os.environ.get("MASTER_ADDR", "")
    if rank is None or world is None or port is None or not host:
        return None
    return rank, world, host, port


def _slurm() -> Optional[Group]:
    """A step of Slurm: the first of its nodes has rank 0."""
    rank, world, step = (_number(name) for name in ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_ID"))
    job = os.environ.get("SLURM_JOB_ID", "")
    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_JOB_NODELIST", "")
    host = os.environ.get("MASTER_ADDR") or next(nodelist.names(nodes), "")
    if rank is None or world is None or not job or not host:
        return None
    port = _number("MASTER_PORT")
    if port is None:
        port = 20000 + zlib.crc32(f"{job}.{step}".encode()) % 20000
    secret = [_user(), str(world), job, str(step), os.environ.get(TOKEN, "")]
    sure = step is not None or bool(os.environ.get(TOKEN))
    return Group("slurm", rank, world, lambda: rendezvous.Address(host, port, secret, sure=sure))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name
        return str(getattr(os, "getuid", lambda: "")())


def _number(name: str) -> Optional[int]:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None
