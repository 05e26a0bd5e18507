"""What an interpreter says of itself: its module search path, and the environment that markers are judged in.

Also run as a program by other interpreters, from 3.8 on, so it needs nothing but the standard library, and of that
only what a starting interpreter has loaded anyway.
"""

from __future__ import annotations

import os
import sys


def markers() -> dict[str, str]:
    """The marker environment of PEP 508, as ``packaging.markers.default_environment`` computes it."""
    info = sys.implementation.version
    level = "" if info.releaselevel == "final" else info.releaselevel[0] + str(info.serial)
    system, release, version, machine, implementation = _machine()
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": "{}.{}.{}{}".format(*info[:3], level),
        "os_name": os.name,
        "platform_machine": machine,
        "platform_release": release,
        "platform_system": system,
        "platform_version": version,
        "python_full_version": sys.version.split()[0].rstrip("+"),
        "platform_python_implementation": implementation,
        "python_version": "{}.{}".format(*sys.version_info[:2]),
        "sys_platform": sys.platform,
    }


def _machine() -> tuple[str, str, str, str, str]:
    """System, release, version and machine, and the name of the implementation."""
    if sys.platform == "linux" and sys.implementation.name == "cpython":
        found = os.uname()  # what ``platform`` asks there, without the modules that it needs elsewhere
        return found.sysname, found.release, found.version, found.machine, "CPython"
    import platform

    return (
        platform.system(),
        platform.release(),
        platform.version(),
        platform.machine(),
        platform.python_implementation(),
    )


def source() -> str:
    """The text of this module, for another interpreter; works from within an archive, too."""
    from compatshim import files

    return files.packaged("inventory", "probe.py").decode("utf-8")


if __name__ == "__main__":
    # A literal: to import json takes as long as the interpreter takes to start.
    sys.stdout.write(ascii(([entry for entry in sys.path if entry], markers())))
