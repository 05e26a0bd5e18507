"""Run every check and test on the wheel built from this checkout. Needs Python 3.10+ with pip, and PyPI.

    python tests/run.py                  # all checks, the fast tests, a bounded selection of real environments
    python tests/run.py tests/solve -x   # only these tests; arguments go to pytest
    python tests/run.py -m matrix        # the full matrix of real environments (hours)

Everything is made in a temporary directory; real environments are kept in the user's cache for the next run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> int:
    """Build, install, check, test; the exit status is that of the worst."""
    with tempfile.TemporaryDirectory(prefix="compatshim-tests-") as folder:
        python, wheel = install(folder)
        failed = [] if sys.argv[1:] else check(python)
        # Tests run away from the checkout, so that they can only import what the wheel holds.
        for name in ("tests", "constraints", "docs", "templates"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(folder, name))
        for name in ("pyproject.toml", "README.md", "LICENSE", "action.yml", ".pre-commit-hooks.yaml"):
            shutil.copy(os.path.join(ROOT, name), folder)
        # One more than there are cores: many tests wait for processes, timeouts or the network.
        workers = str((os.cpu_count() or 1) + 1)
        arguments = sys.argv[1:] or ["-m", "not matrix", "-n", workers, "--dist", "worksteal", "--durations", "40"]
        command = [python, "-m", "pytest", *arguments]
        print("::", *command[1:], flush=True)
        variables = {**os.environ, "COMPATSHIM_WHEEL": wheel}
        # Hundreds of processes import pandas and its like: only the first of them shall compile it.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        if subprocess.run(command, cwd=folder, check=False, env=variables).returncode != 0:
            failed.append("pytest")
    if failed:
        print("FAILED:", ", ".join(failed))
    return 1 if failed else 0


def install(folder: str) -> tuple[str, str]:
    """An environment with what the tests need and the built wheel; its interpreter, and the wheel."""
    place = os.path.join(folder, "venv")
    venv.create(place, with_pip=True)
    python = os.path.join(place, "Scripts" if os.name == "nt" else "bin", "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "install", "--upgrade", "pip>=25.1"], check=True)  # dependency groups
    subprocess.run([*pip, "install", "--group", f"{ROOT}/pyproject.toml:dev"], check=True)
    built = os.path.join(folder, "dist")
    done = subprocess.run(
        [python, "-m", "build", "--outdir", built, ROOT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stdout.decode(errors="replace"))
    (wheel,) = (os.path.join(built, name) for name in os.listdir(built) if name.endswith(".whl"))
    subprocess.run([*pip, "install", wheel], check=True)
    return python, wheel


def check(python: str) -> list[str]:
    """Run the static checks on the checkout; returns the names of those that failed."""
    folder = os.path.dirname(python)
    checks = {
        "ruff": [os.path.join(folder, "ruff"), "check"],
        "format": [os.path.join(folder, "ruff"), "format", "--check"],
        "mypy": [python, "-m", "mypy"],
        "import-linter": [os.path.join(folder, "lint-imports")],
        "index": [python, "-m", "compatshim", "kb", "compile", "--check"],
        "advisories": [python, "-m", "compatshim", "kb", "lint"],
        "constraints": [python, "-m", "compatshim", "kb", "sets", "--check"],
    }
    failed = []
    for name, command in checks.items():
        print("::", name, flush=True)
        # The checkout itself, not the wheel: its package comes first on the path.
        done = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": ROOT})
        if done.returncode != 0:
            failed.append(name)
    return failed


if __name__ == "__main__":
    sys.exit(main())
