"""What the index source lists, and pip as the judge of which versions count."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

import pytest
from packaging.version import Version

from compatshim.catalog import load
from compatshim.kb import snapshot as builder
from compatshim.metadata.index import Index
from compatshim.metadata.interface import Prefetching, Release
from compatshim.metadata.settings import Settings
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Distribution, Inventory
from compatshim.solve import prereleases, problem, requirements
from compatshim.solve.problem import Bound, Wishes
from tests import support
from tests.metadata.conftest import Opener
from tests.metadata.simple import Item, Server, sdist, wheel

KNOWN = {
    "a": (
        Release("a", Version("1"), ">=3", ("of-the-snapshot",), uploaded="2020-01-01"),
        Release("a", Version("1.5"), requires=None),
        Release("a", Version("1.9"), requires=("gone",)),
    ),
    "known": (Release("known", Version("7")),),
}
DATE = "2026-01-31"

Maker = Callable[..., Index]


def inventory(**versions: str) -> Inventory:
    return support.inventory({name.replace("_", "-"): version for name, version in versions.items()})


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    path = str(tmp_path / "snapshot.zip")
    builder.write(KNOWN, path, date=DATE)
    return Snapshot.open(path)


@pytest.fixture
def index(snapshot: Snapshot, library: Opener) -> Maker:
    def made(found: Optional[Inventory] = None, settings: Optional[Settings] = None, **options: Any) -> Index:
        return Index(snapshot, library(settings), found or inventory(a="1"), **options)

    return made


def versions(index: Index, project: str) -> Optional[List[str]]:
    found = index.releases(project)
    return None if found is None else [str(release.version) for release in found]


class TestReleases:
    def test_what_the_snapshot_knows_is_not_asked_for(self, server: Server, index: Maker) -> None:
        server.items["a"] = [
            wheel("a", "1", "something-else", yanked=True),
            wheel("a", "1.5", "now-there-is-a-wheel"),
            wheel("a", "2", "b<3", python=">=3.8"),
            sdist("a", "0.1"),
            wheel("a", "2+local", "c"),
        ]
        assert index().releases("a") == (
            Release("a", Version("0.1"), "", None, uploaded="2026-02-03"),
            Release("a", Version("1"), ">=3", ("of-the-snapshot",), yanked=True, uploaded="2020-01-01"),
            Release("a", Version("1.5"), "", ("now-there-is-a-wheel",), uploaded="2026-02-03"),
            Release("a", Version("2"), ">=3.8", ("b<3",), uploaded="2026-02-03"),
            Release("a", Version("2+local"), "", ("c",), uploaded="2026-02-03"),
        )
        assert server.asked("a-1-py3-none-any.whl.metadata") == 0
        assert server.asked("[.]metadata") == 3

    def test_wheels_that_do_not_fit(self, server: Server, index: Maker) -> None:
        windows = wheel("a", "3", "x", tags="cp311-cp311-win_amd64")
        server.items["a"] = [windows, wheel("a", "4", "y", python="<3"), wheel("a", "5", "z")]
        found = {str(release.version): release.requires for release in index().releases("a") or ()}
        assert found == {"3": None, "4": None, "5": ("z",)}
        assert server.asked("[.]metadata") == 1

    def test_wheels_that_came_after_the_snapshot(self, server: Server, library: Opener, tmp_path: Path) -> None:
        path = str(tmp_path / "older.zip")
        builder.write({"a": (Release("a", Version("1"), wheels=("linux-x86_64 3.8",)),)}, path, date=DATE)
        server.items["a"] = [wheel("a", "1")]
        made = Index(Snapshot.open(path), library(), inventory(a="1"))
        assert made.releases("a") == (Release("a", Version("1")),)
        elsewhere = inventory(a="1")
        other = Inventory("x", elsewhere.distributions, (), {**elsewhere.markers, "sys_platform": "plan9"})
        made = Index(Snapshot.open(path), library(), other)
        assert made.releases("a") == (Release("a", Version("1"), wheels=("linux-x86_64 3.8",)),)

    def test_which_projects_are_asked_for(self, server: Server, index: Maker) -> None:
        for name in ("a", "installed", "needed", "wanted"):
            server.items[name] = [wheel(name, "8")]
        made = index(inventory(a="1", installed="1", wanted="1"), required=["wanted"])
        assert versions(made, "installed") is None
        assert server.log == []
        assert versions(made, "a") == ["8"]
        assert versions(made, "needed") == ["8"]
        assert versions(made, "wanted") == ["8"]
        assert versions(made, "known") == []  # no index has it: nobody can install it
        assert versions(made, "nowhere") == []

    def test_prefetching_asks_for_all_at_once_and_only_once(self, server: Server, index: Maker) -> None:
        for name in "abc":
            server.items[name] = [wheel(name, "8")]
        made = index()
        told: List[Any] = []
        made.progress = lambda done, total: told.append((done, total))
        assert isinstance(made, Prefetching)
        made.prefetch(["a", "b", "c", "b"])
        assert told == [(1, 3), (2, 3), (3, 3), (4, 6), (5, 6), (6, 6)]
        before = len(server.log)
        assert [versions(made, name) for name in "abc"] == [["8"]] * 3
        assert len(server.log) == before

    def test_the_problem_goes_in_waves(self, server: Server, index: Maker) -> None:
        server.items = {
            "a": [wheel("a", "1"), wheel("a", "2", "b", "c")],
            "b": [wheel("b", "1", "d")],
            "c": [wheel("c", "1", "d", "e; extra == 'x'")],
            "d": [wheel("d", "1")],
        }
        made = index(inventory(a="1"))
        built = problem.build(inventory(a="1"), load(), made)
        assert {name for name in built.candidates if len(built.candidates[name]) > 1} == {"a", "b", "c", "d"}
        assert not built.unknown
        pages = [line.split("/")[2] for line in server.log if "/simple/" in line]
        assert (pages[0], sorted(pages[1:3]), pages[3:]) == (
            "a",
            ["b", "c"],
            ["d", "of-the-snapshot"][:1] or pages[3:],
        )

    def test_versions_of_no_form_are_passed_over(self, server: Server, index: Maker) -> None:
        server.items["a"] = [Item("a-1.x-py3-none-any.whl", b""), wheel("a", "8")]
        assert versions(index(), "a") == ["8"]


class TestFallback:
    def test_a_dead_index(self, index: Maker) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{free.getsockname()[1]}"
        made = index(settings=Settings(indexes=(f"http://{host}/simple/",)))
        made.prefetch(["a", "known", "needed"])
        assert [made.releases(name) for name in ("a", "known", "needed")] == [KNOWN["a"], KNOWN["known"], None]
        assert made.description == f"bundled snapshot of {DATE}"
        assert made.notes == (
            f"the index at {host} did not answer (connection refused): using the bundled snapshot of {DATE}",
        )

    def test_no_index(self, index: Maker) -> None:
        made = index(settings=Settings(indexes=()))
        assert made.releases("a") == ()
        assert made.notes == (f"no index is configured: using the bundled snapshot of {DATE}",)

    def test_projects_that_fail(self, server: Server, index: Maker) -> None:
        server.items = {"a": [wheel("a", "8")], "known": [wheel("known", "8")], "x": [wheel("x", "1")]}
        server.statuses = {"/simple/known/": [500] * 9, "/simple/x/": [500] * 9}
        made = index()
        made.prefetch(["a", "known", "x"])
        assert versions(made, "a") == ["8"]
        assert made.releases("known") == KNOWN["known"]
        assert made.releases("x") is None
        assert made.description.endswith(f" and, for known, the bundled snapshot of {DATE}")
        assert made.notes == (
            f"the index did not answer everything: {server.host} for known, x (HTTP 500); "
            f"using the bundled snapshot of {DATE} there",
        )

    def test_damaged_metadata_are_counted(self, server: Server, index: Maker) -> None:
        names = [f"{number}.0" for number in range(2, 7)]
        server.items["a"] = [Item(f"a-{name}-py3-none-any.whl", b"broken") for name in names]
        made = index()
        assert [release.requires for release in made.releases("a") or ()] == [None] * 5
        assert made.notes == (
            "5 left out, because the metadata cannot be read: a 2.0 (the wheel is damaged), "
            "a 3.0 (the wheel is damaged), a 4.0 (the wheel is damaged), 2 more",
        )

    def test_remarks_of_the_configuration(self, server: Server, index: Maker) -> None:
        server.items["a"] = [wheel("a", "8")]
        made = index(settings=Settings(indexes=(server.url,), remarks=("something is not read",)))
        made.releases("a")
        assert made.notes == ("something is not read",)


def declares(*requires: str, version: str = "1") -> Inventory:
    found = inventory(other="1")
    held = {"other": Distribution("other", Version(version), requires)}
    return Inventory(found.source, held, (), found.markers)


def bound(text: str) -> Bound:
    wanted = requirements.parse(text)
    assert wanted is not None
    return Bound(wanted, "c.txt:1", "--constraint c.txt")


class TestPrereleases:
    @pytest.mark.parametrize(
        ("found", "required", "constraint", "expected"),
        [
            (declares(), "a", "", set()),
            (declares(), "a>=2", "", set()),
            (declares(), "a>=2rc1", "", {"a"}),
            (declares(), "a==2.dev3", "", {"a"}),
            (declares(), "a", "a<=2.0b1", {"a"}),
            (declares("a>=2.0a1"), "", "", {"a"}),
            (declares("a-b.c>=2.0alpha1,<4"), "", "", {"a-b-c"}),
            (declares("a!=2.0a1"), "", "", set()),
            (declares("a>=2.0a1; extra == 'x'"), "", "", set()),
            (declares("a>=2.0a1; python_version < '3'", "b2>=1 ; a b c"), "", "", set()),
            (declares(version="1rc1"), "", "", {"other"}),
            (declares(version="1.post1"), "", "", set()),
        ],
    )
    def test_asked(self, found: Inventory, required: str, constraint: str, expected: Set[str]) -> None:
        wanted = requirements.parse(required) if required else None
        wishes = Wishes(
            require=(wanted,) if wanted is not None else (), constraints=(bound(constraint),) if constraint else ()
        )
        assert prereleases.asked(found, wishes) == expected

    @pytest.mark.parametrize(
        ("available", "wanted"),
        [
            (["1.0", "2.0rc1"], ["p"]),
            (["1.0", "2.0rc1"], ["p>=1"]),
            (["1.0", "2.0rc1"], ["p>=1.0rc1"]),
            (["1.0", "2.0rc1"], ["p>=2.0rc1"]),
            (["1.0", "2.0rc1"], ["p==2.0rc1"]),
            (["1.0", "2.0rc1"], ["p", "p<=2.0rc1"]),
            (["1.0", "2.0rc1"], ["p>1.0"]),
            (["1.0", "1.5", "2.0rc1"], ["p", "p>1.0,!=1.5"]),
            (["1.0", "2.0rc1", "2.1.dev5"], ["p!=2.1.dev5"]),
            (["1.0rc1", "2.0b2"], ["p"]),
            (["1.0rc1", "2.0b2"], ["p<2"]),
            (["1.0", "2.0rc1", "1.0.post1"], ["p"]),
            (["1.0", "3.0a1"], ["p>=2.9.dev0"]),
            (["1.0+local", "0.9", "1.1rc1+local"], ["p"]),
        ],
    )
    def test_pip_takes_the_newest_that_is_listed(
        self, available: List[str], wanted: List[str], server: Server, index: Maker, tmp_path: Path
    ) -> None:
        server.items["p"] = [wheel("p", version) for version in available]
        wish, *constraints = map(bound, wanted)
        wishes = Wishes(require=(wish.wanted,), constraints=tuple(constraints))
        found = inventory(other="1")
        made = index(
            found, required=["p"], prereleases=prereleases.asked(found, wishes), bounds=prereleases.bounds(wishes)
        )
        fit = [
            release.version
            for release in made.releases("p") or ()
            if all(
                not one.wanted.specifier or requirements.admits(one.wanted.specifier, release.version)
                for one in (wish, *constraints)
            )
        ]
        (tmp_path / "c.txt").write_text("\n".join(wanted[1:]))
        assert str(max(fit)) == pip(server.url, wanted[0], "-c", str(tmp_path / "c.txt"))["p"]

    def test_pip_takes_what_a_dependent_names(self, server: Server, index: Maker) -> None:
        server.items = {"p": [wheel("p", "1.0"), wheel("p", "2.0rc1")], "other": [wheel("other", "1", "p>=1.0rc1")]}
        found = declares("p>=1.0rc1")
        assert versions(index(found, prereleases=prereleases.asked(found, Wishes())), "p") == ["1.0", "2.0rc1"]
        assert pip(server.url, "other")["p"] == "2.0rc1"

    @pytest.mark.parametrize("passed_over", [{"tags": "cp311-cp311-win32"}, {"python": "<3"}])
    def test_pip_takes_one_before_what_does_not_fit(
        self, passed_over: Mapping[str, Any], server: Server, index: Maker
    ) -> None:
        server.items["p"] = [wheel("p", "1.0", **passed_over), wheel("p", "2.0rc1")]
        assert versions(index(), "p") == ["1.0", "2.0rc1"]
        assert pip(server.url, "p") == {"p": "2.0rc1"}

    def test_pip_takes_nothing_before_what_is_yanked(self, server: Server, index: Maker) -> None:
        server.items["p"] = [wheel("p", "1.0", yanked=True), wheel("p", "2.0rc1")]
        assert versions(index(), "p") == ["1.0"]
        with pytest.raises(AssertionError, match="No matching distribution"):
            pip(server.url, "p")


def pip(url: str, *arguments: str) -> Mapping[str, str]:
    """The versions that pip would install, by project."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--quiet",
        "--report",
        "-",
    ]
    done = subprocess.run(
        [*command, "--no-cache-dir", "--disable-pip-version-check", "--index-url", url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: Dict[str, str] = {}
    for item in json.loads(done.stdout)["install"]:
        found[item["metadata"]["name"]] = item["metadata"]["version"]
    return found
