"""On which node a rank is, as launchers write it."""

from __future__ import annotations

from typing import Dict, List

import pytest

from compatshim.doctor import nodes

SLURM = {"SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "gpu[09-10],login", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}


@pytest.mark.parametrize(
    ("text", "found"), [("4", [4]), ("2(x3),1", [2, 2, 2, 1]), ("x", []), ("1(x99999999)", [])]
)
def test_counts(text: str, found: List[int]) -> None:
    assert nodes.counts(text) == found


@pytest.mark.parametrize(
    ("rank", "environ", "node"),
    [
        (0, SLURM, "gpu09"), (1, SLURM, "gpu09"), (2, SLURM, "gpu10"), (4, SLURM, "login"), (5, SLURM, ""),
        (1, {**SLURM, "SLURM_DISTRIBUTION": "cyclic"}, ""), (1, {**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2"}, ""),
        (9, {"LOCAL_WORLD_SIZE": "8", "GROUP_RANK": "0"}, "the node with GROUP_RANK 1"), (9, {}, ""),
        (0, {**SLURM, "SLURM_STEP_NODELIST": "a[1-999999999999]"}, ""),
        (9, {"LOCAL_WORLD_SIZE": "0", "GROUP_RANK": "0"}, ""),
    ],
)  # fmt: skip
def test_node(rank: int, environ: Dict[str, str], node: str) -> None:
    assert nodes.node(rank, environ) == node
