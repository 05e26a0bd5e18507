"""Whether the process of a marker is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compatshim.caches import host


@pytest.mark.skipif(os.name == "nt", reason="asks by a signal: not run")
def test_here() -> None:
    assert host.alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not host.alive(process.pid)


def test_when_it_was_started() -> None:
    told = Path("/proc/uptime")  # of Linux; where there is none it is unknown
    started = time.time() - float(told.read_text().split()[0]) if told.exists() else 0.0
    assert abs(started - host.booted()) < 5


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root makes a process namespace, on Linux: not run"
)
def test_in_a_container_that_has_the_hosts_name() -> None:
    """filelock 3.22 to 4.0 writes the number that the process has in there, which is nobody's here."""
    number = next(
        one for one in range(int(Path("/proc/sys/kernel/pid_max").read_text()) - 1, 300, -1) if not host.alive(one)
    )
    inner = f"echo {number - 1} > /proc/sys/kernel/ns_last_pid && sh -c 'echo $$; read end' <&3"
    command = [
        "unshare",
        "--pid",
        "--mount",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        f"exec 3<&0; {inner}; true",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        try:
            if told != f"{number}\n":
                pytest.skip("no process namespace can be made here: not run")
            assert host.alive(number)
        finally:
            process.kill()
    end = time.monotonic() + 10
    while host.alive(number) and time.monotonic() < end:
        time.sleep(0.01)  # its processes end a moment later
    assert not host.alive(number)
