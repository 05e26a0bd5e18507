"""The built wheel: what is in it, and that it works where users install it."""

from __future__ import annotations

import os
import zipfile
from typing import Any, List

import pytest

from compatshim import catalog
from compatshim.cli import completion
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests.e2e import support

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def wheel() -> str:
    """Path of the wheel under test."""
    path = os.environ.get("COMPATSHIM_WHEEL")
    if path is None:
        pytest.skip("COMPATSHIM_WHEEL names no wheel (tests/run.py builds one): not run")
    return path


def test_the_wheel_carries_the_knowledge_and_nothing_else(wheel: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    wanted = {f"compatshim/advisories/{advisory.id}.toml" for advisory in catalog.load().advisories}
    wanted |= {"compatshim/startup/index.txt", "compatshim/metadata/data/snapshot.zip", "compatshim/py.typed"}
    wanted |= {"compatshim/bootstrap/sitecustomize.py", "compatshim/report/report.css", "compatshim/web/base.css"}
    wanted |= {f"compatshim/completion/compatshim.{shell}" for shell in completion.SHELLS}
    assert wanted <= set(names)
    others = [name for name in names if not name.startswith(("compatshim/", "compatshim-"))]
    assert others == ["compatshim_pytest.py"]
    assert [name for name in names if name.endswith((".pth", ".start"))] == []
    assert os.path.getsize(wheel) < 900_000


def script(folder: Any, text: str) -> str:
    path = os.path.join(str(folder), "script.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@pytest.mark.parametrize("version", environments.MINORS)
def test_without_dependencies_the_import_works_and_the_command_line_says_what_is_missing(
    wheel: str, tmp_path: Any, version: str
) -> None:
    environment = environments.build(Spec(support.python(version), ()), cache=str(tmp_path))
    environments.install(environment, ["--no-deps", wheel])
    done = support.run(environment, script(tmp_path, "import compatshim; print(compatshim.status())"))
    assert (done.returncode, done.stdout) == (0, "compatshim (apply): nothing to do here.\n"), done.stderr
    text = (
        "import runpy, sys; sys.argv = ['compatshim', 'check']; runpy.run_module('compatshim', run_name='__main__')"
    )
    done = support.run(environment, script(tmp_path, text))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--no-deps" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_runs_under_the_installed_command(wheel: str, tmp_path: Any) -> None:
    environment = environments.build(Spec(support.python("3.11"), ()), cache=str(tmp_path))
    environments.install(environment, ["--no-deps", wheel])
    command = os.path.join(os.path.dirname(environment.python), "compatshim")
    code = "import sys; print('compatshim' in sys.modules, *sys.argv[1:])"
    done = environments.execute([command, "run", "-c", code, "--help"], str(tmp_path), timeout=60)
    assert (done.returncode, done.stdout) == (0, "True --help\n"), done.stderr
    done = environments.execute([command, "enable"], str(tmp_path), timeout=60)
    assert done.returncode == 0, done.stderr
    done = environments.execute([environment.python, "-c", code], str(tmp_path), timeout=60)
    assert done.stdout == "True\n"
    for words in (["run"], ["run", "missing.py"], ["disable", "--python", "missing"]):
        done = environments.execute([command, *words], str(tmp_path), timeout=60)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_on_the_oldest_python_the_shim_and_the_pin_work(wheel: str, tmp_path: Any) -> None:
    environment = support.build(support.STORY, version="3.8", cache=str(tmp_path))
    environments.install(environment, ["--no-deps", wheel])
    # As a user has it: installed beside the others, imported by name.
    assert support.reproduce(environment, "evaluate_rendezvous") == 1
    mended = support.run(environment, os.path.join(support.REPRODUCERS, "evaluate_rendezvous.py"), "--shim")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    environments.install(environment, [wheel])
    pinned = lines(environment, tmp_path, "pin")
    assert pinned[2].startswith("filelock==3.9.0  # via CSA-2026-0001, CSA-2026-0002")
    assert lines(environment, tmp_path, "check", status=1)[0].startswith("CSA-2026-0001  error")


def lines(environment: Environment, folder: Any, *args: str, status: int = 0) -> List[str]:
    """What our command line prints inside an environment."""
    text = f"import sys; from compatshim.__main__ import main; sys.argv[1:] = {list(args)!r}; sys.exit(main())"
    done = support.run(environment, script(folder, text))
    assert done.returncode == status, done.stderr
    return done.stdout.splitlines()
