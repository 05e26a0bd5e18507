"""What the resolver says, held as full text."""

from __future__ import annotations

from typing import Dict, List

from compatshim.analysis import analyse
from compatshim.answer import Answer, answer
from compatshim.model import Catalog
from compatshim.solve.problem import Bound, Wishes
from compatshim.solve.requirements import parse
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


def wished(wishes: Wishes, *, alternatives: int = 0, name: str = "least-change", **more: str) -> Answer:
    installed = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1", "dill": "0.3.7", **more}
    there = inventory(installed, {name: KNOWN.get(name, {}).get(it, []) for name, it in installed.items()})
    found = analyse(there, CATALOG)
    return answer(found, metadata(KNOWN), name=name, wishes=wishes, alternatives=alternatives)


def bound(text: str, where: str) -> Bound:
    wanted = parse(text)
    assert wanted is not None
    return Bound(wanted, where, f"--constraint {where.split(':', maxsplit=1)[0]}")


def test_what_the_user_asked_for_is_a_reason() -> None:
    wanted = parse("datasets>=2.17")
    assert wanted is not None
    found = wished(Wishes(require=(wanted,)))
    assert found.why == (
        FIRST,
        SECOND,
        "datasets moves from 2.16.0 to 2.17.0 because it takes the environment out of CSA-2026-0002 and "
        "you asked for datasets>=2.17.",
        "dill moves from 0.3.7 to 0.3.8 because datasets 2.17.0 requires dill>=0.3.8.",
        "evaluate moves from 0.4.1 to 0.4.2 because it takes the environment out of CSA-2026-0001.",
    )


def test_a_line_of_the_users_constraint_file_is_named() -> None:
    lines = ("filelock>=3.12", "evaluate<0.4.2", "datasets==2.16.0")
    bounds = tuple(bound(line, f"c.txt:{number}") for number, line in enumerate(lines, start=3))
    found = wished(Wishes(constraints=bounds))
    assert found.why == (
        FIRST,
        "c.txt:4 allows only evaluate<0.4.2.",
        "c.txt:5 allows only datasets==2.16.0.",
        "c.txt:3 allows only filelock>=3.12.",
        SECOND,
    )
    assert found.impossible is not None
    assert found.impossible.drop == ("--constraint c.txt",)


def test_other_answers_and_what_each_costs() -> None:
    found = wished(Wishes(), alternatives=9)
    shown = [
        (", ".join(f"{one.project} {one.before} → {one.after}" for one in item.changes), "; ".join(item.costs))
        for item in found.alternatives
    ]
    assert shown == [
        (
            "evaluate 0.4.1 → 0.4.2, filelock 3.13.1 → 3.24.0",
            "1 more project to change; 1 fewer downgrade; 1 more patch version; 1 more version that no verified "
            "row names; 2 fewer newer versions passed over",
        ),
        (
            "datasets 2.16.0 → 2.17.0, dill 0.3.7 → 0.3.8, evaluate 0.4.1 → 0.4.2",
            "2 more projects to change; 1 fewer downgrade; 2 more patch versions; 2 more versions that no verified "
            "row names; 2 fewer newer versions passed over",
        ),
        (
            "datasets 2.16.0 → 2.15.0",
            "1 more move that no remedy names",
        ),
    ]


def test_what_is_overridden_is_said_and_nothing_else() -> None:
    found = wished(
        Wishes(hold=frozenset({"evaluate", "datasets"}), override=frozenset({"filelock"})), virtualenv="20.26.2"
    )
    assert found.why == (
        FIRST,
        SECOND,
        "filelock moves from 3.13.1 to 3.9.0 because it takes the environment out of "
        "CSA-2026-0001 and CSA-2026-0002.",
    )
    assert [str(one) for one in found.overrides] == ["virtualenv 20.26.2 requires filelock>=3.12.2"]
    assert found.remarks == (
        "versions and their requirements are those of the made up",
        "virtualenv 20.26.2 requires filelock>=3.12.2, and gets filelock==3.9.0: --override allows it",
    )


def test_an_override_that_is_not_needed_is_not_used() -> None:
    found = wished(Wishes(override=frozenset({"filelock"})))
    assert found.overrides == ()


def test_what_was_broken_before_is_said() -> None:
    found = wished(Wishes(), tool="1.0")
    assert len(found.remarks) == 1
    installed = {"evaluate": "0.4.2", "datasets": "2.16.0", "filelock": "3.24.0", "dill": "0.3.7", "tool": "1.0"}
    requires = {"tool": ["dill>=0.3.8", "absent", "nonsense (>=1<2)"]}
    there = inventory(installed, requires)
    found = answer(analyse(there, CATALOG), metadata(KNOWN), name="least-change")
    assert found.solution is not None
    assert found.solution.changes == ()
    assert found.remarks == (
        "versions and their requirements are those of the made up",
        "not checked: the requirement 'tool: nonsense (>=1<2)' cannot be read",
        "tool 1.0 requires dill>=0.3.8, which is not so; an installer that comes by may mend it",
        "tool 1.0 requires absent, which is not so; an installer that comes by may mend it",
    )
    assert [one.replacement for one in found.overrides] == ["dill==0.3.7"]
    listed = answer(analyse(there._replace(path="r.txt"), CATALOG), metadata(KNOWN), name="least-change")
    assert listed.remarks[2:] == (
        "tool 1.0 requires dill>=0.3.8, which is not so; an installer that comes by may mend it",
        "left to the installer, since the file does not name them: absent",
    )


def test_a_release_whose_requirements_cannot_be_read_is_not_proposed() -> None:
    known = {**KNOWN, "evaluate": {"0.4.1": ["datasets"], "0.4.2": ["datasets (>=1<2)"], "0.4.3": ["datasets"]}}
    installed = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.24.0", "dill": "0.3.7"}
    there = inventory(installed, {name: known[name][version] for name, version in installed.items()})
    found = answer(analyse(there, CATALOG), metadata(known), name="least-change")
    assert found.solution is not None
    assert [(one.project, str(one.after)) for one in found.solution.changes] == [("evaluate", "0.4.3")]
    assert found.problem.unjudged == ()
