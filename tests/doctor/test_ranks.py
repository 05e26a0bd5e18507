"""Ranks that are real processes: one folder or several, locks that reach or do not, and who does not answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Sequence

import pytest

from compatshim.doctor.facts import TEMPORARY
from tests import support
from tests.doctor.support import as_root, checks, command, doctor, job, mounted, port, posix, said

pytestmark = posix
METRICS = "HF_METRICS_CACHE"


def by_hand(world: int, where: Sequence[Path], **more: str) -> List[Dict[str, str]]:
    """Variables of ranks that are started by hand, each with its metrics cache and nothing else of its own."""
    at = str(port())
    home = str(where[0].parent)
    return [
        {
            "RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": at,
            METRICS: str(where[rank % len(where)]), "HF_HOME": home, "HOME": home, **more,
        }
        for rank in range(world)
    ]  # fmt: skip


@pytest.fixture
def cache(place: Path) -> Path:
    (place / "metrics").mkdir()
    return place / "metrics"


def left(folder: Path) -> List[str]:
    return [name for _, _, names in os.walk(folder) for name in names]


def test_one_folder(cache: Path, place: Path) -> None:
    first, *others = job(by_hand(3, [cache]))
    assert (first.code, checks(first)) == (0, []), first.err
    content = said(first)
    assert [one["rank"] for one in content["processes"]] == [0, 1, 2]
    assert [one["check"] for one in content["not_checked"] if one["check"].startswith("JOB")] == []
    for other in others:
        assert (other.code, other.out, other.err) == (0, "", "")
    assert left(place) == []


def test_two_folders(cache: Path, place: Path) -> None:
    (place / "other").mkdir()
    first, *_ = job(by_hand(4, [cache, place / "other"]))
    assert first.code == 1
    assert checks(first) == [("JOB-DIRECTORY", "error")]
    (finding,) = said(first)["findings"]
    assert f"{cache} of ranks 0, 2 on " in finding["message"]
    assert f"{place / 'other'} of ranks 1, 3 on " in finding["message"]
    assert finding["command"] == f"export HF_METRICS_CACHE={place}/hub/metrics"
    assert left(place) == []


@as_root
def test_two_mounts_that_do_not_see_each_others_locks(cache: Path, place: Path) -> None:
    with mounted(place / "a", "bindfs", str(cache)) as one, mounted(place / "b", "bindfs", str(cache)) as other:
        first, *_ = job(by_hand(3, [one, other]))
    assert checks(first) == [("JOB-FLOCK", "error")]
    (finding,) = said(first)["findings"]
    assert "rank 1 on " in finding["message"]
    assert "took a lock that rank 0 on " in finding["message"]
    assert left(place) == []


def test_who_does_not_answer_is_named(cache: Path) -> None:
    ranks = by_hand(4, [cache], LOCAL_WORLD_SIZE="2", GROUP_RANK="0")
    done = job(ranks[:2], "--timeout", "2")
    assert [one.code for one in done] == [1, 0], done[1].err
    assert checks(done[0]) == [("JOB-RANKS", "error")] * 2
    assert [one["message"] for one in said(done[0])["findings"]] == [
        "rank 2 did not answer: not connected, on the node with GROUP_RANK 1",
        "rank 3 did not answer: not connected, on the node with GROUP_RANK 1",
    ]
    assert [one["rank"] for one in said(done[0])["processes"]] == [0, 1]


def test_no_rank_0(cache: Path) -> None:
    done = job(by_hand(2, [cache])[1:], "--timeout", "1")[0]
    assert (done.code, done.out) == (2, "")
    assert "cannot reach rank 0 at 127.0.0.1" in done.err


def test_one_that_is_told_to_be_alone(cache: Path) -> None:
    done = job(by_hand(2, [cache])[1:], "--alone")[0]
    assert (done.code, len(said(done)["processes"])) == (0, 1)


def test_umasks(cache: Path) -> None:
    words = [["sh", "-c", f'umask {value}; exec "$@"', "sh"] for value in ("022", "002")]
    first, _ = job(by_hand(2, [cache]), before=words)
    assert checks(first) == [("JOB-USER", "warning")]
    assert said(first)["findings"][0]["command"] == "umask 002"


def test_slurms_variables(cache: Path) -> None:
    ranks = [
        {
            "SLURM_PROCID": str(rank), "SLURM_NTASKS": "3", "SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0",
            "SLURM_STEP_NODELIST": "localhost,n[1-2]", "SLURM_STEP_TASKS_PER_NODE": "1(x3)", METRICS: str(cache),
            "HF_HOME": str(cache.parent), "MASTER_ADDR": "127.0.0.1",
        }
        for rank in range(2)
    ]  # fmt: skip
    first, _ = job(ranks, "--timeout", "2")
    assert [one["message"] for one in said(first)["findings"]] == ["rank 2 did not answer: not connected, on n2"]


def test_open_mpis_variables_alone(cache: Path) -> None:
    """Without a way of its own the job meets through files in a cache, by its name."""
    ranks = [
        {
            "OMPI_COMM_WORLD_RANK": str(rank), "OMPI_COMM_WORLD_SIZE": "2", "PMIX_NAMESPACE": f"job-{os.getpid()}",
            METRICS: str(cache), "HF_HOME": str(cache.parent),
        }
        for rank in range(2)
    ]  # fmt: skip
    first, other = job(ranks)
    assert (first.code, checks(first), other.code) == (0, [], 0), first.err + other.err
    assert len(said(first)["processes"]) == 2
    assert left(cache) == []
    nameless = [{key: value for key, value in one.items() if key != "PMIX_NAMESPACE"} for one in ranks]
    first, other = job(nameless)
    assert (other.code, other.out) == (0, "")
    assert [
        "no way to meet" in one["reason"] for one in said(first)["not_checked"] if one["check"] == "JOB-RANKS"
    ] == [True]


def test_within_compatshim_run(cache: Path) -> None:
    ranks = by_hand(2, [cache])
    words = [[sys.executable, "-m", "compatshim", "run"]] * 2
    first, other = job(ranks, before=words)
    assert (first.code, checks(first), other.code) == (0, [], 0), first.err + other.err
    assert len(said(first)["processes"]) == 2


class TestCommand:
    def test_text(self, cache: Path) -> None:
        cache.chmod(0o700)
        done = doctor("--cache", str(cache))
        assert (done.code, done.err) == (0, "")
        assert f"any        {cache}  (--cache)\n           0700 " in done.out
        assert "Nothing is wrong. 1 cache, " in done.out

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["--dry-run"], 2, "--dry-run: is about --fix-permissions"),
            (["--timeout", "0"], 2, "must be more than 0 and less than"),
            (["--timeout", "nan"], 2, "--timeout nan: must be"),
            (["--timeout", "inf"], 2, "--timeout inf: must be"),
            (["--with", "/no/python"], 2, "--with /no/python: cannot be run"),
            (["--python", "/no/python"], 2, "--python /no/python: cannot be run"),
            (["--cache", ""], 2, "--cache: is empty"),
            (["--fail-on", "some"], 2, "invalid choice"),
        ],
    )
    def test_usage(self, cache: Path, words: List[str], code: int, message: str) -> None:
        done = doctor("--cache", str(cache), *words)
        assert (done.code, done.out) == (code, "")
        assert message in done.err

    @pytest.mark.parametrize(("fail_on", "code"), [("note", 1), ("warning", 1), ("error", 0), ("never", 0)])
    def test_fail_on(self, cache: Path, fail_on: str, code: int) -> None:
        cache.chmod(0o777)
        done = doctor(
            "--cache", str(cache), "--fail-on", fail_on, before=["sh", "-c", 'umask 022; exec "$@"', "sh"]
        )
        assert "CACHE-UMASK  warning" in done.out
        assert done.code == code

    def test_what_is_named_twice_is_looked_at_once(self, cache: Path) -> None:
        done = doctor("--cache", str(cache), "--cache", f"{cache}/.", "--format", "json")
        assert [one["name"] for one in said(done)["processes"][0]["folders"]] == ["any"]

    def test_a_signal_leaves_nothing_behind(self, cache: Path) -> None:
        """Of rank 0, which waits for another one."""
        words = command("--cache", str(cache), "--timeout", "60")
        variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port())}
        path = os.path.dirname(support.PACKAGE)
        with subprocess.Popen(words, env=support.environment(PYTHONPATH=path, **variables)) as process:
            end = time.monotonic() + 30
            while not any(name.startswith(TEMPORARY) for name in os.listdir(cache)) and time.monotonic() < end:
                time.sleep(0.01)  # nothing tells when it has begun
            process.terminate()
            assert process.wait(30) == 143
        assert os.listdir(cache) == []

    def test_an_error_is_a_finding(self, place: Path) -> None:
        (place / "file").write_text("")
        assert doctor("--cache", str(place / "file")).code == 1
        assert doctor("--cache", str(place / "file"), "--fail-on", "never").code == 0

    def test_another_interpreter_on_the_same_cache(self, cache: Path, place: Path) -> None:
        sites = [
            support.site(place / name, {"filelock": version})
            for name, version in (("one", "3.20.3"), ("two", "3.24.3"))
        ]
        for number, site in enumerate(sites):
            (place / f"python{number}").write_text(
                f'#!/bin/sh\nPYTHONPATH={site} exec {support.interpreters()["3.11"]} "$@"\n'
            )
            (place / f"python{number}").chmod(0o755)
        words = ("--cache", str(cache), "--python", str(place / "python0"), "--with", str(place / "python1"))
        done = doctor(*words, "--format", "json")
        assert checks(done) == [("FILELOCK-MIXED", "error")]
        (finding,) = said(done)["findings"]
        assert finding["command"] == f"{place}/python1 -m pip install 'filelock>3.29.4'"
