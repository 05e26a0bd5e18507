from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple

import pytest
from packaging.version import Version

from compatshim.metadata import client
from compatshim.metadata import library as libraries
from compatshim.metadata.declared import Metadata
from compatshim.metadata.failures import DamagedError, UnavailableError
from compatshim.metadata.library import Library
from compatshim.metadata.pages import File
from compatshim.metadata.settings import Settings
from tests.metadata.conftest import Opener
from tests.metadata.simple import JSON, TEXT, Item, Server, metadata, sdist, wheel

ONE = wheel("a", "1.0", "b<2", "c; extra == 'd'", python=">=3.8")
WRONG = (metadata("a", "1.1"), metadata("b", "1.0"), b"", b"<html>not here</html>")
DECLARED = Metadata(">=3.8", ("b<2", "c; extra == 'd'"))


def only(found: Optional[Tuple[File, ...]]) -> File:
    assert found is not None
    (file,) = found
    return file


def declared(library: Library) -> Metadata:
    return library.metadata("a", Version("1.0"), only(library.files("a")))


class TestPages:
    @pytest.mark.parametrize("form", [JSON, TEXT])
    def test_both_forms(self, form: str, server: Server, library: Opener) -> None:
        server.form = form
        server.items["a"] = [ONE, wheel("a", "2.0rc1", yanked=True), sdist("a", "0.9")]
        found = library().files("a")
        assert found is not None
        seen = [(file.name, file.version, file.yanked, file.requires_python, file.is_wheel) for file in found]
        assert seen == [
            ("a-1.0-py3-none-any.whl", "1.0", False, ">=3.8", True),
            ("a-2.0rc1-py3-none-any.whl", "2.0rc1", True, "", True),
            ("a-0.9.tar.gz", "0.9", False, "", False),
        ]
        assert {file.uploaded for file in found} == {"2026-02-03" if form == JSON else ""}

    def test_a_project_that_is_not_there(self, library: Opener) -> None:
        assert library().files("a") is None

    def test_a_project_without_files(self, server: Server, library: Opener) -> None:
        server.items["a"] = []
        assert library().files("a") == ()

    def test_an_index_that_is_busy_is_asked_again(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        server.statuses["/simple/a/"] = [500, 503, 429]
        assert only(library().files("a")).version == "1.0"

    def test_an_answer_that_breaks_off_is_asked_for_again(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        server.truncated["/simple/a/"] = 2
        assert only(library().files("a")).version == "1.0"
        assert server.asked("/simple/a/") == 3

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ({"statuses": {"/simple/a/": [500] * 9}}, "HTTP 500"),
            ({"statuses": {"/simple/a/": [418]}}, "HTTP 418"),
            ({"statuses": {"/simple/a/": [403]}}, "HTTP 403"),
            ({"login": ("user", "other")}, "HTTP 401, it wants a login or another one"),
            ({"truncated": {"/simple/a/": 9}}, "its answer broke off"),
            ({"silent": ["/simple/a/"]}, "it did not answer in time"),
            (
                {"bodies": {"/simple/a/": (TEXT, b"<html><a href='/login'>Welcome!</a>")}},
                "not the page of a project",
            ),
            ({"bodies": {"/simple/a/": (TEXT, b"\xff\x00\xfe <<<< &&& >")}}, "not the page of a project"),
            ({"bodies": {"/simple/a/": (JSON, b'{"meta":')}}, "not the page of a project"),
            ({"bodies": {"/simple/a/": (JSON, b'{"meta": {"api-version": "9.0"}}')}}, "not the page of a project"),
            ({"bodies": {"/simple/a/": (JSON, b'[1, "a"]')}}, "not the page of a project"),
            ({"bodies": {"/simple/a/": ("image/png", b"PNG")}}, "not the page of a project"),
        ],
    )
    def test_no_page(self, broken: Mapping[str, Any], reason: str, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        vars(server).update(broken)
        opened = library(Settings(indexes=(server.url,), timeout=0.2))
        with pytest.raises(UnavailableError, match=reason) as raised:
            opened.files("a")
        assert raised.value.host == server.host

    def test_a_dead_index(self, library: Opener) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        opened = library(Settings(indexes=(f"http://127.0.0.1:{port}/simple/",)))
        with pytest.raises(UnavailableError, match="connection refused") as raised:
            opened.files("a")
        assert raised.value.host == f"127.0.0.1:{port}"

    def test_an_index_that_hangs_up_is_given_up(self, library: Opener) -> None:
        calls = []
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def hang_up() -> None:
                with contextlib.suppress(OSError):  # closed at the end
                    while True:
                        listener.accept()[0].close()
                        calls.append("once more")

            threading.Thread(target=hang_up, daemon=True).start()
            opened = library(Settings(indexes=(f"http://127.0.0.1:{listener.getsockname()[1]}/simple/",)))
            with pytest.raises(UnavailableError):
                opened.files("a")
            before = len(calls)
            for name in "bcd":
                with pytest.raises(UnavailableError):
                    opened.files(name)
            assert before == len(calls)
            listener.shutdown(socket.SHUT_RDWR)

    def test_credentials_that_fail_are_not_tried_on_every_project(self, server: Server, library: Opener) -> None:
        server.login = ("user", "other")
        opened = library()
        for name in "abc":
            with pytest.raises(UnavailableError, match="HTTP 401"):
                opened.files(name)
        assert len(server.log) == 1


class TestMetadata:
    @pytest.mark.parametrize("form", [JSON, TEXT])
    @pytest.mark.parametrize(
        ("has", "asked"),
        [
            ({"beside": True, "announced": True}, ["200"]),
            ({"beside": True}, ["200"]),
            ({"beside": False}, ["404", "206"]),
            ({"beside": False, "announced": True}, ["404", "206"]),
            ({"beside": False, "ranges": False}, ["404", "200", "200"]),
        ],
    )
    def test_every_way(
        self, has: Mapping[str, bool], asked: List[str], form: str, server: Server, library: Opener
    ) -> None:
        vars(server).update(has, form=form)
        server.items["a"] = [ONE]
        assert declared(library()) == DECLARED
        assert [line.rpartition(" ")[2] for line in server.log[1:]] == asked

    def test_of_a_large_wheel_only_the_end_travels(self, server: Server, library: Opener) -> None:
        server.beside = False
        server.items["a"] = [wheel("a", "1.0", "b<2", "c; extra == 'd'", python=">=3.8", padding=1 << 20)]
        assert declared(library()) == DECLARED
        assert {headers["Range"] for headers in server.agents if "Range" in headers} == {"bytes=-65536"}

    def test_a_wheel_that_is_too_large_to_fetch_whole(
        self, server: Server, library: Opener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "WHOLE", 1 << 17)
        server.beside = server.ranges = False
        server.items["a"] = [wheel("a", "1.0", padding=1 << 18)]
        with pytest.raises(DamagedError, match="too large"):
            declared(library())

    @pytest.mark.parametrize(
        ("wrong", "announced"),
        [
            *[(wrong, True) for wrong in WRONG],
            *[(wrong, False) for wrong in WRONG],
            (metadata("a", "1.0", "x"), True),  # only its digest tells
        ],
    )
    def test_a_wrong_metadata_file_is_passed_over(
        self, wrong: bytes, announced: bool, server: Server, library: Opener
    ) -> None:
        server.announced = announced
        server.items["a"] = [ONE]
        server.bodies[f"/files/{ONE.name}.metadata"] = ("application/octet-stream", wrong)
        assert declared(library()) == DECLARED

    @pytest.mark.parametrize("ranges", [True, False])
    @pytest.mark.parametrize(
        "content",
        [b"", b"no wheel", ONE.content[:-40], ONE.content[:80], wheel("b", "1.0").content],
        ids=["empty", "none", "no-end", "only-the-start", "another"],
    )
    def test_a_damaged_wheel(self, content: bytes, ranges: bool, server: Server, library: Opener) -> None:
        server.ranges = ranges
        server.items["a"] = [Item(ONE.name, content)]
        with pytest.raises(DamagedError):
            declared(library())

    def test_a_file_host_that_fails(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        server.statuses[f"/files/{ONE.name}.metadata"] = [503] * 9
        with pytest.raises(UnavailableError, match="HTTP 503"):
            declared(library())


class TestCache:
    def test_a_second_run_asks_nothing(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        assert declared(library()) == declared(library()) == DECLARED
        assert server.counted() == {"GET /simple/a/ 200": 1, f"GET /files/{ONE.name}.metadata 200": 1}

    @pytest.mark.parametrize("tagged", [True, False])
    def test_an_old_page_is_asked_for_again(
        self, tagged: bool, server: Server, library: Opener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(libraries, "MAX_AGE", 0)
        server.tagged = tagged
        server.items["a"] = [ONE]
        assert declared(library()) == declared(library()) == DECLARED
        assert server.asked("/simple/a/ 304") == tagged
        server.items["a"].append(wheel("a", "2.0"))
        assert len(library().files("a") or ()) == 2
        assert server.asked(".metadata") == 1

    def test_a_page_from_the_cache_leads_to_metadata_all_the_same(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE, wheel("a", "2.0")]
        library().files("a")
        opened = library()
        found = opened.files("a") or ()
        assert [file.package for file in found] == [None, None]
        assert opened.metadata("a", Version("1.0"), found[0]) == DECLARED
        assert opened.metadata("a", Version("2.0"), found[1]) == Metadata("", ())
        assert server.asked("/simple/a/") == 2

    def test_a_file_that_went_away(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        library().files("a")
        server.items["a"] = []
        with pytest.raises(UnavailableError, match="does not list the file any more"):
            declared(library())

    @pytest.mark.parametrize(
        "damage", [lambda _: b"", lambda text: text[:-1], lambda text: text.replace(b"1", b"2")]
    )
    def test_damaged_entries_are_fetched_again(
        self, damage: Any, server: Server, library: Opener, tmp_path: Path
    ) -> None:
        server.items["a"] = [ONE]
        assert declared(library()) == DECLARED
        entries = sorted((tmp_path / "cache").iterdir())
        assert len(entries) == 2
        for entry in entries:
            entry.write_bytes(damage(entry.read_bytes()))
        assert declared(library()) == DECLARED
        assert set(server.counted().values()) == {2}

    def test_entries_of_another_form_are_fetched_again(self, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        made = library()
        file = only(made.files("a"))
        declared(made)
        made._cache.write("page", server.url, "a", value=[])
        made._cache.write("metadata", file.name, file.digest, value={"x": 1})
        assert declared(library()) == DECLARED

    def test_without_a_place_for_it(self, server: Server, library: Opener, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        server.items["a"] = [ONE]
        assert declared(library(cache=tmp_path / "file" / "cache")) == DECLARED

    @pytest.mark.parametrize("form", [JSON, TEXT])
    def test_it_holds_no_address(self, form: str, server: Server, library: Opener, tmp_path: Path) -> None:
        server.form, server.login = form, ("user", "s3cret")
        server.items["a"] = [ONE]
        declared(library(Settings(indexes=(server.url,), logins={server.url: ("user", "s3cret")})))
        entries = list((tmp_path / "cache").iterdir())
        assert len(entries) == 2
        for entry in entries:
            for text in (entry.name.encode(), entry.read_bytes()):
                assert not any(word in text for word in (b"127.0.0.1", b"http", b"user", b"s3cret", b"/files/"))

    def test_several_processes(self, server: Server, tmp_path: Path) -> None:
        versions = [f"{number}.0" for number in range(1, 21)]
        server.items["a"] = [wheel("a", version, f"b<{version}") for version in versions]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(4, mp_context=context) as pool:
            jobs = [pool.submit(read_all, server.url, str(tmp_path)) for _ in range(8)]
            answers = [job.result() for job in jobs]
        assert answers == [[(version, f"b<{version}") for version in versions]] * 8
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".new")]
        before = len(server.log)
        assert read_all(server.url, str(tmp_path)) == answers[0]
        assert len(server.log) == before


def read_all(url: str, cache: str) -> List[Tuple[str, str]]:
    """Every version with its one requirement."""
    with contextlib.closing(Library(Settings(indexes=(url,)), cache)) as library:
        return [
            (file.version, library.metadata("a", Version(file.version), file).requires[0])
            for file in library.files("a") or ()
        ]


class TestSeveralIndexes:
    @pytest.fixture
    def other(self) -> Any:
        with Server(items={"a": [wheel("a", "3.0")], "b": [wheel("b", "1.0")]}).running() as made:
            yield made

    @pytest.mark.parametrize(("merged", "versions"), [(True, ["1.0", "3.0"]), (False, ["1.0"])])
    def test_order(self, merged: bool, versions: List[str], other: Server, server: Server, library: Opener) -> None:
        server.items["a"] = [ONE]
        opened = library(Settings(indexes=(server.url, other.url), merged=merged))
        assert [file.version for file in opened.files("a") or ()] == versions
        assert [file.version for file in opened.files("b") or ()] == ["1.0"]
        assert opened.files("c") is None

    def test_an_index_that_forbids_what_it_does_not_have(
        self, other: Server, server: Server, library: Opener
    ) -> None:
        server.statuses["/simple/b/"] = [403]
        server.statuses["/simple/c/"] = [403]
        opened = library(Settings(indexes=(server.url, other.url)))
        assert [file.version for file in opened.files("b") or ()] == ["1.0"]
        with pytest.raises(UnavailableError, match="HTTP 403"):
            opened.files("c")

    def test_each_gets_its_own_login(self, other: Server, server: Server, library: Opener) -> None:
        server.login, other.login = ("one", "1"), ("two", "pä:ss")
        server.items["a"] = [ONE]
        logins = {server.url: ("one", "1"), other.url: ("two", "pä:ss")}
        opened = library(Settings(indexes=(server.url, other.url), logins=logins))
        found = opened.files("a") or ()
        assert [file.version for file in found] == ["1.0", "3.0"]
        for file in found:
            opened.metadata("a", Version(file.version), file)

    def test_netrc(self, server: Server, library: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password s3cret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        server.login = ("user", "s3cret")
        server.items["a"] = [ONE]
        assert declared(library()) == DECLARED
        assert declared(library(Settings(indexes=(server.url,), logins={server.url: ("user", None)}))) == DECLARED


class TestLocal:
    def test_an_index_and_a_folder(self, server: Server, library: Opener, tmp_path: Path) -> None:
        place = tmp_path / "it's local" / "simple"
        (place / "a").mkdir(parents=True)
        (place / "a" / ONE.name).write_bytes(ONE.content)
        (place / "a" / "index.html").write_text(f'<a href="{ONE.name}">{ONE.name}</a>')
        folder = tmp_path / "wheels"
        folder.mkdir()
        for item in (
            wheel("a", "2.0"),
            wheel("x-y", "1"),
            sdist("a", "0.5"),
            Item("a-3-py3-none-any.whl", b"broken"),
        ):
            (folder / item.name).write_bytes(item.content)
        (folder / "README").write_text("not a wheel")
        server.items["a"] = [wheel("a", "4.0")]
        opened = library(
            Settings(indexes=(server.url, place.as_uri() + "/"), folders=(str(folder), str(tmp_path / "absent")))
        )
        found = {file.version: file for file in opened.files("a") or ()}
        assert list(found) == ["0.5", "2.0", "3", "4.0", "1.0"]
        assert opened.metadata("a", Version("1.0"), found["1.0"]) == DECLARED
        assert opened.metadata("a", Version("2.0"), found["2.0"]) == Metadata("", ())
        with pytest.raises(DamagedError, match="the wheel is damaged"):
            opened.metadata("a", Version("3"), found["3"])
        assert len(opened.files("x-y") or ()) == 1
        assert opened.files("nowhere") is None
