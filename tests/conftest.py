from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Iterator

import hypothesis
import pytest

from tests import support

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory that holds compatshim and nothing else."""
    return support.copy_package(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def packaging(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory that holds packaging and nothing else."""
    return support.copy_library("packaging", tmp_path_factory.mktemp("packaging"))


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody may enter, where permissions mean something."""
    if not hasattr(os, "seteuid"):
        pytest.skip("no POSIX permissions here: not run")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103  that is the point
        yield Path(folder)


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The founding story as a fake environment."""
    return support.site(tmp_path_factory.mktemp("story"), support.STORY, support.MODULES)
