"""Advisories held against machines that are made up: what is a row, a contradiction, or skipped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Optional

import pytest
from packaging.version import Version

from compatshim import catalog
from compatshim.kb import verify
from compatshim.kb.cases import Case
from compatshim.kb.runs import Task
from compatshim.kb.worlds import Candidate
from compatshim.model import Advisory
from tests.kb_support import BAD, GOOD, HEAD, Known, Says, World, advisory, versions

pytest.importorskip("tomlkit")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def case(expected: str, *of_a: str, role: str = "inside") -> Case:
    return Case(
        expected,
        "why",
        tuple(Candidate(versions(a=text, b="1.0"), ("3.11", "3.8"), (f"a=={text}", "b==1.0"), ()) for text in of_a),
        role,
    )


class TestRun:
    def test_rows_are_what_was_observed(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): GOOD}
        result = world.ask(case("bad", "2.0"))
        assert [(r.outcome, r.python, r.versions) for r in result.rows] == [
            ("bad", "3.11", versions(a="2.0", b="1.0")),
            ("shimmed", "3.11", versions(a="2.0", b="1.0")),
        ]
        assert not result.contradictions
        assert not result.skipped

    def test_nothing_runs_twice(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): GOOD}
        assert world.ask(case("bad", "2.0")) == world.ask(case("bad", "2.0"))
        assert len(world.ran) == 2

    @pytest.mark.parametrize(("expected", "does"), [("bad", GOOD), ("good", BAD)])
    def test_a_contradiction_is_no_row(self, world: World, expected: str, does: Says) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): does}
        result = world.ask(case(expected, "2.0"))
        assert result.rows == ()
        (found,) = result.contradictions
        assert {found.expected, found.observed} == {"bad", "good"}
        assert dict(found.environment) == {"a": "2.0", "b": "1.0"}
        assert "a 2.0, b 1.0 on Python 3.11" in str(found)
        assert len(world.ran) == 2, "a surprise is looked at twice"

    @pytest.mark.parametrize("does", [BAD, ("broken", "KeyError")])
    def test_a_shim_that_does_not_mend(self, world: World, does: Says) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): does}
        result = world.ask(case("bad", "2.0"))
        assert [r.outcome for r in result.rows] == ["bad"]
        (found,) = result.contradictions
        assert (found.expected, found.observed) == ("shimmed", does[0])

    @pytest.mark.parametrize("outcome", ["broken", "inapplicable"])
    def test_what_cannot_be_judged_is_skipped(self, world: World, outcome: str) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): (outcome, "what?")}
        result = world.ask(case("bad", "2.0"))
        assert not result.rows
        assert not result.contradictions
        (skipped,) = result.skipped
        tried = "3.11" if outcome == "inapplicable" else "3.11, 3.8"
        assert str(skipped) == f"why: a 2.0, b 1.0: {outcome}: what? (Python {tried})"

    def test_a_surprise_that_does_not_last(self, world: World) -> None:
        said = iter([BAD, GOOD, BAD, GOOD])
        world.otherwise = lambda _: next(said)
        result = world.ask(case("good", "2.0"))
        assert (result.rows, result.contradictions) == ((), ())
        assert "unsteady: bad (BAD: it hangs), then good (healthy)" in str(result.skipped[0])

    def test_another_python(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): GOOD}
        world.missing = ["3.11"]
        (found,) = world.ask(case("good", "2.0")).rows
        assert found.python == "3.8"

    def test_nothing_installs(self, world: World) -> None:
        world.missing = ["b==1.0"]
        (skipped,) = world.ask(case("good", "2.0")).skipped
        assert skipped.reason == "a 2.0, b 1.0: Because there is no such wheel. (Python 3.11, 3.8)"

    def test_no_candidate(self, world: World) -> None:
        (skipped,) = world.ask(case("good")).skipped
        assert skipped.reason == "no such release is known"

    @pytest.mark.parametrize("first", range(20))
    def test_the_oldest_that_runs_is_found(self, world: World, first: int) -> None:
        texts = [f"1.{number}" for number in range(20)]
        for text in texts:
            world.does[(f"a {text}", "b 1.0"), False] = GOOD
        world.missing = [f"a=={text}" for text in texts[:first]]
        result = world.ask(case("good", *texts))
        assert min(dict(found.versions)["a"] for found in result.rows) == Version(texts[first])


class TestVerify:
    """All that follows from an advisory, and its file."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "CSA-2026-0001.toml").write_bytes(HEAD.encode())
        (tmp_path / "hangs.py").write_text("print('healthy')")
        return tmp_path

    def verify(self, world: World, watch: Optional[verify.Watch] = None) -> verify.Result:
        folder = str(world.folder)
        ((_, result),) = verify.verify(
            [self.advisory(world)],
            world.engine,
            metadata=Known(),
            reproducers=folder,
            folder=folder,
            watch=watch or verify.Watch(),
        )
        return result

    def advisory(self, world: World) -> Advisory:
        return catalog.load(str(world.folder)).advisories[0]

    @staticmethod
    def truthful(task: Task) -> Says:
        """As the advisory says."""
        pins = {name: Version(text) for name, text in (line.split("==") for line in task.requirements)}
        one = advisory()
        held = all(one.term(name).contains(pins[name]) for name in one.projects if name in pins)
        return BAD if held and not task.shim else GOOD

    def test_rows_are_written(self, folder: Path) -> None:
        world = World(folder, parallel=2)
        world.otherwise = self.truthful
        result = self.verify(world)
        assert (result.contradictions, result.dead, result.spread) == ((), False, ())
        assert {row.outcome for row in result.rows} == {"bad", "good", "shimmed"}
        assert self.advisory(world).verified == result.rows
        assert verify.untried(self.advisory(world), Known()) == ()

    def test_a_second_time_nothing_is_run(self, folder: Path) -> None:
        world = World(folder)
        world.otherwise = self.truthful
        first = self.verify(world)
        before = (folder / "CSA-2026-0001.toml").read_bytes()
        world.ran.clear()
        assert self.verify(world) == first
        assert world.ran == []
        assert (folder / "CSA-2026-0001.toml").read_bytes() == before

    def test_dead(self, folder: Path) -> None:
        world = World(folder)
        world.otherwise = lambda _: GOOD
        result = self.verify(world)
        assert result.dead
        assert {found.expected for found in result.contradictions} == {"bad"}
        assert {found.outcome for found in self.advisory(world).verified} == {"good"}

    def test_spread(self, folder: Path) -> None:
        world = World(folder)
        world.otherwise = lambda task: (
            BAD if "a==1.9" in task.requirements and not task.shim else self.truthful(task)
        )
        result = self.verify(world)
        assert not result.dead
        (found,) = result.spread
        assert str(found).startswith("a >=2.0,<3.0, last before: a 1.9, b 1.1 on Python 3.11: bad, not good")

    def test_new_releases(self, folder: Path) -> None:
        world = World(folder)
        world.otherwise = self.truthful
        world.missing = ["a==7.0"]
        result = self.verify(world)
        assert verify.untried(self.advisory(world), Known(), result.rows) == versions(a="7.0")

    @pytest.mark.parametrize("most", [1, 6, 15])
    def test_an_interrupt_loses_nothing(self, folder: Path, most: int) -> None:
        world = World(folder)
        world.otherwise, world.most = self.truthful, most
        before = (folder / "CSA-2026-0001.toml").read_bytes()

        class Impatient(verify.Watch):
            def done(self, done: int, total: int) -> None:  # noqa: ARG002
                while len(world.tasks) < most:
                    time.sleep(0.001)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.verify(world, Impatient())
        assert len(world.tasks) == most
        assert (folder / "CSA-2026-0001.toml").read_bytes() == before
        world.most = 1000
        self.verify(world)
        assert len(world.tasks) > most
        assert len(world.tasks) == len(set(world.tasks)), "nothing was run twice"

    def test_the_reproducer_is_missing(self, folder: Path) -> None:
        (folder / "hangs.py").unlink()
        with pytest.raises(OSError, match="hangs"):
            self.verify(World(folder))
