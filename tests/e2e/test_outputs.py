"""What `pin` writes for real workflows, and the real installers' word on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compatshim import installer
from compatshim.kb import environments
from compatshim.kb.environments import Environment
from tests.e2e import support

pytestmark = pytest.mark.e2e

WITH_VIRTUALENV = {**support.STORY, "virtualenv": "20.26.2"}
HELD = ("--override", "filelock", "--hold", "evaluate", "--hold", "datasets")


def compatshim(*args: str, without_uv: bool = False, **env: str) -> subprocess.CompletedProcess[str]:
    """Run our command line in a process of its own."""
    command = [sys.executable, "-m", "compatshim", *args]
    if without_uv:
        code = "import sys; from compatshim import cli, installer; installer.uv = tuple; sys.exit(cli.main())"
        command = [sys.executable, "-c", code, *args]
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def story() -> Environment:
    return support.build(support.STORY)


@pytest.fixture(scope="module")
def virtualenv() -> Environment:
    return support.build(WITH_VIRTUALENV)


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_a_real_installer_would_do_just_that(story: Environment, virtualenv: Environment, name: str) -> None:
    for place, options in ((story, ()), (virtualenv, ()), (story, ("--objective", "recommended"))):
        done = compatshim("pin", "--verify", "--python", place.python, *options, without_uv=name == "pip")
        assert done.returncode == 0, done.stderr
        number = len(place.installed())
        said = rf"compatshim: {name} [\d.]+, asked about {number} distributions, would do just that\n"
        assert re.search(said, done.stderr), done.stderr
    planned = compatshim("plan", "--verify", "--python", story.python, "--format", "json", without_uv=name == "pip")
    assert planned.returncode == 0, planned.stderr
    verdict = json.loads(planned.stdout)["verified"]
    assert (verdict["installer"].split()[0], verdict["agrees"], verdict["reached"]) == (name, True, True)


def test_a_disagreement_is_an_internal_error_that_can_be_looked_at_elsewhere(story: Environment) -> None:
    # An index that stopped in 2023 does not have what the snapshot has.
    argv = ("pin", "--verify", "--objective", "recommended", "--python", story.python)
    done = compatshim(*argv, UV_EXCLUDE_NEWER="2023-06-01")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("compatshim: internal error: uv ")
    assert "does not agree: it finds no way: " in line
    found = re.search(r"All of it is in (\S+); please report it", line)
    assert found is not None
    dumped = Path(found[1])
    try:
        again = compatshim("kb", "replay", str(dumped))
        assert (again.returncode, again.stderr) == (0, "")
        assert "filelock moves from 3.13.1 to " in again.stdout
        assert "This is the answer of then.\n" in again.stdout
        assert "The installer: it finds no way: " in again.stdout
        content = json.loads(dumped.read_text(encoding="utf-8"))
        content["changes"] = []
        dumped.write_text(json.dumps(content), encoding="utf-8")
        other = compatshim("kb", "replay", str(dumped))
        assert (other.returncode, "This is not the answer of then." in other.stdout) == (1, True)
    finally:
        dumped.unlink()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kind": "check"}', '{"kind": "disagreement"}', "\xff"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dump.json"
    path.write_bytes(content.encode("latin-1"))
    done = compatshim("kb", "replay", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"compatshim: {path}: ")
    assert len(done.stderr.splitlines()) == 1
    assert "internal error" not in done.stderr


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_an_index_that_does_not_answer_is_no_disagreement(story: Environment, tmp_path: Path, name: str) -> None:
    address = "http://somebody:secret@127.0.0.1:9/simple"
    variables = {
        "UV_DEFAULT_INDEX": address,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_HTTP_RETRIES": "0",
        "PIP_INDEX_URL": address,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    argv = ("pin", "--verify", "--objective", "recommended", "--python", story.python)
    done = compatshim(*argv, without_uv=name == "pip", **variables)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("# This file was made by compatshim")
    assert f"compatshim: not verified: {name} " in done.stderr
    assert "secret" not in done.stderr


def test_what_is_overridden_is_overridden_for_uv_and_left_out_for_pip(virtualenv: Environment) -> None:
    done = compatshim("pin", "--verify", "--python", virtualenv.python, *HELD)
    assert done.returncode == 0, done.stderr
    number = len(virtualenv.installed())
    assert f"asked about {number} distributions, would do just that" in done.stderr
    by_pip = compatshim("pin", "--verify", "--python", virtualenv.python, *HELD, without_uv=True)
    assert by_pip.returncode == 0, by_pip.stderr
    said = f"asked about {number - 1} distributions (not asked about: virtualenv), would do just that"
    assert said in by_pip.stderr


def test_uv_locks_a_project_with_the_piece_for_it(virtualenv: Environment, tmp_path: Path) -> None:
    made = compatshim("pin", "--format", "uv", "--python", virtualenv.python, *HELD)
    assert made.returncode == 0, made.stderr
    asked = [f"{name}=={version}" for name, version in WITH_VIRTUALENV.items() if name != "filelock"]
    head = '[project]\nname = "mine"\nversion = "0"\nrequires-python = "==3.11.*"\n'
    head += f"dependencies = {json.dumps([*asked, *support.PERIOD])}\n\n"
    project = tmp_path / "pyproject.toml"

    def lock(text: str) -> Any:
        project.write_text(head + text, encoding="utf-8")
        command = [*installer.uv(), "lock", "--directory", str(tmp_path), "--python", virtualenv.python]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    without = lock(re.sub(r"override-dependencies = \[.*?\n\]\n", "", made.stdout, flags=re.DOTALL))
    assert without.returncode != 0
    assert "virtualenv" in without.stderr
    done = lock(made.stdout)
    assert done.returncode == 0, done.stderr
    locked = (tmp_path / "uv.lock").read_text(encoding="utf-8")
    assert 'name = "filelock"\nversion = "3.9.0"\n' in locked
    assert 'name = "virtualenv"\nversion = "20.26.2"\n' in locked


@pytest.mark.parametrize("name", [pytest.param("uv", marks=pytest.mark.matrix), "pip"])
def test_a_full_file_makes_the_same_environment_elsewhere(story: Environment, tmp_path: Path, name: str) -> None:
    made = compatshim("pin", "--full", "--python", story.python)
    assert made.returncode == 0, made.stderr
    path = tmp_path / "requirements.txt"
    path.write_text(made.stdout, encoding="utf-8")
    fresh = environments.build(environments.Spec(support.python("3.11"), ()), cache=str(tmp_path))
    environments.install(fresh, ["-r", str(path)], installer=name)
    assert fresh.installed() == {**story.installed(), "filelock": "3.9.0"}


def test_what_came_from_a_path_is_left_out_of_a_full_file(tmp_path: Path) -> None:
    environment = support.build({"filelock": "3.13.1"}, around=(), cache=str(tmp_path / "cache"))
    project = tmp_path / "mine"
    project.mkdir()
    project.joinpath("pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "mine"\nversion = "1"\ndependencies = ["filelock>=3"]\n',
        encoding="utf-8",
    )
    project.joinpath("mine.py").touch()
    environments.install(environment, [str(project)], installer="uv")
    made = compatshim("pin", "--full", "--verify", "--python", environment.python)
    assert made.returncode == 0, made.stderr
    assert [line for line in made.stdout.splitlines() if line[0] != "#"] == ["filelock==3.13.1  # as installed"]
    assert "left out: mine was installed from a path or an address" in made.stderr
    assert "(not asked about: mine)" in made.stderr


@pytest.mark.parametrize("form", ["text", "json", "uv"])
def test_the_same_input_gives_the_same_bytes(virtualenv: Environment, form: str) -> None:
    argv = ("pin", "--full", "--format", form, "--python", virtualenv.python)
    one, two, three = (compatshim(*argv, PYTHONHASHSEED=seed) for seed in ("0", "1", "2"))
    assert one.returncode == 0
    assert (one.stdout, one.stderr) == (two.stdout, two.stderr) == (three.stdout, three.stderr)
