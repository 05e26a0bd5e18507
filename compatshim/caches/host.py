"""The host: its name in markers of filelock's soft locks, whether a process runs here, and since when it does."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from compatshim.gather import origin

_VERBATIM = frozenset(range(0x21, 0x7F)) - {ord("?")}
_INITIAL = 0xEFFFFFFC  # the process namespace of the host itself: the kernel's ABI


def name() -> str:
    """The host, and its process namespace unless that is the host's own: a number means one process in each."""
    told = "".join(
        chr(byte) if byte in _VERBATIM else f"?{byte:02x}"
        for byte in socket.gethostname().encode("utf-8", "surrogateescape")
    )
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = _INITIAL
    return told if namespace == _INITIAL else f"{told}?pidns-{namespace:x}"


def alive(pid: int) -> bool:
    """Whether a marker's process may be there: on this host, or in a container that has the host's name.

    filelock did not name the container before 4.0.12, and the number is what the process is called inside.
    """
    return origin.alive(pid) or _is_inside(pid)


def booted() -> float:
    """When this machine (of a container: its host) was started, in seconds since the epoch; 0 if unknown."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.time() - time.clock_gettime(clock)


def _is_inside(pid: int) -> bool:
    try:
        processes = [name for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return False
    for name in processes:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{name}/status", "rb") as file:
            # Its numbers from the outermost namespace to its own.
            numbers = next((line.split()[1:] for line in file if line.startswith(b"NSpid:")), [])
            if len(numbers) > 1 and int(numbers[-1]) == pid:
                return True
    return False
