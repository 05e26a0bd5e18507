"""The hooks in real repositories, run by the real pre-commit and prek, without a network once they are set up."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Mapping, Tuple

import pytest

from compatshim.kb.environments import Environment
from tests import ci
from tests import support as fast
from tests.e2e import support

pytestmark = pytest.mark.e2e

TOOLS = ("pre-commit", "prek")
SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "PRE_COMMIT_COLOR": "never",
}
for _who in ("AUTHOR", "COMMITTER"):
    SETTINGS.update({f"GIT_{_who}_NAME": "nobody", f"GIT_{_who}_EMAIL": "nobody@example.org"})


@functools.lru_cache(maxsize=None)
def offline() -> Tuple[str, ...]:
    """What runs a program without a network; nothing where that cannot be done."""
    command = ("unshare", "--net")
    if shutil.which(command[0]) is None:
        return ()
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else ()


@pytest.fixture(scope="module")
def tools() -> Environment:
    return support.build({"pre-commit": "4.7.0", "prek": "0.5.11"}, around=("uv>=0.5",))  # prek installs with it


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what is published of this one, under the tag ``v1.0.0``."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here: not run")
    folder = tmp_path_factory.mktemp("compatshim")
    shutil.copytree(support.PACKAGE, folder / "compatshim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(support.PACKAGE).parent / "compatshim_pytest.py", folder)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ci.ROOT / name, folder)
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "all"), ("tag", "v1.0.0")):
        subprocess.run(["git", *words], cwd=folder, env={**os.environ, **SETTINGS}, check=True)
    return folder


class Repository:
    """A repository that has a hook, set up by a tool that keeps what it needs in a folder."""

    def __init__(self, folder: Path, tools: Environment, home: Tuple[str, Path], source: Path, hook: str) -> None:
        self.folder, (self.tool, place) = folder, home
        programs = os.path.dirname(tools.python)
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMPATSHIM", "GIT_"))},
            **SETTINGS,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(place / "pre-commit"),
            "PREK_HOME": str(place / "prek"),
        }
        for name in ("PYTHONPATH", "VIRTUAL_ENV"):
            self.variables.pop(name, None)
        self.run("git", "init", "-q")
        text = f"repos:\n  - repo: {source}\n    rev: v1.0.0\n    hooks:\n      - id: {hook}\n"
        self.write(".pre-commit-config.yaml", text)
        self.run(self.tool, "install", "--install-hooks")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--no-verify", "-qm", "the configuration")

    def run(
        self, *command: str, check: bool = True, env: Mapping[str, str] = MappingProxyType({})
    ) -> Tuple[int, str]:
        """Run a program; git and the tool without a network where that can be done, but for the setting up."""
        alone = offline() if "install" not in command else ()
        done = subprocess.run(
            [*alone, *command],
            cwd=self.folder,
            env={**self.variables, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done.returncode, done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, message: str, *, fails: bool = False, env: Mapping[str, str] = MappingProxyType({})) -> str:
        """Commit all that there is; what was said."""
        self.run("git", "add", "--all")
        code, said = self.run("git", "commit", "-m", message, check=False, env=env)
        assert (code != 0) == fails, said
        subject = self.run("git", "log", "-1", "--format=%s")[1].strip()
        assert (subject == message) != fails
        return said

    def all_files(self) -> Tuple[int, str]:
        return self.run(self.tool, "run", "--all-files", check=False)


@pytest.fixture(scope="module", params=TOOLS)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tuple[str, Path]:
    """A tool, and where it keeps what it has set up."""
    return request.param, tmp_path_factory.mktemp("home")


@pytest.fixture
def repository(home: Tuple[str, Path], tools: Environment, source: Path, tmp_path: Path) -> Repository:
    return Repository(tmp_path, tools, home, source, "compatshim-check")


def test_a_bad_combination_is_not_committed_and_a_good_one_is(repository: Repository) -> None:
    repository.write("requirements.txt", ci.GOOD)
    repository.write("notes.md", ci.BAD)
    assert "Passed" in repository.commit("good")
    repository.write("requirements.txt", ci.BAD)
    said = repository.commit("bad", fails=True)
    assert f"{ci.FOUND}  error" in said
    assert "requirements.txt:1 (typer)" in said
    repository.write("requirements.txt", ci.GOOD + "rich\n")
    repository.commit("mended")
    repository.write("notes.md", "nothing of ours")
    assert "Skipped" in repository.commit("other files")


def test_folders_spaces_renamed_and_deleted_files(repository: Repository) -> None:
    repository.write("a b/c d/requirements dev.txt", ci.GOOD)
    repository.write("a b/c d/requirements-dev.txt", ci.GOOD)
    repository.write("old/requirements.txt", ci.GOOD)
    repository.commit("several")
    repository.write("a b/c d/requirements-dev.txt", ci.BAD)
    assert "a b/c d/requirements-dev.txt:1 (typer)" in repository.commit("a space", fails=True)
    repository.write("a b/c d/requirements-dev.txt", ci.GOOD)
    (repository.folder / "old" / "requirements.txt").rename(repository.folder / "requirements-new.txt")
    assert "Passed" in repository.commit("renamed")
    (repository.folder / "requirements-new.txt").unlink()
    assert "Skipped" in repository.commit("deleted")
    repository.run("git", "rm", "-q", "a b/c d/requirements-dev.txt")
    repository.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["typer"]\n')
    assert "Passed" in repository.commit("one deleted, one new")


def test_all_files(repository: Repository) -> None:
    repository.write("requirements.txt", ci.GOOD)
    repository.write("deep/er/pylock.toml", _lock(typer="0.12.5", click="8.3.0"))
    repository.run("git", "add", "--all")
    repository.run("git", "commit", "--no-verify", "-qm", "unseen")
    code, said = repository.all_files()
    assert (code, said.count(f"{ci.FOUND}  error")) == (1, 1), said
    assert "deep/er/pylock.toml" in said
    repository.run("git", "rm", "-rqf", "deep")
    assert repository.all_files()[0] == 0


def _lock(**versions: str) -> str:
    packages = "".join(f'[[packages]]\nname = "{name}"\nversion = "{one}"\n' for name, one in versions.items())
    return f'lock-version = "1.0"\ncreated-by = "tests"\n{packages}'


def test_nothing_is_told_twice(repository: Repository) -> None:
    # The lock is what the project comes to; what one file includes is in that one.
    repository.write(
        "pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["typer==0.12.5", "click==8.3.0"]\n'
    )
    repository.write("pylock.toml", _lock(typer="0.12.5", click="8.3.0"))
    repository.write("base/requirements.txt", ci.BAD)
    repository.write("base/requirements-dev.txt", "-r requirements.txt\nrich==14.0.0\n")
    said = repository.commit("both", fails=True)
    assert said.count(f"{ci.FOUND}  error") == 2, said
    assert "pyproject.toml" not in said
    assert "requirements-dev.txt" not in said


def test_what_asks_for_nothing_and_what_cannot_be_checked(repository: Repository) -> None:
    repository.write("pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    repository.write("requirements.txt", "-e .\n")
    repository.write("environment.yml", "production:\n  url: none\n")
    repository.write("requirements-empty.txt", "")
    assert "Passed" in repository.commit("nothing to check")
    repository.write("uv.lock", "version = 1\n[[package")
    assert "uv.lock:2: is not TOML" in repository.commit("broken", fails=True)


def test_a_project_is_heeded(repository: Repository) -> None:
    ignore = f'[tool.compatshim]\nignore = [{{ id = "{ci.FOUND}", reason = "of no matter here" }}]\n'
    repository.write("requirements.txt", ci.BAD)
    repository.write("pyproject.toml", ignore)
    repository.commit("ignored")


def test_there_is_no_network(repository: Repository) -> None:
    if not offline():
        pytest.skip("networks cannot be taken away here (unshare needs Linux, and root): not run")
    code = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    status, said = repository.run(sys.executable, "-c", code, check=False)
    assert (status, "Network is unreachable" in said) == (1, True), said


def test_the_environment(
    home: Tuple[str, Path],
    tools: Environment,
    source: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    project = support.build({"typer": "0.12.5", "click": "8.3.0"}, around=("packaging",))
    own = fast.copy_package(tmp_path_factory.mktemp("home"))
    folders = (os.path.dirname(project.python), os.path.dirname(tools.python), os.environ["PATH"])
    env = {"PATH": os.pathsep.join(folders), "PYTHONPATH": own}
    made = Repository(tmp_path, tools, home, source, "compatshim-check-env")
    made.write("anything.md", "x")
    said = made.commit("whatever it is", fails=True, env=env)
    assert f"{ci.FOUND}  error" in said
    made.write("pyproject.toml", '[tool.compatshim]\nfail-on = "never"\n')
    made.commit("it need not", env=env)
