"""The bundled snapshot of index metadata: every final release of the projects that advisories are about.

A snapshot is one zip file with an ``index.json`` and a ``projects/<name>.json`` for each, so that asking
about one project decodes one shard. A shard writes each string and each list of requirements once, because
most releases repeat those of the release before::

    {"strings": ["numpy", ">=3.8"],
     "lists": [[0]],
     "releases": [["1.0", 1, 0, "2024-05-01", 0, null]]}

A row holds the version, the index of ``Requires-Python`` among the strings, whether it is yanked, the date of
its upload, and two indices among the lists: that of its requirements, null when they are not known, and that of
what its wheels are for, null when every Python 3 can use one.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from operator import itemgetter
from typing import Any, Dict, Optional, Tuple

from packaging.version import Version

from compatshim import files
from compatshim.errors import CompatshimError
from compatshim.metadata.interface import Release

SCHEMA_VERSION = "1.0"
INDEX = "index.json"
SHARD = "projects/{}.json"

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,  # from bz2
    NotImplementedError,  # a compression method that zipfile does not know
    RuntimeError,  # an encrypted member
    KeyError,
    IndexError,
    TypeError,
    ValueError,  # not UTF-8, not JSON, not a version
)


class SnapshotError(CompatshimError):
    """A snapshot cannot be read: the message names the file and says what is wrong with it."""


class Snapshot:
    """The releases of a fixed set of projects, as the index had them on one day.

    Raises :exc:`SnapshotError` when ``data`` is not a snapshot; ``where`` is its name in messages.
    """

    date: str
    """ISO date on which it was built."""
    projects: Tuple[str, ...]
    """The normalised names of the projects it knows, sorted."""

    def __init__(self, data: bytes, where: str) -> None:
        self._where = where
        self._releases: Dict[str, Tuple[Release, ...]] = {}
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise SnapshotError(f"{where}: not a zip file ({error})") from error
        index = self._read(INDEX)
        try:
            schema = index["schema_version"]
            self.date = index["date"]
            self.projects = tuple(index["projects"])
            supported = schema.startswith(SCHEMA_VERSION.split(".", maxsplit=1)[0] + ".")
        except (AttributeError, KeyError, TypeError) as error:
            raise SnapshotError(f"{where}: {INDEX} is not the index of a snapshot ({error!r})") from error
        if not supported:
            raise SnapshotError(f"{where}: schema version {schema} is not supported, only {SCHEMA_VERSION}")

    @classmethod
    def bundled(cls) -> Snapshot:
        """Open the snapshot that comes with this package. Raises :exc:`SnapshotError` when it is damaged."""
        where = os.path.join(os.path.dirname(__file__), "data", "snapshot.zip")
        try:
            data = files.packaged("metadata", "data", "snapshot.zip")
        except OSError as error:
            raise SnapshotError(f"{where}: {error.strerror or error}") from error
        return cls(data, where)

    @classmethod
    def open(cls, path: str) -> Snapshot:
        """Open the snapshot at ``path``. Raises :exc:`SnapshotError` when it is missing or damaged."""
        try:
            with open(path, "rb") as file:
                return cls(file.read(), path)
        except OSError as error:
            raise SnapshotError(f"{path}: {error.strerror or error}") from error

    @property
    def description(self) -> str:
        """The snapshot and its date."""
        return f"bundled snapshot of {self.date}"

    def knows(self, project: str) -> bool:
        """Whether it has the project."""
        return project in self.projects

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        """All releases of a project in ascending order, or None when the snapshot does not have the project.

        Raises :exc:`SnapshotError` when the project's shard is missing or damaged.
        """
        if project not in self._releases:
            if project not in self.projects:
                return None
            member = SHARD.format(project)
            shard = self._read(member)
            try:
                self._releases[project] = _decoded(project, shard)
            except _DAMAGE as error:
                raise SnapshotError(f"{self._where}: {member} is damaged ({error!r})") from error
        return self._releases[project]

    def _read(self, member: str) -> Any:
        try:
            return json.loads(self._zip.read(member).decode("utf-8"))
        except _DAMAGE as error:
            raise SnapshotError(f"{self._where}: {member} cannot be read ({error})") from error


def _decoded(project: str, shard: Any) -> Tuple[Release, ...]:
    strings = shard["strings"]
    # An itemgetter of one item returns no tuple.
    lists = [
        itemgetter(*numbers)(strings) if len(numbers) > 1 else tuple([strings[number] for number in numbers])
        for numbers in shard["lists"]
    ]
    return tuple(
        # By position: by name it takes twice as long, and there are thousands.
        Release(
            project,
            Version(version),
            strings[python],
            None if requires is None else lists[requires],
            bool(yanked),
            uploaded,
            None if wheels is None else lists[wheels],
        )
        for version, python, yanked, uploaded, requires, wheels in shard["releases"]
    )
