"""The start-up index says, by set membership, exactly what the advisories' ranges say."""

from __future__ import annotations

import os
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from compatshim import catalog, compiled, files
from compatshim.kb import compile as compiler
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Catalog
from compatshim.startup import _index, match

CATALOG = catalog.load()
SNAPSHOT = Snapshot.bundled()


def expected(project: str, version: str) -> int:
    """The mask by the ranges themselves."""
    return sum(
        1 << number
        for number, advisory in enumerate(CATALOG.advisories)
        if project in advisory.projects and advisory.term(project).contains(Version(version)) is not None
    )


def boundaries(project: str) -> List[Version]:
    found = {Version("0")}
    for advisory in CATALOG.advisories:
        for term in advisory.terms:
            if term.project == project:
                ends = [(one.introduced, one.fixed, one.last_checked) for one in term.ranges]
                found.update(version for three in ends for version in three if version is not None)
    return sorted(found)


def known(project: str) -> List[Version]:
    return [release.version for release in SNAPSHOT.releases(project) or ()]


@st.composite
def versions(draw: st.DrawFn, project: str) -> str:
    """Any PEP 440 version, most of them close to a boundary, in canonical and other spellings."""
    near = draw(st.sampled_from([*known(project), *boundaries(project)]))
    release = list(near.release)
    if draw(st.booleans()):
        release = draw(st.lists(st.integers(0, 40), min_size=1, max_size=4))
    release += [0] * draw(st.integers(0, 2))
    return "".join(
        [
            draw(st.sampled_from(["", "v"])),
            draw(st.sampled_from(["", "", "0!", "1!"])),
            ".".join(map(str, release)),
            draw(st.sampled_from(["", "", "", "a0", "b1", "rc2", "-alpha.3", "_c4", ".pre"])),
            draw(st.sampled_from(["", "", "", ".post0", ".post1", "-2", "rev3"])),
            draw(st.sampled_from(["", "", "", ".dev0", ".dev7", "-dev"])),
            draw(st.sampled_from(["", "", "+local", "+1.cuda12", "+ubuntu-1"])),
        ]
    )


def test_is_fresh() -> None:
    for path, text in compiler.compiled(CATALOG, SNAPSHOT).items():
        assert files.read_text(path) == text, f"{path}: run `python -m compatshim kb compile`"
    assert CATALOG.digest == _index.DIGEST


def test_the_compiled_catalog_lacks_nothing_but_the_rows() -> None:
    bare = tuple(advisory._replace(verified=()) for advisory in CATALOG.advisories)
    assert compiled.load() == Catalog(bare, CATALOG.digest, CATALOG.proven)
    assert CATALOG.proven


@pytest.mark.parametrize("project", CATALOG.projects)
def test_every_release_and_boundary(project: str) -> None:
    listed = " ".join(names for _, names in _index.CLASSES[project]).split()
    assert sorted(listed) == sorted(map(str, known(project)))
    for version in map(str, [*known(project), *boundaries(project)]):
        assert match.mask(project, version) == expected(project, version), version


@pytest.mark.parametrize("project", CATALOG.projects)
@given(data=st.data())
def test_membership_is_range_membership(project: str, data: st.DataObject) -> None:
    version = data.draw(versions(project))
    assert match.mask(project, version) == expected(project, version)


def test_shims_and_modules() -> None:
    rows = [advisory.shims for advisory in CATALOG.advisories]
    assert [tuple(shim for shim, _ in shims) for _, shims in _index.ADVISORIES] == rows
    assert [advisory for advisory, _ in _index.ADVISORIES] == [advisory.id for advisory in CATALOG.advisories]
    for advisory, (_, shims) in zip(CATALOG.advisories, _index.ADVISORIES):
        imports = {module for term in advisory.terms for module in term.imports}
        for shim, modules in shims:
            assert set(modules) & imports, f"{advisory.id}: {shim} hooks nothing that the terms import"


def test_bits() -> None:
    count = len(CATALOG.advisories)
    assert (1 << count) - 1 == _index.ALL
    assert sum(1 << number for number in range(count) if CATALOG.advisories[number].shims) == _index.SHIMMED
    for project, bits in _index.TERMS.items():
        assert bits == sum(1 << n for n in range(count) if project in CATALOG.advisories[n].projects)


def test_is_written_only_where_it_differs(tmp_path: object) -> None:
    paths = [os.path.join(str(tmp_path), name) for name in ("one", "other")]
    texts = dict(zip(paths, ("first", "second")))
    assert files.read_text(paths[0]) is None
    assert compiler.write(texts) == tuple(paths)
    assert compiler.write(texts) == ()
    assert compiler.write({**texts, paths[1]: "third"}) == (paths[1],)
    assert [files.read_text(path) for path in paths] == ["first", "third"]
    assert sorted(os.listdir(str(tmp_path))) == ["one", "other"]
