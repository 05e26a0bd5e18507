"""What an interpreter says of itself: its module search path, and the environment that markers are judged in.

Also run as a program by other interpreters, from 3.8 on, so it needs nothing but the standard library.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import Any


def markers() -> dict[str, str]:
    """The marker environment of PEP 508, as ``packaging.markers.default_environment`` computes it."""
    info = sys.implementation.version
    level = "" if info.releaselevel == "final" else info.releaselevel[0] + str(info.serial)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": "{}.{}.{}{}".format(*info[:3], level),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def source() -> str:
    """The text of this module, for another interpreter; works from within an archive, too."""
    loader: Any = globals()["__loader__"]
    text: str = loader.get_source(__name__)
    return text


if __name__ == "__main__":
    import json

    print(json.dumps({"path": [entry for entry in sys.path if entry], "markers": markers()}))
