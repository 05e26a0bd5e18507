"""What ``pin`` and ``plan`` say of real environments, really installed in copies of them with pip and uv."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Tuple

import pytest

from compatshim import compiled
from tests.e2e import real, support
from tests.e2e.real import FROZEN, Copy

pytestmark = pytest.mark.e2e

INSTALLERS = ("pip", "uv")
CHOSEN = [("hub-1.4-story", "pip"), ("upgraded-evaluate", "uv"), ("extras", "pip")]
"""For every run; the others are the matrix."""
CATALOG = compiled.load()


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip looks for wheels that PyPI does not have, uv looks, too."""
    if "PIP_FIND_LINKS" in os.environ:
        monkeypatch.setenv("UV_FIND_LINKS", os.environ.get("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"]))


@pytest.mark.parametrize(("name", "installer"), CHOSEN)
@pytest.mark.parametrize("command", ["pin", "plan"])
def test_the_answer_works_when_it_is_installed(tmp_path: Any, name: str, installer: str, command: str) -> None:
    cure(real.copy(name, str(tmp_path)), installer, command)


@pytest.mark.matrix
@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("command", ["pin", "plan"])
def test_every_answer_works_when_it_is_installed(tmp_path: Any, name: str, installer: str, command: str) -> None:
    cure(real.copy(name, str(tmp_path)), installer, command)


@pytest.mark.matrix
@pytest.mark.parametrize("name", FROZEN)
def test_the_faults_that_check_finds_really_strike(name: str) -> None:
    environment = real.build(name)
    found = real.errors(environment)
    assert found == tuple(one for one in FROZEN[name].definition.findings if CATALOG.advisory(one).level == "error")
    for identifier in found:
        assert support.reproduce(environment, CATALOG.advisory(identifier).reproducer.id) == 1, identifier


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
        wanted = [f"{change['project']}=={change['after']}" for change in step] or [
            "evaluate",
            "datasets",
            "filelock",
        ]
        copied.install([*under, *wanted], installer)
        assert difference(expected, copied.versions()) == {}
        assert copied.broken() <= broken
    assert real.errors(copied.environment) == ()
    for identifier in faults:
        assert support.reproduce(copied.environment, CATALOG.advisory(identifier).reproducer.id) == 0, identifier
    assert copied.story() == real.HEALTHY
    return real.moves(answer)


def difference(expected: Dict[str, str], found: Dict[str, str]) -> Dict[str, Tuple[str, str]]:
    """By project, the versions that differ; empty where there is none."""
    names = {*expected, *found}
    pairs = {name: (expected.get(name, ""), found.get(name, "")) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
