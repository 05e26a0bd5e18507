"""Reading fake environments, good and bad: what cannot be read is told, and its neighbours are still read."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, List, Tuple

import pytest
from packaging.markers import default_environment
from packaging.version import Version

from compatshim.inventory import environment
from compatshim.inventory.environment import InventoryError
from compatshim.model import Distribution, Inventory
from tests import support
from tests.support import dist_info


def read(*path: Any) -> Inventory:
    return environment.read([str(item) if isinstance(item, Path) else item for item in path], {}, source="fake")


def reasons(inventory: Inventory) -> List[Tuple[object, str]]:
    return [(item.project, item.reason) for item in inventory.unread]


class TestGood:
    def test_what_metadata_says(self, tmp_path: Path) -> None:
        lines = ("Requires-Dist: filelock", "Requires-Dist: torch>=2 ; extra == 'torch'", "Requires-Python: >=3.8")
        made = dist_info(tmp_path, "Hugging_Face.Hub", "1.04", *lines)
        other = dist_info(tmp_path, "filelock", "3.12.0+local")
        inventory = read(tmp_path)
        assert inventory.distributions == {
            "filelock": Distribution("filelock", Version("3.12.0+local"), name="filelock", where=str(other)),
            "hugging-face-hub": Distribution(
                "hugging-face-hub",
                Version("1.4"),
                ("filelock", "torch>=2 ; extra == 'torch'"),
                "Hugging_Face.Hub",
                where=str(made),
            ),
        }
        assert (inventory.unread, inventory.source) == ((), "fake")

    def test_metadata_is_believed_over_the_directory_name(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "x", "9", metadata=b"Name: filelock\nVersion: 1\n\nName: body\n")
        assert read(tmp_path).versions() == {"filelock": Version("1")}

    @pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
    def test_line_ends(self, newline: bytes, tmp_path: Path) -> None:
        text = b"Name: a\nVersion: 1\nRequires-Dist: b\n\nRequires-Dist: body\n".replace(b"\n", newline)
        dist_info(tmp_path, "a", "1", metadata=text)
        assert read(tmp_path).distributions["a"].requires == ("b",)

    def test_egg_info(self, tmp_path: Path) -> None:
        (tmp_path / "a.egg-info").mkdir()
        (tmp_path / "a.egg-info" / "PKG-INFO").write_text("Name: a\nVersion: 1\n")
        (tmp_path / "b_c-2-py3.8.egg-info").write_text("Name: b-c\nVersion: 2\n")
        (tmp_path / "d-3.egg-info").mkdir()
        (tmp_path / "d-3.egg-info" / "PKG-INFO").write_text("Name: d\nVersion: 3\n")
        inventory = read(tmp_path)
        assert inventory.versions() == {"a": Version("1"), "b-c": Version("2"), "d": Version("3")}
        assert inventory.unread == ()

    def test_the_first_entry_wins(self, tmp_path: Path) -> None:
        first, second = tmp_path / "1", tmp_path / "2"
        support.site(first, {"a": "1"})
        support.site(second, {"a": "2", "b": "2"})
        assert read(first, second, first).versions() == {"a": Version("1"), "b": Version("2")}
        assert read(second, first).versions() == {"a": Version("2"), "b": Version("2")}

    def test_relative_and_empty_entries(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        support.site(tmp_path / "site", {"a": "1"})
        monkeypatch.chdir(tmp_path)
        assert set(read("site").distributions) == {"a"}
        monkeypatch.chdir(tmp_path / "site")
        assert set(read("").distributions) == set(read(".").distributions) == {"a"}


def no_metadata(folder: Path) -> None:
    (folder / "bad-1.dist-info").mkdir()


def no_pkg_info(folder: Path) -> None:
    (folder / "bad.egg-info").mkdir()


def metadata(text: bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        dist_info(folder, "bad", "1", metadata=text)

    return make


def metadata_is_a_directory(folder: Path) -> None:
    (folder / "bad-1.dist-info" / "METADATA").mkdir(parents=True)


def a_file(folder: Path) -> None:
    (folder / "bad-1.dist-info").touch()


def a_loop(folder: Path) -> None:
    (folder / "bad-1.dist-info").mkdir()
    (folder / "bad-1.dist-info" / "METADATA").symlink_to("METADATA")


def two_versions(folder: Path) -> None:
    dist_info(folder, "bad", "1")
    dist_info(folder, "bad", "2rc1")


class TestBad:
    CASES: ClassVar[List[Tuple[Callable[[Path], None], str]]] = [
        (no_metadata, "has no METADATA: reinstall it or remove the directory"),
        (no_pkg_info, "has no PKG-INFO: reinstall it or remove the directory"),
        (metadata(b""), "has no Name"),
        (metadata(b"Version: 1\n"), "has no Name"),
        (metadata(b"Name: bad\n"), "has no Version"),
        (metadata(b"\nName: bad\nVersion: 1\n"), "has no Name"),
        (metadata(b"Name: bad\nVersion: garbage\n"), "has a version that is none: 'garbage'"),
        (metadata(b"Name: bad\nVersion: 1 2\n"), "has a version that is none: '1 2'"),
        (metadata(b"\xff\xfe\x00\x01" * 100), "has no Name"),
        (metadata("Name: bad\nVersion: 1".encode("utf-16")), "has no Name"),
        (metadata_is_a_directory, "cannot be read: Is a directory"),
        (a_file, "cannot be read: Not a directory"),
        (a_loop, "cannot be read: Too many levels of symbolic links"),
        (two_versions, "is there more than once (1, 2rc1): reinstall it, so that one is left"),
    ]

    @pytest.mark.skipif(sys.platform == "win32", reason="the system words its errors differently there")
    @pytest.mark.parametrize(("make", "reason"), CASES)
    def test_is_told_and_its_neighbour_is_read(
        self, make: Callable[[Path], None], reason: str, tmp_path: Path
    ) -> None:
        support.site(tmp_path, {"good": "1"})
        make(tmp_path)
        inventory = read(tmp_path)
        assert reasons(inventory) == [("bad", reason)]
        assert inventory.unread[0].where.startswith(str(tmp_path))
        assert inventory.versions() == {"good": Version("1")}

    def test_hides_what_comes_later_as_it_would_for_imports(self, tmp_path: Path) -> None:
        no_metadata(Path(support.site(tmp_path / "1")))
        support.site(tmp_path / "2", {"bad": "2"})
        inventory = read(tmp_path / "1", tmp_path / "2")
        assert (len(inventory.unread), inventory.distributions) == (1, {})

    def test_remains_beside_a_whole_installation_are_none(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "bad", "2")
        (tmp_path / "bad-1.dist-info").mkdir()
        assert (read(tmp_path).unread, read(tmp_path).versions()) == ((), {"bad": Version("2")})

    def test_the_same_version_twice_is_no_trouble(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "a", "1.0")
        (tmp_path / "a.egg-info").mkdir()
        (tmp_path / "a.egg-info" / "PKG-INFO").write_text("Name: a\nVersion: 1\n")
        assert (read(tmp_path).unread, read(tmp_path).versions()) == ((), {"a": Version("1")})

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
    def test_names_that_are_not_text(self, tmp_path: Path) -> None:
        support.site(tmp_path, {"good": "1"})
        os.mkdir(os.path.join(os.fsencode(tmp_path), b"b\xff-1.dist-info"))
        inventory = read(tmp_path)
        assert reasons(inventory) == [("b\udcff", "has no METADATA: reinstall it or remove the directory")]
        assert set(inventory.distributions) == {"good"}

    def test_odd_entries(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with zipfile.ZipFile(tmp_path / "site.zip", "w") as file:
            file.writestr("filelock-3.12.0.dist-info/METADATA", "Name: filelock\nVersion: 3.12.0")
        support.site(tmp_path / "site", {"good": "1"})
        odd: List[object] = [b"bytes", None, 3, tmp_path / "missing", tmp_path / "file" / "below"]
        inventory = read(*odd, "a\0b", tmp_path / "file", tmp_path / "site.zip", tmp_path / "site")
        assert set(inventory.distributions) == {"good"}
        archive = "is an archive; what it holds was not looked at"
        assert reasons(inventory) == [
            (None, "cannot be listed: embedded null byte"),
            (None, archive),
            (None, archive),
        ]

    @pytest.mark.parametrize(
        ("place", "told"),
        [
            ("", [(None, "cannot be listed: Permission denied")]),
            ("bad-1.dist-info", [("bad", "cannot be read: Permission denied")]),
            ("bad-1.dist-info/METADATA", [("bad", "cannot be read: Permission denied")]),
        ],
    )
    def test_unreadable(self, place: str, told: List[Tuple[object, str]], public: Path) -> None:
        support.site(public, {"bad": "1", "good": "1"})
        with support.denied(public / place):
            inventory = read(public)
        assert reasons(inventory) == told
        assert set(inventory.distributions) == ({"good"} if place else set())


class TestThis:
    def test_reads_itself(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "path", [support.site(tmp_path, {"a": "1"}), *sys.path])
        inventory = environment.this()
        assert inventory.versions()["a"] == Version("1")
        assert {"packaging", "pytest"} <= set(inventory.distributions)
        assert inventory.markers == default_environment()
        assert sys.executable in inventory.source


def script(folder: Path, text: str) -> str:
    """An executable that is no Python interpreter."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


class TestOther:
    @pytest.mark.parametrize("python", support.every_python())
    def test_markers_are_those_that_packaging_computes(self, python: str, packaging: str) -> None:
        _, markers = environment.search_path(python)
        code = "from packaging.markers import default_environment"
        done = support.run(code, [packaging], value="default_environment()", python=python, flags=())
        if "packaging" in done.err:
            pytest.skip("this packaging does not run on that Python")
        assert markers == done.data

    def test_reads_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", support.site(tmp_path, {"a": "1"}))
        inventory = environment.of(sys.executable)
        assert inventory.versions()["a"] == Version("1")
        assert inventory.source == f"the environment of {sys.executable}"

    def test_start_up_files_may_print(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        site = support.site(tmp_path, {"a": "1"}, {"sitecustomize.py": "print('a banner')"})
        monkeypatch.setenv("PYTHONPATH", site)
        assert "a" in environment.of(sys.executable).distributions

    SAYS: ClassVar[Dict[str, Tuple[str, str]]] = {
        "nothing": (":", "did not answer as a Python interpreter does (exit 0)"),
        "fails": ("echo 'line one' >&2; echo 'line two' >&2; exit 3", "(exit 3): line two"),
        "garbage": ("echo garbage", "(exit 0)"),
        "bytes": (r"printf '\377\376\n'", "(exit 0)"),
        "a list": ("echo '[]'", "(exit 0)"),
        "another object": ("echo '{}'", "(exit 0)"),
        "wrong types": ("""echo '{"path": 3, "markers": 4}'""", "(exit 0)"),
    }

    @pytest.mark.skipif(os.name != "posix", reason="needs /bin/sh")
    @pytest.mark.parametrize(("text", "message"), SAYS.values(), ids=SAYS)
    def test_what_is_no_interpreter(self, text: str, message: str, tmp_path: Path) -> None:
        python = script(tmp_path, text)
        with pytest.raises(InventoryError) as caught:
            environment.of(python)
        assert str(caught.value).startswith(f"--python {python}: did not answer as a Python interpreter does")
        assert message in str(caught.value)

    @pytest.mark.skipif(os.name != "posix", reason="the system words its errors differently there")
    @pytest.mark.parametrize(
        ("python", "message"),
        [
            ("/no/such/python", "cannot be run (No such file or directory); name a Python interpreter"),
            ("", "cannot be run ("),
            ("/", "cannot be run (Permission denied); name a Python interpreter"),
            ("a\0b", "cannot be run (embedded null byte); name a Python interpreter"),
            ("/bin/true", "did not answer as a Python interpreter does (exit 0)"),
            ("/bin/false", "did not answer as a Python interpreter does (exit 1)"),
        ],
    )
    def test_what_cannot_be_run(self, python: str, message: str) -> None:
        with pytest.raises(InventoryError) as caught:
            environment.of(python)
        assert str(caught.value).startswith(f"--python {python}: {message}")

    @pytest.mark.skipif(os.name != "posix", reason="needs /bin/sh")
    def test_what_never_answers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment, "TIMEOUT", 0.2)
        python = script(tmp_path, "exec sleep 60")
        with pytest.raises(InventoryError) as caught:
            environment.of(python)
        assert str(caught.value) == f"--python {python}: did not answer within 0.2 seconds"


class TestMarkers:
    def test_are_those_of_packaging(self) -> None:
        from packaging.markers import default_environment

        from compatshim.inventory import probe

        assert probe.markers() == default_environment()

    @pytest.mark.parametrize("python", support.every_python())
    def test_of_every_python(self, python: str) -> None:
        code = (
            "import platform, sys; print(platform.python_version(), platform.python_implementation(), "
            "platform.system(), platform.machine(), platform.release(), sys.platform)"
        )
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        _, found = environment.search_path(python)
        keys = (
            "python_full_version",
            "platform_python_implementation",
            "platform_system",
            "platform_machine",
            "platform_release",
            "sys_platform",
        )
        assert [found[key] for key in keys] == done.stdout.split()
