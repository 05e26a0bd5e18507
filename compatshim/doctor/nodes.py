"""On which node a rank is that does not answer, as far as its launcher says it to the others."""

from __future__ import annotations

import itertools
import re
from typing import List, Mapping

from compatshim.gather import nodelist

_MOST = 100_000
"""Nodes; no job has more."""


def node(rank: int, environ: Mapping[str, str]) -> str:
    """The node of a rank in words; empty where that cannot be told."""
    nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST", "")
    names = list(itertools.islice(nodelist.names(nodes), _MOST))
    tasks = counts(environ.get("SLURM_STEP_TASKS_PER_NODE") or environ.get("SLURM_TASKS_PER_NODE", ""))
    if "SLURM_PROCID" in environ and len(names) == len(tasks):
        if not environ.get("SLURM_DISTRIBUTION", "block").startswith("block"):
            return ""
        for name, count in zip(names, tasks):
            if rank < count:
                return name
            rank -= count
        return ""
    local = environ.get("LOCAL_WORLD_SIZE", "")
    if local.isdecimal() and int(local) > 0 and "GROUP_RANK" in environ:  # torchrun, the same number on every node
        return f"the node with GROUP_RANK {rank // int(local)}"
    return ""


def counts(tasks: str) -> List[int]:
    """Tasks of each node as Slurm writes them: ``2(x3),1`` is 2, 2, 2, 1."""
    found: List[int] = []
    for part in tasks.split(","):
        matched = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if matched is None or int(matched[2] or 1) > _MOST:
            return []
        found += [int(matched[1])] * int(matched[2] or 1)
    return found
