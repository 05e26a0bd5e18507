"""A shim whose target was changed in a way that nobody foresaw leaves it alone and says so; the program goes on."""

from __future__ import annotations

import json
import os
from typing import Any, List, NamedTuple, Optional, Sequence

import pytest

from tests.e2e import support, test_orders
from tests.e2e.test_orders import Orders
from tests.support import notices

pytestmark = pytest.mark.e2e


class Change(NamedTuple):
    """What somebody did to the source of a module."""

    where: Orders
    changes: Optional[Sequence[Any]]
    reason: str = "shape-unknown"


EVALUATE = test_orders.TestEvaluateFileFreeLock()
DATASETS = test_orders.TestDatasetsLockMode()
NAME = test_orders.TestDatasetsLockName()
HUB = test_orders.TestHubWeakFileLock()
# All of FileFreeLock's own, and nobody else's.
INNER = [
    ["self.filelock = FileLock(lock_file)\n        super", "self._inner = FileLock(lock_file)\n        super"],
    ["self.filelock.acquire(timeout=0.01", "self._inner.acquire(timeout=0.01"],
    ["self._lock_file_fd = self.filelock.lock_file", "self._lock_file_fd = self._inner.lock_file"],
    [
        "self.filelock.release()\n            self._lock_file_fd",
        "self._inner.release()\n            self._lock_file_fd",
    ],
]
HEAD = "def __init__(self, lock_file, *args, **kwargs):\n        self.filelock"
CRC = [["import os", "import os\nfrom zlib import crc32"], ["hash(filename)", "crc32(filename.encode())"]]
CHANGES = {
    "a class renamed": Change(EVALUATE, [["FileFreeLock", "HeldLock"]]),
    "a method with an argument more": Change(EVALUATE, [["def _acquire(self)", "def _acquire(self, blocking)"]]),
    "an attribute renamed": Change(EVALUATE, INNER),
    "a function instead of a class": Change(
        EVALUATE, [["# lists - summarize", "def FileFreeLock(lock_file, **options):\n    return None\n\n# lists"]]
    ),
    "another constructor": Change(EVALUATE, [[HEAD, HEAD.replace("lock_file, *args", "*, path, lock_file=None")]]),
    "no module": Change(EVALUATE, None, "armed"),
    "no class of locks": Change(DATASETS, [["class FileLock(", "class Lock("]]),
    "a function that makes locks": Change(
        DATASETS, [["class FileLock(", "def FileLock(path):\n    return FileLock_(path)\n\n\nclass Lock("]]
    ),
    "another name for the imported": Change(DATASETS, [["FileLock_", "_FileLock"]]),
    "no long names": Change(NAME, [["hash_filename_if_too_long", "shorten"]], "probe-negative"),
    "a hash of its own": Change(NAME, CRC, "probe-negative"),
    "no weak lock": Change(HUB, [["def WeakFileLock", "def SoftLock"]]),
    "a class, not a function": Change(HUB, [["def WeakFileLock(", "class WeakFileLock: pass\ndef _weak("]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_is_left_alone(name: str) -> None:
    where, changes, reason = CHANGES[name]
    environment = support.build(where.versions, around=where.around)
    program = os.path.join(support.PROGRAMS, "upstream.py")
    words: List[str] = [where.target.module, json.dumps(changes)]
    without = support.run(environment, program, *words, HF_HUB_OFFLINE="1")
    having = support.run(environment, program, *words, "--shim", shim=True, HF_HUB_OFFLINE="1")
    assert without.returncode == having.returncode == 0, without.stderr + having.stderr
    seen, entries = map(json.loads, having.stdout.splitlines())
    assert not os.path.exists(os.path.join(os.path.abspath(os.sep), "compatshim-probe.lock"))
    (entry,) = (entry for entry in entries if entry[0] == where.target.shim)
    others = {entry[0] for entry in entries if entry[1] == "applied"}
    # The other shim of this module may put a `hash` there; else the module is as it is without us.
    plain = json.loads(without.stdout)
    assert [one for one in seen if one[0] != "hash" or not others] == plain
    said = notices(having.stderr)
    if reason == "shape-unknown":
        assert entry[1:] == ["skipped", reason]
        assert len(said) == 1
        assert "was not mended: the installed code has a shape this shim does not know" in said[0]
        assert f"`python -m compatshim explain {where.target.advisories[0]}`" in said[0]
    else:
        assert entry[1:] == (["armed", ""] if reason == "armed" else ["skipped", reason])
        assert said == []
