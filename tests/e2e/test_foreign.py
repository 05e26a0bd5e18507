"""An organisation's own shim: built as a wheel, installed beside what it mends, run where the user allows it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests import support as fakes
from tests.e2e import real, support
from tests.frozen import DATA

pytestmark = pytest.mark.e2e

PROGRAM = """
import json, os, sys
import compatshim
import acme_loader
with open("data.txt", "w") as file:
    file.write("hello")
try:
    seen = acme_loader.Loader("data.txt").load()
except AttributeError as error:
    seen = str(error)
loaded = sorted(name for name in sys.modules if name.startswith("acme_compat"))
print(json.dumps([seen, loaded, compatshim.status().as_dict()["entries"]]))
"""
GOOD = ["hello", True]
OURS = ("acme_compat", "acme_compat.loader_lock")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A real environment with the two wheels, the index compiled before they were built."""
    folder = tmp_path_factory.mktemp("acme")
    shutil.copytree(os.path.join(DATA, "acme"), folder / "acme")
    catalog = folder / "acme" / "compat" / "acme_compat" / "advisories"
    done = real.ask("kb", "compile", "--catalog", str(catalog))
    assert done.returncode == 0, done.stderr
    assert (catalog.parent / "index.txt").is_file()
    for name in ("loader", "compat"):
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), "."]
        built = fakes.start(command, cwd=str(folder / "acme" / name), timeout=300)
        assert built.code == 0, built.out + built.err
    wheels = sorted(map(str, (folder / "dist").iterdir()))
    environment = environments.build(
        Spec(support.python("3.11"), ("filelock==3.16.1", "packaging")), cache=str(folder / "environments")
    )
    environments.install(environment, ["--no-deps", *wheels])
    return environment


def seen(environment: Environment, folder: Path, **env: str) -> Tuple[Any, Any, Dict[str, Any], str]:
    """What the program got, what of the organisation's package it imported, and what the ledger and it say."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    done = support.run(environment, str(program), shim=True, **env)
    assert done.returncode == 0, done.stderr
    got, loaded, entries = json.loads(done.stdout)
    return got, tuple(loaded), {entry["advisory"] or entry["module"]: entry for entry in entries}, done.stderr


def test_without_permission_it_is_bad_and_the_ledger_says_why(installed: Environment, tmp_path: Path) -> None:
    for variables in ({}, {"COMPATSHIM_SHIMS": ""}):
        got, loaded, entries, err = seen(installed, tmp_path, **variables)
        assert (got, loaded, err) == ("'UnixFileLock' object has no attribute '_lock_file_fd'", (), "")
        entry = entries["ACME-2026-0001"]
        assert (entry["action"], entry["reason"]) == ("skipped", "not-allowed")
        assert entry["shim"] == "acme_compat.loader_lock"
        assert entry["detail"] == "COMPATSHIM_SHIMS=acme_compat lets it run"


def test_with_permission_it_is_good(installed: Environment, tmp_path: Path) -> None:
    got, loaded, entries, err = seen(installed, tmp_path, COMPATSHIM_SHIMS="acme_compat")
    assert (got, loaded, err) == (GOOD, OURS, "")
    assert (entries["ACME-2026-0001"]["action"], entries["ACME-2026-0001"]["module"]) == ("applied", "acme_loader")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"COMPATSHIM": "observe"}, "mode-observe"),
        ({"COMPATSHIM_DISABLE": "ACME-2026-0001"}, "disabled-by-id"),
        ({"COMPATSHIM_DISABLE": "*"}, "disabled-by-id"),
    ],
)
def test_what_the_user_switches_off_is_not_run(
    variables: Dict[str, str], reason: str, installed: Environment, tmp_path: Path
) -> None:
    got, loaded, entries, err = seen(installed, tmp_path, COMPATSHIM_SHIMS="acme_compat", **variables)
    assert (got == GOOD, loaded, err) == (False, (), "")
    assert (entries["ACME-2026-0001"]["action"], entries["ACME-2026-0001"]["reason"]) == ("skipped", reason)


def test_under_off_nothing_is_looked_at(installed: Environment, tmp_path: Path) -> None:
    got, loaded, entries, _ = seen(installed, tmp_path, COMPATSHIM_SHIMS="acme_compat", COMPATSHIM="off")
    assert (got == GOOD, loaded, entries) == (False, (), {})


def test_a_package_that_is_not_there_is_said_and_the_others_run(installed: Environment, tmp_path: Path) -> None:
    got, _, entries, err = seen(installed, tmp_path, COMPATSHIM_SHIMS="nowhere, acme_compat")
    assert got == GOOD
    assert entries["nowhere"]["reason"] == "setting-ignored"
    assert "compatshim COMPATSHIM_SHIMS: there is no package nowhere here; it is not used." in err


def test_the_command_tells(installed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    for allowed in ("", "acme_compat"):
        monkeypatch.setenv("COMPATSHIM_SHIMS", allowed)
        done = real.ask("status", "--python", installed.python, "--format", "json")
        (shim,) = (one for one in json.loads(done.stdout)["shims"] if one["advisory"] == "ACME-2026-0001")
        assert (shim["shim"], shim["modules"], shim["allowed"]) == (
            "acme_compat.loader_lock",
            ["acme_loader"],
            bool(allowed),
        )
        text = real.ask("status", "--python", installed.python).stdout
        assert ("ACME-2026-0001  would probe and mend acme_loader" in text) == bool(allowed)
        assert ("COMPATSHIM_SHIMS=acme_compat lets it run" in text) == (not allowed)
