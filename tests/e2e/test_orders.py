"""Every shim on real packages, in every order of import, reload, revert and other people's patches.

A new shim needs a subclass of :class:`Orders` here, for each module that it mends.
"""

from __future__ import annotations

import os
from typing import ClassVar, Mapping, Sequence

import pytest

from compatshim.kb import environments
from tests import orders
from tests.e2e import support
from tests.orders import Target
from tests.support import notices

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run"),
]


class Orders:
    """The base of all: says what to install and where the fault is, and inherits the tests."""

    versions: ClassVar[Mapping[str, str]]
    around: ClassVar[Sequence[str]] = support.PERIOD
    target: ClassVar[Target]

    def walk(self, depth: int) -> None:
        environment = support.build(self.versions, around=self.around)
        done = environments.run(
            environment,
            os.path.join(support.PROGRAMS, "orders.py"),
            self.target.sent(),
            str(depth),
            timeout=1800,
            env={"HF_HUB_OFFLINE": "1"},
            shim_from=support.PACKAGE,
        )
        assert done.returncode == 0, done.stderr
        assert orders.judge(done.stdout, depth) == {}
        assert notices(done.stderr) == []

    def test_orders(self) -> None:
        self.walk(orders.BOUNDED)

    @pytest.mark.matrix
    def test_all_orders(self) -> None:
        self.walk(len(orders.ACTIONS))


class TestEvaluateFileFreeLock(Orders):
    versions = support.STORY
    target = Target(
        shim="evaluate_filefreelock",
        module="evaluate.module",
        name="FileFreeLock",
        patched="FileFreeLock.is_locked",
        reach="class",
        advisories=("CSA-2026-0001",),
        fault="""
import os
path = os.path.join(folder, "held-%d" % os.getpid())
holder = module.FileLock(path)
holder.acquire()
lock = FileFreeLock(path)
lock._acquire()
seen = lock.is_locked
lock._release()
holder.release()
return not seen
""",
    )


class TestEvaluateFileFreeLockDialect(Orders):
    versions: ClassVar = {"evaluate": "0.4.2", "datasets": "2.15.0", "filelock": "3.13.1"}
    target = Target(
        shim="evaluate_filefreelock",
        module="evaluate.module",
        name="FileFreeLock",
        patched="FileFreeLock._acquire",
        reach="class",
        advisories=("CSA-2026-0003",),
        fault="""
import os
try:
    FileFreeLock(os.path.join(folder, "free-%d" % os.getpid()))._acquire()
except TypeError:
    return True
return False
""",
    )


MODE = """
import os
os.umask(0)
path = os.path.join(folder, "mode-%d" % os.getpid())
lock = FileLock(path)
lock.acquire()
mode = os.stat(path).st_mode & 0o666
lock.release()
if os.path.exists(path):
    os.unlink(path)
return mode != 0o666
"""

UMASK = """
import os
changed, real = [], os.umask
os.umask = lambda mask: changed.append(mask) or real(mask)
try:
    FileLock(os.path.join(folder, "umask-%d" % os.getpid()))
finally:
    os.umask = real
return bool(changed)
"""

# The name must not depend on the salt of this process.
NAME = """
import os
name = "x" * 300
return str(hash(name)) in FileLock(os.path.join(folder, name)).lock_file
"""


class TestDatasetsLockMode(Orders):
    versions = support.STORY
    target = Target(
        "datasets_filelock_mode",
        "datasets.utils._filelock",
        "FileLock",
        fault=MODE,
        patched="FileLock.__init__",
        reach="class",
        advisories=("CSA-2026-0002",),
    )


class TestDatasetsUmaskRace(Orders):
    versions: ClassVar = {"evaluate": "0.4.1", "datasets": "2.18.0", "filelock": "3.19.1"}
    target = TestDatasetsLockMode.target._replace(fault=UMASK, advisories=("CSA-2026-0005",))


class TestDatasetsLockName(Orders):
    versions = support.STORY
    target = Target(
        "datasets_lock_name",
        "datasets.utils._filelock",
        "FileLock",
        fault=NAME,
        patched="hash",
        reach="globals",
        advisories=("CSA-2026-0006",),
    )


class TestOldDatasetsLockName(Orders):
    versions = TestEvaluateFileFreeLockDialect.versions
    target = TestDatasetsLockName.target._replace(module="datasets.utils.filelock")


class TestHubWeakFileLock(Orders):
    versions: ClassVar = {"huggingface_hub": "1.4.1", "filelock": "3.9.0"}
    around = ()
    target = Target(
        "hub_weakfilelock_mode",
        "huggingface_hub.utils._fixes",
        "WeakFileLock",
        patched="FileLock",
        reach="globals",
        advisories=("CSA-2026-0004",),
        fault="""
import os
try:
    with WeakFileLock(os.path.join(folder, "weak-%d" % os.getpid())):
        return False
except TypeError:
    return True
""",
    )
