"""What is read of a job's log: merged by process, equal outcomes together, damage counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from compatshim import job
from compatshim.job import Outcome, Process
from compatshim.startup.joblog import FULL

APPLIED = Outcome("CSA-2026-0001", "shim", "evaluate.module", "applied", "", "")
ARMED = APPLIED._replace(action="armed")
SKIPPED = APPLIED._replace(action="skipped", reason="disabled-by-id")
UNKNOWN = APPLIED._replace(action="skipped", reason="shape-unknown", detail="AttributeError: x")
ELSEWHERE = APPLIED._replace(advisory="CSA-2026-0002", module="datasets")


def line(outcome: Outcome = APPLIED, **changes: Any) -> str:
    known: Dict[str, Any] = {
        "time": "2026-11-23T10:00:00.000Z",
        "host": "node1",
        "pid": 10,
        "started": 1,
        "rank": 0,
        "world": 4,
        "job": "77",
        "program": "train.py",
    }
    return json.dumps({**known, **outcome._asdict(), **changes}, separators=(",", ":"))


def read(folder: Path, *lines: str) -> job.Log:
    (folder / "node1.jsonl").write_text("".join(f"{one}\n" for one in lines))
    return job.read(str(folder))


def process(rank: int | None, *outcomes: Outcome, host: str = "node1", pid: int = 0) -> Process:
    return Process("77", host, pid or 100 + (rank or 0), rank, 4, "train.py", "2026", outcomes)


class TestRead:
    def test_the_last_word_on_each_module_counts(self, tmp_path: Path) -> None:
        log = read(tmp_path, line(ARMED), line(ELSEWHERE), line(APPLIED), line(ARMED, pid=11))
        assert [one.outcomes for one in log.processes] == [(APPLIED, ELSEWHERE), (ARMED,)]
        assert log[1:] == (0, (), ())

    def test_a_number_that_was_used_again_is_another_process(self, tmp_path: Path) -> None:
        assert len(read(tmp_path, line(), line(started=2)).processes) == 2

    def test_hosts_have_files_of_their_own(self, tmp_path: Path) -> None:
        (tmp_path / "node2.jsonl").write_text(line(host="node2", rank=1) + "\n")
        (tmp_path / "notes.txt").write_text("not ours")
        assert {one.host for one in read(tmp_path, line()).processes} == {"node1", "node2"}

    @pytest.mark.parametrize(
        "torn",
        [
            line()[:-7],
            line()[: len(line()) // 2],
            "{",
            "[]",
            "null",
            "1" * 5000,
            "[" * 100_000,
            line(pid="x"),
            '{"time":"2026"}',
        ],
    )
    def test_what_is_torn_is_counted_and_costs_no_other(self, torn: str, tmp_path: Path) -> None:
        log = read(tmp_path, line(), torn, line(pid=11))
        assert (len(log.processes), log.torn) == (2, 1)
        # A writer that found no room for its line end is followed by the next on the same line.
        log = read(tmp_path, line(), torn + line(pid=11))
        assert (len(log.processes), log.torn) == (2, 1)

    def test_the_words_of_a_detail_do_not_begin_a_line(self, tmp_path: Path) -> None:
        tricky = UNKNOWN._replace(detail='{"time":"2026"} {"time":"')
        log = read(tmp_path, line(tricky))
        assert (log.torn, log.processes[0].outcomes) == (0, (tricky,))

    def test_a_full_file_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(job, "LIMIT", len(line()) + 1)
        full = APPLIED._replace(action=FULL)
        log = read(tmp_path, line(), line(full, advisory="", shim="", module=""))
        assert log.full == (str(tmp_path / "node1.jsonl"),)
        assert log.processes[0].outcomes == (APPLIED,)

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "node2.jsonl").mkdir()
        log = read(tmp_path, line())
        assert len(log.processes) == 1
        assert log.unread == (f"{tmp_path / 'node2.jsonl'}: Is a directory",)


class TestWords:
    @pytest.mark.parametrize(
        ("processes", "words"),
        [
            ([process(0)], "rank 0 on node1"),
            ([process(rank) for rank in (3, 0, 1, 2)], "ranks 0-3 on node1"),
            ([process(rank) for rank in (0, 1, 3, 5, 6)], "ranks 0-1, 3, 5-6 on node1"),
            ([process(0), process(1, host="node2")], "ranks 0-1 on 2 hosts"),
            ([process(0), process(0, pid=7), process(1)], "ranks 0-1 (3 processes) on node1"),
            ([process(None)], "1 process on node1"),
            ([process(None, pid=1), process(None, pid=2)], "2 processes on node1"),
        ],
    )
    def test_who(self, processes: List[Process], words: str) -> None:
        assert job.who(processes) == words

    def test_equal_outcomes_are_together(self) -> None:
        found = job.outcomes([process(0, APPLIED, ELSEWHERE), process(1, APPLIED), process(2, ARMED)])
        assert {outcome: [one.rank for one in those] for outcome, those in found.items()} == {
            APPLIED: [0, 1],
            ARMED: [2],
            ELSEWHERE: [0],
        }


class TestFindings:
    @pytest.mark.parametrize(
        ("outcomes", "findings"),
        [
            ([APPLIED, APPLIED], ()),
            ([APPLIED, ARMED], ()),
            ([SKIPPED, SKIPPED], ()),
            ([APPLIED, SKIPPED], (SKIPPED,)),
            ([ELSEWHERE, SKIPPED], ()),
            ([UNKNOWN, UNKNOWN], (UNKNOWN,)),
            ([APPLIED, APPLIED._replace(action="reverted")], ()),
        ],
    )
    def test_are_trouble_and_what_differs(self, outcomes: List[Outcome], findings: object) -> None:
        assert job.findings([process(rank, outcome) for rank, outcome in enumerate(outcomes)]) == findings
