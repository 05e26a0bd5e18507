"""From versions to armed shims; the law that ties the index to the advisories is in :mod:`tests.test_index`."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional

import pytest

from compatshim.startup import match
from tests import support
from tests.support import GATHER, STORY, run

HELD = {"datasets": ("2.15.0", "2.16.1"), "filelock": ("3.12.0",)}
"""Beside these, each version of evaluate is in one of two advisories."""
ADVISORIES = {"bad": "CSA-2026-0001", "fixed": "CSA-2026-0003"}


@pytest.mark.parametrize(
    ("version", "advisory"),
    [
        ("0.4.1", "bad"),
        ("0.4.2", "fixed"),
        ("0.4.1+vendor", "bad"),
        ("0.4.2+vendor.1", "fixed"),
        ("0.4.1.post1", "bad"),
        ("0.4.2.dev0", "bad"),
        ("0.4.2rc1", "bad"),
        ("v0.4.1", "bad"),
        ("00.4.01", "bad"),
        ("0.4.1.0", "bad"),
        ("0.4.2-RC.1", "bad"),
        ("0.4.1-1", "bad"),
        ("999", "fixed"),
        ("0!999", "fixed"),
        ("1!0.4.1", "fixed"),
        ("garbage", None),
        ("", None),
        ("0.4", "bad"),
        ("4.1", "fixed"),
        ("0.4.1 x", None),
        ("\udcff", None),
        ("=", None),
        ("²", None),
        ("..", None),
    ],
)
def test_versions(version: str, advisory: Optional[str]) -> None:
    found, unknown = match.armed({**HELD, "evaluate": (version,)})
    held = [name for name, shim, _ in found if shim == "evaluate_filefreelock"]
    assert held == ([] if advisory is None else [ADVISORIES[advisory]])
    assert unknown == ({"evaluate": (version,)} if advisory is None else {})


ENTRIES = "[[e.action, e.reason, e.module, e.detail] for e in compatshim.status().entries]"
# What needs packaging to be judged, what does not, and what nothing can judge.
UNLISTED = ["0.4.1+vendor", "0.4.1.post1", "0.4.2.dev0", "0.4.2rc1", "v0.4.1", "0.4.1.0"]


@pytest.mark.parametrize("with_packaging", [True, False], ids=["packaging", "no packaging"])
@pytest.mark.parametrize("version", ["0.4.1", *UNLISTED, "garbage"])
@pytest.mark.parametrize("python", support.oldest_and_newest())
def test_in_a_program(python: str, version: str, with_packaging: bool, home: str, tmp_path: Path) -> None:
    site = support.site(tmp_path / "site", {**STORY, "evaluate": version}, support.MODULES)
    path = [home, site, *([support.packaging_of(python, tmp_path)] if with_packaging else [])]
    code = f"import compatshim, evaluate.module\n{support.MENDED}"
    done = run(code, path, value=f"[mended(), {ENTRIES}]", python=python)
    mended, entries = done.data
    judged = version == "0.4.1" or (with_packaging and version != "garbage")
    assert mended == (["evaluate.module"] if judged else [])
    assert (["skipped", "version-unknown", "evaluate", version] in entries) != judged
    assert done.err == ""


@pytest.mark.parametrize("python", support.oldest_and_newest())
def test_a_newer_release_that_may_have_the_fault(python: str, home: str, tmp_path: Path) -> None:
    site = support.site(tmp_path / "site", {**STORY, "filelock": "999.1"}, support.MODULES)
    for path, action, module, reason in (
        ([home, site, support.packaging_of(python, tmp_path)], "applied", "evaluate.module", ""),
        ([home, site], "skipped", "filelock", "version-unknown"),
    ):
        done = run("import compatshim, evaluate.module", path, value=ENTRIES, python=python)
        told = [entry[:3] for entry in done.data if entry[2] == module and entry[1] != "probe-negative"]
        assert told == [[action, reason, module]]


@pytest.mark.parametrize(("version", "loaded"), [("3.999", False), ("3.10.0.post1", True)])
def test_a_newer_release_that_is_past_the_fault_needs_no_library(
    version: str, loaded: bool, home: str, packaging: str, tmp_path: Path
) -> None:
    site = support.site(tmp_path / "site", {"huggingface-hub": "1.4.1", "filelock": version})
    value = "['packaging.version' in sys.modules, [e.advisory for e in compatshim.status().entries]]"
    done = run("import compatshim", [home, site, packaging], value=value)
    assert done.data == [loaded, []]


def test_an_unknown_version_among_known_ones_is_no_obstacle() -> None:
    found, unknown = match.armed({"evaluate": ("0.4.1", "x"), "datasets": ("2.16.1",), "filelock": ("3.12.0",)})
    assert [advisory for advisory, _, _ in found] == ["CSA-2026-0001", "CSA-2026-0002", "CSA-2026-0006", GATHER]
    assert unknown == {"evaluate": ("x",)}


def test_several_versions_hold_when_one_of_them_does() -> None:
    found, unknown = match.armed(
        {"evaluate": ("0.4.1", "0.4.2"), "datasets": ("2.15.0", "2.16.1"), "filelock": ("4.0.0",)}
    )
    assert [advisory for advisory, _, _ in found] == ["CSA-2026-0001", "CSA-2026-0003", "CSA-2026-0006", GATHER]
    assert unknown == {}


def test_what_no_advisory_hangs_on_is_not_unknown() -> None:
    assert match.armed({"filelock": ("x",)}) == ([], {})
    found, unknown = match.armed({"evaluate": ("0.4.1",), "datasets": ("x",), "filelock": ("x",)})
    assert [advisory for advisory, _, _ in found] == [GATHER]
    assert unknown == {"datasets": ("x",), "filelock": ("x",)}


@pytest.mark.parametrize(
    ("versions", "ids"),
    [
        ({}, []),
        ({"datasets": "2.16.1"}, ["0006"]),
        ({"evaluate": "0.4.1", "datasets": "2.16.1", "filelock": "3.9.0"}, ["0006", "0051"]),
        ({"evaluate": "0.4.2", "datasets": "2.15.0", "filelock": "3.9.0"}, ["0003", "0006", "0051"]),
        ({"huggingface-hub": "1.4.1", "filelock": "3.9.0"}, ["0004"]),
        ({"huggingface-hub": "1.4.1", "filelock": "3.24.0"}, []),
        ({"filelock": "3.9.0"}, []),  # CSA-2026-0007 has no shim
    ],
)
def test_armed(versions: Dict[str, str], ids: List[str]) -> None:
    found, unknown = match.armed({project: (version,) for project, version in versions.items()})
    assert [advisory[-4:] for advisory, _, _ in found] == ids
    assert unknown == {}
