"""From versions to armed shims; the law that ties the index to the advisories is in :mod:`tests.test_index`."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional

import pytest

from compatshim.startup import match
from tests import support
from tests.support import STORY, run

BITS = {"bad": 1, "fixed": 4}  # CSA-2026-0001 and CSA-2026-0003, for evaluate


@pytest.mark.parametrize(
    ("version", "bits"),
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
        ("garbage", None),
        ("", None),
        ("0.4", "bad"),
        ("4.1", "fixed"),
        ("0.4.1 x", None),
        ("\udcff", None),
    ],
)
def test_versions(version: str, bits: Optional[str]) -> None:
    assert match.mask("evaluate", version) == (None if bits is None else BITS[bits])


ENTRIES = "[[e.action, e.reason, e.module, e.detail] for e in compatshim.status().entries]"
# What needs packaging to be judged, what does not, and what nothing can judge.
UNLISTED = ["0.4.1+vendor", "0.4.1.post1", "0.4.2.dev0", "0.4.2rc1", "v0.4.1", "0.4.1.0"]


@pytest.mark.parametrize("with_packaging", [True, False], ids=["packaging", "no packaging"])
@pytest.mark.parametrize("version", ["0.4.1", *UNLISTED, "garbage"])
def test_in_a_program(version: str, with_packaging: bool, home: str, packaging: str, tmp_path: Path) -> None:
    site = support.site(tmp_path / "site", {**STORY, "evaluate": version}, support.MODULES)
    path = [home, site, *([packaging] if with_packaging else [])]
    done = run(f"import compatshim, evaluate.module\n{support.MENDED}", path, value=f"[mended(), {ENTRIES}]")
    mended, entries = done.data
    judged = version == "0.4.1" or (with_packaging and version != "garbage")
    assert mended == (["evaluate.module"] if judged else [])
    assert (["skipped", "version-unknown", "evaluate", version] in entries) != judged
    assert done.err == ""


def test_an_unknown_version_among_known_ones_is_no_obstacle() -> None:
    found, unknown = match.armed({"evaluate": ("0.4.1", "x"), "datasets": ("2.16.1",), "filelock": ("3.12.0",)})
    assert [advisory for advisory, _, _ in found] == ["CSA-2026-0001", "CSA-2026-0002", "CSA-2026-0006"]
    assert unknown == {"evaluate": ("x",)}


@pytest.mark.parametrize(
    ("versions", "ids"),
    [
        ({}, []),
        ({"datasets": "2.16.1"}, ["0006"]),
        ({"evaluate": "0.4.1", "datasets": "2.16.1", "filelock": "3.9.0"}, ["0006"]),
        ({"evaluate": "0.4.2", "datasets": "2.15.0", "filelock": "3.9.0"}, ["0003", "0006"]),
        ({"huggingface-hub": "1.4.1", "filelock": "3.9.0"}, ["0004"]),
        ({"huggingface-hub": "1.4.1", "filelock": "3.24.0"}, []),
        ({"filelock": "3.9.0"}, []),  # CSA-2026-0007 has no shim
    ],
)
def test_armed(versions: Dict[str, str], ids: List[str]) -> None:
    found, unknown = match.armed({project: (version,) for project, version in versions.items()})
    assert [advisory[-4:] for advisory, _, _ in found] == ids
    assert unknown == {}
