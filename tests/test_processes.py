"""Work in several processes: order, what is killed, what is interrupted, and that nobody stays behind."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List

import pytest

from compatshim import processes

MANY = 60


def squares() -> Callable[[int], int]:
    return lambda item: item * item


def deadly(fatal: List[int]) -> Callable[[int], int]:
    def work(item: int) -> int:
        if item in fatal:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return item * item

    return work


def identity() -> Callable[[int], int]:
    return lambda _: os.getpid()


@pytest.mark.parametrize("number", [0, 1, processes.FEW - 1, processes.FEW, MANY])
@pytest.mark.parametrize("jobs", [1, 3])
def test_results_are_in_the_order_of_the_items(number: int, jobs: int) -> None:
    said: List[int] = []
    found = processes.each(squares, range(number), jobs, said.append)
    assert found == [item * item for item in range(number)]
    assert said == (list(range(1, number + 1)) if number >= processes.FEW else [])
    assert not multiprocessing.active_children()


def test_few_items_need_no_process_and_many_have_their_own() -> None:
    assert set(processes.each(identity, range(3), 2)) == {os.getpid()}
    others = set(processes.each(identity, range(MANY), 2))
    assert os.getpid() not in others
    assert 1 <= len(others) <= 2


@pytest.mark.parametrize("fatal", [[0], [7], [7, 8, 59], list(range(10))])
def test_only_what_kills_its_process_is_lost(fatal: List[int]) -> None:
    found = processes.each(functools.partial(deadly, fatal), range(MANY), 2)
    assert found == [None if item in fatal else item * item for item in range(MANY)]
    assert not multiprocessing.active_children()


SLEEPY = """\
import functools, os, sys, time
from compatshim import processes

def make(folder):
    def work(item):
        open(os.path.join(folder, str(os.getpid())), "w").close()
        time.sleep(60)
    return work

if __name__ == "__main__":
    processes.each(functools.partial(make, sys.argv[1]), range(20), 2)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nobody_stays_behind(how: str, tmp_path: Path) -> None:
    program, folder = tmp_path / "program.py", tmp_path / "pids"
    program.write_text(SLEEPY)
    folder.mkdir()
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, str(program), str(folder)], env=variables, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: len(list(folder.iterdir())) == 2)
        start = time.monotonic()
        process.send_signal(getattr(signal, how))
        process.wait(timeout=20)
        assert time.monotonic() - start < 10
    pids = [int(path.name) for path in folder.iterdir()]
    wait_for(lambda: not any(alive(pid) for pid in pids))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # nobody may be there to bury it
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not os.path.isdir("/proc/self")
