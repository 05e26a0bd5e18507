"""The host, as filelock names it in the markers of its soft locks."""

from __future__ import annotations

import os
import socket

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
