"""The command, over machines that are made up."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Iterator, List

import pytest
from packaging.version import Version

from compatshim import catalog, cli
from compatshim.cli import kb_machines
from compatshim.kb.engine import Engine
from compatshim.kb.runs import Task
from tests.kb_support import BAD, GOOD, Known, Says, World


def fault(task: Task) -> Says:
    """A from 2.0 on, before 3.0, with b before 1.2."""
    pins = {name: Version(text) for name, text in (line.split("==") for line in task.requirements)}
    return BAD if Version("2.0") <= pins["a"] < Version("3.0") and pins["b"] < Version("1.2") else GOOD


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    made = World(tmp_path, parallel=2)
    made.otherwise = fault

    @contextlib.contextmanager
    def engine(_: object) -> Iterator[Engine]:
        yield made.engine

    monkeypatch.setattr(kb_machines, "engine", engine)
    monkeypatch.setattr(kb_machines, "metadata", Known)
    (tmp_path / "hangs.py").write_text("print()", encoding="utf-8")
    return made


def bisect(world: World, *more: str) -> int:
    where = ["--reproducers", str(world.folder)]
    return cli.main(["kb", "bisect", "hangs", "--project", "a,b<1.3", *where, *more])


def test_found_and_written(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    folder = world.folder / "drafts"
    assert bisect(world, "--write", str(folder)) == 1
    assert "bad: a >=2.0,<3.0; b <1.2\n" in capsys.readouterr().out
    (written,) = catalog.load(str(folder)).advisories
    assert [str(term) for term in written.terms] == ["a >=2.0,<3.0", "b <1.2"]
    assert written.reproducer.id == "hangs"
    for row in written.verified:
        held = all(written.term(name).contains(version) for name, version in row.versions)
        assert row.outcome == ("bad" if held else "good")
    seen = {(row.outcome, *(str(version) for _, version in row.versions)) for row in written.verified}
    assert {("bad", "2.0", "0.1"), ("bad", "2.9", "1.1")} <= seen
    assert {row[1] for row in seen if row[0] == "good"} >= {"1.9", "3.0"}
    assert {row[2] for row in seen if row[0] == "good"} >= {"1.2"}


def test_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert bisect(world, "--format", "json", "--probes", "0") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["bad"] == [["a >=2.0,<3.0", "b <1.2"]]
    assert (told["combinations"], told["complete"]) == (40, True)
    assert sum(told["looked_at"].values()) == told["runs"] == len(world.tasks) < 40
    assert {gap["taken_for"] for gap in told["may_have_missed"]} <= {"good", "bad"}


def test_what_was_seen_is_remembered(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    bisect(world)
    first = capsys.readouterr().out
    world.tasks.clear()
    bisect(world)
    assert (capsys.readouterr().out, world.tasks) == (first, [])


def test_an_interrupt(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran: List[Task] = []

    def impatient(task: Task) -> Says:
        ran.append(task)
        if len(ran) == 9:
            raise KeyboardInterrupt
        return fault(task)

    world.otherwise = impatient
    assert bisect(world) == 130
    assert "interrupted; " in capsys.readouterr().err
    assert bisect(world) == 1
    assert len(ran) - len(set(ran)) <= 2  # what was running at that moment


def test_nothing_is_bad(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.otherwise = lambda _: GOOD
    assert bisect(world) == 0
    assert "bad: nothing that was looked at" in capsys.readouterr().out


def test_nothing_runs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.otherwise = lambda _: ("broken", "ImportError: no")
    assert bisect(world) == 3
    assert "unknown: broken on Python" in capsys.readouterr().err


def test_a_network_that_is_down_is_not_unknown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.otherwise = lambda _: ("failed", "dns error")
    assert bisect(world) == 2
    assert "dns error" in capsys.readouterr().err


def test_at_most(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    bisect(world, "--at-most", "7")
    assert len(world.tasks) <= 7
    assert "stopped at --at-most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--project", "a"], "none.py: No such file"),
        (["hangs", "--project", "c"], "--project c: no releases are known"),
        (["hangs", "--project", "a,a"], "--project: 1 to 4 different projects are wanted, not a, a"),
        (["hangs", "--project", "a>99"], "no release is admitted"),
        (["hangs", "--project", "a >"], "Expected"),
    ],
)
def test_usage(world: World, capsys: pytest.CaptureFixture[str], arguments: List[str], message: str) -> None:
    assert cli.main(["kb", "bisect", *arguments, "--reproducers", str(world.folder)]) == 2
    assert message in capsys.readouterr().err


def test_recorded(world: World) -> None:
    path = world.folder / "seen.json"
    bisect(world, "--record", str(path))
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert recorded["bad"] == [["a >=2.0,<3.0", "b <1.2"]]
    assert len(recorded["answers"]) == len({task.requirements for task in world.tasks})
    assert str(world.folder) not in path.read_text(encoding="utf-8")
