"""Lock files made here and now by their tools, and fresh installations as uv resolves them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Dict, List

import pytest

from compatshim import compiled, ranges
from compatshim.inventory import files, targets
from compatshim.metadata.snapshot import Snapshot
from tests.inventory import corpus

pytestmark = pytest.mark.e2e


@pytest.fixture
def make() -> ModuleType:
    """The program that makes the corpus."""
    spec = importlib.util.spec_from_file_location("make", corpus.FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("maker", "names"),
    [("uv", ["uv/uv.lock", "uv/requirements.txt", "uv/pylock.light.toml"]), ("pip", ["pip/pylock.toml"])],
)
def test_locks_of_today(
    maker: str, names: List[str], make: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "work").mkdir()
    make.MAKERS[maker](tmp_path / "work")
    for name in names:
        found = files.read(str(tmp_path / name)).contents
        whole = targets.pinned(found) or found if found.demands else found
        lines = corpus.said(tmp_path / f"{name}.said")
        for target in targets.everywhere(whole.requires_python):
            (one,) = targets.inventories(whole, name, target=target)
            theirs = corpus.installed(lines, target.markers)
            assert {project: {version} for project, version in one.versions().items()} == theirs


@pytest.mark.parametrize(
    "wanted",
    [
        ["evaluate", "datasets"],
        ["evaluate==0.4.1", "datasets==2.16.1"],
        ["datasets<2.15", "pandas"],
        ["transformers", "huggingface-hub<1"],
        ["typer<0.13", "click>=8"],
        ["pandas<2", "numpy"],
        ["filelock<3.12", "virtualenv", "tox"],
        ["sentence-transformers>=3,<4", "datasets>=2.19", "numpy<2"],
    ],
)
def test_fresh_installations_are_those_of_uv(wanted: List[str], tmp_path: Path) -> None:
    snapshot = Snapshot.bundled()
    path = tmp_path / "requirements.in"
    path.write_text("".join(f"{text}\n" for text in wanted))
    caps = tmp_path / "caps.txt"  # the index has gone on since
    newest = {name: (snapshot.releases(name) or ())[-1].version for name in snapshot.projects}
    caps.write_text("".join(f"{name}<={version}\n" for name, version in newest.items()))
    uv = str(Path(sys.executable).with_name("uv"))
    done = subprocess.run(
        [
            *(uv, "pip", "compile", str(path), "-c", str(caps), "--no-header", "--no-annotate"),
            *(
                "--python-version",
                "3.11",
                "--python-platform",
                "x86_64-unknown-linux-gnu",
                "--only-binary",
                ":all:",
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs: Dict[str, str] = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", done.stdout))
    (target,) = [one for one in targets.everywhere("==3.11.*") if one.system == "Linux x86_64"]
    asked = ranges.asked(files.read(str(path)).contents, target.markers)
    found = ranges.judge(asked, compiled.load(), snapshot, path=str(path))
    ours = {name: str(version) for name, version in found.inventory.versions().items()}
    assert ours == {name: version for name, version in theirs.items() if snapshot.knows(name)}
