"""Names of files and folders with rows, and of what rank 0 leaves to be read: who made them. Pure.

What cleans a cache goes by the same names, see :mod:`compatshim.caches.leftovers`.
"""

from __future__ import annotations

import hashlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

TAG = r"compatshim-(?P<host>[0-9a-f]{12})-(?P<pid>\d{1,10})"
"""What :func:`tag` gives."""
MEETING = r"\.compatshim-gather-[0-9a-f]{20}"
"""What :func:`meeting` gives."""
ENDED = ".ended"
"""How the name ends of what the last rank 0 left to say."""
_TAG = re.compile(f"{TAG}-")


def tag(host: str, pid: int) -> str:
    """A part of the names of files and folders with rows; ``host`` is of 12 hexadecimal digits."""
    return f"compatshim-{host}-{pid}"


def meeting(job: str) -> str:
    """How the names of the files begin by which the ranks of a job find rank 0."""
    return f".compatshim-gather-{hashlib.sha256(job.encode()).hexdigest()[:20]}"


def maker(name: str) -> Optional[Tuple[str, int]]:
    """Which host's process made a file or folder with rows; None for any other name."""
    told = _TAG.search(name)
    return (told["host"], int(told["pid"])) if told else None
