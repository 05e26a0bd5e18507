"""Which process of a distributed job this is, by what launchers put into the environment of their processes."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# Rank and number of ranks, the innermost launcher first: under `srun torchrun` every process of a node has the
# SLURM_PROCID of its torchrun, and under `mpirun` in a batch script that of the script.
RANKS = (
    ("RANK", "WORLD_SIZE"),  # torchrun, accelerate, deepspeed
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("PMIX_RANK", ""),  # prrte, srun --mpi=pmix
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, srun --mpi=pmi2
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
CHILDREN = (
    "--multiprocessing-fork",
    "from multiprocessing.spawn import ",
    "from multiprocessing.forkserver import ",
    "from multiprocessing.resource_tracker import ",
)
"""How multiprocessing starts the command lines of its processes, or their only option."""
JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PMIX_NAMESPACE", "TORCHELASTIC_RUN_ID")


def rank() -> Optional[int]:
    """The rank of this process in its job; None where no launcher gave one."""
    for name, _ in RANKS:
        found = _number(name)
        if found is not None:
            return found
    return None


def world() -> Optional[int]:
    """How many ranks the job has, as the launcher that gave the rank says it."""
    for name, size in RANKS:
        if _number(name) is not None:
            return _number(size)
    return None


def job() -> str:
    """The job's name at its scheduler or launcher; empty where there is none."""
    for name in JOBS:
        value = os.environ.get(name, "")
        if value not in ("", "none"):  # torchrun says "none" when it was given no name
            return value
    return ""


def speaks() -> bool:
    """Whether this process is the one that says things for all: rank 0, and nobody's multiprocessing child.

    Where only a local rank is known (Lightning's own launcher), the first of each host speaks.
    """
    place = rank()
    if place is None:
        place = _number("LOCAL_RANK")
    return not place and not is_child()


def is_child() -> bool:
    """Whether :mod:`multiprocessing` started this process, which it is asked only where it has been imported."""
    # Before that (we may be imported with `site`) the command line tells; to Python 3.9, of spawned children only.
    words = getattr(sys, "orig_argv", None) or getattr(sys, "argv", [])
    if any(word.startswith(CHILDREN) for word in words):
        return True
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # A spawned child runs the main module before it knows its parent; this mark is how multiprocessing tells.
    return process.parent_process() is not None or hasattr(process.current_process(), "_inheriting")


def _number(name: str) -> Optional[int]:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None
