"""``kb verify --untried``: releases that are newer than all that was run, by the snapshot and by an index."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from compatshim import catalog, cli
from compatshim.kb.cases import cases
from compatshim.metadata import settings
from compatshim.metadata.index import Index
from compatshim.metadata.library import Library
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Inventory
from tests.metadata.simple import Item, Server, sdist, wheel

STORY = "CSA-2026-0001"
ADVISORY = catalog.load().advisory(STORY)


def serve(server: Server, *more: Item) -> None:
    """What the rows of the story were run with, and more of filelock."""
    for project in ADVISORY.projects:
        tried = {version for row in ADVISORY.verified for name, version in row.versions if name == project}
        server.items[project] = [wheel(project, str(version)) for version in sorted(tried)]
    server.items["filelock"] += more


def untried(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    status = cli.main(["kb", "verify", STORY, "--untried", *options])
    return (status, *capsys.readouterr())


@pytest.fixture
def index(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    return server


def test_nothing_is_newer(index: Server, capsys: pytest.CaptureFixture[str]) -> None:
    serve(index)
    status, out, err = untried(capsys, "--index")
    assert (status, out) == (cli.CLEAN, "")
    assert "releases are those of the index of " in err


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (wheel("filelock", "99.0"), True),
        (wheel("filelock", "99.0", python=">=3.13"), True),
        (sdist("filelock", "99.0"), True),
        (wheel("filelock", "99.0rc1"), False),
        (wheel("filelock", "99.0.dev1"), False),
        (wheel("filelock", "99.0", yanked=True), False),
        (wheel("filelock", "3.0.1"), False),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_release_that_only_the_index_has(
    item: Item, told: bool, index: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(index, item)
    status, out, _ = untried(capsys, "--index")
    assert status == (cli.FINDINGS if told else cli.CLEAN)
    assert out == (f"{STORY}: not tried yet: filelock 99.0\n" if told else "")
    status, out, _ = untried(capsys, "--index", "--format", "json")
    assert json.loads(out)["advisories"] == [{"id": STORY, "untried": {"filelock": "99.0"} if told else {}}]


def test_an_index_that_does_not_answer_is_said(index: Server, capsys: pytest.CaptureFixture[str]) -> None:
    serve(index, wheel("filelock", "99.0"))
    index.statuses["/simple/filelock/"] = [500] * 99
    _, out, err = untried(capsys, "--index")
    assert "99.0" not in out
    assert "did not answer" in err


def test_without_the_index_the_snapshot_counts(index: Server, capsys: pytest.CaptureFixture[str]) -> None:
    serve(index, wheel("filelock", "99.0"))
    _, out, err = untried(capsys)
    assert "99.0" not in out
    assert f"releases are those of the {Snapshot.bundled().description}" in err
    assert index.log == []


def test_a_new_release_is_tried_next(index: Server, tmp_path: Path) -> None:
    """The cases that `kb verify --index` runs have it."""
    serve(index, wheel("filelock", "99.0"))
    library = Library(settings.read(sys.executable), str(tmp_path))
    known = Index(Snapshot.bundled(), library, Inventory("", {}))
    found = {str(one) for case in cases(ADVISORY, known, ("3.11",)) for one in case.candidates}
    library.close()
    assert any("filelock 99.0" in one for one in found)
