"""Several ranks on the real evaluate, with real signals: right numbers, or an error on every surviving rank."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence

import pytest

from tests.e2e import ranks, support
from tests.e2e.ranks import Job, Player

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run"),
]

VERSIONS: Mapping[str, Dict[str, Any]] = {
    "old": {"versions": support.STORY},
    "new": {"versions": {"evaluate": "0.4.6", "datasets": "5.2.0", "filelock": "4.2.11"}, "around": ()},
}


class Scenario(NamedTuple):
    """A program of three ranks, and what must come of it: see :func:`tests.e2e.ranks.wrong`."""

    code: str
    rounds: Sequence[Any]
    dead: Mapping[int, int] = {}
    within: float = 12.0
    """Seconds after which every rank must have ended."""


def numbers(*rows: int) -> Dict[str, List[int]]:
    return {"rows": list(rows)}


FIRST = numbers(0, 1, 2)
SECOND = numbers(10, 11, 12)
GIL = "import ctypes\nhold = ctypes.PyDLL(None).sleep\n"
IN_TRANSFER = """
import compatshim.gather.spoke as spoke
m = metric()
if rank == 1:
    real, calls = spoke._sent, []
    def sent(*args):
        calls.append(1)
        if len(calls) == 3: me.kill(signal.%s)
        return real(*args)
    spoke._sent = sent
    with open(os.path.join(folder, "pid"), "w") as file: file.write(str(os.getpid()))
rows(m, list(range(200_000 if rank == 1 else 1)))
"""

SCENARIOS: Dict[str, Scenario] = {
    "one object, three rounds": Scenario(
        "m = metric()\nfor n in range(3): rows(m, [10 * n + rank])", [FIRST, SECOND, numbers(20, 21, 22)]
    ),
    "a new object in each round": Scenario("for n in range(2): rows(metric(), [10 * n + rank])", [FIRST, SECOND]),
    "rank 1 is a round ahead": Scenario(
        "m = metric()\nfor n in range(2):\n  if rank == 0: time.sleep(1)\n  rows(m, [10 * n + rank])",
        [FIRST, SECOND],
    ),
    "add, add_batch, nothing in a batch, and compute with rows": Scenario(
        """
m = metric()
if rank == 0: m.add(prediction=0)
if rank == 1: m.add_batch(predictions=[]); m.add_batch(predictions=[1])
note(m.compute, **({"predictions": [2]} if rank == 2 else {}))
""",
        [FIRST],
    ),
    "a rank without rows": Scenario(
        "m = metric()\nif rank != 2: m.add_batch(predictions=[rank])\nnote(m.compute)", [numbers(0, 1)]
    ),
    "rank 0 without rows": Scenario(
        "m = metric()\nif rank: m.add_batch(predictions=[rank])\nnote(m.compute)", [numbers(1, 2)]
    ),
    "no rows anywhere, then some": Scenario(
        "m = metric()\nnote(m.compute)\nrows(m, [rank])", [["no rank has any rows"], FIRST]
    ),
    "two objects of one metric": Scenario(
        """
train, test = metric(), metric()
for one in (train, test): one.add_batch(predictions=[rank])
test.add_batch(predictions=[7])
for one in (train, test): note(one.compute)
""",
        [FIRST, numbers(0, 7, 1, 7, 2, 7)],
    ),
    "two metrics, filled in another order by rank 1": Scenario(
        """
one, two = metric(), metric(Texts)
fill = [lambda: one.add_batch(predictions=[rank]), lambda: two.add_batch(predictions=[str(rank)])]
for step in fill[::-1] if rank == 1 else fill: step()
note(one.compute), note(two.compute)
""",
        [FIRST, {"rows": ["0", "1", "2"]}],
    ),
    "combined": Scenario(
        """
class Other(Rows): pass
both = evaluate.combine({"a": metric(), "b": metric(Other)})
both.add_batch(predictions=[rank])
note(both.compute)
""",
        [{"a_rows": [0, 1, 2], "b_rows": [0, 1, 2]}],
    ),
    "rank 0 computes for longer than the timeout": Scenario(
        # It sleeps in the place of a metric that computes, for longer than the timeout: that is what is tried.
        "m = metric(timeout=1)\nm.then = lambda: time.sleep(1.5)\nfor n in range(2): rows(m, [10 * n + rank])",
        [FIRST, SECOND],
    ),
    "rank 0 holds the interpreter, but not for long": Scenario(
        GIL + "m = metric()\nm.then = lambda: hold(1)\nfor n in range(2): rows(m, [10 * n + rank])", [FIRST, SECOND]
    ),
    "rank 0 holds the interpreter for longer than the timeout, and all go on": Scenario(
        GIL + "m = metric(timeout=1)\nm.then = lambda: n == 0 and hold(3)\n"
        "for n in range(3):\n  rows(m, [10 * n + rank])\n  if n == 1: meet('together')",
        [FIRST, ["gave up", "was not heard of"], numbers(20, 21, 22)],
    ),
    "rank 1 gives rows that are none, and all go on": Scenario(
        "m = metric()\nnote(m.compute, predictions=['x'] if rank == 1 else [1])\nrows(m, [rank])",
        [["don't match the expected format", "invalid literal"], FIRST],
        within=3.0,
    ),
    "rank 1 has rows of another type": Scenario(
        """
class Rows(Texts if rank == 1 else Rows): pass
rows(metric(Rows), ["x"] if rank == 1 else [1])
""",
        [["another type"]],
    ),
    "rank 1 is killed between two batches": Scenario(
        """
m = metric()
m.add_batch(predictions=[rank])
if rank == 1: kill()
rows(m, [rank])
""",
        [["rank 1"]],
        dead={1: -9},
    ),
    "rank 1 is killed between two large batches": Scenario(
        """
m = metric()
m.add_batch(predictions=list(range(30000)))
if rank == 1: kill()
rows(m, [rank])
""",
        [["rank 1"]],
        dead={1: -9},
    ),
    "rank 1 ends without a word, in the middle of a job": Scenario(
        "m = metric()\nrows(m, [rank])\nm.add_batch(predictions=list(range(30000)))\n"
        "if rank == 1: sys.exit()\nnote(m.compute)",
        [FIRST, ["rank 1: connection lost"]],
        dead={1: 0},
        within=3.0,
    ),
    "rank 1 is killed before it has rows": Scenario(
        "if rank == 1: kill()\nrows(metric(), [rank])", [["rank 1: not connected"]], dead={1: -9}
    ),
    "rank 1 is killed before it has rows, and rank 2 comes when rank 0 is gone": Scenario(
        "if rank == 1: kill()\nif rank == 2: time.sleep(2)\nrows(metric(timeout=1), [rank])",
        [["rank 1: not connected"]],
        dead={1: -9},
    ),
    "rank 0 is killed before it has rows": Scenario(
        "if rank == 0: kill()\nrows(metric(), [rank])", [["cannot reach rank 0"]], dead={0: -9}
    ),
    "rank 0 is killed with rows": Scenario(
        """
m = metric()
m.add_batch(predictions=[rank])
meet("added")
if rank == 0: kill()
note(m.compute)
""",
        [["rank 0 is gone", "cannot reach rank 0"]],
        dead={0: -9},
    ),
    "rank 1 is late, and all go on": Scenario(
        "m = metric(timeout=1)\nm.add_batch(predictions=[rank])\nif rank == 1: time.sleep(2.5)\nnote(m.compute)\n"
        "meet('first')\nrows(m, [10 + rank])",
        [["rank 1: connected, but did not", "rank 1: not connected"], SECOND],
    ),
    "rank 1 starts late, and all go on": Scenario(
        "if rank == 1: time.sleep(2.5)\nm = metric(timeout=1)\n"
        "rows(m, [rank])\nmeet('first')\nrows(m, [10 + rank])",
        [["rank 1: not connected"], SECOND],
    ),
    "rank 0 starts late, and all go on": Scenario(
        "if rank == 0: time.sleep(2.5)\nm = metric(timeout=1)\n"
        "rows(m, [rank])\nmeet('first')\nrows(m, [10 + rank])",
        [["cannot reach rank 0", "not connected"], SECOND],
    ),
    "rank 0 is late, and all go on": Scenario(
        "m = metric(timeout=1)\nm.add_batch(predictions=[rank])\nmeet('added')\nif rank == 0: time.sleep(2.5)\n"
        "note(m.compute)\nmeet('first')\nrows(m, [10 + rank])",
        [["rank 0 did not call compute()", "not connected"], SECOND],
    ),
    "rank 1 is killed in the middle of its rows": Scenario(
        IN_TRANSFER % "SIGKILL", [["rank 1: connection lost"]], dead={1: -9}
    ),
    "rank 1 is terminated in the middle of its rows": Scenario(
        IN_TRANSFER % "SIGTERM", [["rank 1: connection lost"]], dead={1: -15}
    ),
    "rank 1 is stopped in the middle of its rows": Scenario(
        IN_TRANSFER % "SIGSTOP" + "if rank == 0: os.kill(int(open(os.path.join(folder, 'pid')).read()), 9)\n",
        [["rank 1: stopped after"]],
        dead={1: -9},
    ),
    "rank 0 is stopped": Scenario(
        """
m = metric(timeout=2)
m.add_batch(predictions=[rank])
if rank == 0:
    with open(os.path.join(folder, "pid"), "w") as file: file.write(str(os.getpid()))
meet("added")
if rank == 0: kill(signal.SIGSTOP)
note(m.compute)
if rank == 1:
    time.sleep(1)
    os.kill(int(open(os.path.join(folder, "pid")).read()), 9)
""",
        [["rank 0 was not heard of", "cannot reach rank 0"]],
        dead={0: -9},
    ),
}


BOTH = [pytest.param("old", marks=pytest.mark.matrix), "new"]
"""As they are taken: a whole run with each takes minutes."""


@pytest.fixture(scope="module", params=BOTH)
def player(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    environment = support.build(**VERSIONS[request.param])
    made = Player(environment, str(tmp_path_factory.mktemp("player")), shim=True)
    yield made
    made.close()


@pytest.mark.parametrize("group", ["environment", "files"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_right_or_an_error_everywhere(player: Player, name: str, group: str) -> None:
    scenario = SCENARIOS[name]
    port = ranks.free_port() if group == "environment" else None
    (job,) = player.play(Job(scenario.code, port=port))
    # Rank 0 may have failed for the dead rank, and be gone, before a slow one asks for the first time. With plain
    # variables there is no place for its last words.
    late = ["not there yet, or not any more"] if scenario.dead and port else []
    rounds = [[*one, *late] if isinstance(one, list) else one for one in scenario.rounds]
    assert ranks.wrong(job, rounds, scenario.dead) == [], player.said()[-2000:]
    assert max(rank.seconds for rank in job) < scenario.within
    if not scenario.dead:
        assert player.left == []


@pytest.mark.parametrize("version", VERSIONS)
def test_evaluate_alone_is_wrong(version: str, tmp_path: Path) -> None:
    versions = {**VERSIONS[version]}
    if version == "old":  # filelock 3.12 has another fault, which hides this one
        versions["versions"] = {**support.STORY, "filelock": "3.9.0"}
    player = Player(support.build(**versions), str(tmp_path), shim=False)
    scenario = SCENARIOS["one object, three rounds"]
    (job,) = player.play(Job(scenario.code))
    player.close()
    assert ranks.wrong(job, scenario.rounds, scenario.dead) != []


TWO_JOBS = """
m = metric()
late = (job == "A") == (rank == 1)
if late: time.sleep(1)
rows(m, [(100 if job == "A" else 200) + rank])
rows(m, [(300 if job == "A" else 400) + rank])
"""
A, B = ([numbers(first, first + 1), numbers(first + 200, first + 201)] for first in (100, 200))

A_PROGRAM: Sequence[Any] = [numbers(0, 1), numbers(10, 11)]


class TestTwoJobsAtOnePlace:
    """Rank 0 of one and rank 1 of the other come first."""

    @pytest.mark.parametrize("group", ["environment", "files"])
    @pytest.mark.parametrize("apart", ["arguments", "family"])
    def test_what_tells_them_apart(self, player: Player, group: str, apart: str) -> None:
        port = ranks.free_port() if group == "environment" else None
        jobs = [
            Job(
                f"job = {name!r}\n{TWO_JOBS}",
                world=2,
                argv=(f"program {name}" if apart == "arguments" else "program", "--rank={rank}"),
                family=apart == "family",
                port=port,
            )
            for name in "AB"
        ]
        one, two = player.play(*jobs)
        assert ranks.wrong(one, A, {}) == []
        assert ranks.wrong(two, B, {}) == []

    def test_their_tokens(self, player: Player) -> None:
        port = ranks.free_port()
        jobs = [
            Job(f"job = {name!r}\n{TWO_JOBS}", world=2, port=port, env={"COMPATSHIM_GATHER_TOKEN": name})
            for name in "AB"
        ]
        one, two = player.play(*jobs)
        assert ranks.wrong(one, A, {}) == []
        assert ranks.wrong(two, B, {}) == []

    @pytest.mark.parametrize("group", ["environment", "files"])
    def test_nothing(self, player: Player, group: str) -> None:
        # The very same program twice: whoever meets whom, its rows are the same. What must not be is a hang.
        port = ranks.free_port() if group == "environment" else None
        code = """
m = metric(timeout=2)
def compute(**rows):
    m.add_batch(**rows)
    return m.compute()
for n in range(2): note(compute, predictions=[10 * n + rank])
"""
        for job in player.play(*[Job(code, world=2, port=port)] * 2):
            assert [rank.code for rank in job] == [0, 0]
            for rank, right in zip(job, (A_PROGRAM, [None, None])):
                assert all(note == wanted or isinstance(note, str) for note, wanted in zip(rank.notes, right))


def test_two_objects_computed_in_another_order_by_rank_1(player: Player) -> None:
    code = """
one, two = metric(timeout=2), metric(timeout=2)
one.add_batch(predictions=[rank])
two.add_batch(predictions=[7])
for it in ((two, one) if rank == 1 else (one, two)): note(it.compute)
"""
    first, *others = player.play(Job(code, port=ranks.free_port()))[0]
    # When rank 1 gives up on the second while the others still wait for the first, it is in time for that.
    assert first.notes[0] == FIRST or re.search(r"rank 1: .*, object 1,", first.notes[0])
    assert "rank 1: " in first.notes[1]
    assert any("did not call compute()" in str(note) for note in others[0].notes)
    for rank in others:
        assert all(note is None or isinstance(note, str) for note in rank.notes)


def test_a_child_computes_with_the_rows_of_its_parent(player: Player) -> None:
    code = """
import gc
m = metric()
m.add_batch(predictions=[rank] * 30_000)
child = os.fork()
if child == 0:
    note(m.compute)
    del m
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
note(m.compute)
"""
    (job,) = player.play(Job(code))
    found = {"n": 90_000, "first": 0, "last": 2, "sum": 90_000}
    assert ranks.wrong(job, [["of the process that this one was forked from"], found], {}) == []


def test_the_metric_fails_and_all_go_on(player: Player) -> None:
    code = "m = metric()\nm.then = lambda: n == 0 and {}['mine']\nfor n in range(2): rows(m, [10 * n + rank])"
    (job,) = player.play(Job(code))
    # The rows were all there, and what a metric makes of them is its own.
    assert [rank.notes for rank in job] == [["KeyError: 'mine'", SECOND], [None, None], [None, None]]
    assert player.left == []


def test_rank_0_is_killed_while_it_computes(player: Player) -> None:
    (job,) = player.play(Job("m = metric()\nm.then = kill\nfor n in range(2): rows(m, [10 * n + rank])"))
    assert job[0].code == -9
    for rank in job[1:]:
        assert rank.notes[0] is None
        assert "rank 0 is gone" in rank.notes[1]


def test_a_job_after_one_that_was_killed(player: Player) -> None:
    killed = "m = metric()\nm.add_batch(predictions=[99])\nmark('dead-%d' % rank)\nkill()"
    again = "for one in range(3): until('dead-%d' % one)\ntime.sleep(0.2)\nrows(metric(), [rank])"
    first, second = player.play(Job(killed), Job(again))
    assert [rank.code for rank in first] == [-9, -9, -9]
    assert ranks.wrong(second, [FIRST], {}) == []
    assert player.left == []


class TestTables:
    """The public function, on Arrow tables of any program."""

    USE = """
from compatshim import gather
import pyarrow as pa
def call(table, **options):
    found = gather.gather_table(table, "loss", timeout=2, **options)
    return found if found is None else found.to_pydict()
"""

    def test_by_the_group(self, player: Player) -> None:
        code = (
            self.USE
            + """
for n in range(2): note(call, pa.table({"loss": [0.5 + rank], "step": [n]}))
note(call, None if rank else pa.table({"text": ["only rank 0"]}))
note(call, None)
"""
        )
        (job,) = player.play(Job(code, port=ranks.free_port()))
        found = [{"loss": [0.5, 1.5, 2.5], "step": [n] * 3} for n in range(2)]
        assert ranks.wrong(job, [*found, {"text": ["only rank 0"]}, None], {}) == []

    def test_through_a_folder(self, player: Player) -> None:
        code = (
            self.USE
            + """
def mine(): return call(pa.table({"rank": [rank]}), rank=rank, world=world, folder=folder)
note(mine)
note(lambda: call(pa.table({"rank": [rank]})))
note(lambda: call(pa.table({("rank" if rank else "other"): [rank]}), rank=rank, world=world, folder=folder))
if rank == 2: kill()
note(mine)
"""
        )
        (job,) = player.play(Job(code))
        expected = [
            {"rank": [0, 1, 2]},
            ["no process group is there"],
            ["another type"],
            ["rank 2: connection lost"],
        ]
        assert ranks.wrong(job, expected, {2: -9}) == []


def test_switched_off(player: Player) -> None:
    # evaluate's own way: its lock files are there.
    player.play(Job("rows(metric(), [rank])", env={"COMPATSHIM_GATHER": "off"}))
    assert "default_experiment-3-rdv.lock" in player.left


def test_a_single_process_is_left_alone(player: Player) -> None:
    code = """
import compatshim.gather.link as link
m = metric()
rows(m, [5])
note(lambda: [list(link._links), hasattr(m, "_compatshim_object")])
"""
    (job,) = player.play(Job(code, world=1, port=ranks.free_port()))
    assert job[0].notes == [numbers(5), [[], False]]
