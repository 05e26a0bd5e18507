"""At import only compiled files of our own are written, nobody is called, and no switch of Python matters."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict, Sequence, Set

import pytest

from tests import support
from tests.support import MENDED, run

USE = f"import compatshim, evaluate.module, datasets.utils._filelock\n{MENDED}"
BOTH = ["datasets.utils._filelock", "evaluate.module"]

# Whatever changes a file, starts a program or reaches for the network, as the interpreter itself reports it.
AUDIT = """
import sys, os
did = []
def hook(event, args):
    if event == "open":
        path, mode, flags = args
        if isinstance(path, int): return  # a file that is open already
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & writes):
            did.append([event, str(path)])
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
                   "os.chmod", "os.utime", "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"):
        did.append([event, str(args[0]) if args else ""])
    elif event.split(".")[0] in ("socket", "shutil", "tempfile", "urllib", "http", "ftplib", "smtplib"):
        did.append([event, str(args)])
sys.addaudithook(hook)
"""


def listing(*tops: object) -> Set[str]:
    return {str(path) for top in tops for path in Path(str(top)).rglob("*")}


@pytest.mark.parametrize("compiled", [False, True], ids=["-B", "pyc"])
@pytest.mark.parametrize("python", support.every_python())
def test_nothing_is_written_and_nobody_is_called(python: str, compiled: bool, story: str, tmp_path: Path) -> None:
    home = support.copy_package(tmp_path / "home")
    own, work = tmp_path / "own", tmp_path / "work"
    own.mkdir()
    work.mkdir()
    env = {"HOME": str(own), "TMPDIR": str(own), "PYTHONPATH": os.pathsep.join([home, story])}
    flags = ("-s", "-S", *(() if compiled else ("-B",)))

    def go(code: str, value: str) -> support.Completed:
        program = f"{code}\nvalue = {value}\nhook = None\nimport json; print(json.dumps(value))"
        return support.start([python, *flags, "-c", program], env=env, cwd=work)

    # What the program itself imports is compiled before.
    go("import evaluate.module, datasets.utils._filelock, logging, inspect, functools, warnings", "0")
    before = listing(home, story, own, work)
    done = go(f"{AUDIT}\n{USE}", "[mended(), did[:]]")
    mended, did = done.data
    assert mended == BOTH
    new = listing(home, story, own, work) - before
    if not compiled:
        assert (did, new) == ([], set())
    else:
        # The rule: only the interpreter's compiled files, beside our own sources.
        assert did
        assert [one for one in did if "__pycache__" not in one[1] or not one[1].startswith(home)] == []
        assert all("__pycache__" in path and path.startswith(home) for path in new)


def test_the_hook_hears(tmp_path: Path) -> None:
    code = f"{AUDIT}\nopen('file', 'w').close(); os.mkdir('made')\nimport socket\nsocket.socket().close()"
    heard = [event for event, _ in run(code, [], value="did", cwd=tmp_path).data]
    assert heard[:2] == ["open", "os.mkdir"]
    assert "socket.__new__" in heard


SWITCHES: Dict[str, Sequence[str]] = {
    "-I": ("-I",),
    "-I -S": ("-I", "-S"),
    "-S": ("-S",),
    "-E": ("-E",),
    "-O": ("-I", "-O"),
    "-OO": ("-I", "-OO"),
    "-X importtime": ("-I", "-X", "importtime"),
    "-X dev": ("-I", "-X", "dev"),
    "-b -b": ("-I", "-bb"),
    "-v": ("-I", "-v"),
}


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("python", support.every_python())
def test_switches(python: str, switch: str, home: str, story: str) -> None:
    done = run(f"{USE}\nbefore = mended()\ncompatshim.revert()", [home, story], value="[before, mended()]",
               python=python, flags=SWITCHES[switch])  # fmt: skip
    assert done.data == [BOTH, []]
    assert done.notices == []
    if switch not in ("-X importtime", "-v"):
        assert done.err == ""


@pytest.mark.parametrize("python", support.every_python())
def test_safe_path(python: str, home: str, story: str, tmp_path: Path) -> None:
    (tmp_path / "compatshim.py").write_text("raise SystemExit('the one in the working directory')")
    env = {"PYTHONSAFEPATH": "1"}
    assert run(USE, [home, story], value="mended()", python=python, flags=(), env=env, cwd=tmp_path).data == BOTH


@pytest.mark.parametrize("name", ["__hello__", "_json", "this"])
@pytest.mark.parametrize("python", support.every_python())
def test_frozen_and_extension_modules(python: str, name: str, home: str) -> None:
    code = f"""
from compatshim.startup import finder
seen = []
finder.install(frozenset([{name!r}]), lambda name, module: seen.append([name, module.__name__]))
import {name} as module
own = type(module.__spec__.loader).__name__, type(module.__loader__).__name__"""
    value = "[seen, [n for n in own if n.startswith('_Loader')]]"
    assert run(code, [home], value=value, python=python).data == [[[name, name]], []]


TEST = """
import sys
import compatshim
import evaluate.module, datasets.utils._filelock
def test_it():
    rewriter = type(evaluate.module.__spec__.loader).__name__
    assert rewriter == {loader!r}, rewriter
    assert hasattr(evaluate.module.FileFreeLock._acquire, "__compatshim__")
"""


@pytest.mark.parametrize("first", ["compatshim", "pytest"])
def test_beside_the_rewriter_of_pytest(first: str, home: str, story: str, tmp_path: Path) -> None:
    loader = "AssertionRewritingHook"
    (tmp_path / "conftest.py").write_text("import pytest\npytest.register_assert_rewrite('evaluate.module')\n")
    (tmp_path / "test_it.py").write_text(TEST.format(loader=loader))
    program = "import sys, pytest; sys.exit(pytest.main(['-q', '-pno:cacheprovider', '-pno:xdist', 'test_it.py']))"
    code = f"import compatshim; {program}" if first == "compatshim" else program
    done = support.start(
        [sys.executable, "-s", "-B", "-c", code],
        env={"PYTHONPATH": os.pathsep.join([home, story])},
        cwd=tmp_path,
    )
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("where", ["before", "behind"])
def test_beside_the_finder_of_an_editable_install(where: str, home: str, story: str, tmp_path: Path) -> None:
    editable = pytest.importorskip("setuptools.command.editable_wheel")
    mapping = {name: os.path.join(story, name) for name in ("evaluate", "datasets")}
    if not hasattr(editable, "_finder_template"):
        pytest.skip("this setuptools writes its finder another way: not run")
    (tmp_path / "__editable___story_finder.py").write_text(editable._finder_template("story", mapping, {}))
    site = support.site(tmp_path / "site", support.STORY)
    install = "import __editable___story_finder as theirs; theirs.install()"
    code = f"{install}\n{USE}" if where == "before" else f"import compatshim\n{install}\n{USE}"
    assert run(code, [home, site, tmp_path], value="mended()").data == BOTH


def test_imported_inside_an_import(home: str, tmp_path: Path) -> None:
    modules = {**support.MODULES, "evaluate/__init__.py": "import compatshim\nfrom . import module"}
    site = support.site(tmp_path / "site", support.STORY, modules)
    assert run(f"import evaluate\n{USE}", [home, site], value="mended()").data == BOTH


@pytest.mark.parametrize("first", ["import compatshim", ""], ids=["first", "among them"])
@pytest.mark.parametrize("python", support.every_python())
def test_imported_by_many_threads_at_once(first: str, python: str, home: str, story: str) -> None:
    code = f"""
{first}
import threading, importlib
failed, barrier = [], threading.Barrier(12)
def work(name):
    barrier.wait()
    try: importlib.import_module(name)
    except BaseException as error: failed.append(repr(error))
names = ["compatshim", "evaluate.module", "datasets.utils._filelock"] * 4
threads = [threading.Thread(target=work, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
{USE}"""
    applied = "[e.module for e in compatshim.status().entries if e.action == 'applied']"
    done = run(code, [home, story], value=f"[failed, mended(), {applied}]", python=python)
    failed, mended, said = done.data
    assert failed == []
    # What another thread is in the middle of importing when compatshim comes may be missed, and is not claimed.
    assert mended == (BOTH if first else sorted(set(said)))
    assert set(mended) <= set(BOTH)
    assert done.err == ""
