"""Node lists, as Slurm writes them."""

from __future__ import annotations

import itertools
from typing import List

import pytest

from compatshim.gather import nodelist


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []), ("a", ["a"]), ("a,b", ["a", "b"]), ("a[1-3]", ["a1", "a2", "a3"]), ("a[01,4]", ["a01", "a4"]),
        ("a[01-02,10],b[5]-x", ["a01", "a02", "a10", "b5-x"]), ("a[098-101]", ["a098", "a099", "a100", "a101"]),
        ("r[0-1]n[1,3],s", ["r0n1", "r0n3", "r1n1", "r1n3", "s"]), ("a[x]", []),
        ("a[1-999999999999]", ["a1", "a2"]),
    ],
)  # fmt: skip
def test_names(text: str, names: List[str]) -> None:
    few = 2 if "999" in text else None
    assert list(itertools.islice(nodelist.names(text), few)) == names
