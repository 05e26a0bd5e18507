"""Projects whose tests run under the pytest plugin, in processes of their own, with any release of pytest."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Mapping, Optional, Sequence

from tests import support
from tests.support import Completed

MODULE = os.path.join(os.path.dirname(support.PACKAGE), "compatshim_pytest.py")
# Less of this environment: the plugin under test is what matters.
RUN = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")

MENDED = """
def mended():
    import evaluate.module
    return hasattr(evaluate.module.FileFreeLock._acquire, "__compatshim__")
"""
PASSIVE = f"""
import sys
{MENDED}
def test_passive():
    assert not mended()
    assert [name for name in sys.modules if name.split(".")[0] == "compatshim"] == []
"""
ACTIVE = f"{MENDED}\ndef test_active():\n    assert mended()\n"


def installed(folder: Path) -> str:
    """The package and the plugin as pip installs them; returns what goes on the path."""
    home = support.copy_package(folder)
    shutil.copy(MODULE, folder)
    info = support.dist_info(folder, "compatshim", "0.1.0")
    info.joinpath("entry_points.txt").write_text("[pytest11]\ncompatshim = compatshim_pytest\n")
    record = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.py"))]
    info.joinpath("RECORD").write_text("".join(f"{name},,\n" for name in record))
    return home


def session(
    project: Path,
    files: Mapping[str, str],
    path: Sequence[str],
    *args: str,
    python: str = sys.executable,
    env: Optional[Mapping[str, str]] = None,
) -> Completed:
    """Run pytest on a project with these files."""
    support.site(project, modules=files)
    variables = {"PYTHONPATH": os.pathsep.join(path), **(env or {})}
    return support.start([python, "-m", "pytest", *RUN, *args], env=variables, cwd=project)
