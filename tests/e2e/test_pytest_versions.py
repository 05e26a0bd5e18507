"""The pytest plugin under old and new releases of pytest, with and without pytest-xdist, on a fake environment."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import pytest

from tests import plugin
from tests.e2e import support

pytestmark = pytest.mark.e2e

CASES = [
    ("3.8", ("pytest==6.2.5", "pytest-xdist==2.5.0", "setuptools<70")),
    ("3.8", ("pytest==7.0.0", "pytest-xdist==2.5.0")),
    ("3.11", ("pytest==8.0.0",)),
    ("3.13", ("pytest", "pytest-xdist")),
]
APPLIED = "  CSA-2026-0001 applied: evaluate_filefreelock on evaluate.module"


@pytest.mark.parametrize(("version", "tools"), CASES, ids=[" ".join(tools) for _, tools in CASES])
def test_passive_until_asked(version: str, tools: Sequence[str], story: str, tmp_path: Path) -> None:
    environment = support.build({}, around=tools, version=version)
    path = [plugin.installed(tmp_path / "home"), story]
    passive = plugin.session(
        tmp_path / "passive", {"test_it.py": plugin.PASSIVE}, path, "-W", "error", python=environment.python
    )
    assert passive.code == 0, passive.out + passive.err
    files = {"test_it.py": plugin.ACTIVE, "pytest.ini": "[pytest]\ncompatshim = true\n"}
    for args in ((), ("-n", "2"))[: 2 if len(tools) > 1 else 1]:
        active = plugin.session(tmp_path / "active", files, path, *args, python=environment.python)
        assert active.code == 0, active.out + active.err
        assert "compatshim 0.1.0 (apply):" in active.out[: active.out.index("test_it.py") if not args else None]
        assert APPLIED in active.out
        assert ("gw0: compatshim 0.1.0" in active.out) or ("gw1: compatshim" in active.out) or not args
    blocked = plugin.session(
        tmp_path / "passive", {}, path, "-p", "no:compatshim", "--compatshim", python=environment.python
    )
    assert blocked.code == 4
    assert "unrecognized arguments: --compatshim" in blocked.err
