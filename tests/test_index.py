"""The start-up index says, by places in a text, exactly what the advisories' ranges say."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

import compatshim
from compatshim import catalog, compiled, files
from compatshim.kb import compile as compiler
from compatshim.match import match as findings
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Advisory, Catalog, Distribution, Term
from compatshim.startup import match
from tests.startup import surplus

CATALOG = catalog.load()
SNAPSHOT = Snapshot.bundled()
SURPLUS = surplus.catalog(CATALOG, SNAPSHOT, 120, {})
"""Large enough for rows that are filed together, and under many projects."""


class Loader:
    """Gives an index to read."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("latin-1")

    def get_data(self, _: str) -> bytes:
        return self.data


@contextlib.contextmanager
def compiled_from(content: Catalog) -> Iterator[None]:
    """Start-up as it would be with another catalog."""
    spec: Any = compatshim.__spec__
    real = spec.loader
    spec.loader = Loader(INDICES.setdefault(content.digest, compiler.index(content, SNAPSHOT)))
    try:
        yield
    finally:
        spec.loader = real


INDICES: Dict[str, str] = {}


def shimmed(content: Catalog) -> List[Advisory]:
    return [advisory for advisory in content.advisories if advisory.shims]


def armed(versions: Mapping[str, str]) -> Set[str]:
    """What start-up would mend; it can judge every version."""
    found, unknown = match.armed({project: (version,) for project, version in versions.items()})
    assert unknown == {}
    return {advisory for advisory, _, _ in found}


def expected(versions: Mapping[str, str], content: Catalog) -> Set[str]:
    """The same by the ranges themselves."""
    matching = findings({project: Version(version) for project, version in versions.items()}, content)
    return {finding.advisory.id for finding in matching if finding.advisory.shims}


def boundaries(project: str, content: Catalog) -> List[Version]:
    found = {Version("0")}
    for advisory in content.advisories:
        for term in advisory.terms:
            if term.project == project:
                ends = [(one.introduced, one.fixed, one.last_checked) for one in term.ranges]
                found.update(version for three in ends for version in three if version is not None)
    return sorted(found)


def known(project: str) -> List[Version]:
    return [release.version for release in SNAPSHOT.releases(project) or ()]


@st.composite
def versions(draw: st.DrawFn, project: str, content: Catalog = CATALOG) -> str:
    """Any PEP 440 version, most of them close to a boundary, in canonical and other spellings."""
    near = draw(st.sampled_from([*known(project), *boundaries(project, content)]))
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


def test_the_compiled_catalog_lacks_nothing_but_the_rows() -> None:
    bare = tuple(advisory._replace(verified=(), waivers=()) for advisory in CATALOG.advisories)
    assert compiled.load() == CATALOG._replace(advisories=bare)
    assert CATALOG.proven


def around() -> Iterator[Dict[str, Distribution]]:
    """Every advisory's projects where it holds, and one of them at, below and above the ends, in odd forms, too."""
    for advisory in CATALOG.advisories:
        bad = {term.project: str(term.ranges[0].introduced) for term in advisory.terms}
        for term in advisory.terms:
            ends = {str(end) for one in term.ranges for end in one if end is not None}
            forms = {f"{end}{more}" for end in ends for more in ("", ".1", "rc1", ".post1", "+local", ".dev0")}
            for text in sorted({*forms, "0.0.1", "9999", "1!0"}):
                versions = {**bad, term.project: text}
                yield {name: Distribution(name, Version(version)) for name, version in versions.items()}


def test_what_is_left_out_for_an_environment_does_not_hold_there() -> None:
    held, left, whole = 0, 0, compiled.load()
    for installed in around():
        versions = {name: one.version for name, one in installed.items()}
        known = compiled.load(installed)
        held_here = findings(versions, whole)
        assert findings(versions, known) == held_here
        assert known.digest == CATALOG.digest
        held, left = held + len(held_here), left + (len(known.advisories) == 0)
    assert held > len(CATALOG.advisories)
    assert left > len(CATALOG.advisories)


def test_what_was_left_out_comes_back() -> None:
    assert compiled.load({}).advisories == ()
    assert compiled.whole(compiled.load({})) == compiled.load()
    another = CATALOG._replace(digest="0" * 12, advisories=())
    assert compiled.whole(another) is another


def rows() -> Iterator[Tuple[str, List[Tuple[str, str]]]]:
    """Advisory, and each of its terms with its ends as versions."""
    _, _, text = compatshim._index()
    body = text[text.index("\n\n") + 2 :].split("\n")
    for line in body:
        if "\t" in line:
            terms, advisory, _, ends, _ = line.split("\t")
            yield advisory, list(zip(terms.split(","), ends.split(",")))


CATALOGS = pytest.mark.parametrize("content", [CATALOG, SURPLUS], ids=["real", "surplus"])


@CATALOGS
def test_what_is_listed_and_what_is_computed_agree(content: Catalog) -> None:
    with compiled_from(content):
        index = compatshim._index()
        seen = set()
        for advisory, terms in rows():
            seen.add(advisory)
            for term, ends in terms:
                project = term.partition(" ")[0]
                for version in map(str, known(project)):
                    listed = match._without_library(index, term, ends, {project: [version]})[version]
                    assert listed is not None
                    assert listed == match._compared(version, ends), (advisory, term, version)
                    assert not (listed and match._ruled_out(version, *ends.split(" ")))
    assert seen == {advisory.id for advisory in shimmed(content)}


@CATALOGS
def test_every_release_and_boundary(content: Catalog) -> None:
    """Each as the last of the versions that decide, the others being inside their ranges."""
    with compiled_from(content):
        for advisory in shimmed(content):
            held = {term.project: inside(term) for term in advisory.terms}
            for term in advisory.terms if content is CATALOG else advisory.terms[:1]:
                near = [*known(term.project)[:: 1 if content is CATALOG else 9], *boundaries(term.project, content)]
                for version in map(str, near):
                    one = {**held, term.project: version}
                    assert armed(one) == expected(one, content), one


def inside(term: Term) -> str:
    """A release that the term holds, listed if possible."""
    interval = term.ranges[-1]
    return str(
        next((version for version in known(term.project) if interval.contains(version)), interval.introduced)
    )


@pytest.mark.parametrize("advisory", [advisory.id for advisory in shimmed(CATALOG)])
@settings(max_examples=40)
@given(data=st.data())
def test_any_version_beside_some_that_hold(advisory: str, data: st.DataObject) -> None:
    terms = CATALOG.advisory(advisory).terms
    moved = data.draw(st.sampled_from(terms)).project
    one = {**{term.project: inside(term) for term in terms}, moved: data.draw(versions(moved))}
    assert armed(one) == expected(one, CATALOG)


@given(data=st.data())
def test_any_versions_under_many_advisories(data: st.DataObject) -> None:
    around = data.draw(st.sampled_from(shimmed(SURPLUS))).projects
    more = data.draw(st.lists(st.sampled_from(SURPLUS.projects), max_size=3))
    one = {project: data.draw(versions(project, SURPLUS)) for project in {*around, *more}}
    with compiled_from(SURPLUS):
        assert armed(one) == expected(one, SURPLUS)


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=2, max_size=2))
def test_plain_versions_compare_as_versions_do(both: List[List[int]]) -> None:
    one, other = (".".join(map(str, numbers)) for numbers in both)
    assert (match._plain(one) < match._plain(other)) == (Version(one) < Version(other))  # type: ignore[operator]


def test_shims_and_modules() -> None:
    for advisory in shimmed(CATALOG):
        found, _ = match.armed({term.project: (inside(term),) for term in advisory.terms})
        shims = {shim: modules for identifier, shim, modules in found if identifier == advisory.id}
        assert tuple(shims) == advisory.shims
        imports = {module for term in advisory.terms for module in term.imports}
        for shim, modules in shims.items():
            assert set(modules) & imports, f"{advisory.id}: {shim} hooks nothing that the terms import"


def test_holds_nothing_of_advisories_without_a_shim() -> None:
    text = compatshim._index()[2]
    for advisory in CATALOG.advisories:
        assert (advisory.id in text) == bool(advisory.shims)
    assert set(compatshim._index()[1]) == {project for one in shimmed(CATALOG) for project in one.projects}


def test_is_written_only_where_it_differs(tmp_path: object) -> None:
    paths = [os.path.join(str(tmp_path), name) for name in ("one", "other")]
    texts = dict(zip(paths, ("first", "second")))
    assert files.read_text(paths[0]) is None
    assert compiler.write(texts) == tuple(paths)
    assert compiler.write(texts) == ()
    assert compiler.write({**texts, paths[1]: "third"}) == (paths[1],)
    assert [files.read_text(path) for path in paths] == ["first", "third"]
    assert sorted(os.listdir(str(tmp_path))) == ["one", "other"]
