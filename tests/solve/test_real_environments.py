"""The resolver against the MaxSAT oracle on real environments, with the bundled metadata and catalog."""

from __future__ import annotations

from typing import Callable, Dict, Iterable

import pytest

from compatshim import compiled
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Inventory
from compatshim.solve import growing, objective, problem, search
from compatshim.solve.problem import Wishes
from compatshim.solve.requirements import Wanted
from tests import frozen
from tests.solve.oracle import Oracle

WISHES: Dict[str, Callable[[Inventory], Wishes]] = {
    "nothing": lambda _: Wishes(),
    "hold evaluate": lambda _: Wishes(hold=frozenset({"evaluate"})),
    "hold evaluate and datasets": lambda _: Wishes(hold=frozenset({"evaluate", "datasets"})),
    "hold all": lambda inventory: Wishes(hold=frozenset(inventory.distributions)),
    "require datasets>=3": lambda _: Wishes(require=(Wanted("datasets", frozenset(), ">=3", ""),)),
    "no downgrade": lambda _: Wishes(downgrades=False),
    "minor versions at most": lambda _: Wishes(levels={"": "minor"}),
}
ENVIRONMENTS = frozen.load()


def compare(environment: str, wished: str, names: Iterable[str]) -> None:
    inventory = ENVIRONMENTS[environment].inventory
    catalog, metadata = compiled.load(), Snapshot.bundled()
    wishes = WISHES[wished](inventory)
    given = problem.build(inventory, catalog, metadata, wishes=wishes)
    oracle = Oracle(inventory, catalog, metadata, wishes)
    for name in names:
        found = search.solve(given, objective.make(name, given, catalog))
        assert (found.cost if found else None) == oracle.minimum(name), (wished, name)
        if found is not None:
            assert found.proved, (wished, name)
            state = {one: given.version(one, found.decided.get(one, here)) for one, here in given.current.items()}
            assert oracle.allows(state), (wished, name)
            assert oracle.cost(name, state) == found.cost, (wished, name)
        grown = growing.solve(inventory, catalog, metadata, wishes, name).solution
        assert (grown.cost if grown else None) == (found.cost if found else None), (wished, name)


@pytest.mark.parametrize(("number", "environment"), [*enumerate(ENVIRONMENTS)])
def test_the_answer_is_the_minimum(number: int, environment: str) -> None:
    names = sorted(objective.ORDERS)
    compare(environment, "nothing", names)
    # The wishes take turns: a whole round of them for all environments is in the matrix.
    compare(environment, [*WISHES][1 + number % (len(WISHES) - 1)], [names[number % 2]])


@pytest.mark.matrix
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_with_every_wish(environment: str) -> None:
    for wished in WISHES:
        compare(environment, wished, objective.ORDERS)


def test_there_are_enough() -> None:
    sizes = [len(one.inventory.distributions) for one in ENVIRONMENTS.values()]
    assert len(sizes) >= 20
    assert max(sizes) >= 300
