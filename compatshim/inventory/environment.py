"""The distributions installed for an interpreter, this one or another, read from their metadata files.

What cannot be read becomes an :class:`~compatshim.model.Unread` with its reason; it never ends the reading.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from packaging.version import Version

from compatshim.errors import CompatshimError
from compatshim.inventory import probe
from compatshim.model import Distribution, Inventory, Unread, canonical

if TYPE_CHECKING:
    from email.message import Message

TIMEOUT = 60
"""Seconds that another interpreter has to answer."""


class InventoryError(CompatshimError):
    """Nothing could be read at all; the message says what was tried and what to do."""


def this() -> Inventory:
    """The environment that runs compatshim."""
    return read(sys.path, probe.markers(), source=f"the environment of {sys.executable}")


def of(python: str, option: str = "--python") -> Inventory:
    """The environment of another interpreter, named by an option. Raises :exc:`InventoryError`."""
    path, markers = search_path(python, option)
    return read(path, markers, source=f"the environment of {python}")


def at(folder: str, python: Optional[str] = None) -> Inventory:
    """The distributions in a site-packages folder, with the markers of an interpreter, else of this one.

    Raises :exc:`InventoryError`.
    """
    if not os.path.isdir(folder):
        raise InventoryError(f"--path {folder}: is no folder; name a site-packages folder")
    markers = probe.markers() if python is None else search_path(python)[1]
    return read([folder], markers, source=folder)


def search_path(python: str, option: str = "--python") -> Tuple[List[str], Dict[str, str]]:
    """Module search path and marker environment of another interpreter, named by an option.

    Raises :exc:`InventoryError`.
    """
    import ast
    import subprocess

    try:
        answer = subprocess.run(
            [python, "-c", probe.source()],
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise InventoryError(f"{option} {python}: did not answer within {TIMEOUT} seconds") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InventoryError(f"{option} {python}: cannot be run ({reason}); name a Python interpreter") from error
    try:
        line = answer.stdout.splitlines()[-1]  # start-up files may print, too
        path, markers = ast.literal_eval(line.decode("ascii"))
        return list(path), dict(markers)
    except (ValueError, LookupError, TypeError, SyntaxError) as error:
        last = answer.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        said = f": {last[0]}" if last else ""
        raise InventoryError(
            f"{option} {python}: did not answer as a Python interpreter does (exit {answer.returncode}){said}"
        ) from error


def read(path: Sequence[str], markers: Mapping[str, str], *, source: str) -> Inventory:
    """The distributions along a module search path; the first entry that holds a project wins."""
    distributions: Dict[str, _Found] = {}
    unread: Dict[str, Unread] = {}
    troubles: List[Unread] = []
    # Entries that are no strings mean nothing to the import system either.
    for entry in dict.fromkeys(os.path.abspath(item) for item in path if isinstance(item, str)):
        base = os.path.join(entry, "")
        here: Dict[str, List[_Found]] = {}
        failed: Dict[str, Unread] = {}
        for item in _metadata(entry, troubles):
            found = _found(base + item)
            project = found.project or ""
            if project in distributions or project in unread:
                continue
            if isinstance(found, _Found):
                here.setdefault(project, []).append(found)
            else:
                failed[project] = found
        for project, several in here.items():
            versions = sorted({Version(one.version) for one in several}) if len(several) > 1 else ()
            if len(versions) > 1:
                shown = ", ".join(str(version) for version in versions)
                unread[project] = Unread(
                    entry, f"is there more than once ({shown}): reinstall it, so that one is left", project
                )
            else:
                distributions[project] = several[0]
        # The remains of an upgrade beside a whole installation say nothing about what runs.
        unread.update({project: trouble for project, trouble in failed.items() if project not in here})
    return Inventory(source, _Distributions(distributions), (*troubles, *unread.values()), markers)


def _metadata(entry: str, troubles: List[Unread]) -> List[str]:
    """Names of the metadata directories and files in a path entry, sorted."""
    try:
        names = os.listdir(entry)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.isfile(entry):
            troubles.append(Unread(entry, "is an archive; what it holds was not looked at"))
        return []
    except (OSError, ValueError) as error:
        troubles.append(Unread(entry, f"cannot be listed: {getattr(error, 'strerror', error)}"))
        return []
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info")))


class _Found:
    """What the metadata of one distribution say, as they say it; the version is valid."""

    __slots__ = ("head", "name", "project", "version", "where")

    def __init__(self, project: str, version: str, name: str, where: str, head: bytes) -> None:
        self.project, self.version, self.name, self.where, self.head = project, version, name, where, head


class _Distributions(Mapping[str, Distribution]):
    """The distributions by project, each made when it is asked for: a healthy check asks for few."""

    def __init__(self, found: Dict[str, _Found]) -> None:
        self._found = found
        self._made: Dict[str, Distribution] = {}

    def __getitem__(self, project: str) -> Distribution:
        made = self._made.get(project)
        if made is None:
            one = self._found[project]
            made = Distribution(project, Version(one.version), _Declared(one.head), one.name, one.where)
            self._made[project] = made
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, project: object) -> bool:
        return project in self._found

    def __repr__(self) -> str:
        return repr(dict(self))


def _found(place: str) -> Union[_Found, Unread]:
    """One metadata directory (or old single file), or why it could not be used."""
    if place.endswith(".dist-info"):
        path = f"{place}{os.sep}METADATA"
    else:
        path = os.path.join(place, "PKG-INFO") if os.path.isdir(place) else place
    try:
        head = _head(path)
    except FileNotFoundError:
        return _unread(place, place, f"has no {os.path.basename(path)}: reinstall it or remove the directory")
    except OSError as error:
        return _unread(place, path, f"cannot be read: {error.strerror}")
    name, version = _value(head, b"\nName:"), _value(head, b"\nVersion:")
    if name is None or version is None:  # not there, or written in an unusual way
        headers = _unusual(head)
        name, version = headers.get("Name"), headers.get("Version")
    if not name or not version:
        return _unread(place, path, f"has no {'Version' if name else 'Name'}")
    if not _is_plain(version):
        try:
            Version(version)
        except ValueError:  # also where Python refuses to convert so many digits
            return _unread(place, path, f"has a version that is none: {version!r}")
    return _Found(canonical(name), version, name, place, head)


def _is_plain(version: str) -> bool:
    """Whether a version is nothing but numbers, as most are: to know that it is valid, it need not be parsed."""
    return len(version) < _LONG and all(map(str.isdigit, version.split("."))) and version.isascii()


def _unread(place: str, where: str, reason: str) -> Unread:
    """What could not be used; its name is read off the directory, for want of its metadata."""
    stem, _, kind = os.path.basename(place).rpartition(".")
    name = stem.partition("-")[0] if kind == "egg-info" else stem.rpartition("-")[0] or stem
    return Unread(where, reason, canonical(name))


def direct(distribution: Distribution) -> bool:
    """Whether it was installed from a path or an address (PEP 610), so that no index need have its version."""
    return bool(distribution.where) and os.path.exists(os.path.join(distribution.where, "direct_url.json"))


class _Declared(Sequence[str]):
    """The ``Requires-Dist`` in the headers of a metadata file, found when asked for: a healthy check does not."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._found: Optional[Tuple[str, ...]] = None

    @property
    def _texts(self) -> Tuple[str, ...]:
        if self._found is None:
            found = _values(f"{self._head.decode('utf-8', 'replace')}\n", "Requires-Dist")
            self._found = tuple((_unusual(self._head).get_all("Requires-Dist") or ()) if found is None else found)
        return self._found

    def __getitem__(self, position: Any) -> Any:
        return self._texts[position]

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __eq__(self, other: object) -> bool:
        return self._texts == (other._texts if isinstance(other, _Declared) else other)

    def __hash__(self) -> int:
        return hash(self._texts)

    def __repr__(self) -> str:
        return repr(self._texts)


_LONG = 100
"""Characters; Python converts some thousand digits."""
_CHUNK = 1 << 14
_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows has both kinds


def _head(path: str) -> bytes:
    """The headers of a metadata file, each behind a line's end: what stands before its first empty line."""
    # A file object takes three times as long to make as the file to read.
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        more = data = os.read(descriptor, _CHUNK)
        while len(more) == _CHUNK and b"\n\n" not in data:  # descriptions, which follow, can be long
            more = os.read(descriptor, _CHUNK)
            data += more
    finally:
        os.close(descriptor)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    end = 0 if data.startswith(b"\n") else data.find(b"\n\n")
    return b"\n" + (data if end < 0 else data[:end])


def _unusual(head: bytes) -> Message:
    """Headers that are folded, or written with other capitals."""
    from email.parser import HeaderParser

    return HeaderParser().parsestr(head[1:].decode("utf-8", "replace"))


def _value(head: bytes, key: bytes) -> Optional[str]:
    """What stands behind the first header of a name; None when there is none, or it goes on in the next line."""
    start = head.find(key)
    if start < 0:
        return None
    end = head.find(b"\n", start + 1)
    if end < 0:
        end = len(head)
    elif head.startswith((b" ", b"\t"), end + 1):
        return None
    return head[start + len(key) : end].decode("utf-8", "replace").strip()


def _values(lines: str, key: str) -> Optional[List[str]]:
    """What stands behind each header of one name; None when some value goes on in the next line."""
    found = []
    for piece in lines.split(f"\n{key}:")[1:]:  # most lines are others: they are not looked at one by one
        value, _, rest = piece.partition("\n")
        if rest.startswith((" ", "\t")):
            return None
        found.append(value.strip())
    return found
