"""A folder that every user can reach, unlike those of pytest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Iterator

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="doctor-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
