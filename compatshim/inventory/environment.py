"""The distributions installed for an interpreter, this one or another, read from their metadata files.

What cannot be read becomes an :class:`~compatshim.model.Unread` with its reason; it never ends the reading.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email.parser import HeaderParser
from typing import Dict, List, Mapping, Sequence, Tuple, Union

from packaging.markers import default_environment
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from compatshim.model import Distribution, Inventory, Unread

TIMEOUT = 60
"""Seconds that another interpreter has to answer."""

# What packaging.markers.default_environment() computes, for an interpreter that may not have packaging.
_PROBE = """
import json, os, platform, sys
implementation = sys.implementation
info = implementation.version
version = "%d.%d.%d" % info[:3] + ("" if info[3] == "final" else info[3][0] + str(info[4]))
print(json.dumps({"path": [entry for entry in sys.path if entry], "markers": {
    "implementation_name": implementation.name, "implementation_version": version, "os_name": os.name,
    "platform_machine": platform.machine(), "platform_release": platform.release(),
    "platform_system": platform.system(), "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "platform_python_implementation": platform.python_implementation(),
    "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform}}))
"""


class InventoryError(Exception):
    """Nothing could be read at all; the message says what was tried and what to do."""


def this() -> Inventory:
    """The environment that runs compatshim."""
    markers = {name: str(value) for name, value in default_environment().items()}
    return read(sys.path, markers, source=f"the environment of {sys.executable}")


def of(python: str) -> Inventory:
    """The environment of another interpreter. Raises :exc:`InventoryError`."""
    path, markers = search_path(python)
    return read(path, markers, source=f"the environment of {python}")


def search_path(python: str) -> Tuple[List[str], Dict[str, str]]:
    """Module search path and marker environment of another interpreter. Raises :exc:`InventoryError`."""
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE], capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise InventoryError(f"--python {python}: did not answer within {TIMEOUT} seconds") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InventoryError(f"--python {python}: cannot be run ({reason}); name a Python interpreter") from error
    try:
        found = json.loads(answer.stdout.splitlines()[-1])  # start-up files may print, too
        return list(found["path"]), dict(found["markers"])
    except (ValueError, LookupError, TypeError) as error:
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
    project = canonicalize_name(stem.rpartition("-")[0] if "-" in stem else stem)
    if place.endswith(".egg-info"):
        project = canonicalize_name(stem.split("-")[0])
        path = os.path.join(place, "PKG-INFO") if os.path.isdir(place) else place
    else:
        path = os.path.join(place, "METADATA")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return Unread(place, f"has no {os.path.basename(path)}: reinstall it or remove the directory", project)
    except OSError as error:
        return Unread(path, f"cannot be read: {error.strerror}", project)
    headers = HeaderParser().parsestr(text.split("\n\n", 1)[0])
    name, written = headers.get("Name"), headers.get("Version")
    if not name or not written:
        return Unread(path, f"has no {'Version' if name else 'Name'}", project)
    try:
        version = Version(written)
    except InvalidVersion:
        return Unread(path, f"has a version that is none: {written!r}", project)
    return Distribution(
        project=canonicalize_name(name),
        version=version,
        requires=tuple(headers.get_all("Requires-Dist") or ()),
        name=name,
        requested=os.path.exists(os.path.join(place, "REQUESTED")),
    )
