"""The scan of ``sys.path``: what it finds, and that nothing in a path can break it."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

import compatshim
from tests import support
from tests.support import run

INDEX = compatshim._index()


def scan(*path: Any) -> Dict[str, Tuple[str, ...]]:
    return compatshim._installed(INDEX, [str(item) if isinstance(item, Path) else item for item in path])


def made(folder: Path, *names: str) -> Path:
    """A directory with these empty directories."""
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], {}),
        (["filelock-3.12.0.dist-info", "other-1.dist-info"], {"filelock": ("3.12.0",)}),
        (["huggingface_hub-1.4.0.dist-info"], {"huggingface-hub": ("1.4.0",)}),
        (["huggingface-hub-1.4.0.dist-info"], {"huggingface-hub": ("1.4.0",)}),
        (["HuggingFace.Hub-1.4.0.dist-info"], {"huggingface-hub": ("1.4.0",)}),
        (["filelock-3.12.0.dist-info", "filelock-3.9.0.dist-info"], {"filelock": ("3.12.0", "3.9.0")}),
        (["filelock-3.12.0+vendor.1.dist-info"], {"filelock": ("3.12.0+vendor.1",)}),
        (["filelock-3.12.0-py3.8.egg-info"], {"filelock": ("3.12.0",)}),
        (["filelock-3.12.0.egg-info"], {"filelock": ("3.12.0",)}),
        (["filelock-garbage.dist-info"], {"filelock": ("garbage",)}),
        (["filelock.egg-info"], {"filelock": ("",)}),
        (["filelock-.dist-info"], {"filelock": ("",)}),
        # What is left of an upgrade (pip renames to ~), and names that are none.
        (["~ilelock-3.12.0.dist-info", "-3.12.0.dist-info", ".dist-info", "dist-info", "filelock.dist-info"], {}),
        (["filelock", "filelock-3.12.0", "filelock-3.12.0.dist-info.bak"], {}),
    ],
)
def test_names(names: List[str], found: Dict[str, Tuple[str, ...]], tmp_path: Path) -> None:
    assert scan(made(tmp_path, *names)) == found


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (b"Name: filelock\nVersion: 3.12.0\n", "3.12.0"),
        (b"Version:3.12.0\r\n", "3.12.0"),
        (b"Name: \xff\xfe\nVersion: 3.12.0", "3.12.0"),
        (b"", ""),
        (b"Name: filelock\n", ""),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_egg_info(inside: bool, text: bytes, version: str, tmp_path: Path) -> None:
    place = tmp_path / "filelock.egg-info"
    if inside:
        place.mkdir()
        place = place / "PKG-INFO"
    place.write_bytes(text)
    assert scan(tmp_path) == {"filelock": (version,)}


def test_the_first_entry_wins(tmp_path: Path) -> None:
    first = made(tmp_path / "1", "filelock-1.dist-info")
    second = made(tmp_path / "2", "filelock-2.dist-info", "evaluate-2.dist-info")
    assert scan(first, second, first) == {"filelock": ("1",), "evaluate": ("2",)}
    assert scan(second, first) == {"filelock": ("2",), "evaluate": ("2",)}


def test_odd_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    odd = [tmp_path / "missing", tmp_path / "file", tmp_path / "file" / "below", tmp_path / "bad.zip"]
    whole = made(tmp_path / "whole", "filelock-1.dist-info")
    assert scan(*odd, "a\0b", "\ud800", b"bytes", None, 3, Path, "~", whole) == {"filelock": ("1",)}
    monkeypatch.chdir(tmp_path)
    for entry in ("whole", "./whole", os.path.join("whole", "..", "whole"), f"whole{os.sep}"):
        assert scan(entry) == {"filelock": ("1",)}
    monkeypatch.chdir(whole)
    assert scan("") == scan(".") == {"filelock": ("1",)}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_names_that_are_not_text(tmp_path: Path) -> None:
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"\xff\xfe-1.dist-info"))
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"filelock-\xff.dist-info"))
    assert scan(made(tmp_path, "evaluate-1.dist-info")) == {"evaluate": ("1",), "filelock": ("\udcff",)}


@pytest.mark.parametrize("inner", ["", "lib"])
@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("python", support.every_python())
def test_zip_files(python: str, imported: bool, inner: str, home: str, tmp_path: Path) -> None:
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("filelock-3.12.0.dist-info/METADATA", "thing.py", "deep/evaluate-1.dist-info/METADATA"):
            file.writestr(f"{inner}/{name}" if inner else name, "")
    entry = os.path.join(str(archive), inner) if inner else str(archive)
    code = f"{'import thing' if imported else ''}\nfrom compatshim.startup import installed"
    value = f"installed.scan([{entry!r}])"
    assert run(code, [home, entry], value=value, python=python).data == {"filelock": ["3.12.0"]}


def test_what_the_import_system_has_listed_is_not_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "site", "filelock-1.dist-info")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ModuleNotFoundError):
        __import__("no_such_module_anywhere")
    monkeypatch.setattr(os, "listdir", lambda _: pytest.fail("listed"))
    assert scan(folder) == {"filelock": ("1",)}


@pytest.mark.parametrize("denied", ["", "filelock.egg-info", "filelock.egg-info/PKG-INFO"])
def test_unreadable(denied: str, public: Path) -> None:
    made(public, "evaluate-0.4.1.dist-info", "filelock.egg-info")
    (public / "filelock.egg-info" / "PKG-INFO").write_text("Version: 1")
    with support.denied(public / denied):
        found = scan(public)
    assert found == ({"evaluate": ("0.4.1",), "filelock": ("",)} if denied else {})
    assert scan(public) == {"evaluate": ("0.4.1",), "filelock": ("1",)}


def test_a_whole_program_on_a_bad_tree(home: str, story: str, tmp_path: Path) -> None:
    bad = made(tmp_path / "bad", "filelock-garbage.dist-info", "evaluate.egg-info", "datasets-2.16.1.dist-info")
    (tmp_path / "file").write_text("")
    path = [home, tmp_path / "missing", tmp_path / "file", "", "relative", b"bytes", 3, None, bad, story]
    value = "[[e.action, e.reason, e.module, e.detail] for e in compatshim.status().entries if e.reason]"
    done = run("import compatshim, evaluate.module", path, value=value, cwd=tmp_path)
    # `bad` comes first and hides the versions behind it, as it would hide the modules.
    assert done.data == [
        ["skipped", "version-unknown", "evaluate", "no version"],
        ["skipped", "version-unknown", "filelock", "garbage"],
    ]
    assert done.err == ""
