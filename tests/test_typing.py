"""The public types, by a type checker that sees the package as users have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import support

API = os.path.join(os.path.dirname(os.path.abspath(__file__)), "typing", "api.py")


def check(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``mypy --strict`` without any settings of this repository, away from it."""
    (folder / "program.py").write_text(text, encoding="utf-8")
    # A package in a checkout is found by this; an installed one as such, by its py.typed.
    home = os.path.dirname(support.PACKAGE)
    path = {} if os.path.basename(home) == "site-packages" else {"MYPYPATH": home}
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(folder / "cache")]
    return subprocess.run(
        [*command, "program.py"],
        cwd=folder,
        env={**support.environment(), **path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_users_of_strict_mypy(tmp_path: Path) -> None:
    text = Path(API).read_text(encoding="utf-8")
    done = check(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # The check means something: without the marks there are as many errors.
    marked = text.count("# type: ignore")
    done = check("\n".join(line.partition("  # type: ignore")[0] for line in text.splitlines()) + "\n", tmp_path)
    assert f"Found {marked} errors in 1 file" in done.stdout, done.stdout + done.stderr


def test_the_marker_is_there() -> None:
    assert os.path.exists(os.path.join(support.PACKAGE, "py.typed"))
