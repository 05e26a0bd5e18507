from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from compatshim.kb import snapshot as builder
from compatshim.metadata.interface import Release
from compatshim.metadata.snapshot import INDEX, SHARD, Snapshot, SnapshotError

DATE = "2026-01-31"


def _release(snapshot: Snapshot, project: str, version: str) -> Release:
    (found,) = (r for r in snapshot.releases(project) or () if r.version == Version(version))
    return found


def _on(release: Release, project: str) -> List[str]:
    return [text for text in release.requires or () if re.match(rf"{project}\b", text)]


@pytest.fixture(scope="module")
def bundled() -> Snapshot:
    return Snapshot.bundled()


class TestBundled:
    def test_is_small(self) -> None:
        path = os.path.join(os.path.dirname(builder.__file__), os.pardir, "metadata", "data", "snapshot.zip")
        assert os.path.getsize(path) <= 300 * 1024

    def test_has_the_neighbourhood(self, bundled: Snapshot) -> None:
        assert bundled.projects == builder.NEIGHBOURHOOD
        assert (
            dt.date(2026, 1, 1)
            < dt.datetime.strptime(bundled.date, "%Y-%m-%d").replace(tzinfo=dt.timezone.utc).date()
        )

    def test_every_project_has_final_releases_in_ascending_order(self, bundled: Snapshot) -> None:
        for project in bundled.projects:
            releases = bundled.releases(project)
            assert releases, project
            versions = [release.version for release in releases]
            assert versions == sorted(set(versions)), project
            assert not any(version.is_prerelease for version in versions), project
            assert {release.project for release in releases} == {project}

    @pytest.mark.parametrize(
        ("project", "version", "required", "expected"),
        [
            ("filelock", "3.9.0", "filelock", []),
            ("filelock", "3.13.1", "filelock", []),
            ("datasets", "2.16.0", "filelock", ["filelock"]),
            ("huggingface-hub", "1.4.1", "filelock", ["filelock"]),
            ("huggingface-hub", "1.5.0", "filelock", ["filelock>=3.10.0"]),
            ("virtualenv", "20.26.2", "filelock", ["filelock<4,>=3.12.2"]),
        ],
    )
    def test_requirements(
        self, bundled: Snapshot, project: str, version: str, required: str, expected: List[str]
    ) -> None:
        assert _on(_release(bundled, project, version), required) == expected

    def test_other_fields(self, bundled: Snapshot) -> None:
        release = _release(bundled, "filelock", "3.9.0")
        assert (release.requires_python, release.uploaded, release.yanked) == (">=3.7", "2022-12-28", False)

    def test_wheels(self, bundled: Snapshot) -> None:
        assert _release(bundled, "filelock", "3.9.0").wheels is None
        platforms = ("darwin-arm64", "darwin-x86_64", "linux-aarch64", "linux-x86_64", "win32-AMD64")
        assert _release(bundled, "numpy", "1.26.4").wheels == tuple(
            f"{one} 3.9 3.10 3.11 3.12" for one in platforms
        )

    def test_source_distributions_alone_leave_requirements_unknown(self, bundled: Snapshot) -> None:
        assert _release(bundled, "filelock", "3.0.4").requires is None

    def test_unknown_project(self, bundled: Snapshot) -> None:
        assert bundled.releases("no-such-project") is None

    def test_decodes_once(self, bundled: Snapshot) -> None:
        assert bundled.releases("filelock") is bundled.releases("filelock")


def _versions() -> st.SearchStrategy[Version]:
    return st.builds(
        lambda release, post: Version(".".join(map(str, release)) + (f".post{post}" if post else "")),
        st.lists(st.integers(0, 30), min_size=1, max_size=3),
        st.integers(0, 2),
    )


def _text() -> st.SearchStrategy[str]:
    return st.text(max_size=8)


@st.composite
def _projects(draw: st.DrawFn) -> Mapping[str, Tuple[Release, ...]]:
    projects: Dict[str, Tuple[Release, ...]] = {}
    for project in draw(st.sets(st.sampled_from(("a", "b-c", "index", "z9")))):
        versions = draw(st.lists(_versions(), unique=True, max_size=5))
        projects[project] = tuple(
            Release(
                project=project,
                version=version,
                requires_python=draw(_text()),
                requires=draw(st.none() | st.lists(_text(), max_size=3).map(tuple)),
                yanked=draw(st.booleans()),
                uploaded=draw(st.sampled_from(("", DATE))),
                wheels=draw(st.none() | st.lists(_text(), max_size=3).map(tuple)),
            )
            for version in sorted(versions)
        )
    return projects


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("snapshot") / "some.zip")


@given(projects=_projects())
def test_what_was_written_is_read(path: str, projects: Mapping[str, Tuple[Release, ...]]) -> None:
    size = builder.write(projects, path, date=DATE)
    snapshot = Snapshot.open(path)
    assert size == os.path.getsize(path)
    assert snapshot.date == DATE
    assert snapshot.projects == tuple(sorted(projects))
    assert {project: snapshot.releases(project) for project in snapshot.projects} == projects


@given(projects=_projects())
def test_same_releases_make_the_same_bytes(path: str, projects: Mapping[str, Tuple[Release, ...]]) -> None:
    builder.write(projects, path, date=DATE)
    first = Path(path).read_bytes()
    shuffled = {project: projects[project][::-1] for project in reversed(list(projects))}
    builder.write(shuffled, path, date=DATE)
    assert Path(path).read_bytes() == first


SMALL = {
    "a": (
        Release("a", Version("1"), ">=3.8", ("b<2",), uploaded=DATE),
        Release("a", Version("2"), requires=None),
    )
}


@given(data=st.data())
def test_damage_never_passes_unnoticed(path: str, data: st.DataObject) -> None:
    builder.write(SMALL, path, date=DATE)
    whole = Path(path).read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[position] ^ data.draw(st.integers(1, 255))
    damaged = whole[:position] + bytes([flipped]) + whole[position + 1 :]
    with contextlib.suppress(SnapshotError):
        snapshot = Snapshot(damaged, path)
        assert (snapshot.date, snapshot.projects, snapshot.releases("a")) == (DATE, ("a",), SMALL["a"])


def _zip(path: Path, **members: Any) -> str:
    members = {INDEX: {"schema_version": "1.0", "date": DATE, "projects": ["a"]}, **members}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return str(path)


def _shard(*row: object) -> Dict[str, object]:
    return {"strings": ["", "b"], "lists": [[1]], "releases": [row]}


class TestErrors:
    def test_missing_file(self, tmp_path: Path) -> None:
        path = str(tmp_path / "absent.zip")
        with pytest.raises(SnapshotError, match=re.escape(path)):
            Snapshot.open(path)

    @pytest.mark.parametrize("data", [b"", b"not a zip file", b"PK\x05\x06"])
    def test_not_a_zip_file(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "s.zip"
        path.write_bytes(data)
        with pytest.raises(SnapshotError, match=rf"{re.escape(str(path))}: not a zip file"):
            Snapshot.open(str(path))

    def test_truncated(self, tmp_path: Path) -> None:
        path = tmp_path / "s.zip"
        builder.write(SMALL, str(path), date=DATE)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(SnapshotError, match=re.escape(str(path))):
            Snapshot.open(str(path))

    def test_no_index(self, tmp_path: Path) -> None:
        path = tmp_path / "s.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("projects/a.json", "{}")
        with pytest.raises(SnapshotError, match=rf"{re.escape(str(path))}: {re.escape(INDEX)} cannot be read"):
            Snapshot.open(str(path))

    @pytest.mark.parametrize(
        "index", ["{", b"\xff", "[]", "null", {}, {"schema_version": 1, "date": DATE, "projects": []}]
    )
    def test_bad_index(self, tmp_path: Path, index: object) -> None:
        path = _zip(tmp_path / "s.zip", **{INDEX: index})
        with pytest.raises(SnapshotError, match=rf"{re.escape(path)}: {re.escape(INDEX)} "):
            Snapshot.open(path)

    def test_newer_schema(self, tmp_path: Path) -> None:
        path = _zip(tmp_path / "s.zip", **{INDEX: {"schema_version": "2.0", "date": DATE, "projects": []}})
        with pytest.raises(SnapshotError, match=rf"{re.escape(path)}: schema version 2\.0 is not supported"):
            Snapshot.open(path)

    def test_newer_minor_schema_is_read(self, tmp_path: Path) -> None:
        path = _zip(tmp_path / "s.zip", **{INDEX: {"schema_version": "1.7", "date": DATE, "projects": []}})
        assert Snapshot.open(path).projects == ()

    def test_missing_shard(self, tmp_path: Path) -> None:
        path = _zip(tmp_path / "s.zip")
        with pytest.raises(SnapshotError, match=rf"{re.escape(path)}: projects/a\.json cannot be read"):
            Snapshot.open(path).releases("a")

    @pytest.mark.parametrize(
        "shard",
        [
            "{",
            "[]",
            "{}",
            _shard("1", 0, 0, DATE),
            _shard("1", 2, 0, DATE, 0),
            _shard("1", 0, 0, DATE, 1),
            _shard("not a version", 0, 0, DATE, 0),
            _shard(None, 0, 0, DATE, 0),
        ],
    )
    def test_bad_shard(self, tmp_path: Path, shard: object) -> None:
        path = _zip(tmp_path / "s.zip", **{SHARD.format("a"): shard})
        with pytest.raises(SnapshotError, match=rf"{re.escape(path)}: projects/a\.json "):
            Snapshot.open(path).releases("a")

    def test_unknown_compression(self, tmp_path: Path) -> None:
        path = Path(_zip(tmp_path / "s.zip"))
        data = path.read_bytes()
        directory = data.rindex(b"PK\x01\x02")
        path.write_bytes(data[: directory + 10] + struct.pack("<H", 99) + data[directory + 12 :])
        with pytest.raises(SnapshotError, match=re.escape(str(path))):
            Snapshot.open(str(path))
