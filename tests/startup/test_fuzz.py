"""The scan of made-up ``site-packages`` trees: it never raises, looks once, and agrees with importlib.metadata."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from typing import Dict, List, Mapping, NamedTuple, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

import compatshim
from compatshim.startup import installed

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there: not run")


PROJECTS = tuple(compatshim._index()[1])


class Item(NamedTuple):
    """One entry of a tree."""

    name: bytes
    kind: str
    text: bytes


NAMES = (
    "filelock",
    "FileLock",
    "evaluate",
    "datasets",
    "huggingface_hub",
    "huggingface-hub",
    "HuggingFace.Hub",
    "other",
)
VERSIONS = ("3.12.0", "0.4.1", "1!2", "2.16.1+vendor.1", "4.0.0rc1", "0", "garbage")
SUFFIXES = (
    ".dist-info",
    ".egg-info",
    ".egg-link",
    ".dist-info.bak",
    ".DIST-INFO",
    ".egg",
    ".zip",
    ".pth",
    ".py",
    "",
)
KINDS = ("directory", "file", "metadata", "pkg-info", "broken", "loop", "elsewhere", "nested")
TEXTS = (
    b"",
    b"Name: filelock\nVersion: 3.12.0\n",
    b"\xff\xfe\0",
    b"Version:",
    b"Version: 1\nVersion: 2\n\n",
    b"\n" * 5000,
)

oddities = st.sampled_from(
    ["", "-", "--", "-3.0", "~", ".", "..", " ", "\n", "\t", "é", "\u202e", "\U0001f600", "\udcff", "x" * 200]
)
odd_names = st.builds(
    lambda parts, suffix: ("".join(parts) + suffix).encode("utf-8", "surrogateescape"),
    st.lists(st.one_of(oddities, st.sampled_from([*NAMES, *VERSIONS, "-py3.8"])), max_size=5),
    st.sampled_from(SUFFIXES),
)  # fmt: skip
any_names = st.binary(min_size=1, max_size=255)
plain_names = st.builds(
    lambda name, version, suffix: f"{name}-{version}{suffix}".encode(),
    st.sampled_from(NAMES),
    st.sampled_from(VERSIONS),
    st.sampled_from((".dist-info", "-py3.8.egg-info", ".egg-info")),
)
items = st.builds(
    Item,
    st.one_of(plain_names, odd_names, any_names).filter(
        lambda name: name not in (b"", b".", b"..") and len(name) < 256 and b"/" not in name and b"\0" not in name
    ),
    st.sampled_from(KINDS),
    st.sampled_from(TEXTS),
)


def grow(top: str, tree: List[Item]) -> None:
    """Make the tree, really."""
    for item in tree:
        place = os.path.join(os.fsencode(top), item.name)
        if item.kind == "file":
            with open(place, "wb") as file:
                file.write(item.text)
        elif item.kind in ("broken", "loop", "elsewhere"):
            os.symlink({"broken": b"nowhere", "loop": item.name, "elsewhere": b"/usr"}[item.kind], place)
        else:
            os.mkdir(place)
            inside = {"metadata": b"METADATA", "pkg-info": b"PKG-INFO"}.get(item.kind)
            if inside is not None:
                stem = item.name.decode("utf-8", "surrogateescape").rsplit(".", 1)[0]
                name, _, version = stem.replace("-py3.8", "").rpartition("-")
                text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" if name.isascii() else ""
                with open(os.path.join(place, inside), "wb") as file:
                    file.write(text.encode("utf-8", "surrogateescape"))
            elif item.kind == "nested":
                os.symlink(b".", os.path.join(place, b"METADATA"))
                os.symlink(b".", os.path.join(place, b"PKG-INFO"))


def clear(top: str, tree: List[Item]) -> Mapping[str, Tuple[str, ...]]:
    """What importlib.metadata says of the projects that one entry alone is about, in the usual way of naming."""
    found: Dict[str, List[str]] = {}
    claimed: Dict[str, int] = {}
    for item in tree:
        name = os.fsdecode(item.name)
        # Directories with their file; an egg, whose name has no hyphen when an installer wrote it.
        usual = (
            item.kind == "metadata"
            if name.endswith(".dist-info")
            else re.fullmatch(r"[^-]+-[^-]+(-py3\.8)?\.egg-info", name) and item.kind == "pkg-info"
        )
        stem = name.lower().replace("_", "-").replace(".", "-")
        for project in PROJECTS:
            claimed[project] = claimed.get(project, 0) + stem.startswith(project) * (1 if usual else 2)
    for one in importlib.metadata.distributions(path=[top]):
        try:
            name, version = one.metadata["Name"], one.metadata["Version"]
        except (OSError, TypeError, ValueError):  # it cannot read what is there
            continue
        if name and version and version in VERSIONS:
            found.setdefault(canonicalize_name(name), []).append(version)
    return {
        name: tuple(versions) for name, versions in found.items() if claimed.get(name) == 1 and len(versions) == 1
    }


@settings(max_examples=150)
@given(tree=st.lists(items, max_size=40, unique_by=lambda item: item.name))
def test_any_tree(tree: List[Item]) -> None:
    top = tempfile.mkdtemp()
    listed: List[object] = []
    real = os.listdir
    try:
        grow(top, tree)
        os.listdir = lambda path=".": listed.append(path) or real(path)  # type: ignore[assignment, func-returns-value]
        found = installed.scan([top, top])
        os.listdir = real
        said = clear(top, tree)
        assert len(listed) <= 2  # once for each time that the path names it
        assert set(found) <= set(PROJECTS)
        assert all(isinstance(version, str) for versions in found.values() for version in versions)
        assert sum(map(len, found.values())) <= len(tree)
        assert {name: found.get(name) for name in said} == said
    finally:
        os.listdir = real
        shutil.rmtree(top)


def test_trees_are_not_all_alike() -> None:
    """That what is fuzzed has clear answers at all."""
    top = tempfile.mkdtemp()
    try:
        tree = [Item(b"filelock-3.12.0.dist-info", "metadata", b""), Item(b"x\n-\xff.dist-info", "loop", b"")]
        grow(top, tree)
        assert clear(top, tree) == {"filelock": ("3.12.0",)}
    finally:
        shutil.rmtree(top)


def test_thousands(tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("many")
    for number in range(5000):
        (top / f"{NAMES[number % len(NAMES)]}-{number}.dist-info").mkdir()
    found = installed.scan([str(top)])
    assert sum(map(len, found.values())) == 5000 * 7 // 8
