from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from compatshim.kb import environments
from tests.e2e.support import build


@pytest.fixture(scope="session")
def browser() -> str:
    """A Python that has one."""
    try:
        environment = build({}, around=("PyQt6>=6.8", "PyQt6-WebEngine>=6.8"))
    except environments.BuildError as error:
        pytest.skip(f"no browser: PyQt6-WebEngine cannot be installed here ({error}): not run")
    done = subprocess.run(
        [environment.python, "-c", "import PyQt6.QtWebEngineWidgets"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no browser: {done.stderr.strip().splitlines()[-1]}: not run")
    return environment.python


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures are kept: in the folder that COMPATSHIM_SCREENSHOTS names, they stay for people to look at."""
    folder = Path(os.environ.get("COMPATSHIM_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
