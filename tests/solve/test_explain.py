"""What the resolver says, held as full text."""

from __future__ import annotations

from typing import Dict, List

from compatshim.analysis import Answer, analyse, answer
from compatshim.model import Catalog
from compatshim.solve.problem import Wishes
from tests.solve.worlds import advisory, inventory, metadata

KNOWN: Dict[str, Dict[str, List[str]]] = {
    "evaluate": {"0.4.1": ["datasets"], "0.4.2": ["datasets"]},
    "datasets": {"2.15.0": [], "2.16.0": ["filelock"], "2.17.0": ["filelock", "dill>=0.3.8"]},
    "filelock": {"3.9.0": [], "3.13.1": [], "3.24.0": []},
    "dill": {"0.3.7": [], "0.3.8": []},
    "virtualenv": {"20.26.2": ["filelock>=3.12.2"]},
}
CATALOG = Catalog(
    (
        advisory(
            1,
            {"evaluate": [("0", "0.4.2")], "datasets": [("2.16.0", None)], "filelock": [("3.12.0", None)]},
            remedies=[["evaluate>=0.4.2"], ["filelock==3.9.0"]],
        ),
        advisory(
            2,
            {"datasets": [("2.16.0", "2.17.0")], "filelock": [("3.10.0", "3.24.0")]},
            remedies=[["filelock>=3.24.0"], ["datasets>=2.17.0"], ["filelock==3.9.0"]],
        ),
    ),
    "0" * 12,
)


def answered(*hold: str, virtualenv: bool = False) -> Answer:
    installed = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1", "dill": "0.3.7"}
    if virtualenv:
        installed["virtualenv"] = "20.26.2"
    there = inventory(installed, {name: KNOWN[name][version] for name, version in installed.items()})
    return answer(
        analyse(there, CATALOG), metadata(KNOWN), name="least-change", wishes=Wishes(hold=frozenset(hold))
    )


FIRST = (
    "CSA-2026-0001 rules out evaluate <0.4.2 together with datasets >=2.16.0 and filelock >=3.12.0; "
    "installed: evaluate 0.4.1, datasets 2.16.0, filelock 3.13.1."
)
SECOND = (
    "CSA-2026-0002 rules out datasets >=2.16.0,<2.17.0 together with filelock >=3.10.0,<3.24.0; "
    "installed: datasets 2.16.0, filelock 3.13.1."
)


def test_one_move_that_cures_two() -> None:
    assert answered().why == (
        FIRST,
        SECOND,
        "filelock moves from 3.13.1 to 3.9.0 because it takes the environment out of "
        "CSA-2026-0001 and CSA-2026-0002.",
    )


def test_a_move_that_another_one_brings_along() -> None:
    assert answered("filelock").why == (
        FIRST,
        SECOND,
        "datasets moves from 2.16.0 to 2.17.0 because it takes the environment out of CSA-2026-0002.",
        "dill moves from 0.3.7 to 0.3.8 because datasets 2.17.0 requires dill>=0.3.8.",
        "evaluate moves from 0.4.1 to 0.4.2 because it takes the environment out of CSA-2026-0001.",
    )


def test_no_answer_names_the_smallest_hold_to_drop() -> None:
    found = answered("evaluate", "datasets", "filelock")
    assert found.impossible is not None
    assert found.why == (
        FIRST,
        "evaluate is held at 0.4.1.",
        "datasets is held at 2.16.0.",
        "filelock is held at 3.13.1.",
        SECOND,
    )
    assert found.impossible.drop == ("--hold filelock",)
    assert [str(change.after) for change in found.impossible.then] == ["3.9.0"]
    assert found.impossible.exposed == ("CSA-2026-0001", "CSA-2026-0002")


def test_no_answer_names_the_requirement_in_the_way() -> None:
    found = answered("evaluate", "datasets", virtualenv=True)
    assert found.why == (
        FIRST,
        "evaluate is held at 0.4.1.",
        "datasets is held at 2.16.0.",
        "filelock cannot leave the range: at 3.9.0, virtualenv 20.26.2 requires filelock>=3.12.2.",
        SECOND,
    )


def test_steps_never_make_it_worse() -> None:
    found = answered("filelock").steps
    assert [[change.project for change in step.changes] for step in found] == [["evaluate"], ["dill"], ["datasets"]]
    assert [[item.id for item in step.cures] for step in found] == [["CSA-2026-0001"], [], ["CSA-2026-0002"]]
    assert [step.remaining for step in found] == [1, 1, 0]


def test_a_limit_that_is_in_the_way_is_named() -> None:
    installed = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1", "dill": "0.3.7"}
    there = inventory(installed, {name: KNOWN[name][version] for name, version in installed.items()})
    wishes = Wishes(levels={"": "patch"})
    found = answer(analyse(there, CATALOG), metadata(KNOWN), name="least-change", wishes=wishes)
    assert found.impossible is not None
    assert found.why == (
        FIRST,
        "datasets 2.16.0 may move by a patch version at most.",
        "filelock 3.13.1 may move by a patch version at most.",
        SECOND,
    )
    assert found.impossible.drop == ("--allow-level patch",)
