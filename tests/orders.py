"""What programs do around a shim, in every order; what must hold after each step is said in programs/orders.py.

A shim's own test is a subclass of :class:`Orders` with its target; :mod:`tests.e2e.test_orders` has them.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

ACTIONS = ("compatshim", "target", "name", "reload", "again", "revert", "revert_again", "foreign")
"""Import compatshim; import the target; ``from target import name``; reload the target; arm a second time (by a
reload of compatshim); revert; revert a second time; patch over the shim. Each at most once."""

NEEDS: Mapping[str, Tuple[str, ...]] = {
    "again": ("compatshim",),
    "revert": ("compatshim",),
    "revert_again": ("revert",),
    "reload": ("target", "name"),
    "foreign": ("target", "name"),
}
"""One of these must have come before."""

BOUNDED = 3
"""Actions of the longest order in continuous integration, where each starts from real packages or on every Python;
the others are for the matrix."""
LONGER = BOUNDED + 2
"""The same over small modules on one Python."""


class Target(NamedTuple):
    """One shim on one module. Sent to a program in the environment as JSON."""

    shim: str
    module: str
    name: str
    """What the module's users import from it."""
    fault: str
    """Body of a function of this name, ``module`` and ``folder`` that returns whether the fault is there."""
    patched: str
    """An attribute that the shim replaces, seen from the module: somebody else patches it, too."""
    reach: str
    """How a mend reaches what was imported by ``from`` before: ``class`` (attributes of the class itself: until the
    module is executed again), ``globals`` (what its functions look up: always), ``value`` (never)."""
    advisories: Tuple[str, ...]
    """Those that may arm the shim here."""
    without: Tuple[str, ...] = ()
    """Actions that make no sense here: what is a plain value, or is not there at all, nobody wraps."""

    @property
    def actions(self) -> Tuple[str, ...]:
        """What is done around this one."""
        return tuple(action for action in ACTIONS if action not in self.without)

    def sent(self) -> str:
        """As the program in the environment reads it."""
        return json.dumps({**self._asdict(), "actions": self.actions})


def orders(depth: int, actions: Sequence[str] = ACTIONS) -> Iterator[Tuple[str, ...]]:
    """All orders of up to ``depth`` actions, each action after one of those that it needs."""
    for length in range(1, depth + 1):
        for order in itertools.permutations(actions, length):
            if all(_possible(action, order[:place]) for place, action in enumerate(order)):
                yield order


def _possible(action: str, before: Sequence[str]) -> bool:
    needs = NEEDS.get(action)
    return needs is None or any(one in before for one in needs)


def judge(output: str, depth: int, actions: Sequence[str] = ACTIONS) -> Dict[str, List[str]]:
    """What was wrong after which order; an order that was not tried is wrong, and so is one too many."""
    wrong: Dict[str, List[str]] = {}
    tried: Dict[Tuple[str, ...], Any] = {}
    for line in output.splitlines():
        order, said = json.loads(line)
        tried.setdefault(tuple(order), []).append(said)
    for order in orders(depth, actions):
        said = tried.pop(order, [["not tried"]])
        if said != [[]]:
            wrong[" ".join(order)] = list(itertools.chain(*said))
    return {**wrong, **{" ".join(order): ["nobody asked for it"] for order in tried}}
