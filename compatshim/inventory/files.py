"""Files, folders and standard input, whatever kind each is of."""

from __future__ import annotations

import importlib.util
import os
from types import MappingProxyType
from typing import List, Mapping, NamedTuple, Optional

from compatshim.inventory import detect, documents
from compatshim.inventory.kinds import BY_NAME, Kind, named
from compatshim.inventory.manifest import Contents, ManifestError, Source


class Manifest(NamedTuple):
    """A file and what it says."""

    path: str
    kind: Kind
    contents: Contents


def expand(path: str, kind: Optional[str] = None) -> List[str]:
    """The manifests that a path stands for: itself, or those of a folder. Raises :exc:`ManifestError`."""
    if path == "-" or not os.path.isdir(path) or kind == "conda-meta":
        return [path]
    if os.path.basename(os.path.normpath(path)) == "conda-meta" and kind is None:
        return [path]
    found = detect.directory(path)
    if kind is not None:
        found = [one for one in found if BY_NAME[kind] is named(os.path.basename(one))]
    if not found:
        what = f"no {kind} file" if kind is not None else "no manifest of a name that is known"
        raise ManifestError(f"{path}: is a folder with {what} in it; name the file, and its --kind if need be")
    return found


def read(path: str, kind: Optional[str] = None, instead: Mapping[str, str] = MappingProxyType({})) -> Manifest:
    """Read one file. Raises :exc:`ManifestError` and :exc:`OSError`.

    ``instead`` has texts that stand for files, by path without links.
    """
    if path != "-" and os.path.isdir(path):
        source = Source(path, "", os.path.abspath(path))
        found = BY_NAME["conda-meta"]
        inner = os.path.join(path, "conda-meta")
        if os.path.isdir(inner):
            source = Source(inner, "", os.path.abspath(inner))
    else:
        try:
            source = documents.load(path, instead=instead)
        except ValueError as error:  # a null character in a path
            raise ManifestError(f"{path!r}: {error}") from error
        found = BY_NAME[kind] if kind is not None else detect.kind(source)
    require(source, *found.needs)
    return Manifest(source.path, found, found.read(source))


def require(source: Source, *modules: str, done: str = "read") -> None:
    """Raise :exc:`ManifestError` when something is not installed that it takes to have a file ``done``."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise source.error(
            f"cannot be {done} without {' and '.join(missing)}, not installed here: "
            "python -m pip install 'compatshim[files]'"
        )
