"""The commands that keep the knowledge base true, on real environments of a few seconds each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from compatshim import catalog
from compatshim.kb import environments, lint
from compatshim.metadata.snapshot import Snapshot
from tests.e2e.support import PACKAGE, REPRODUCERS

pytestmark = pytest.mark.e2e
pytest.importorskip("tomlkit")

ID = "CSA-2026-0007"  # filelock alone: an environment takes a second
FILE = f"{ID}.toml"


@pytest.fixture
def advisories(tmp_path: Path) -> Path:
    """A folder with that advisory, which nobody has run yet."""
    if not environments.interpreters():
        pytest.skip("no Python here that environments can be made from: not run")
    folder = tmp_path / "advisories"
    folder.mkdir()
    text = Path(catalog.BUNDLED, FILE).read_text(encoding="utf-8")
    (folder / FILE).write_text(text.partition("[[verified]]")[0], encoding="utf-8")
    return folder


def command(advisories: Path, *more: str) -> List[str]:
    where = ("--advisories", str(advisories), "--reproducers", REPRODUCERS, "--jobs", "1", "--format", "json")
    return [sys.executable, "-m", "compatshim", "kb", "verify", ID, *where, *more]


def variables(folder: Path) -> Dict[str, str]:
    return {**os.environ, "COMPATSHIM_ENV_CACHE": str(folder / "cache")}


def test_verify_goes_on_after_an_interrupt(advisories: Path, tmp_path: Path) -> None:
    before = (advisories / FILE).read_bytes()
    with subprocess.Popen(
        command(advisories), env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        for _ in range(2):
            assert ID in first.stderr.readline()
        first.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        _, said = first.communicate(timeout=120)
    if os.name == "posix":
        assert first.returncode == 130
        assert "interrupted; the rows of 0 of 1 advisories are written; run it again to go on" in said
    assert (advisories / FILE).read_bytes() == before
    (journal,) = tmp_path.glob("cache/journal.jsonl")
    finished = len(journal.read_text(encoding="utf-8").splitlines())
    assert finished >= 1

    second = subprocess.run(
        command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=False
    )
    told = json.loads(second.stdout)
    (about,) = told["advisories"]
    assert (second.returncode, about["dead"], about["contradictions"]) == (0, False, [])
    (written,) = catalog.load(str(advisories)).advisories
    assert {row.outcome for row in written.verified} == {"bad", "good"}
    assert about["rows"] == len(written.verified)
    # What was finished before the interrupt was not run again.
    assert told["runs"] <= len(journal.read_text(encoding="utf-8").splitlines()) - finished

    third = subprocess.run(command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=True)
    assert json.loads(third.stdout)["runs"] == 0


def test_verify_does_not_believe_an_advisory(advisories: Path, tmp_path: Path) -> None:
    """The fault reaches to filelock 3.20.0; this one says 3.17."""
    text = (advisories / FILE).read_text(encoding="utf-8")
    assert 'fixed = "3.20.1"' in text
    (advisories / FILE).write_text(text.replace('fixed = "3.20.1"', 'fixed = "3.18.0"'), encoding="utf-8")
    done = subprocess.run(command(advisories), env=variables(tmp_path), capture_output=True, text=True, check=False)
    (about,) = json.loads(done.stdout)["advisories"]
    assert done.returncode == 1
    assert "filelock 3.18.0 on Python 3.11: bad, not good" in about["spread"][0]
    (written,) = catalog.load(str(advisories)).advisories
    assert not [row for row in written.verified if str(row.versions[0][1]) == "3.18.0"]


class Cluster:
    """A scheduler and two workers on this machine, each a process with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        note = folder / "scheduler.json"
        self._processes = [self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(note))]
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.address: str = json.loads(note.read_text(encoding="utf-8"))["address"]
        worker = ("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.workers = [self._start(*worker, "--name", name) for name in ("one", "two")]
        self._processes += self.workers

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        name = f"{what}-{len(list(self._folder.glob('*.log')))}"
        settings = {"COMPATSHIM_ENV_CACHE": str(self._folder / name), "PYTHONPATH": os.path.dirname(PACKAGE)}
        with open(self._folder / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
                env={**os.environ, **settings},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.skipif(os.name != "posix", reason="kills a worker by signal")
def test_a_cluster_one_of_whose_workers_is_killed(cluster: Cluster, advisories: Path, tmp_path: Path) -> None:
    from distributed import Client

    with Client(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        asked = command(advisories, "--scheduler", cluster.address)
        with subprocess.Popen(
            asked, env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as verifying:
            assert verifying.stderr is not None
            assert ID in verifying.stderr.readline()
            # Midway: it has done something, and is at something.
            (doomed,) = [name for name, about in workers(client).items() if about["name"] == "one"]
            while not (
                list(tmp_path.glob("worker-1/*/compatshim-environment.json")) and client.processing()[doomed]
            ):
                assert verifying.poll() is None
                time.sleep(0.05)
            cluster.workers[0].send_signal(signal.SIGKILL)
            out, err = verifying.communicate(timeout=300)
        assert [about["name"] for about in workers(client).values()] == ["two"]
    (about,) = json.loads(out)["advisories"]
    assert (verifying.returncode, about["contradictions"], about["dead"]) == (0, [], False), err
    (written,) = catalog.load(str(advisories)).advisories
    assert about["rows"] == len(written.verified)
    wrong, _ = lint.lint(
        lint.Base(
            catalog.load(str(advisories)), Snapshot.bundled(), str(advisories), (), ("filelock_follows_symlink",)
        )
    )
    assert [problem for problem in wrong if problem.level == lint.ERROR] == []
    built = {path.parent.parent.name for path in tmp_path.glob("*/*/compatshim-environment.json")}
    assert "cache" not in built, "environments are where the workers are"
    assert len(built) == 2


def workers(client: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return found


def test_no_cluster(advisories: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    done = subprocess.run(
        command(advisories, "--scheduler", "tcp://127.0.0.1:9"),
        env=variables(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("compatshim: --scheduler tcp://127.0.0.1:9: does not answer")


def test_bisect_finds_the_boundary(tmp_path: Path) -> None:
    """The fault of CSA-2026-0007, from its reproducer alone."""
    pins = "filelock>=3.16,<3.25"
    how = ("--project", pins, "--reproducers", REPRODUCERS, "--jobs", "1", "--probes", "0", "--format", "json")
    drafts = tmp_path / "drafts"
    asked = [sys.executable, "-m", "compatshim", "kb", "bisect", "filelock_follows_symlink", *how]
    done = subprocess.run(
        [*asked, "--write", str(drafts)], env=variables(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["bad"] == [["filelock <3.20.1"]]
    assert sum(told["looked_at"].values()) < told["combinations"] / 2
    (written,) = catalog.load(str(drafts)).advisories
    assert [str(term) for term in written.terms] == ["filelock <3.20.1"]
    outcomes = {str(row.versions[0][1]): row.outcome for row in written.verified}
    assert (outcomes["3.20.0"], outcomes["3.20.1"]) == ("bad", "good")
