"""The names in a node list, as Slurm writes it."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator


def names(nodes: str) -> Iterator[str]:
    """The names in their order: ``a[01-02,5],b`` is a01, a02, a5, b; what is no such list ends it.

    A list may stand for any number of names: take as many as are needed.
    """
    for word in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", nodes):
        yield from _expanded(word)


def _expanded(word: str) -> Iterator[str]:
    before, bracket, behind = word.partition("[")
    if not bracket:
        yield word
        return
    inner, _, after = behind.partition("]")
    for number in _numbers(inner):
        for rest in _expanded(after):
            yield f"{before}{number}{rest}"


def _numbers(inner: str) -> Iterator[str]:
    for part in inner.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return
        for number in range(int(first), int(last or first) + 1):
            yield str(number).zfill(len(first))
