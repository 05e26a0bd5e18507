"""The distributions installed for an interpreter, this one or another, read from their metadata files.

What cannot be read becomes an :class:`~compatshim.model.Unread` with its reason; it never ends the reading.
"""

from __future__ import annotations

import os
import sys
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from packaging.version import InvalidVersion, Version

from compatshim.inventory import probe
from compatshim.model import Distribution, Inventory, Unread, canonical

TIMEOUT = 60
"""Seconds that another interpreter has to answer."""


class InventoryError(Exception):
    """Nothing could be read at all; the message says what was tried and what to do."""


def this() -> Inventory:
    """The environment that runs compatshim."""
    return read(sys.path, probe.markers(), source=f"the environment of {sys.executable}")


def of(python: str) -> Inventory:
    """The environment of another interpreter. Raises :exc:`InventoryError`."""
    path, markers = search_path(python)
    return read(path, markers, source=f"the environment of {python}")


def search_path(python: str) -> Tuple[List[str], Dict[str, str]]:
    """Module search path and marker environment of another interpreter. Raises :exc:`InventoryError`."""
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
        raise InventoryError(f"--python {python}: did not answer within {TIMEOUT} seconds") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InventoryError(f"--python {python}: cannot be run ({reason}); name a Python interpreter") from error
    try:
        line = answer.stdout.splitlines()[-1]  # start-up files may print, too
        path, markers = ast.literal_eval(line.decode("ascii"))
        return list(path), dict(markers)
    except (ValueError, LookupError, TypeError, SyntaxError) as error:
        last = answer.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        said = f": {last[0]}" if last else ""
        raise InventoryError(
            f"--python {python}: did not answer as a Python interpreter does (exit {answer.returncode}){said}"
        ) from error


def read(path: Sequence[str], markers: Mapping[str, str], *, source: str) -> Inventory:
    """The distributions along a module search path; the first entry that holds a project wins."""
    distributions: Dict[str, Distribution] = {}
    unread: Dict[str, Unread] = {}
    troubles: List[Unread] = []
    # Entries that are no strings mean nothing to the import system either.
    for entry in dict.fromkeys(os.path.abspath(item) for item in path if isinstance(item, str)):
        here: Dict[str, List[Distribution]] = {}
        failed: Dict[str, Unread] = {}
        for item in _metadata(entry, troubles):
            found = _distribution(os.path.join(entry, item))
            project = found.project or ""
            if project in distributions or project in unread:
                continue
            if isinstance(found, Distribution):
                here.setdefault(project, []).append(found)
            else:
                failed[project] = found
        for project, several in here.items():
            versions = sorted({dist.version for dist in several})
            if len(versions) > 1:
                shown = ", ".join(str(version) for version in versions)
                unread[project] = Unread(
                    entry, f"is there more than once ({shown}): reinstall it, so that one is left", project
                )
            else:
                distributions[project] = several[0]
        # The remains of an upgrade beside a whole installation say nothing about what runs.
        unread.update({project: trouble for project, trouble in failed.items() if project not in here})
    return Inventory(source, distributions, (*troubles, *unread.values()), markers)


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


def _distribution(place: str) -> Union[Distribution, Unread]:
    """One metadata directory (or old single file), or why it could not be used."""
    stem = os.path.basename(place).rsplit(".", 1)[0]
    # Only for naming what failed: the metadata itself says the name of what can be read.
    project = canonical(stem.rpartition("-")[0] if "-" in stem else stem)
    if place.endswith(".egg-info"):
        project = canonical(stem.split("-")[0])
        path = os.path.join(place, "PKG-INFO") if os.path.isdir(place) else place
    else:
        path = os.path.join(place, "METADATA")
    try:
        head = _head(path)
    except FileNotFoundError:
        return Unread(place, f"has no {os.path.basename(path)}: reinstall it or remove the directory", project)
    except OSError as error:
        return Unread(path, f"cannot be read: {error.strerror}", project)
    name, written, requires = _headers(head)
    if not name or not written:
        return Unread(path, f"has no {'Version' if name else 'Name'}", project)
    try:
        version = Version(written)
    except InvalidVersion:
        return Unread(path, f"has a version that is none: {written!r}", project)
    return Distribution(
        project=canonical(name),
        version=version,
        requires=requires,
        name=name,
        requested=os.path.exists(os.path.join(place, "REQUESTED")),
        where=place,
    )


def direct(distribution: Distribution) -> bool:
    """Whether it was installed from a path or an address (PEP 610), so that no index need have its version."""
    return bool(distribution.where) and os.path.exists(os.path.join(distribution.where, "direct_url.json"))


_CHUNK = 1 << 14


def _head(path: str) -> str:
    """The headers of a metadata file: what stands before its first empty line."""
    with open(path, "rb", buffering=0) as file:
        data = file.read(_CHUNK) or b""
        more = data
        while len(more) == _CHUNK and b"\n\n" not in data:  # descriptions, which follow, can be long
            more = file.read(_CHUNK) or b""
            data += more
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    end = 0 if data.startswith(b"\n") else data.find(b"\n\n")
    return (data if end < 0 else data[:end]).decode("utf-8", "replace")


def _headers(head: str) -> Tuple[Optional[str], Optional[str], Tuple[str, ...]]:
    """Name, version and requirements among the headers of a metadata file."""
    lines = f"\n{head}\n"
    name, version, requires = _value(lines, "Name"), _value(lines, "Version"), _values(lines, "Requires-Dist")
    if name is not None and version is not None and requires is not None:
        return name, version, tuple(requires)
    # Written in an unusual way: folded, or with other capitals.
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(head)
    return headers.get("Name"), headers.get("Version"), tuple(headers.get_all("Requires-Dist") or ())


def _value(lines: str, key: str) -> Optional[str]:
    """What stands behind the first header of a name; None when there is none, or it goes on in the next line."""
    start = lines.find(f"\n{key}:")
    if start < 0:
        return None
    end = lines.find("\n", start + 1)
    return None if lines.startswith((" ", "\t"), end + 1) else lines[start + len(key) + 2 : end].strip()


def _values(lines: str, key: str) -> Optional[List[str]]:
    """What stands behind each header of one name; None when some value goes on in the next line."""
    found = []
    for piece in lines.split(f"\n{key}:")[1:]:  # most lines are others: they are not looked at one by one
        value, _, rest = piece.partition("\n")
        if rest.startswith((" ", "\t")):
            return None
        found.append(value.strip())
    return found
