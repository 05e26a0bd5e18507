"""What keeps the commands fast, counted and not timed: modules, files, strings and shards."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, List, Set

import pytest
from packaging.version import Version

from compatshim import compiled
from compatshim.analysis import analyse
from compatshim.inventory import environment
from compatshim.metadata import snapshot
from compatshim.metadata.snapshot import Snapshot
from compatshim.solve import problem, requirements
from tests import frozen, support

OURS = {
    "analysis", "catalogs", "cli", "cli.check", "cli.options", "cli.words", "compiled", "errors", "files",
    "inventory", "inventory.environment", "inventory.probe", "match", "model", "report", "report.text",
    "startup", "startup.offers", "startup.project", "terminal",
}  # fmt: skip
"""What a check of a healthy environment is made of."""
SOLVING = {
    "answer", "cli.pin", "cli.source", "constraints", "metadata", "metadata.interface", "metadata.snapshot",
    "metadata.wheels", "plan",
    "report.data", "report.uv",
    "solve", "solve.explain", "solve.growing", "solve.objective", "solve.problem", "solve.requirements",
    "solve.search",
}  # fmt: skip
"""What an answer takes besides."""
THEIRS = {"packaging", "packaging.version", "packaging._structures"}
SLOW = {"ast", "dataclasses", "email", "importlib.metadata", "inspect", "logging", "rich", "tempfile", "tomllib"}
"""Modules of which each takes as long as a good part of a command."""
NOT_TO_CHECK = {
    "argparse",
    "gettext",
    "hashlib",
    "locale",
    "pkgutil",
    "shutil",
    "subprocess",
    "textwrap",
    "threading",
    "zipfile",
}

RUN = "from compatshim.__main__ import main\ncode = main({argv})\n"


def loaded(argv: List[str], *path: str) -> Set[str]:
    """The modules that a command has loaded when it is done, here, where nothing but the path can be imported."""
    done = support.run(
        RUN.format(argv=argv), path, value="[code, sorted(sys.modules)]", flags=("-I", "-S"), cwd=os.sep
    )
    code, modules = done.data
    assert code in (0, 1), done.err
    return set(modules)


def parts(modules: Set[str], package: str) -> Set[str]:
    return {name for name in modules if name.split(".")[0] == package}


def ours(modules: Set[str]) -> Set[str]:
    return {name.partition(".")[2] for name in parts(modules, "compatshim")} - {"", "__main__"}


def test_a_healthy_check_loads_what_it_needs(home: str, packaging: str, tmp_path: Path) -> None:
    modules = loaded(["check"], home, packaging, support.site(tmp_path, support.HEALTHY))
    assert ours(modules) == OURS
    assert parts(modules, "packaging") <= THEIRS
    assert modules & (SLOW | NOT_TO_CHECK) == set()


def test_a_check_with_nothing_to_cure_loads_no_solver(home: str, packaging: str, tmp_path: Path) -> None:
    modules = loaded(["check"], home, packaging, support.site(tmp_path, {"datasets": "2.16.1"}))
    assert "gate" in ours(modules)
    assert {name for name in ours(modules) if name.startswith(("solve", "metadata", "answer"))} == set()
    assert parts(modules, "packaging") <= THEIRS
    assert modules & (SLOW | NOT_TO_CHECK) == set()


def test_pin_loads_what_it_needs(home: str, packaging: str, tmp_path: Path) -> None:
    modules = loaded(["pin"], home, packaging, support.site(tmp_path, support.STORY))
    armed = {name for name in ours(modules) if name.startswith("startup")}
    assert ours(modules) - armed == {
        name
        for name in (OURS | SOLVING) - {"cli.check", "report.text", "terminal"}
        if not name.startswith("startup")
    }
    assert parts(modules, "packaging") <= THEIRS
    assert modules & SLOW == set()


@pytest.mark.parametrize("command", ["check", "pin"])
def test_every_metadata_file_is_read_once(command: str, home: str, packaging: str, tmp_path: Path) -> None:
    site = support.site(tmp_path, support.STORY)
    watch = (
        "opened = []\n"
        "def watch(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('METADATA'): opened.append(args[0])\n"
        "sys.addaudithook(watch)\n"
    )
    done = support.run(watch + RUN.format(argv=[command]), [home, packaging, site], value="sorted(opened)")
    wanted = [
        os.path.join(site, f"{project}-{version}.dist-info", "METADATA")
        for project, version in support.STORY.items()
    ]
    assert done.data == sorted(wanted)


def test_only_the_versions_of_projects_in_the_catalog_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        versions = {"evaluate": "0.4.1", "numpy": "1.0", **{f"other-{n}": f"{n}.1" for n in range(40)}}
        inventory = environment.read([support.site(Path(folder), {**versions, "odd": "2.0rc1"})], {}, source="here")
    parsed: List[str] = []

    def noted(text: str) -> Version:
        parsed.append(text)
        return Version(text)

    monkeypatch.setattr(environment, "Version", noted)
    known = compiled.load(inventory.distributions)
    analyse(inventory, known)
    # And of the catalog, beside its first line, no more is decoded than what may hold.
    decoded: List[object] = []
    real = json.loads

    def counted(text: bytes) -> object:
        decoded.append(text)
        return real(text)

    monkeypatch.setattr(json, "loads", counted)
    assert compiled.load(inventory.distributions) == known
    assert len(decoded) == 1 + len(known.advisories)
    assert len(inventory.distributions) == len(versions) + 1
    assert set(parsed) <= {"0.4.1", "1.0"}
    assert len(known.advisories) < len(compiled.load().advisories)


class Counting:
    """A pattern that counts what it is asked to match in full."""

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern
        self.seen: Counter[str] = Counter()

    def fullmatch(self, text: str) -> Any:
        self.seen[text] += 1
        return self.pattern.fullmatch(text)


def test_every_requirement_is_parsed_once_and_by_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Counting(requirements._USUAL)
    monkeypatch.setattr(requirements, "_USUAL", usual)
    slow: List[object] = []

    def noted(real: Any) -> Any:
        def call(*args: Any) -> Any:
            slow.append(args)
            return real(*args)

        return call

    for owner, name in (
        (requirements, "_parsed"),
        (requirements, "_contains"),
        (requirements.Applicable, "_evaluated"),
    ):
        monkeypatch.setattr(owner, name, noted(getattr(owner, name)))
    for known in (requirements.parse, requirements._clauses):
        known.cache_clear()
    inventory = frozen.load()["large"].inventory
    made = problem.build(inventory, compiled.load(), Snapshot.bundled())
    assert len(made.candidates) >= len(inventory.distributions) >= 300
    assert len(usual.seen) > 1000
    assert set(usual.seen.values()) == {1}
    assert slow == []


def test_the_snapshot_decodes_what_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: List[str] = []
    real = snapshot._decoded

    def decode(project: str, shard: Any) -> Any:
        decoded.append(project)
        return real(project, shard)

    monkeypatch.setattr(snapshot, "_decoded", decode)
    known = Snapshot.bundled()
    assert decoded == []
    for _ in range(2):
        known.releases("filelock")
        known.releases("none-such")
    assert decoded == ["filelock"]
    problem.build(support.inventory({"filelock": "3.12.0"}), compiled.load(), known)
    assert decoded == ["filelock"]


def test_a_command_loads_no_other(home: str, packaging: str, tmp_path: Path) -> None:
    modules = loaded(["check"], home, packaging, support.site(tmp_path, support.HEALTHY))
    commands = {os.path.splitext(name)[0] for name in os.listdir(os.path.join(support.PACKAGE, "cli"))}
    assert {"check", "pin", "kb"} <= commands
    assert {name for name in commands if f"compatshim.cli.{name}" in modules} == {"check", "options", "words"}


def test_the_lists_are_of_modules_that_exist() -> None:
    for name in (*OURS, *SOLVING):
        place = os.path.join(support.PACKAGE, *name.split("."))
        assert os.path.exists(f"{place}.py") or os.path.isdir(place), name
    for name in (SLOW | NOT_TO_CHECK) - {"rich"} - ({"tomllib"} if sys.version_info < (3, 11) else set()):
        assert __import__(name), name
