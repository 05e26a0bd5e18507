"""Shims of other catalogs at start-up: run where their package is allowed, refused what is not theirs to say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from tests import support
from tests.startup import acme
from tests.support import Completed, run

USE = "import compatshim, acme_loader"
SEEN = "[acme_loader.answer(), compatshim.status().as_dict()['entries'], 'acme_shims' in __import__('sys').modules]"
PACKAGE = acme.package("acme_shims", acme.index())


def go(folder: Path, home: str, files: Dict[str, str], value: str = SEEN, code: str = USE, **env: str) -> Completed:
    site = support.site(folder / "site", support.STORY, {**support.MODULES, **acme.LOADER, **files})
    return run(code, [home, site], value=value, env=env)


def entries(data: Any, prefix: str = "ACME") -> List[Tuple[str, str, str]]:
    return [
        (one["advisory"], one["action"], one["reason"]) for one in data[1] if one["advisory"].startswith(prefix)
    ]


@pytest.mark.parametrize("python", support.every_python())
def test_runs_where_its_package_is_allowed(python: str, home: str, tmp_path: Path) -> None:
    site = support.site(tmp_path / "site", support.STORY, {**support.MODULES, **acme.LOADER, **PACKAGE})
    done = run(USE, [home, site], value=SEEN, python=python, env={"COMPATSHIM_SHIMS": "acme_shims"})
    assert (done.data[0], done.err) == ("good", "")
    assert entries(done.data) == [(acme.ID, "applied", "")]


@pytest.mark.parametrize("allowed", ["", "other_shims", "acme_shims.answer", "ACME_SHIMS"])
def test_no_code_of_it_runs_otherwise(allowed: str, home: str, tmp_path: Path) -> None:
    trap = acme.package("acme_shims", acme.index(), __init__="raise SystemExit('imported')")
    done = go(tmp_path, home, {**trap, **acme.offered("acme_shims")}, COMPATSHIM_SHIMS=allowed)
    assert done.data[0] == "bad"
    assert done.data[2] is False
    assert entries(done.data) == [(acme.ID, "skipped", "not-allowed")]


def test_what_is_allowed_is_not_imported_before_it_is_needed(home: str, tmp_path: Path) -> None:
    done = go(tmp_path, home, PACKAGE, "'acme_shims' in __import__('sys').modules", "import compatshim",
              COMPATSHIM_SHIMS="acme_shims")  # fmt: skip
    assert done.data is False


def test_a_permission_that_is_taken_back(home: str, tmp_path: Path) -> None:
    code = "import compatshim, os\nos.environ['COMPATSHIM_SHIMS'] = ''\nimport acme_loader"
    done = go(tmp_path, home, PACKAGE, SEEN, code, COMPATSHIM_SHIMS="acme_shims")
    assert (done.data[0], done.data[2]) == ("bad", False)
    assert entries(done.data) == [(acme.ID, "skipped", "error")]
    assert len(done.notices) == 1


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "there is no package acme_shims here"),
        ({"acme_shims.py": ""}, "there is no package acme_shims here"),
        ({"acme_shims/__init__.py": ""}, "acme_shims has no index.txt (FileNotFoundError)"),
        ({"acme_shims/index.txt": acme.index()}, "acme_shims has no index.txt ("),
        (acme.package("acme_shims", "compatshim start-up index 0\n\n\n"), "is of another compatshim"),
        (acme.package("acme_shims", ""), "is of another compatshim"),
    ],
)
def test_what_cannot_be_used_is_said(files: Dict[str, str], why: str, home: str, tmp_path: Path) -> None:
    done = go(tmp_path, home, files, COMPATSHIM_SHIMS="acme_shims")
    assert done.data[0] == "bad"
    (entry,) = (one for one in done.data[1] if one["reason"] == "setting-ignored")
    assert why in entry["detail"]
    (notice,) = done.notices
    assert "compatshim COMPATSHIM_SHIMS: " in notice
    assert why in notice


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (acme.index("CSA-2026-0001"), "has an id that the bundled catalog has, too"),
        (acme.index("CSA-2999-0001"), "has an id of the bundled catalog's"),
        (acme.index(shim="os.path"), "names a shim outside of it: os.path"),
        (acme.index(shim="acme_shimsy.answer"), "names a shim outside of it: acme_shimsy.answer"),
        (acme.index(shim="evaluate_filefreelock"), "names a shim outside of it: evaluate_filefreelock"),
        (
            acme.index(symptom="wrong-exception", projects=("datasets", "evaluate", "filelock")),
            "describes what CSA-2026-0001 describes",
        ),
    ],
)
def test_what_is_not_the_package_s_to_say_is_refused(text: str, why: str, home: str, tmp_path: Path) -> None:
    done = go(tmp_path, home, acme.package("acme_shims", text), COMPATSHIM_SHIMS="acme_shims")
    assert done.data[0] == "bad"
    (entry,) = (one for one in done.data[1] if one["reason"] == "catalog-clash")
    assert entry["detail"].endswith(f"of acme_shims {why}")
    assert len(done.notices) == 1


def test_two_packages_with_one_id_or_one_subject(home: str, tmp_path: Path) -> None:
    other = acme.package("acme_others", acme.index("ACME-2026-0002", shim="acme_others.answer"))
    third = acme.package("acme_third", acme.index(shim="acme_third.answer"))
    done = go(tmp_path, home, {**PACKAGE, **other, **third}, COMPATSHIM_SHIMS="acme_shims,acme_others,acme_third")
    assert done.data[0] == "good"
    refused = [one["detail"] for one in done.data[1] if one["reason"] == "catalog-clash"]
    assert refused == [
        f"ACME-2026-0002 of acme_others describes what {acme.ID} describes",
        f"{acme.ID} of acme_third has an id that acme_shims has, too",
    ]


def test_a_damaged_file_of_entry_points_harms_nothing(home: str, tmp_path: Path) -> None:
    damaged = {os.path.join("acme-1.dist-info", "entry_points.txt"): "compatshim.catalogs\n"}
    done = go(tmp_path, home, damaged)
    assert done.data[0] == "bad"
    assert len(done.notices) == 1
