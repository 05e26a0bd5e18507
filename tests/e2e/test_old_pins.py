"""Old pins as people have them, with what an installer adds to them today: ``check`` finds what is broken, no more.

Each finding is proved by its advisory's reproducer in the very environment, and so is that nothing else of what the
catalog knows is broken there. In environments that work, ``check`` finds no error.
"""

from __future__ import annotations

from typing import List

import pytest

from tests import pins
from tests.e2e import pins as judged

ALL = pins.load()
SELECTION = ("sqlalchemy-1.4", "closed-2023-07")
"""Few and small, and both kinds among them."""


def everything() -> List[object]:
    """All environments as parameters; those that are not selected are run by who has the time."""
    return [
        pytest.param(name, marks=pytest.mark.e2e if name in SELECTION else pytest.mark.matrix, id=name)
        for name in ALL
    ]


def test_there_are_twenty_old_pins_and_ten_environments_that_work() -> None:
    works = [one.works for one in ALL.values()]
    assert works.count(False) >= 20
    assert works.count(True) >= 10
    assert {one.works for one in map(ALL.__getitem__, SELECTION)} == {True, False}


@pytest.mark.parametrize("name", everything())
def test_check_finds_what_is_broken_and_nothing_else(name: str) -> None:
    one = ALL[name]
    environment = judged.build(one)
    assert environment.installed() == dict(pin.split("==") for pin in one.closure)
    found = judged.check(environment)
    assert sorted(found) == sorted(one.definition.findings)
    assert ("error" not in found.values()) == one.works
    verdict = judged.judge(environment, found)
    assert verdict.missed == ()
    assert verdict.unexplained == ()
    assert verdict.false == ()
    assert verdict.hidden == one.hidden
    assert sorted((*verdict.proved, *verdict.hidden)) == sorted(found)
