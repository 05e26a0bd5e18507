"""``--index`` against the index that this machine is configured for, on the founding story."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import Any

import pytest

from compatshim.inventory import environment as reader
from compatshim.kb.environments import Environment
from compatshim.metadata import settings
from compatshim.metadata.index import Index
from compatshim.metadata.library import Library
from compatshim.metadata.snapshot import Snapshot
from tests.e2e import support

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def story() -> Environment:
    return support.build(support.STORY)


def pin(environment: Environment, *options: str) -> Any:
    """What ``pin`` answers, as data."""
    done = subprocess.run(
        [sys.executable, "-m", "compatshim", "pin", "--format", "json", "--python", environment.python, *options],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "did not answer" not in done.stderr
    return json.loads(done.stdout)


def test_pin_answers(story: Environment) -> None:
    found = pin(story, "--index", "--hold", "datasets")
    assert found["solved"]
    assert found["proved_minimal"]
    assert found["metadata"].startswith("index of 20")
    moved = {change["project"] for change in found["changes"]}
    assert moved
    assert moved <= {"evaluate", "filelock"}
    assert moved == {change["project"] for change in pin(story, "--hold", "datasets")["changes"]}


def test_the_index_has_all_that_the_snapshot_has(story: Environment, tmp_path: Any) -> None:
    snapshot = Snapshot.bundled()
    library = Library(settings.read(story.python), str(tmp_path))
    with contextlib.closing(library):
        index = Index(snapshot, library, reader.of(story.python))
        index.prefetch(support.STORY)
        assert index.notes == ()
        for project in support.STORY:
            listed = {release.version: release for release in index.releases(project) or ()}
            for release in snapshot.releases(project) or ():
                assert release.version in listed
                now = listed[release.version]
                # A version may be yanked since; what it declares never changes.
                assert now.requires in (None, release.requires)
            assert sum(release.requires is not None for release in listed.values()) > len(listed) / 2
        assert time.strftime("%Y") in index.description
