"""Tasks performed in real environments that hold nothing but Python, and the journal of what came of them."""

from __future__ import annotations

import json
import os
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest

from compatshim.kb import environments, runs
from compatshim.kb.engine import Engine
from compatshim.kb.environments import BuildError, Completed, Environment, Spec, Unresolvable
from compatshim.kb.journal import Journal
from compatshim.kb.pace import Pace
from compatshim.kb.runs import Observation, Site, Task
from tests.kb_support import World

HERE = "{}.{}".format(*sys.version_info)
TASK = Task(HERE, ("a==1",), ("b<2",), "name", "print('healthy')", 30)


class TestPerform:
    @pytest.fixture(autouse=True)
    def builds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def install(_: Spec, environment: Environment, __: str) -> None:
            venv.create(environment.prefix, with_pip=False)
            (library,) = Path(environment.prefix).glob("**/site-packages")
            (library / "a-1.0.dist-info").mkdir()

        monkeypatch.setattr(environments, "_install", install)

    def perform(self, folder: Path, **changed: Any) -> Observation:
        task = TASK._replace(**changed)
        return runs.perform(task, interpreters={HERE: sys.executable}, cache=str(folder))

    def test_what_is_seen(self, tmp_path: Path) -> None:
        seen = self.perform(tmp_path)
        assert seen[:4] == ("good", "healthy", time.strftime("%Y-%m-%d"), runs.platform())
        assert seen.installed == (("a", "1.0"),)
        assert 0 < seen.seconds < 120

    def test_with_the_shim(self, tmp_path: Path) -> None:
        program = "import sys, compatshim\nprint(sys.argv[1:], compatshim.__version__ > '')"
        assert self.perform(tmp_path, program=program, shim=True).text == "['--shim'] True"
        assert self.perform(tmp_path, program=program).outcome == "broken"

    @pytest.mark.parametrize(
        ("error", "outcome"), [(Unresolvable("no"), "uninstallable"), (BuildError("no"), "failed")]
    )
    def test_no_environment(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BuildError, outcome: str
    ) -> None:
        def install(*_: object) -> None:
            raise error

        monkeypatch.setattr(environments, "_install", install)
        assert self.perform(tmp_path)[:2] == (outcome, "no")

    def test_no_such_python(self, tmp_path: Path) -> None:
        assert self.perform(tmp_path, minor="2.7").outcome == "failed"


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "outcome"),
    [
        (1, "some talk\nBAD: it hangs\n", "", ("bad", "BAD: it hangs")),
        (0, "healthy\n", "", ("good", "healthy")),
        (1, "", "Traceback\nImportError: no", ("broken", "ImportError: no")),
        (1, "fine so far", "Traceback\nKeyError", ("broken", "KeyError")),
        (3, "broken: what?", "", ("broken", "broken: what?")),
        (None, "BAD", "", ("broken", "killed after 7 seconds")),
        (2, "does not apply", "", ("inapplicable", "does not apply")),
        (0, "", "", ("good", "")),
    ],
)
def test_outcome(status: Optional[int], stdout: str, stderr: str, outcome: Tuple[str, str]) -> None:
    assert runs.outcome_of(Completed(status, stdout, stderr, 7.0)) == outcome


class TestKey:
    SITE = Site("linux", (("3.8", "3.8.1"), (HERE, "3.1")), "digest")

    @pytest.mark.parametrize(
        "changed",
        [
            {"minor": "3.8"},
            {"requirements": ("a==2",)},
            {"constraints": ()},
            {"program": "print()"},
            {"timeout": 31},
            {"shim": True},
        ],
    )
    def test_all_that_matters(self, changed: Any) -> None:
        assert TASK._replace(**changed).key(self.SITE) != TASK.key(self.SITE)

    def test_the_machine(self) -> None:
        other = self.SITE._replace(platform="win_amd64")
        newer = self.SITE._replace(pythons=((HERE, "3.2"),))
        assert len({TASK.key(site) for site in (self.SITE, other, newer)}) == 3
        shimmed, mended = TASK._replace(shim=True), self.SITE._replace(runtime="other")
        assert TASK.key(mended) == TASK.key(self.SITE)
        assert shimmed.key(mended) != shimmed.key(self.SITE)

    def test_nothing_else(self) -> None:
        same = TASK._replace(name="other", requirements=("a==1", "a==1"))
        assert same.key(self.SITE) == TASK.key(self.SITE)

    def test_here(self) -> None:
        site = runs.site()
        assert dict(site.pythons).keys() == environments.interpreters().keys()
        assert site == runs.site()


SEEN = Observation("bad", "BAD: é", "2026-11-25", "linux", (("a", "1"), ("b", "2")), 2.5)


class TestJournal:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "folder" / "journal.jsonl"

    def test_what_was_recorded_is_recalled(self, path: Path) -> None:
        kept = Journal(str(path))
        kept.record("k", SEEN)
        kept.record("other", SEEN._replace(outcome="good"))
        for one in (kept, Journal(str(path))):
            assert one.recall("k") == SEEN
            assert one.recall("none") is None

    @pytest.mark.parametrize(
        ("outcome", "text"), [("failed", ""), ("unsteady", ""), ("broken", "killed after 7 s")]
    )
    def test_what_may_end_otherwise_is_not_kept(self, path: Path, outcome: str, text: str) -> None:
        kept = Journal(str(path))
        kept.record("k", SEEN._replace(outcome=outcome, text=text))
        assert kept.recall("k") is None
        assert not path.exists()

    @pytest.mark.parametrize(
        ("outcome", "expected", "lasts"),
        [
            ("bad", "bad", True),
            ("good", "bad", False),
            ("good", "", True),
            ("inapplicable", "bad", True),
            ("uninstallable", "bad", False),
            ("uninstallable", "", False),
        ],
    )
    def test_how_long(
        self, monkeypatch: pytest.MonkeyPatch, path: Path, outcome: str, expected: str, lasts: bool
    ) -> None:
        kept, seen, now = Journal(str(path)), SEEN._replace(outcome=outcome), time.time()
        kept.record("k", seen)
        assert kept.recall("k", expected=expected) == seen
        assert kept.recall("k", expected=expected, since=now + 5) is None
        monkeypatch.setattr(time, "time", lambda: now + 90_000)
        assert kept.recall("k", expected=expected) == (seen if lasts else None)

    def test_a_crash_in_the_middle_of_a_line(self, path: Path) -> None:
        Journal(str(path)).record("k", SEEN)
        with open(path, "ab") as file:
            file.write(b'["torn", 17')
        after = Journal(str(path))
        assert after.recall("k") == SEEN
        after.record("next", SEEN)
        last = Journal(str(path))
        assert [last.recall(key) for key in ("k", "torn", "next")] == [SEEN, None, SEEN]

    @pytest.mark.parametrize("line", ["", "{}", "[1, 2]", '["k", "x", {}]', '["k", 1, {"installed": 3}]', "\x00"])
    def test_other_lines(self, path: Path, line: str) -> None:
        path.parent.mkdir()
        path.write_text(f"{line}\n")
        assert Journal(str(path)).recall("k") is None

    def test_many_writers(self, path: Path) -> None:
        def write(number: int) -> None:
            Journal(str(path)).record(f"k{number % 25}", SEEN)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(200)))
        lines = path.read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)[0] for line in lines} == {f"k{number}" for number in range(25)}

    def test_it_does_not_grow_for_ever(self, path: Path) -> None:
        for _ in range(3):
            kept = Journal(str(path))
            for _ in range(150):
                kept.record("k", SEEN)
        Journal(str(path))
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 152
        assert Journal(str(path)).recall("k") == SEEN


def test_the_same_is_asked_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, parallel=4)

    def slow(_: Task) -> Tuple[str, str]:
        time.sleep(0.05)
        return "good", "healthy"

    world.otherwise = slow
    engine: Engine = world.engine
    task = Task("3.11", ("a==1", "b==2"), (), "n", "p", 1)
    with ThreadPoolExecutor(4) as pool:
        seen: List[Observation] = list(pool.map(engine.observe, [task] * 8))
    assert len(world.ran) == engine.counted == len(set(seen)) == 1


class TestPace:
    def test_what_was_remembered_says_nothing(self) -> None:
        now = 0.0
        pace = Pace(lambda: now)
        assert str(pace) == "time left unknown"
        pace.note(0, 100, 0)
        assert (pace.left, str(pace)) == (None, "time left unknown")
        now = 2.0
        pace.note(50, 100, 0)
        assert pace.left is None
        now = 42.0
        pace.note(52, 100, 3)
        assert pace.left == 20 * 48
        assert str(pace) == "16:00 left"
        now = 7202.0
        pace.note(52, 100, 3)
        assert str(pace) == "48:00:00 left"
        pace.note(100, 100, 3)
        assert pace.left == 0


def test_the_cache_of_tests_is_not_that_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from compatshim.kb.engine import journal_path

    monkeypatch.setenv("COMPATSHIM_ENV_CACHE", str(tmp_path))
    assert journal_path() == os.path.join(str(tmp_path), "journal.jsonl")
    assert journal_path("x") == os.path.join("x", "journal.jsonl")
