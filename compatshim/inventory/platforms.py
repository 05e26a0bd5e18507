"""What a platform fixes of the marker environment (PEP 508)."""

from __future__ import annotations

from typing import Dict

_SYSTEMS = {"Linux": ("linux", "posix"), "Darwin": ("darwin", "posix"), "Windows": ("win32", "nt")}


def markers(system: str, machine: str) -> Dict[str, str]:
    """That part for an operating system and a machine, as the module ``platform`` names them."""
    platform, name = _SYSTEMS[system]
    return {"sys_platform": platform, "platform_system": system, "os_name": name, "platform_machine": machine}
