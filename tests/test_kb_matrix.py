from __future__ import annotations

import functools
import json
from typing import List

import pytest

from compatshim import catalog, cli
from compatshim.kb import matrix
from compatshim.kb.cases import cases
from compatshim.kb.environments import MINORS
from compatshim.metadata.snapshot import Snapshot

KNOWN = catalog.load()
SNAPSHOT = Snapshot.bundled()
PLANNED = functools.lru_cache(maxsize=None)(cases)
"""The real cases of an advisory, worked out once for all tests: for all advisories it takes ten seconds."""


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "cases", PLANNED)
    monkeypatch.setattr(Snapshot, "bundled", lambda: SNAPSHOT)


def made(machines: List[str], number: int) -> List[matrix.Job]:
    return list(matrix.jobs(KNOWN.advisories, SNAPSHOT, machines, number=number))


@pytest.mark.parametrize(("machines", "number"), [(["a"], 1), (["a"], 3), (["a", "b"], 7), (["a", "b", "c"], 256)])
def test_every_machine_verifies_every_advisory_once(machines: List[str], number: int) -> None:
    found = made(machines, number)
    assert len(found) <= number
    for machine in machines:
        asked = [identifier for job in found if job.os == machine for identifier in job.advisories]
        assert sorted(asked) == [advisory.id for advisory in KNOWN.advisories]


def test_jobs_are_of_about_the_same_size() -> None:
    found = made(["a"], 3)
    biggest = max(len(PLANNED(one, SNAPSHOT, MINORS)) for one in KNOWN.advisories)
    assert max(job.cases for job in found) - min(job.cases for job in found) <= biggest


def test_pythons_are_those_that_the_cases_want() -> None:
    (job,) = made(["a"], 1)
    assert {"3.8", "3.11"} <= set(job.pythons)
    assert list(job.pythons) == sorted(job.pythons, key=lambda text: int(text.split(".")[1]))


@pytest.mark.parametrize("number", [0, 1, 257])
def test_too_few_and_too_many(number: int) -> None:
    with pytest.raises(ValueError, match="2 to 256 jobs"):
        made(["a", "b"], number)


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    how = ["--os", "ubuntu-latest", "--os", "windows-latest", "--jobs", "4"]
    assert cli.main(["kb", "matrix", "--github", *how]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    name, _, value = line.partition("=")
    assert name == "matrix"
    rows = json.loads(value)["include"]
    assert {row["os"] for row in rows} == {"ubuntu-latest", "windows-latest"}
    assert all(set(row) == {"os", "advisories", "pythons", "name"} for row in rows)
    assert cli.main(["kb", "matrix", "csa-2026-0007"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["include"]
    assert row["advisories"] == "CSA-2026-0007"
    assert cli.main(["kb", "matrix", "--jobs", "0"]) == 2
    assert "--jobs: 1 to 256 jobs are wanted" in capsys.readouterr().err
