"""Which environments a file is for, and that what is left out is in one of those that are kept."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.version import Version

from compatshim.inventory import manifest, targets
from compatshim.inventory.manifest import Contents, Demand, Locked, Need, Package
from compatshim.inventory.targets import Markers, Target
from compatshim.model import Location

HERE = Location("lock", 1)


def package(name: str, version: str, marker: str = "") -> Package:
    return Package(name, Version(version), HERE, name, marker)


def lock(*packages: Package, python: str = "") -> Contents:
    return Contents((Locked(packages),), (), (), python)


def found(contents: Contents, about: Optional[List[str]] = None) -> Dict[str, Dict[str, str]]:
    return {
        one.environment: {name: str(version) for name, version in one.versions().items()}
        for one in targets.inventories(contents, "lock", about=about)
    }


class TestTargets:
    @pytest.mark.parametrize(
        ("python", "first", "last"),
        [
            ("", "3.8", "3.15"),
            (">=3.11", "3.11", "3.15"),
            ("<3.10,>=3.9.2", "3.9", "3.9"),
            ("==3.12.*", "3.12", "3.12"),
            (">=3.11.5", "3.11", "3.15"),
            ("what", "3.8", "3.15"),
            (">=4", "3.8", "3.15"),
        ],
    )
    def test_pythons_that_a_file_admits(self, python: str, first: str, last: str) -> None:
        everywhere = targets.everywhere(python)
        assert (everywhere[0].python, everywhere[-1].python) == (first, last)
        assert {one.system for one in everywhere} == set(targets.SYSTEMS)

    def test_markers_are_those_of_interpreters(self) -> None:
        keys = set(default_environment()) - {"platform_version", "platform_release"}
        for one in targets.everywhere(""):
            assert keys <= set(one.markers)
            assert one.markers["python_full_version"].startswith(f"{one.python}.")

    def test_the_lowest_is_the_oldest_that_the_file_admits(self) -> None:
        markers = {"python_version": "3.12", "python_full_version": "3.12.1", "sys_platform": "win32"}
        assert targets.lowest(markers, "").markers == markers
        assert targets.lowest(markers, ">=3.12").markers == markers
        assert targets.lowest(markers, ">=4").markers == markers
        other = targets.lowest(markers, ">=3.9.2,<4")
        assert (other.python, other.markers["python_version"], other.markers["sys_platform"]) == (
            "3.9",
            "3.9",
            "win32",
        )

    def test_the_given_interpreter_counts_if_the_file_admits_it(self) -> None:
        markers = {"python_full_version": "3.9.1", "python_version": "3.9", "sys_platform": "linux"}
        assert targets.given(markers, ">=3.8").markers == markers
        assert targets.given(markers, ">=4").markers == markers
        other = targets.given(markers, ">=3.11,<3.13").markers
        assert (other["python_version"], other["sys_platform"]) == ("3.12", "linux")


class TestMarkers:
    @pytest.mark.parametrize(
        ("marker", "holds"),
        [
            ("", True),
            ("os_name == 'posix'", True),
            ("os_name == 'nt'", False),
            ("extra == 'x'", True),
            ("extra == 'x' and os_name == 'nt'", False),
            ("'x' in extras", True),
            ("'x' not in extras", False),
            ("'dev' in dependency_groups or os_name == 'nt'", True),
            ("os_name ==", True),
            ("nonsense == '1'", True),
            ("(" * 50_000, True),
        ],
    )
    def test_what_cannot_be_judged_holds(self, marker: str, holds: bool) -> None:
        assert Markers().holds(marker, {"os_name": "posix"}) is holds


class TestInventories:
    def test_one_environment_has_no_name(self) -> None:
        assert found(lock(package("a", "1"), python=">=3.9")) == {"": {"a": "1"}}

    def test_there_is_always_one(self) -> None:
        assert found(Contents()) == {"": {}}
        assert found(lock()) == {"": {}}

    @pytest.mark.parametrize(
        ("marker", "name", "other"),
        [
            ("python_version < '3.10'", "Python 3.9", "Python 3.10 to 3.15"),
            ("python_version < '3.11'", "Python 3.9, 3.10", "Python 3.11 to 3.15"),
            ("sys_platform == 'win32'", "Python 3.9 to 3.15 on Windows", "Python 3.9 to 3.15 on Linux, macOS"),
            (
                "sys_platform == 'linux' and platform_machine == 'aarch64'",
                "Python 3.9 to 3.15 on Linux aarch64",
                "Python 3.9 to 3.15 on Linux x86_64, macOS, Windows",
            ),
            (
                "python_version < '3.10' and sys_platform == 'win32'",
                "Python 3.9 on Windows",
                "Python 3.9 on Linux, macOS; Python 3.10 to 3.15",
            ),
        ],
    )
    def test_environments_are_named(self, marker: str, name: str, other: str) -> None:
        opposite = " or ".join(
            f"{part.replace(' < ', ' >= ').replace(' == ', ' != ')}" for part in marker.split(" and ")
        )
        contents = lock(package("a", "1", marker), package("a", "2", opposite), python=">=3.9")
        assert found(contents) == {name: {"a": "1"}, other: {"a": "2"}}

    def test_what_another_has_all_of_is_left_out(self) -> None:
        contents = lock(package("a", "1"), package("colorama", "1", "sys_platform == 'win32'"))
        assert found(contents) == {"": {"a": "1", "colorama": "1"}}

    def test_only_what_it_is_about_tells_environments_apart(self) -> None:
        contents = lock(
            package("a", "1", "python_version < '3.10'"),
            package("a", "2", "python_version >= '3.10'"),
            package("b", "1"),
        )
        assert found(contents, ["b"]) == {"": {"a": "1", "b": "1"}}
        assert len(found(contents, ["a"])) == 2

    def test_versions_that_nothing_tells_apart_are_all_looked_at(self) -> None:
        contents = lock(package("a", "1"), package("a", "2"), package("b", "1"), package("b", "1"))
        assert found(contents) == {"with a 1": {"a": "1", "b": "1"}, "with a 2": {"a": "2", "b": "1"}}

    def test_but_not_without_end(self) -> None:
        several = [package(name, version) for name in "abcdefgh" for version in ("1", "2", "3")]
        here = targets.inventories(lock(*several), "lock")
        assert len(here) == 27
        assert {one.project: one.reason for one in here[0].unread}["h"] == (
            "is one of too many choices: 1, 2 were not looked at"
        )
        assert all(one.versions()["h"] == Version("3") for one in here)

    def test_what_could_not_be_read_is_told_once(self) -> None:
        trouble = manifest.Source("lock", "").unread("is broken", 3)
        contents = lock(package("a", "1", "os_name == 'nt'"), package("a", "2", "os_name != 'nt'"))
        here = targets.inventories(contents._replace(unread=(trouble,)), "lock")
        assert [one.unread for one in here] == [(trouble,), ()]

    def test_a_target_takes_the_environment_for_its_platform(self) -> None:
        contents = Contents(
            tuple(
                Locked((package("a", version),), name, {"sys_platform": name})
                for name, version in (("linux", "1"), ("darwin", "2"))
            )
        )
        for platform, version in (("darwin", "2"), ("linux", "1"), ("other", "1")):
            (one,) = targets.inventories(contents, "lock", target=Target("", "", {"sys_platform": platform}))
            assert one.versions() == {"a": Version(version)}

    def test_needs_are_followed_where_there_are_roots(self) -> None:
        one = package("a", "1")._replace(
            needs={"": (Need("b", Version("2")),), "x": (Need("c", marker="os_name == 'nt'"),)}
        )
        packages = (one, package("b", "1"), package("b", "2"), package("c", "1"), package("d", "1"))
        roots = (Need("a", extras=("x",)), Need("gone"))
        assert found(Contents((Locked(packages, "", {}, roots),))) == {"": {"a": "1", "b": "2", "c": "1"}}


MARKERS = st.sampled_from(
    [
        "",
        "python_version < '3.10'",
        "python_version >= '3.12'",
        "sys_platform == 'win32'",
        "sys_platform != 'linux'",
        "platform_machine == 'x86_64' and python_version < '3.11'",
    ]
)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12"), MARKERS), max_size=8))
def test_every_environment_is_part_of_one_that_is_kept(rows: List[Tuple[str, str, str]]) -> None:
    contents = lock(*(package(*row) for row in rows), python=">=3.9")
    kept = [set(one.versions().items()) for one in targets.inventories(contents, "lock")]
    assert all(not one < other for one in kept for other in kept)
    for target in targets.everywhere(">=3.9"):
        for one in targets.inventories(contents, "lock", target=target):
            assert any(set(one.versions().items()) <= other for other in kept)


class TestPins:
    @pytest.mark.parametrize(
        ("specifier", "pin"),
        [
            ("==1.0", "1.0"),
            ("===1.0", "1.0"),
            ("==1.*", None),
            ("==1,>=0", None),
            (">=1", None),
            ("", None),
            ("===x", None),
        ],
    )
    def test_one_version(self, specifier: str, pin: Optional[str]) -> None:
        assert Demand("a", specifier, HERE).pin == (None if pin is None else Version(pin))

    def test_a_file_of_pins_is_a_lock_and_constraints_do_not_matter(self) -> None:
        pin, loose = Demand("a", "==1", HERE), Demand("b", ">=1", HERE)
        made = targets.pinned(Contents((), (pin, loose._replace(constraint=True), pin._replace(constraint=True))))
        assert made is not None
        assert [one.project for one in made.locked[0].packages] == ["a"]
        assert targets.pinned(Contents((), (pin, loose))) is None


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("https://user:pass@example.org/x", "'https://example.org/x'"),
            ("a\nb\tc", "'a b c'"),
            ("x" * 300, "'" + "x" * 79 + "…'"),
            ([1], "a list"),
            (None, "a NoneType"),
        ],
    )
    def test_what_is_shown_is_short_and_tells_no_login(self, text: object, expected: str) -> None:
        assert manifest.shown(text) == expected

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://x/a_b-1.0-py3-none-any.whl#sha256=0", "1.0"),
            ("https://x/torch-2.3.1%2Bcpu-cp311-cp311-linux_x86_64.whl", "2.3.1+cpu"),
            ("https://x/a-b-1.0.tar.gz?x=y", "1.0"),
            ("https://x/main.zip", None),
            ("https://x/a-what.whl", None),
            ("https://x/a-what.tar.gz", None),
            ("./local", None),
        ],
    )
    def test_versions_in_addresses(self, url: str, expected: Optional[str]) -> None:
        assert manifest.addressed(url) == (None if expected is None else Version(expected))
