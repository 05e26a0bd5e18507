"""Let evaluate's ``FileFreeLock`` notice that another process holds a lock.

``FileFreeLock._acquire`` tries the lock once and notes the outcome in ``self._lock_file_fd``. filelock 3.12.0
keeps that state elsewhere, so ``is_locked`` never turns true and every rank waits for the others until it
gives up. In the other direction, evaluate 0.4.2 passes ``poll_interval``, which the lock that datasets 2.15
and earlier carry does not take. The replacement keeps its own note and speaks the installed lock's dialect;
it is what evaluate 0.4.2 does, for either lock.
"""

from __future__ import annotations

import inspect
import os

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("evaluate.module",)
CHANGES = (
    (
        "FileFreeLock._acquire",
        "tries the lock, and notes that somebody else holds it in a private attribute that filelock 3.12 and later "
        "do not read; or passes poll_interval to a lock that does not take it, and raises TypeError",
        "tries the lock in the installed lock's own words, and notes the outcome on the object itself",
    ),
    ("FileFreeLock._release", "clears the note where _acquire left it", "clears the note on the object"),
    (
        "FileFreeLock.is_locked",
        "is false whatever _acquire found, because the installed lock looks elsewhere: every rank waits until its "
        "timeout and raises ValueError",
        "is true when the last try found the file held by another process",
    ),
)
LIMITS = (
    "Ranks still meet through lock files on a shared file system: where that has no working locks, they do not "
    "meet. A FileFreeLock object that was made before the shim was applied works from its next try on."
)


def _poll(module: ModuleType) -> Dict[str, float]:
    """The polling argument as the installed lock spells it (``poll_intervall`` before filelock 3.4)."""
    names = inspect.signature(module.FileLock.acquire).parameters
    return {"poll_interval" if "poll_interval" in names else "poll_intervall": 0.02}


def probe(module: ModuleType) -> bool:
    """Whether a ``FileFreeLock`` fails to say "acquired" about a file that another process holds."""
    signature = inspect.signature(module.FileLock.acquire)

    class HeldElsewhere:
        lock_file = ""
        refused = False

        def acquire(self, *args: Any, **kwargs: Any) -> None:
            self.refused = True
            signature.bind(self, *args, **kwargs)
            self.refused = False
            raise module.Timeout(self.lock_file)

    # Making a lock object touches no file, but looks at the directory: the root is always there.
    lock = module.FileFreeLock(os.path.join(os.path.abspath(os.sep), "compatshim-probe.lock"))
    elsewhere = HeldElsewhere()
    del lock.filelock  # there is one: else it would not be what is tried, and a real file would be
    lock.filelock = elsewhere
    try:
        lock._acquire()
    except TypeError:
        if elsewhere.refused:  # the arguments are not in the lock's dialect
            return True
        raise
    held = bool(lock.is_locked)
    lock._release()
    return not held


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """Methods of ``FileFreeLock`` that keep the outcome on the object itself."""
    poll = _poll(module)
    timeout = module.Timeout

    def _acquire(self: Any) -> None:
        """Try the file once; "acquired" means that somebody else holds it."""
        try:
            with self.filelock.acquire(timeout=0.01, **poll):
                held = None
        except timeout:
            held = self.filelock.lock_file
        self._lock_file_fd = held

    def _release(self: Any) -> None:
        """Forget the outcome."""
        self._lock_file_fd = None

    def is_locked(self: Any) -> bool:
        """Whether the last try found the file held by somebody else."""
        return getattr(self, "_lock_file_fd", None) is not None

    lock = module.FileFreeLock
    return [
        (lock, "_acquire", guard.instead(lock._acquire, _acquire)),
        (lock, "_release", guard.instead(lock._release, _release)),
        (lock, "is_locked", property(guard.instead(lock.is_locked.fget, is_locked))),
    ]
