"""The import hook, over a fake environment whose ``evaluate.module`` is hooked, in fresh interpreters."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Sequence

import pytest

from tests import support
from tests.support import MODULES, STORY, run

MARKED = "hasattr(evaluate.module.FileFreeLock._acquire, '__compatshim__')"
# Someone else's finder, as tracing tools write it: asks the others, and wraps what they find.
OTHER = """
import sys, importlib.util
from importlib.machinery import PathFinder
calls, ran = [], []


class Loader:
    def __init__(self, loader): self.loader = loader
    def __getattr__(self, name): return getattr(self.loader, name)
    def create_module(self, spec): return self.loader.create_module(spec)
    def exec_module(self, module):
        self.loader.exec_module(module)
        ran.append(module.__name__)


class Asks:
    busy = False
    def find_spec(self, name, path=None, target=None):
        if self.busy or name != "evaluate.module": return None
        calls.append(name)
        self.busy = True
        try: spec = self.ask(name, path, target)
        finally: self.busy = False
        spec.loader = Loader(spec.loader)
        return spec


class AsksSystem(Asks):
    def ask(self, name, path, target): return importlib.util.find_spec(name)


class AsksFinders(Asks):
    def ask(self, name, path, target):
        found = (f.find_spec(name, path, target) for f in sys.meta_path if f is not self)
        return next(spec for spec in found if spec is not None)


class AsksNobody(Asks):
    def ask(self, name, path, target): return PathFinder.find_spec(name, path, target)


class Silent:
    def find_spec(self, name, path=None, target=None):
        calls.extend([name] * (name == "evaluate.module"))


class Old:  # before find_spec there was find_module
    def find_module(self, name, path=None): calls.extend([name] * (name == "evaluate.module"))
"""


@pytest.fixture
def path(home: str, story: str) -> Sequence[str]:
    return (home, story)


def with_module(home: str, tmp_path: Path, text: str) -> Sequence[str]:
    return (home, support.site(tmp_path / "site", STORY, {**MODULES, "evaluate/module.py": text}))


@pytest.mark.parametrize("python", support.every_python())
def test_the_module_sees_its_own_loader(python: str, home: str, tmp_path: Path) -> None:
    seen = "SEEN = [type(__loader__).__name__, type(__spec__.loader).__name__, __spec__.loader is __loader__]\n"
    path = with_module(home, tmp_path, seen + support.EVALUATE)
    code = "import compatshim, evaluate.module as m, evaluate, inspect"
    value = f"[m.SEEN, m.__spec__.loader is m.__loader__, inspect.getsource(m)[:4], {MARKED}]"
    assert run(code, path, value=value, python=python).data == [
        ["SourceFileLoader", "SourceFileLoader", True],
        True,
        "SEEN",
        True,
    ]


@pytest.mark.parametrize("python", support.every_python())
def test_find_spec_looks_as_without_us(python: str, path: Sequence[str]) -> None:
    code = """
import importlib.util, pkgutil
def look():
    spec = importlib.util.find_spec("evaluate.module")
    loader = spec.loader
    return [spec.name, spec.origin, spec.cached, spec.has_location, loader.get_filename("evaluate.module"),
            loader.name, loader.path, loader.get_source("evaluate.module"), loader.is_package("evaluate.module"),
            [m.name for m in pkgutil.iter_modules(__import__("evaluate").__path__)]]
before = look()
import compatshim
after = look()"""
    loaded = "'evaluate.module' in sys.modules"
    assert run(code, path, value=f"[before == after, {loaded}]", python=python).data == [True, False]


def test_a_spec_can_be_executed_by_hand(path: Sequence[str]) -> None:
    code = """
import compatshim, importlib.util
spec = importlib.util.find_spec("evaluate.module")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)"""
    value = "hasattr(module.FileFreeLock._acquire, '__compatshim__')"
    assert run(code, path, value=value).data is True


def test_a_lazy_loader_stays_lazy(path: Sequence[str]) -> None:
    code = """
import compatshim, importlib.util
spec = importlib.util.find_spec("evaluate.module")
spec.loader = importlib.util.LazyLoader(spec.loader)
module = sys.modules["evaluate.module"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
before = "FileFreeLock" in object.__getattribute__(module, "__dict__")"""
    value = "[before, hasattr(module.FileFreeLock._acquire, '__compatshim__')]"
    assert run(code, path, value=value).data == [False, True]


@pytest.mark.parametrize("where", ["front", "behind", "last"])
@pytest.mark.parametrize("kind", ["AsksSystem", "AsksFinders", "AsksNobody"])
def test_beside_a_finder_that_wraps(kind: str, where: str, path: Sequence[str]) -> None:
    put = {
        "front": f"import compatshim; sys.meta_path.insert(0, {kind}())",
        "behind": f"sys.meta_path.insert(0, {kind}()); import compatshim",
        "last": f"sys.meta_path.append({kind}()); import compatshim",
    }[where]
    code = f"{OTHER}\n{put}\nimport evaluate.module"
    once = [] if where == "last" else ["evaluate.module"]
    # One in front that asks nobody would hide its finds from us; but the import of `evaluate` comes before.
    assert run(code, path, value=f"[calls, ran, {MARKED}]").data == [once, once, True]


@pytest.mark.parametrize("where", [0, 1, 99])
@pytest.mark.parametrize("kind", ["Silent", "Old"])
@pytest.mark.parametrize("python", support.every_python())
def test_beside_a_finder_that_finds_nothing(python: str, kind: str, where: int, path: Sequence[str]) -> None:
    code = f"{OTHER}\nimport compatshim\nsys.meta_path.insert({where}, {kind}())\nimport evaluate.module"
    asked, marked = run(code, path, value=f"[len(calls), {MARKED}]", python=python).data
    assert marked
    assert asked <= 1


def test_a_finder_that_raises_is_heard(path: Sequence[str]) -> None:
    code = """
import compatshim
class Blocks:
    def find_spec(self, name, path=None, target=None):
        if name == "evaluate.module": raise ImportError("blocked by policy")
sys.meta_path.insert(1, Blocks())
try: import evaluate.module
except ImportError as error: said = str(error)"""
    assert run(code, path, value="said").data == "blocked by policy"


@pytest.mark.parametrize("python", support.every_python())
@pytest.mark.parametrize(
    "text", ["raise ValueError('mine')", "import no_such_module", "def (", "raise SystemExit(3)"]
)
def test_what_the_module_raises_is_raised(text: str, python: str, home: str, tmp_path: Path) -> None:
    path = with_module(home, tmp_path, text)
    code = """
{}
try: import evaluate.module
except BaseException as error: said = [type(error).__name__, str(error), "evaluate.module" in sys.modules]"""
    without = run(code.format(""), path, value="said", python=python).data
    assert run(code.format("import compatshim"), path, value="said", python=python).data == without
    assert without[2] is False


def test_a_missing_module_is_missing(home: str, tmp_path: Path) -> None:
    path = (home, support.site(tmp_path / "site", STORY, {"evaluate/__init__.py": ""}))
    code = """
import compatshim, importlib.util
try: import evaluate.module
except ModuleNotFoundError as error: said = str(error), error.name"""
    assert run(code, path, value="[said, importlib.util.find_spec('evaluate.module')]").data == [
        ["No module named 'evaluate.module'", "evaluate.module"],
        None,
    ]


@pytest.mark.parametrize("python", support.every_python())
def test_threads(python: str, home: str, tmp_path: Path) -> None:
    slow = support.EVALUATE + "\nimport time; time.sleep(0.05)"
    code = """
import compatshim, threading, importlib
marks, barrier = [], threading.Barrier(16)
def work():
    barrier.wait()
    module = importlib.import_module("evaluate.module")
    marks.append(str(getattr(module.FileFreeLock._acquire, "__compatshim__", None)))
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()"""
    marks = run(code, with_module(home, tmp_path, slow), value="marks", python=python).data
    assert marks == ["CSA-2026-0001"] * 16


def test_a_module_that_is_being_imported_is_left_to_itself(home: str, tmp_path: Path) -> None:
    path = with_module(home, tmp_path, f"import compatshim\n{support.EVALUATE}")
    code = f"import evaluate.module, importlib\nfirst = {MARKED}\nimportlib.reload(evaluate.module)"
    done = run(code, path, value=f"[first, {MARKED}]")
    assert (done.data, done.err) == ([False, True], "")


@pytest.mark.parametrize("python", support.every_python())
def test_a_module_in_a_zip_file(python: str, home: str, tmp_path: Path) -> None:
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in MODULES.items():
            file.writestr(name, text)
        for project, version in STORY.items():
            file.writestr(f"{project}-{version}.dist-info/METADATA", "")
    # Before 3.10 the loader of zip files has no exec_module: nothing to wrap.
    value = f"[[e.action for e in compatshim.status().entries], {MARKED} or sys.version_info < (3, 10)]"
    actions, marked = run("import compatshim, evaluate.module", [home, archive], value=value, python=python).data
    assert marked
    assert "armed" in actions


def test_removed_while_somebody_holds_it(path: Sequence[str]) -> None:
    code = """
import compatshim
ours = sys.meta_path[0]
compatshim.revert()
found = ours.find_spec("evaluate.module", __import__("evaluate").__path__)
import evaluate.module"""
    assert run(code, path, value=f"[found, {MARKED}, ours in sys.meta_path]").data == [None, False, False]
