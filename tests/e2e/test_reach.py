"""Every cell of ``docs/reach.md``, by real programs: the worker takes a lock that fails unless it is mended."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from compatshim import autostart
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests.e2e import reach, reach_page, support
from tests.e2e.reach import ROWS, Row
from tests.e2e.real import ask

pytestmark = pytest.mark.e2e

Build = Callable[..., Environment]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Environments by name, each built once, with compatshim installed and perhaps enabled."""
    made: Dict[Tuple[str, bool], Environment] = {}
    options = tuple(f"--find-links={place}" for place in os.environ.get("PIP_FIND_LINKS", "").split())

    def build(name: str, *, enabled: bool = False) -> Environment:
        if (name, enabled) not in made:
            extra, version = reach.ENVIRONMENTS[name]
            spec = Spec(support.python(version), (*reach.PAIR, *extra), options=options)
            try:
                one = environments.build(spec, cache=str(tmp_path_factory.mktemp("environments")))
            except environments.Unresolvable as error:
                pytest.skip(
                    f"{', '.join(extra)}: cannot be installed here: not run ({str(error).splitlines()[-1]})"
                )
            if name != "other":
                install(one)
            if enabled:
                done = ask("enable", "--python", one.python)
                assert done.returncode == 0, done.stderr
            made[name, enabled] = one
        return made[name, enabled]

    return build


def install(environment: Environment) -> None:
    """The wheel under test, or else the package as it is."""
    wheel = os.environ.get("COMPATSHIM_WHEEL")
    if wheel:
        environments.install(environment, ["--no-deps", wheel])
    else:
        target = os.path.join(purelib(environment), "compatshim")
        shutil.copytree(support.PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))


def purelib(environment: Environment) -> str:
    """Where its libraries are."""
    return autostart.target(environment.python).folder


@pytest.fixture
def short() -> Iterator[str]:
    """A folder with a name so short that sockets can be in it."""
    folder = tempfile.mkdtemp(prefix="r", dir=None if os.name == "nt" else "/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def measure(row: Row, column: str, build: Build, folder: Path, short: str) -> str:
    """What the workers of a row say: mended or broken."""
    environment = build(row.where, enabled=column == "enable")
    for name, text in reach.files(row, column).items():
        (folder / name).write_text(text, encoding="utf-8")
    programs = os.path.dirname(environment.python)
    variables = {
        **environments._clean_environment(),
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
        "REACH": str(folder),
        "SHORT": short,
        "PURELIB": purelib(environment),
        # One's own cluster, for a minute: it lets in whoever has this word.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Its own times are for machines that have nothing else to do.
        "RAY_raylet_start_wait_time_s": "120",
        "RAY_agent_register_timeout_ms": "300000",
    }
    if row.id == "subprocess-other":
        variables["OTHER"] = build("other").python
    done = environments._execute(command(row, column, environment), variables, str(folder), timeout=300)
    answers = folder / "answers.txt"
    said = set(answers.read_text(encoding="utf-8").split()) if answers.exists() else set()
    assert len(said) == 1, f"{said}, exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return said.pop()


def command(row: Row, column: str, environment: Environment) -> List[str]:
    """How a user starts it."""
    if column == "run":
        return [environment.python, "-m", "compatshim", "run", *row.command]
    if row.command[0] == "main.py":
        return [environment.python, *row.command]
    return [os.path.join(os.path.dirname(environment.python), row.command[0]), *row.command[1:]]


CELLS = [
    pytest.param(
        row, column, id=f"{row.id}-{column}", marks=() if column[0] in row.quick else (pytest.mark.matrix,)
    )
    for row in ROWS
    for column in reach.cells(row)
]


@pytest.mark.skipif(os.name == "nt", reason="fork and forkserver are of POSIX: not run")
@pytest.mark.parametrize(("row", "column"), CELLS)
def test_the_worker_is_reached_as_the_page_says(
    row: Row, column: str, build: Build, tmp_path: Path, short: str
) -> None:
    assert measure(row, column, build, tmp_path, short) == ("mended" if reach.cells(row)[column] else "broken")


def test_the_page_says_what_the_table_says() -> None:
    assert reach_page.PATH.read_text(encoding="utf-8") == reach_page.render(), (
        "run `python -m tests.e2e.reach_page > docs/reach.md`"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_is_not_reached_has_its_reason(row: Row) -> None:
    missed = {column for column, reached in reach.cells(row).items() if not reached} - {reach.NOTHING}
    explained = {column for note in row.notes for column in reach.NOTES[note][0]}
    assert missed <= explained
    assert set(row.quick) <= {column[0] for column in reach.cells(row)}
