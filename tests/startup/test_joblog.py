"""The job log: real processes that write at once, are killed, and find no room; and what is read of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import pytest

from compatshim import job
from compatshim.startup import joblog
from tests import support
from tests.support import Completed, run

USE = "import compatshim, evaluate.module"
WRITE = """
import sys, os
sys.path[:0] = [{home!r}]
os.environ["COMPATSHIM_LOG"] = {folder!r}
from compatshim.startup import joblog
from compatshim.startup.ledger import Entry
{setup}
sys.stdin.readline()  # all start together
for number in {numbers}:
    joblog.append(Entry("CSA-2026-0001", "shim", f"module{{number}}", "applied", detail="x" * {size}))
"""

# Not to reach the limit before the last of them has begun.
SLOWLY = """
import time
def append(entry, real=joblog.append):
    real(entry)
    time.sleep(0.002)
joblog.append = append"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def lines(folder: Path) -> List[Dict[str, Any]]:
    (file,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def logged(path: Sequence[object], folder: object, code: str = USE, **env: str) -> Completed:
    return run(code, path, env={"COMPATSHIM_LOG": str(folder), **env})


class TestLines:
    @pytest.mark.parametrize("python", support.every_python())
    def test_tell_who_did_what(self, python: str, home: str, story: str, folder: Path) -> None:
        env = {"RANK": "1", "WORLD_SIZE": "2", "SLURM_JOB_ID": "77", "COMPATSHIM_LOG": str(folder)}
        assert run(f"{USE}\ncompatshim.revert()", [home, story], python=python, env=env).err == ""
        found = lines(folder)
        first = [line for line in found if line["advisory"] == "CSA-2026-0001"]
        assert [line["action"] for line in first] == ["armed", "applied", "reverted"]
        assert {(line["rank"], line["world"], line["job"]) for line in found} == {(1, 2, "77")}
        assert len({(line["host"], line["pid"], line["started"]) for line in found}) == 1
        assert found[0]["host"] == os.uname().nodename
        assert all(line["time"].endswith("Z") for line in found)

    def test_a_healthy_process_and_one_that_is_off_write_nothing(
        self, home: str, story: str, folder: Path, tmp_path: Path
    ) -> None:
        logged([home, support.site(tmp_path / "healthy", support.HEALTHY)], folder, "import compatshim")
        logged([home, story], folder, USE, COMPATSHIM="off")
        assert list(folder.iterdir()) == []

    def test_what_is_said_again_is_not_written_again(self, home: str, story: str, folder: Path) -> None:
        logged([home, story], folder, f"{USE}\nfor _ in range(3): compatshim._start()")
        # A shim that does not apply is armed and looked at each time; the others stay as they are.
        assert len([line for line in lines(folder) if line["advisory"] != support.GATHER]) <= 12

    def test_forked_children_are_processes_of_their_own(self, home: str, story: str, folder: Path) -> None:
        code = "import compatshim, os\nif os.fork() == 0:\n    import evaluate.module\n    os._exit(0)\nos.wait()"
        logged([home, story], folder, code)
        found = lines(folder)
        assert len({line["pid"] for line in found}) == 2
        assert [line["action"] for line in found if line["advisory"] != support.GATHER][-1] == "applied"

    def test_go_to_where_the_program_was_started(self, home: str, story: str, folder: Path) -> None:
        code = f"import compatshim, os; os.chdir('/')\n{USE}"
        run(code, [home, story], env={"COMPATSHIM_LOG": "log"}, cwd=folder.parent)
        assert any(line["action"] == "applied" for line in lines(folder))

    def test_the_mode_follows_the_umask(self, home: str, story: str, folder: Path) -> None:
        logged([home, story], folder, f"import os; os.umask(0o027)\n{USE}")
        (file,) = folder.iterdir()
        assert file.stat().st_mode & 0o777 == 0o640

    def test_are_short_whatever_they_hold(self, home: str, folder: Path) -> None:
        code = """
from compatshim.startup import joblog
from compatshim.startup.ledger import Entry
sys.argv = ["/x/" + "\\U0001f600" * 500]
joblog.append(Entry("CSA-2026-0001", "s", "\\udcff" * 5000, "skipped", reason="error", detail="\\n\\0" * 5000))"""
        assert logged([home], folder, code).err == ""
        (file,) = folder.iterdir()
        assert file.stat().st_size < 4096
        assert len(job.read(str(folder)).processes) == 1


class Writers:
    """Processes that append at once."""

    def __init__(
        self, home: str, folder: Path, count: int, *, numbers: str, size: int = 100, setup: str = ""
    ) -> None:
        program = WRITE.format(home=home, folder=str(folder), numbers=numbers, size=size, setup=setup)
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(count)
        ]

    def go(self) -> List[str]:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        return [process.communicate(timeout=300)[1].decode() for process in self.processes]


class TestWriters:
    def test_nothing_is_lost_or_torn(self, home: str, folder: Path) -> None:
        writers = Writers(home, folder, 40, numbers="range(200)")
        assert writers.go() == [""] * 40
        log = job.read(str(folder))
        assert (log.torn, log.full, log.unread) == (0, (), ())
        assert len(lines(folder)) == 8000
        assert {process.pid for process in log.processes} == {process.pid for process in writers.processes}
        assert all(len(process.outcomes) == 200 for process in log.processes)

    def test_a_full_file_says_so_once(self, home: str, folder: Path) -> None:
        limit = 100_000
        setup = f"joblog.LIMIT = {limit}"
        assert Writers(home, folder, 32, numbers="range(100)", setup=setup).go() == [""] * 32
        found = lines(folder)
        assert [line["action"] for line in found].count(joblog.FULL) == 1
        (file,) = folder.glob("*.jsonl")
        # The line that crosses it, the one that says so, and what others were about to write.
        assert limit <= file.stat().st_size <= limit + 34 * joblog.LINE

    def test_a_killed_writer_costs_its_own_line_at_most(self, home: str, folder: Path) -> None:
        writers = Writers(home, folder, 8, numbers="iter(int, 1)", setup=SLOWLY)
        for process in writers.processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        deadline = time.monotonic() + 60
        while len(job.read(str(folder)).processes) < 8 and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in writers.processes:
            process.kill()
        codes = [process.communicate(timeout=60) and process.returncode for process in writers.processes]
        assert codes == [-signal.SIGKILL] * 8
        before = job.read(str(folder))
        assert before.torn <= 8
        assert len(before.processes) == 8
        Writers(home, folder, 1, numbers="range(5)").go()
        assert len(job.read(str(folder)).processes) == 9

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run")
    def test_threads_and_forks_of_one_process(self, home: str, folder: Path) -> None:
        setup = """
import threading
def work():
    for number in range(100):
        joblog.append(Entry("CSA-2026-0001", "shim", f"thread{number}", "applied"))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
children = [os.fork() for _ in range(2)]
for thread in threads: thread.join() if 0 not in children else None"""
        Writers(home, folder, 1, numbers="range(3)", setup=setup).go()
        assert job.read(str(folder)).torn == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small file system here: not run")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


class TestTrouble:
    """One warning, and the program goes on, mended."""

    MENDED = f"{USE}\nassert hasattr(evaluate.module.FileFreeLock._acquire, '__compatshim__')"

    def check(self, done: Completed, words: str) -> None:
        assert done.code == 0, done.err
        (notice,) = done.notices
        assert "CompatshimWarning: compatshim COMPATSHIM_LOG: nothing more is written to " in notice
        assert words in notice

    def test_no_such_directory(self, home: str, story: str, tmp_path: Path) -> None:
        self.check(logged([home, story], tmp_path / "nowhere", self.MENDED), "No such file or directory")
        assert list(tmp_path.iterdir()) == []

    def test_not_a_directory(self, home: str, story: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        self.check(logged([home, story], tmp_path / "file", self.MENDED), "Not a directory")

    def test_one_of_a_job_says_it(self, home: str, story: str, tmp_path: Path) -> None:
        assert logged([home, story], tmp_path / "nowhere", self.MENDED, RANK="3").err == ""

    @pytest.mark.parametrize("kind", ["fifo", "link", "directory"])
    def test_what_others_left_there(self, kind: str, home: str, story: str, folder: Path) -> None:
        place = folder / f"{os.uname().nodename}.jsonl"
        target = folder.parent / "precious"
        target.touch()
        if kind == "fifo":
            os.mkfifo(place)
        elif kind == "link":
            place.symlink_to(target)
        else:
            place.mkdir()
        self.check(logged([home, story], folder, self.MENDED), "")
        assert target.stat().st_size == 0

    def test_a_full_disk(self, home: str, story: str, small_disk: Path) -> None:
        filler = small_disk / "filler"
        room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"x" * (room - 4096))  # a page: room for some lines
        many = f"""
{USE}
from compatshim.startup import ledger
for number in range(40):
    ledger.record(ledger.Entry("CSA-2026-0001", "shim", f"module{{number}}", "applied"))"""
        self.check(logged([home, story], small_disk, many), "")
        log = job.read(str(small_disk))
        assert (len(log.processes), log.torn) == (1, 1)
        # With room again, the line behind the torn one is found.
        filler.unlink()
        assert logged([home, story], small_disk, self.MENDED).err == ""
        again = job.read(str(small_disk))
        assert (len(again.processes), again.torn) == (2, 1)
        assert len(again.processes[1].outcomes) == len(lines_of(home, story, small_disk.parent))

    @pytest.mark.parametrize("content", ["raise RuntimeError('damaged')", "def (", ""])
    def test_damage(self, content: str, story: str, folder: Path, tmp_path: Path) -> None:
        home = Path(support.copy_package(tmp_path / "home"))
        (home / "compatshim" / "startup" / "joblog.py").write_text(content)
        done = logged([home, story], folder, self.MENDED)
        assert done.code == 0, done.err
        assert len(done.notices) == 1


def lines_of(home: str, story: str, parent: Path) -> Sequence[job.Outcome]:
    """What a process that is not disturbed leaves."""
    folder = parent / "undisturbed"
    folder.mkdir()
    logged([home, story], folder, TestTrouble.MENDED)
    (process,) = job.read(str(folder)).processes
    return process.outcomes
