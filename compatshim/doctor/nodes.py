"""On which node a rank is that does not answer, as far as its launcher says it to the others."""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping

_MOST = 100_000


def node(rank: int, environ: Mapping[str, str]) -> str:
    """The node of a rank in words; empty where that cannot be told."""
    names = expand(environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST", ""))
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


def expand(nodes: str) -> List[str]:
    """The names in a node list as Slurm writes it: ``a[1-2,5],b`` is a1, a2, a5, b."""
    found: List[str] = []
    for before, inner, after in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)", nodes):
        found += [f"{before}{number}{after}" for number in _numbers(inner)] if inner else [before]
        if len(found) > _MOST:
            return []
    return found


def _numbers(inner: str) -> Iterator[str]:
    for part in inner.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) - int(first) > _MOST:
            return
        for number in range(int(first), int(last or first) + 1):
            yield str(number).zfill(len(first))


def counts(tasks: str) -> List[int]:
    """Tasks of each node as Slurm writes them: ``2(x3),1`` is 2, 2, 2, 1."""
    found: List[int] = []
    for part in tasks.split(","):
        matched = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if matched is None or int(matched[2] or 1) > _MOST:
            return []
        found += [int(matched[1])] * int(matched[2] or 1)
    return found
