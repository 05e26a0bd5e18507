"""Files that are bad, fixed and then really installed; locks that are fixed by the commands that are told."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest

from compatshim import cli
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests.e2e import support

pytestmark = pytest.mark.e2e

UV = str(Path(sys.executable).with_name("uv"))
PYPROJECT = """\
[project]
name = "mine"
version = "1.0"
requires-python = ">=3.10,<3.13"
dependencies = [
    "click",
    'typer [all] >=0.12,<0.13',  # the command line
]
"""
TYPER = "typer_help"
OFF = {"UV_PROJECT_ENVIRONMENT": "", "VIRTUAL_ENV": "", "UV_NO_PROGRESS": "1", "POETRY_VIRTUALENVS_IN_PROJECT": "1"}


def fix(*argv: str, capsys: pytest.CaptureFixture[str]) -> Tuple[int, List[str]]:
    """The exit status, and the lines on standard output: edits, and commands to run."""
    code = cli.main(["fix", *argv])
    captured = capsys.readouterr()
    assert code != cli.ERROR, captured.err
    return code, captured.out.splitlines()


def run(folder: Path, *argv: str) -> str:
    environment = {**os.environ, **{name: value for name, value in OFF.items() if value}}
    for name, value in OFF.items():
        if not value:
            environment.pop(name, None)
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def synced(folder: Path) -> Environment:
    """The environment that uv makes of a project's lock."""
    run(folder, UV, "sync", "--frozen", "--no-install-project", "--python", support.python("3.11"))
    return Environment(str(folder / ".venv"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_requirements_file_of_the_story(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{project}=={version}" for project, version in support.STORY.items()] + list(support.PERIOD)
    path = here / "requirements.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    assert support.reproduce(support.build(support.STORY), "evaluate_rendezvous") == 1
    code, said = fix("requirements.txt", capsys=capsys)
    assert code == cli.CLEAN
    assert said
    fixed = path.read_text().splitlines()
    assert len(fixed) == len(lines)
    run(here, UV, "pip", "compile", "requirements.txt", "--python-version", "3.11", "-o", "compiled.txt")
    environment = environments.build(Spec(support.python("3.11"), tuple(fixed)))
    assert support.reproduce(environment, "evaluate_rendezvous") == 0
    assert cli.main(["check", "compiled.txt", "--python", support.python("3.11")]) == cli.CLEAN


def test_a_project_of_uvs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pyproject.toml").write_text(PYPROJECT)
    run(here, UV, "lock", "--python", support.python("3.11"))
    assert support.reproduce(synced(here), TYPER) == 1
    code, said = fix("pyproject.toml", capsys=capsys)
    assert code == cli.CLEAN
    assert len(said) == 1
    text = (here / "pyproject.toml").read_text()
    assert "  # the command line" in text
    assert "typer [all] >=" in text
    run(here, UV, "lock", "--python", support.python("3.11"))
    assert cli.main(["check", "uv.lock"]) == cli.CLEAN
    assert support.reproduce(synced(here), TYPER) == 0


@pytest.mark.parametrize("options", [[], ["--hold", "typer"]])
def test_a_lock_of_uvs(options: List[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pyproject.toml").write_text(PYPROJECT)
    run(here, UV, "lock", "--python", support.python("3.11"))
    code, said = fix("uv.lock", *options, capsys=capsys)
    assert code == cli.FINDINGS
    assert said[-1].startswith("uv lock --upgrade-package ")
    run(here, UV, *shlex.split(said[-1])[1:], "--python", support.python("3.11"))
    assert cli.main(["check", "uv.lock"]) == cli.CLEAN
    assert support.reproduce(synced(here), TYPER) == 0


POETRY = """\
[tool.poetry]
name = "mine"
version = "1.0"
description = ""
authors = []
package-mode = false

[tool.poetry.dependencies]
python = ">=3.10,<3.13"
typer = "~0.12"  # the command line

[[tool.poetry.source]]  # without it Poetry asks what mirrors do not have
name = "simple"
url = "https://pypi.org/simple/"
"""


@pytest.mark.parametrize("options", [[], ["--hold", "typer"]])
def test_a_lock_of_poetrys(options: List[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poetry = environments.build(Spec(support.python("3.11"), ("poetry==2.*",)))
    tool = str(Path(poetry.python).with_name("poetry"))
    (here / "pyproject.toml").write_text(POETRY)
    run(here, tool, "lock", "-n")
    assert cli.main(["check", "poetry.lock"]) == cli.FINDINGS
    capsys.readouterr()
    code, said = fix("poetry.lock", *options, capsys=capsys)
    assert code == cli.FINDINGS
    commands = [line for line in said if line.startswith("poetry ")]
    assert commands
    for command in commands:
        run(here, tool, *shlex.split(command)[1:], "-n")
    assert cli.main(["check", "poetry.lock"]) == cli.CLEAN
    run(here, tool, "check", "--lock")
    assert "  # the command line" in (here / "pyproject.toml").read_text()


def test_a_compiled_file_with_hashes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "r.in").write_text("typer<0.13\nclick\n")
    made = ("--generate-hashes", "--python-version", "3.11", "-o", "requirements.txt")
    run(here, UV, "pip", "compile", "r.in", *made)
    code, said = fix("requirements.txt", capsys=capsys)
    assert code == cli.FINDINGS
    first, second = said
    assert first == "python -m compatshim fix r.in"
    assert fix("r.in", capsys=capsys)[0] == cli.CLEAN
    run(here, UV, *shlex.split(second)[1:])
    assert cli.main(["check", "requirements.txt"]) == cli.CLEAN
    assert "--hash=" in (here / "requirements.txt").read_text()
