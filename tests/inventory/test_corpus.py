"""Every lock of the corpus, read by us and by the tool that wrote it: the same names and versions everywhere."""

from __future__ import annotations

from typing import Dict, Set

import pytest
from packaging.version import Version

from compatshim import compiled
from compatshim.inventory import conda_names, files, manifest, targets
from compatshim.inventory.manifest import Contents
from compatshim.model import canonical
from tests.inventory import corpus


def contents(name: str) -> Contents:
    found = files.read(str(corpus.FOLDER / name)).contents
    return targets.pinned(found) or found if found.demands else found


@pytest.mark.parametrize("name", corpus.LOCKS)
def test_same_as_its_tool_everywhere(name: str) -> None:
    found = contents(name)
    lines = corpus.said(corpus.FOLDER / f"{name}.said")
    assert len(lines) >= 10
    assert found.unread == ()
    for target in targets.everywhere(found.requires_python):
        here = targets.inventories(found, name, target=target)
        ours: Dict[str, Set[Version]] = {}
        for one in here:
            for project, version in one.versions().items():
                ours.setdefault(project, set()).add(version)
        theirs = corpus.installed(lines, target.markers)
        if name.startswith("poetry-1/"):  # what it has does not say for which Python, so both are looked at
            theirs["filelock"] = {Version("3.19.1"), Version("3.32.7")}
            theirs["colorama"] = {Version("0.4.6")}
            assert len(here) == 2
        else:
            assert len(here) == 1
        assert ours == theirs, target


@pytest.mark.parametrize("name", [name for name in corpus.LOCKS if not name.startswith("poetry-1/")])
def test_all_environments_together_are_the_whole_lock(name: str) -> None:
    found = contents(name)
    lines = corpus.said(corpus.FOLDER / f"{name}.said")
    there = {pair for one in targets.inventories(found, name) for pair in one.versions().items()}
    admitted = targets.everywhere(found.requires_python)
    assert there == {
        (project, version)
        for target in admitted
        for project, versions in corpus.installed(lines, target.markers).items()
        for version in versions
    }


@pytest.mark.parametrize("name", corpus.LOCKS)
def test_every_package_stands_where_the_file_names_it(name: str) -> None:
    text = (corpus.FOLDER / name).read_text(encoding="utf-8").splitlines()
    for one in targets.inventories(contents(name), name):
        for project, item in one.distributions.items():
            (place,) = item.locations
            assert place.line is not None
            assert project in canonical(text[place.line - 1]), (project, place)


@pytest.mark.parametrize("extra", ["old", "new"])
def test_extras_that_exclude_each_other_are_environments_of_their_own(extra: str) -> None:
    found = contents("uv-conflicts/uv.lock")
    here = {one.environment: one for one in targets.inventories(found, "uv.lock", about=["typer", "click"])}
    assert set(here) == {"extra old", "extra new"}
    lines = corpus.said(corpus.FOLDER / "uv-conflicts" / f"uv.lock.{extra}.said")
    windows = next(one for one in targets.everywhere(found.requires_python) if one.system.startswith("Windows"))
    expected = corpus.installed(lines, windows.markers)
    assert {name: {version} for name, version in here[f"extra {extra}"].versions().items()} == expected


@pytest.mark.parametrize("name", ["conda-lock.yml", "pixi.lock"])
def test_same_as_condas_tools_on_every_platform(name: str) -> None:
    theirs: Dict[str, Dict[str, Version]] = {}
    for line in (corpus.FOLDER / "conda" / f"{name}.said").read_text(encoding="utf-8").splitlines():
        where, package, written = line.split("\t")
        project, version = conda_names.project(package), manifest.version(written)
        if project is not None and version is not None:
            theirs.setdefault(where, {})[project] = version
    found = contents(f"conda/{name}")
    assert {one.name for one in found.locked} == set(theirs)
    for one in found.locked:
        ours = {package.project: package.version for package in one.packages}
        ours.pop("evaluation", None)  # the project itself, which pixi does not give a version
        assert ours == theirs[one.name]


def test_explicit_lists_and_what_is_installed_say_the_same_as_the_lock() -> None:
    (linux,) = (one for one in contents("conda/conda-lock.yml").locked if one.name == "linux-64")
    expected = {package.project: package.version for package in linux.packages if package.project != "tqdm"}
    for name in ("conda-linux-64.lock", "conda-meta"):
        (one,) = contents(f"conda/{name}").locked
        assert {package.project: package.version for package in one.packages} == expected
        assert one.markers["python_full_version"] == "3.11.9"


def test_the_fork_that_is_bad_is_told_from_those_that_are_not() -> None:
    about = frozenset(compiled.load().projects)
    here = targets.inventories(contents("uv/uv.lock"), "uv.lock", about=about)
    assert {one.environment: str(one.versions()["click"]) for one in here} == {
        "Python 3.9": "8.1.8",
        "Python 3.10, 3.11": "8.5.1",
        "Python 3.12 to 3.15": "8.5.1",
    }
    assert here[0].source == "uv.lock (Python 3.9)"
    assert here[0].path == "uv.lock"
