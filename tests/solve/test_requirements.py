"""The pattern that reads the usual requirements, and the bits for specifiers, against ``packaging``."""

from __future__ import annotations

from typing import List, Optional

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from compatshim.metadata.snapshot import Snapshot
from compatshim.model import canonical
from compatshim.solve import requirements

NUMBERS = st.lists(st.sampled_from([0, 0, 1, 2, 10]), min_size=1, max_size=4).map(
    lambda numbers: ".".join(map(str, numbers))
)
SUFFIX = st.sampled_from(
    [
        "",
        "",
        "",
        "",
        "a1",
        "-rc2",
        ".b.3",
        "dev",
        "-dev0",
        "a",
        "k",
        "rc2",
        ".post1",
        ".dev3",
        "rc1.post2.dev3",
        "+cpu",
        "1!",
    ]
)
OPERATOR = st.sampled_from(["<", "<=", "==", "!=", ">=", ">", "~=", "==="])


@st.composite
def clause(draw: st.DrawFn) -> str:
    suffix = draw(SUFFIX)
    number = draw(NUMBERS)
    version = f"1!{number}" if suffix == "1!" else number + suffix
    if draw(st.integers(0, 5)) == 0:
        version += ".*"
    return f"{draw(OPERATOR)}{draw(st.sampled_from(['', ' ']))}{version}"


SPECIFIERS = st.lists(clause(), max_size=3).map(",".join)
VARIABLES = {
    "python_version": ["2.7", "2.7, 3.11", "3.1, 3.2", "3", "3.8", "3.10", "3.11", "3.12"],
    "python_full_version": ["3.11.7a6", "3.11.0rc1", "3.11.8.dev1", "3.11.0", "3.11.7", "3.11.7rc1", "3.12"],
    "sys_platform": ["linux", "win32", "darwin"],
    "platform_system": ["Linux", "Windows"],
    "os_name": ["posix", "nt"],
    "platform_machine": ["x86_64", "arm64"],
    "implementation_name": ["cpython", "pypy"],
    "extra": ["all", "dev", "All", "dev_tools"],
}
HERE = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
}


@st.composite
def comparison(draw: st.DrawFn) -> str:
    variable = draw(st.sampled_from(sorted(VARIABLES)))
    order = ["<", "<=", ">", ">="] if "python" in variable else []
    operator = draw(st.sampled_from(["==", "!=", *order, " in "] if variable != "extra" else ["==", "!="]))
    quote = draw(st.sampled_from(["'", '"']))
    value = f"{quote}{draw(st.sampled_from(VARIABLES[variable]))}{quote}"
    blank = draw(st.sampled_from(["", " "]))
    turned = draw(st.integers(0, 7)) == 0
    parts = [value, operator, variable] if turned else [variable, operator, value]
    return blank.join(parts)


MARKERS = st.recursive(
    comparison(),
    lambda inner: st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        inner.map("({})".format),
    ),
    max_leaves=4,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["a", "Name", "zope.interface", "under_score", "a--b", "x-1", "-bad"]))
    extras = draw(st.sampled_from(["", "", "[all]", "[One, two_2]", " [a]", "[]", "[,]"]))
    specifier = draw(SPECIFIERS)
    form = draw(st.sampled_from(["{}{}{}", "{}{} {}", "{}{} ({})", "{}{}({})"]))
    marker = draw(st.one_of(st.just(""), MARKERS.map(" ; {}".format), MARKERS.map(";{}".format)))
    return form.format(name, extras, specifier) + marker


def parsed(text: str) -> Optional[Requirement]:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


@given(texts())
@example("a>=2.0.*")
@example("a~=1")
@example("a @ https://example.org/a.whl")
@example("a ; extra == 'x'")
@example("a[b]>=1,<2;python_version<'3'and extra=='x'")
@settings(max_examples=800)
def test_reads_what_packaging_reads(text: str) -> None:
    theirs, ours = parsed(text), requirements.parse(text)
    if ours is None or theirs is None:
        assert ours is None
        assert theirs is None
        return
    assert ours.name == canonicalize_name(theirs.name)
    assert ours.extras == {canonicalize_name(extra) for extra in theirs.extras}
    assert SpecifierSet(ours.specifier) == theirs.specifier
    assert requirements.parse(str(ours)) == ours


@given(MARKERS, st.sampled_from(["", "all", "dev", "dev-tools", "other"]))
@settings(max_examples=800)
def test_judges_markers_as_packaging_does(marker: str, extra: str) -> None:
    applies = requirements.Applicable(HERE)
    wanted = requirements.parse(f"a ; {marker}")
    assert wanted is not None
    assert applies(wanted, extra) == Marker(marker).evaluate({**HERE, "extra": extra})


def test_a_marker_that_is_none_is_an_error() -> None:
    wanted = requirements.parse("a ; nonsense == 'x'")
    assert wanted is not None
    with pytest.raises(ValueError, match="nonsense"):
        requirements.Applicable(HERE)(wanted)


@given(
    st.lists(
        st.builds("{}{}".format, NUMBERS, st.sampled_from(["", "", "", "a1", "rc2", ".post1", ".dev3", "+cpu"])),
        min_size=1,
        max_size=8,
    ),
    SPECIFIERS,
    st.booleans(),
)
@settings(max_examples=1500)
def test_admits_what_packaging_admits(known: List[str], specifier: str, absent: bool) -> None:
    specifier = "".join(specifier.split())
    versions: List[Optional[Version]] = [None] if absent else []
    versions += sorted({Version(text) for text in known})
    mask = requirements.Candidates(tuple(versions)).admitted(specifier)
    try:
        theirs = SpecifierSet(specifier)
    except InvalidSpecifier:
        theirs = SpecifierSet()
    for index, version in enumerate(versions):
        expected = version is not None and theirs.contains(version, prereleases=True)
        assert bool(mask >> index & 1) == expected, version
        if version is not None:
            assert requirements.admits(specifier, version) == expected


def test_spellings_of_one_version_are_told_apart_where_pep_440_does() -> None:
    assert requirements.admits("===1.0", Version("1.0"))
    assert not requirements.admits("===1.0", Version("1"))


@given(st.lists(NUMBERS, min_size=1, max_size=8), NUMBERS, st.one_of(st.none(), NUMBERS), st.booleans())
def test_within_is_the_interval(known: List[str], start: str, end: Optional[str], absent: bool) -> None:
    versions: List[Optional[Version]] = [None] if absent else []
    versions += sorted({Version(text) for text in known})
    fixed = None if end is None else Version(end)
    mask = requirements.Candidates(tuple(versions)).within(Version(start), fixed)
    for index, version in enumerate(versions):
        inside = version is not None and Version(start) <= version and (fixed is None or version < fixed)
        assert bool(mask >> index & 1) == inside


def test_every_requirement_of_the_snapshot() -> None:
    snapshot = Snapshot.bundled()
    strings = {
        text
        for project in snapshot.projects
        for release in snapshot.releases(project) or ()
        for text in release.requires or ()
    }
    assert len(strings) > 1000
    usual = 0
    applies = requirements.Applicable(HERE)
    for text in sorted(strings):
        theirs, ours = parsed(text), requirements.parse(text)
        assert (theirs is None) == (ours is None), text
        if theirs is None or ours is None:
            continue
        assert (ours.name, SpecifierSet(ours.specifier)) == (canonical(theirs.name), theirs.specifier), text
        for extra in ("", "all", "torch", "dev"):
            expected = theirs.marker is None or theirs.marker.evaluate({**HERE, "extra": extra})
            assert applies(ours, extra) == expected, text
        usual += requirements._USUAL.fullmatch(text) is not None
    assert usual > 0.99 * len(strings), "the usual forms are not usual any more: see where the time goes"
