"""Probe, apply, revert, over fake modules of every shape, in fresh interpreters; orders are in test_orders.

The probes' verdicts on real releases of evaluate, datasets and huggingface_hub are tested end to end, elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Dict, List

import pytest

from tests import support
from tests.support import DATASETS, EVALUATE, LOCK, MENDED, MODULES, STORY, Completed, run

LEDGER = "[[e.action, e.reason, e.advisory, e.module] for e in compatshim.status().entries]"
BOTH = ["datasets.utils._filelock", "evaluate.module"]
USE = f"import compatshim, evaluate.module, datasets.utils._filelock, importlib\n{MENDED}"

BACKPORTED = EVALUATE.replace("return False", "return self._lock_file_fd is not None")
NOTED = "self._lock_file_fd = self.filelock.lock_file"
OLD_DIALECT = BACKPORTED.replace("poll_interval=0.05", "poll_intervall=0.05")


def go(home: str, folder: Path, evaluate: str, code: str = USE, **env: str) -> Completed:
    """Run ``code`` where ``evaluate.module`` has this text; the value is what is mended, and the ledger."""
    path = support.site(folder / "site", STORY, {**MODULES, "evaluate/module.py": evaluate})
    return run(code, [home, path], value=f"[mended(), {LEDGER}]", env=env)


def about(ledger: List[List[str]], module: str = "evaluate.module") -> List[List[str]]:
    return [entry[:2] for entry in ledger if entry[3] == module and entry[2] != support.GATHER]


class TestProbe:
    def test_a_fix_under_an_old_version_number_is_left_alone(self, home: str, tmp_path: Path) -> None:
        done = go(home, tmp_path, BACKPORTED)
        mended, ledger = done.data
        assert mended == ["datasets.utils._filelock"]
        assert about(ledger) == [["skipped", "probe-negative"]]
        assert done.err == ""

    @pytest.mark.parametrize("text", [EVALUATE, OLD_DIALECT], ids=["blind", "other-dialect"])
    def test_the_fault_is_mended(self, text: str, home: str, tmp_path: Path) -> None:
        mended, ledger = go(home, tmp_path, text).data
        assert mended == BOTH
        assert about(ledger) == [["applied", ""]]

    UNKNOWN: ClassVar[Dict[str, str]] = {
        "nothing": "",
        "no FileFreeLock": LOCK,
        "no Timeout": EVALUATE.replace("Timeout", "Timed"),
        "no FileLock": "class FileFreeLock: pass",
        "not a class": f"{EVALUATE}\nFileFreeLock = None",
        "other constructor": EVALUATE.replace("def __init__(self, lock_file):", "def __init__(self, *, path, fd):"),
        "other _acquire": EVALUATE.replace("def _acquire(self):", "def _acquire(self, blocking):"),
        "raises": EVALUATE.replace(NOTED, "raise OSError"),
        "TypeError of its own": EVALUATE.replace(NOTED, "raise TypeError"),
    }

    @pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
    def test_an_unknown_shape_is_left_alone_and_said_once(self, text: str, home: str, tmp_path: Path) -> None:
        done = go(home, tmp_path, text, f"{USE}\nfor _ in range(3): importlib.reload(evaluate.module)")
        mended, ledger = done.data
        assert mended == ["datasets.utils._filelock"]
        assert about(ledger) == [["skipped", "shape-unknown"]]
        assert len(done.notices) == 1
        assert "shape this shim does not know" in done.notices[0]

    @pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
    def test_an_unknown_shape_is_an_error_under_strict(self, text: str, home: str, tmp_path: Path) -> None:
        done = go(home, tmp_path, text, COMPATSHIM="strict")
        assert done.code == 1
        assert "RuntimeError: compatshim CSA-2026-0001: evaluate.module was not mended" in done.err

    NO_FAULT: ClassVar[Dict[str, str]] = {
        "mode of its own": DATASETS.replace("__init__(self.hash", "__init__(mode=0o666, lock_file=self.hash"),
        "no mode": DATASETS.replace(", mode=0o644", "").replace("lock_file, mode", "lock_file, 0"),
        "another default": DATASETS.replace("mode=0o644", "mode=-1"),
    }

    @pytest.mark.parametrize("text", NO_FAULT.values(), ids=NO_FAULT)
    def test_mode(self, text: str, home: str, tmp_path: Path) -> None:
        modules: Dict[str, str] = {**MODULES, "datasets/utils/_filelock.py": text}
        path = support.site(tmp_path / "site", STORY, modules)
        ledger = run(USE, [home, path], value=LEDGER).data
        assert ["skipped", "probe-negative", "CSA-2026-0002", "datasets.utils._filelock"] in ledger

    @pytest.mark.parametrize(
        "text",
        [
            DATASETS.replace("str(hash(path))", "'fixed'"),
            f"from hashlib import md5 as hash\n{DATASETS}",
            "class FileLock_:\n    def __init__(self): pass\nclass FileLock(FileLock_): pass",
        ],
    )
    def test_name(self, text: str, home: str, tmp_path: Path) -> None:
        modules = {**MODULES, "datasets/utils/_filelock.py": text}
        path = support.site(tmp_path / "site", STORY, modules)
        ledger = run(USE, [home, path], value=LEDGER).data
        assert ["skipped", "probe-negative", "CSA-2026-0006", "datasets.utils._filelock"] in ledger


class TestEffect:
    def test_lock_files_follow_the_umask(self, home: str, story: str) -> None:
        code = f"""
import os
os.umask(0o027)
{USE}
from datasets.utils._filelock import FileLock
locks = FileLock("x"), FileLock("x", mode=0o600), FileLock("x", -1, 0o601), FileLock("x", 3)"""
        assert run(code, [home, story], value="[lock.mode for lock in locks]").data == [0o640, 0o600, 0o601, 0o640]

    def test_long_names_are_the_same_in_every_process(self, home: str, story: str) -> None:
        code = "from datasets.utils._filelock import FileLock"
        value = "[FileLock(sign * 300).lock_file for sign in ('a', '\\udcff')]"

        def names(before: str, seed: str) -> object:
            # Isolated interpreters take no PYTHONHASHSEED.
            env = {"PYTHONHASHSEED": seed}
            return run(f"{before}\n{code}", [home, story], value=value, flags=("-s", "-S"), env=env).data

        assert names("import compatshim", "1") == names("import compatshim", "2")
        assert names("", "1") != names("", "2")


class TestReload:
    def test_of_a_module_that_was_upgraded_meanwhile(self, home: str, tmp_path: Path) -> None:
        path = Path(support.site(tmp_path / "site", STORY, MODULES))
        file = path / "evaluate" / "module.py"
        code = f"""
{USE}
open({str(file)!r}, "w").write({BACKPORTED + "# longer"!r})
importlib.invalidate_caches()
importlib.reload(evaluate.module)"""
        assert run(code, [home, path], value="mended()").data == ["datasets.utils._filelock"]


class TestRevert:
    @pytest.mark.parametrize("off", ["off", "apply"])
    def test_with_nothing_to_undo(self, off: str, home: str) -> None:
        assert run("import compatshim", [home], value="compatshim.revert()", env={"COMPATSHIM": off}).data is None

    def test_somebody_else_emptied_sys_modules(self, home: str, story: str) -> None:
        code = f"""
{USE}
module = evaluate.module
before = dict(vars(module.FileFreeLock))
for name in [name for name in sys.modules if name.startswith("compatshim")]: del sys.modules[name]
import compatshim
same = dict(vars(module.FileFreeLock)) == before"""
        assert run(code, [home, story], value="same").data is True

    def test_leaves_what_somebody_patched_over(self, home: str, story: str) -> None:
        code = f"""
{USE}
theirs = property(lambda self: "theirs")
evaluate.module.FileFreeLock.is_locked = theirs
compatshim.revert()"""
        value = f"[evaluate.module.FileFreeLock.is_locked is theirs, mended(), {LEDGER}]"
        kept, mended, ledger = run(code, [home, story], value=value).data
        assert (kept, mended) == (True, [])
        assert about(ledger) == [["reverted", "replaced-since"]]

    def test_both_advisories_of_one_shim(self, home: str, tmp_path: Path) -> None:
        # Two versions in one directory, a broken upgrade: 0001 (old) and 0003 (new) share their shim.
        folder = Path(support.site(tmp_path / "site", STORY, MODULES))
        support.dist_info(folder, "evaluate", "0.4.2")
        support.dist_info(folder, "datasets", "2.15.0")
        code = f"import compatshim, evaluate.module\nbefore = {LEDGER}\ncompatshim.revert()"
        before, after = run(code, [home, folder], value=f"[before, {LEDGER}]").data
        assert about(before) == [["applied", ""], ["applied", "already-applied"]]
        assert about(after) == [["reverted", ""], ["reverted", ""]]


class TestFailure:
    """A shim that fails half way leaves the module as it was."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('(lock, "is_locked"', '(int, "is_locked"'),
            ("    poll = _poll(module)\n    timeout", "    poll = no_such_name\n    timeout"),
            ("MODULES = ", "raise OSError('disk')\nMODULES = "),
        ],
    )
    def test_half_way(self, old: str, new: str, story: str, tmp_path: Path) -> None:
        package = Path(support.copy_package(tmp_path)) / "compatshim"
        shim = package / "shims" / "evaluate_filefreelock.py"
        text = shim.read_text()
        assert old in text
        shim.write_text(text.replace(old, new))
        done = run(USE, [tmp_path, story], value=f"[mended(), {LEDGER}]")
        mended, ledger = done.data
        assert mended == ["datasets.utils._filelock"]
        assert about(ledger) == [["skipped", "error"]]
        assert len(done.notices) == 1
        assert run(USE, [tmp_path, story], env={"COMPATSHIM": "strict"}).code == 1


def test_status_is_meant_to_be_read(home: str, story: str) -> None:
    code = "import compatshim, evaluate.module\nbefore = str(compatshim.status())\ncompatshim.revert()"
    before, after, entry = run(
        code, [home, story], value="[before, str(compatshim.status()), compatshim.status().entries[0].as_dict()]"
    ).data
    assert before == (
        "compatshim (apply):\n"
        "  CSA-2026-0001 applied: evaluate_filefreelock on evaluate.module\n"
        "  CSA-2026-0002 armed: datasets_filelock_mode on datasets.utils._filelock\n"
        "  CSA-2026-0006 armed: datasets_lock_name on datasets.utils._filelock\n"
        "  CSA-2026-0006 armed: datasets_lock_name on datasets.utils.filelock\n"
        "  CSA-2026-0051 skipped: evaluate_gather on evaluate.module (the installed code does not have the fault)"
    )
    assert "CSA-2026-0001 reverted: evaluate_filefreelock on evaluate.module\n" in after
    assert entry == {
        "action": "reverted",
        "advisory": "CSA-2026-0001",
        "detail": "",
        "module": "evaluate.module",
        "reason": "",
        "shim": "evaluate_filefreelock",
    }
