"""What ``pin`` and ``plan`` say of real environments, really installed in copies of them with pip and uv."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from packaging.requirements import Requirement

from compatshim import compiled
from compatshim.kb import environments
from compatshim.model import canonical
from tests.e2e import real, support
from tests.e2e.real import FROZEN, Copy

pytestmark = pytest.mark.e2e

INSTALLERS = ("pip", "uv")
CATALOG = compiled.load()
TRIO = ("evaluate", "datasets", "filelock")
Copies = Callable[[str], Copy]


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip looks for wheels that PyPI does not have, uv looks, too."""
    if "PIP_FIND_LINKS" in os.environ:
        monkeypatch.setenv("UV_FIND_LINKS", os.environ.get("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"]))


@pytest.fixture
def copy(tmp_path: Any) -> Iterator[Copies]:
    """Makes a copy of a frozen environment; it is large, and goes away with the test."""
    yield lambda name: real.copy(name, str(tmp_path))
    shutil.rmtree(tmp_path)


@pytest.mark.matrix
@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("command", ["pin", "plan"])
def test_every_answer_works_when_it_is_installed(copy: Copies, name: str, installer: str, command: str) -> None:
    cure(copy(name), installer, command)


@pytest.mark.matrix
@pytest.mark.parametrize("name", FROZEN)
def test_the_faults_that_check_finds_really_strike(name: str) -> None:
    environment = real.build(name)
    found = real.errors(environment)
    assert found == tuple(one for one in FROZEN[name].definition.findings if CATALOG.advisory(one).level == "error")
    for identifier in found:
        assert support.reproduce(environment, CATALOG.advisory(identifier).reproducer.id) == 1, identifier


def test_beside_virtualenv_the_folklore_pin_is_impossible_and_another_answer_works(copy: Copies) -> None:
    copied = copy("virtualenv")
    with pytest.raises(environments.BuildError):
        copied.install(["filelock==3.9.0", *(pin for pin in copied.frozen.pins if "filelock==" not in pin)], "uv")
    assert cure(copied, "pip", "pin") == {"evaluate": "0.4.6", "filelock": "3.30.0"}


@pytest.mark.matrix
def test_beside_virtualenv_holding_evaluate_moves_what_needs_a_newer_filelock(copy: Copies) -> None:
    changes = cure(copy("virtualenv"), "uv", "pin", "--hold", "evaluate")
    assert changes["filelock"] == "3.9.0"
    assert {"virtualenv", "tox"} <= set(changes)


@pytest.mark.matrix
def test_with_huggingface_hub_1_4_the_folklore_pin_would_break_downloads_and_another_answer_works(
    copy: Copies,
) -> None:
    changes = cure(copy("hub-1.4-story"), "pip", "pin")
    assert changes == {"datasets": "4.6.0", "evaluate": "0.4.6", "filelock": "3.30.0"}


@pytest.mark.matrix
def test_after_the_folklore_pin_filelock_moves_beside_huggingface_hub_1_4(copy: Copies) -> None:
    moved = {"datasets": "4.6.0", "evaluate": "0.4.6", "filelock": "3.30.0", "fsspec": "2025.7.0"}
    assert cure(copy("hub-1.4"), "uv", "pin") == moved


@pytest.mark.matrix
def test_transformers_accelerate_and_torch_stay_as_they_are(copy: Copies) -> None:
    moved = {"datasets": "4.6.0", "evaluate": "0.4.6", "fsspec": "2025.7.0"}
    assert cure(copy("torch"), "uv", "pin") == moved


@pytest.mark.matrix
def test_what_was_broken_stays_listed_and_is_not_made_worse(copy: Copies) -> None:
    copied = copy("no-torch")
    listed = json.loads(copied.ask("plan", "--format", "json").stdout)["broken_before"]
    assert {one.partition(":")[0] for one in listed} == {"peft", "sentence-transformers", "trl"}
    assert len(copied.broken()) == len(listed)
    cure(copied, "pip", "plan")
    assert len(copied.broken()) == len(listed)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(["--hold", "evaluate"], {"filelock": "3.9.0"}, marks=pytest.mark.matrix),
        pytest.param(["--hold", "evaluate", "--hold", "datasets"], {"filelock": "3.9.0"}, marks=pytest.mark.matrix),
        (["--hold", "filelock"], {"evaluate": "0.4.6", "datasets": "2.18.0"}),
    ],
    ids=lambda value: "-".join(value[1::2]) if isinstance(value, list) else "",
)
def test_what_is_held_stays(copy: Copies, options: List[str], expected: Dict[str, str]) -> None:
    assert cure(copy("story"), "uv", "pin", *options) == expected


def test_with_everything_held_there_is_no_answer_but_the_shim(copy: Copies) -> None:
    copied = copy("story")
    answered = copied.ask("pin", *(word for name in TRIO for word in ("--hold", name)))
    assert (answered.returncode, answered.stdout) == (1, "")
    said = " ".join(answered.stderr.split())
    assert "No change of versions cures this" in said
    assert "--hold filelock; then filelock==3.9.0 does." in said
    assert "`import compatshim` mends CSA-2026-0001, CSA-2026-0002" in said
    assert real.tell(copied, "never") != real.HEALTHY
    assert real.tell(copied, "first") == real.HEALTHY
    for identifier in ("CSA-2026-0001", "CSA-2026-0002"):
        assert support.reproduce(copied.environment, CATALOG.advisory(identifier).reproducer.id, shim=True) == 0


def test_who_wants_datasets_3_gets_it(copy: Copies) -> None:
    changes = cure(copy("story"), "pip", "pin", "--require", "datasets>=3")
    assert int(changes["datasets"].partition(".")[0]) >= 3


def test_the_constraints_of_the_user_are_kept(copy: Copies) -> None:
    copied = copy("story")
    own = os.path.join(copied.folder, "own.txt")
    with open(own, "w", encoding="utf-8") as file:
        file.write("filelock>=3.12  # a decision of ours\nhuggingface_hub<0.25\nevaluate<0.4.3\n")
    assert cure(copied, "pip", "pin", "-c", own) == {"evaluate": "0.4.2", "filelock": "3.30.0"}


def cure(copied: Copy, installer: str, command: str, *options: str) -> Dict[str, str]:
    """Do what the command says, and hold the result to what was promised; returns the changes."""
    before, broken, faults = copied.versions(), copied.broken(), real.errors(copied.environment)
    assert tuple(real.pins(before)) == copied.frozen.pins
    answered = copied.ask(command, "--format", "json", *options)
    assert answered.returncode == 0, answered.stderr
    answer = json.loads(answered.stdout)
    assert answer["proved_minimal"]
    if command == "pin":
        written = copied.ask("pin", *options)
        steps = [answer["changes"]]
        under = ["-c", copied.constraints(written.stdout)]
    else:
        steps, under = [step["changes"] for step in answer["steps"]], []
    expected = dict(before)
    for step in steps:
        expected.update({change["project"]: change["after"] for change in step})
        # With nothing to change, the installer must leave what it is asked about alone under the file.
        wanted = [f"{change['project']}=={change['after']}" for change in step] or TRIO
        copied.install([*under, *wanted], installer)
        # What was broken before, and is needed by what moves, an installer mends on its way.
        assert set(difference(expected, copied.versions())) <= mended(answer["broken_before"], copied)
        assert copied.broken() <= broken
    assert real.errors(copied.environment) == ()
    for identifier in faults:
        assert support.reproduce(copied.environment, CATALOG.advisory(identifier).reproducer.id) == 0, identifier
    assert real.tell(copied, "never") == real.HEALTHY
    return {change["project"]: change["after"] for change in answer["changes"]}


def mended(before: List[str], copied: Copy) -> Set[str]:
    """The projects that requirements are about which did not hold before and do now."""
    now = copied.versions()
    wanted = [
        (canonical(one.name), one.specifier) for one in (Requirement(text.partition(": ")[2]) for text in before)
    ]
    return {name for name, specifier in wanted if name in now and specifier.contains(now[name], prereleases=True)}


def difference(expected: Dict[str, str], found: Dict[str, str]) -> Dict[str, Tuple[str, str]]:
    """By project, the versions that differ; empty where there is none."""
    names = {*expected, *found}
    pairs = {name: (expected.get(name, ""), found.get(name, "")) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
