"""Every order, over small modules of our own, on each Python; and that each shim has its tests on real ones."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import List

import pytest

from compatshim import shims
from tests import orders, support
from tests.e2e import test_orders as real
from tests.e2e.support import PROGRAMS
from tests.orders import Target

PROGRAM = os.path.join(PROGRAMS, "orders.py")

BLIND = Target(
    "evaluate_filefreelock",
    "evaluate.module",
    "FileFreeLock",
    fault="lock = FileFreeLock('/x')\nlock._lock_file_fd = 'x'\nreturn not lock.is_locked",
    patched="FileFreeLock.is_locked",
    reach="class",
    advisories=("CSA-2026-0001",),
)
MODE = Target(
    "datasets_filelock_mode",
    "datasets.utils._filelock",
    "FileLock",
    fault="import os\nos.umask(0)\nreturn FileLock('/x').mode != 0o666",
    patched="FileLock.__init__",
    reach="class",
    advisories=("CSA-2026-0002",),
)
HASH = MODE._replace(
    shim="datasets_lock_name",
    fault="return str(hash('x' * 300)) in FileLock('x' * 300).lock_file",
    patched="hash",
    reach="globals",
    advisories=("CSA-2026-0006",),
)
# No shim of ours replaces what others import by value, and this is why: it does not reach them.
VALUE = BLIND._replace(name="work", fault="return work() != 'mended'", patched="work", reach="value")
VALUE_SHIM = """
from compatshim.startup import guard
MODULES = ("evaluate.module",)
def probe(module): return getattr(module.work, "__wrapped__", module.work)() == "bad"
def replacements(module): return [(module, "work", guard.instead(module.work, lambda: "mended"))]
"""
# Real ones cannot be imported without the shim, which is the fault: an order that begins so ends there.
NUMPY = Target(
    "wandb_numpy",
    "wandb.util",
    "number",
    fault="return not hasattr(module.get_module('numpy'), 'float_')",
    patched="get_module",
    reach="globals",
    advisories=("CSA-2026-0043",),
)
WANDB = {
    "numpy.py": "float64, complex128 = float, complex",
    "wandb/__init__.py": "",
    "wandb/util.py": "get_module = lambda name: __import__(name)\ndef number(): return get_module('numpy').float_",
}
FAKES = {"blind": BLIND, "mode": MODE, "hash": HASH, "value": VALUE, "numpy": NUMPY}


def walk(python: str, kind: str, depth: int, home: str, folder: Path) -> None:
    target = FAKES[kind]
    modules, versions = dict(support.MODULES), support.STORY
    if target is NUMPY:
        modules, versions = WANDB, {"wandb": "0.17.1", "numpy": "2.4.6"}
    if target.reach == "value":
        home = support.copy_package(folder / "home")
        Path(home, "compatshim", "shims", f"{target.shim}.py").write_text(VALUE_SHIM)
        modules["evaluate/module.py"] = "def work(): return 'bad'"
    site = support.site(folder / "site", versions, modules)
    command = [python, "-s", "-S", "-B", PROGRAM, target.sent(), str(depth)]
    done = support.start(command, env={"PYTHONPATH": os.pathsep.join([home, site])})
    assert done.code == 0, done.err
    assert orders.judge(done.out, depth) == {}
    assert done.err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run")
class TestSmall:
    @pytest.mark.parametrize("kind", FAKES)
    @pytest.mark.parametrize("python", support.every_python())
    def test_orders(self, python: str, kind: str, home: str, tmp_path: Path) -> None:
        walk(python, kind, orders.BOUNDED, home, tmp_path)

    @pytest.mark.parametrize("kind", FAKES)
    def test_longer_orders(self, kind: str, home: str, tmp_path: Path) -> None:
        walk(sys.executable, kind, orders.LONGER, home, tmp_path)

    @pytest.mark.matrix
    @pytest.mark.parametrize("kind", FAKES)
    @pytest.mark.parametrize("python", support.every_python())
    def test_all_orders(self, python: str, kind: str, home: str, tmp_path: Path) -> None:
        walk(python, kind, len(orders.ACTIONS), home, tmp_path)


class TestNothingIsMissing:
    def test_every_shim_has_its_orders_on_each_of_its_modules(self) -> None:
        wanted = set()
        for found in pkgutil.iter_modules(shims.__path__):
            code = importlib.import_module(f"compatshim.shims.{found.name}")
            wanted |= {(found.name, module) for module in code.MODULES}
        tested = {(one.target.shim, one.target.module) for one in real.Orders.__subclasses__()}
        assert tested == wanted - {(NUMPY.shim, NUMPY.module)}

    def test_every_subclass_inherits_the_tests(self) -> None:
        for one in real.Orders.__subclasses__():
            assert one.__name__.startswith("Test")
            assert one.test_orders is real.Orders.test_orders
            assert one.test_all_orders is real.Orders.test_all_orders

    def test_the_orders_are_all(self) -> None:
        def count(depth: int) -> int:
            return sum(len(order) == depth for order in orders.orders(depth))

        # By counting: the eight actions in any order, less those where one comes before what it needs. Of the
        # orders of compatshim, again, revert, revert_again 3 in 24 remain; of those of target, name, reload,
        # foreign 12 in 24.
        assert count(8) == 40320 * 3 // 24 * 12 // 24
        assert [count(depth) for depth in range(1, 5)] == [3, 12, 45, 159]
        assert list(orders.orders(1)) == [("compatshim",), ("target",), ("name",)]

    @pytest.mark.parametrize("line", ['[["target"], []]', '[["reload"], []]', '[["target"], ["fault there"]]'])
    def test_an_order_that_was_not_tried_is_noticed(self, line: str) -> None:
        tried: List[str] = [f'[["{name}"], []]' for name in ("compatshim", "target", "name")]
        assert orders.judge("\n".join(tried), 1) == {}
        assert orders.judge("\n".join(tried[1:]), 1) == {"compatshim": ["not tried"]}
        assert orders.judge("\n".join([*tried, line]), 1) != {}
