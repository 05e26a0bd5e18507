"""Which kind a file is: by its name, else by the beginning of its text. And which files of a folder are any."""

from __future__ import annotations

import os
import re
from typing import Iterable, List, Optional, Sequence, Tuple

from compatshim.inventory import documents, kinds
from compatshim.inventory.kinds import Kind
from compatshim.inventory.manifest import ManifestError, Source

_BEGINNING = 1 << 14
"""Characters within which a file must show what it is."""
_TEXT = (".txt", ".in", "")
"""Suffixes of requirements files of any name."""


def kind(source: Source) -> Kind:
    """The kind of a file. Raises :exc:`ManifestError` when neither its name nor its content tells."""
    name = os.path.basename(source.path)
    found = kinds.named(name) or _by_content(source.text)
    if found is not None:
        return found
    if source.path.startswith("<") or os.path.splitext(name)[1].lower() in _TEXT:
        return kinds.BY_NAME["requirements"]
    raise ManifestError(
        f"{source.path}: neither its name nor its content tells what kind of file it is; say so with --kind "
        + "|".join(kinds.BY_NAME)
    )


def _by_content(text: str) -> Optional[Kind]:
    # The keys of an object may stand in any order.
    straight = (text if text[:99].lstrip().startswith("{") else text[:_BEGINNING]).replace("\r\n", "\n")
    return next((one for one in kinds.KINDS if one.content and re.match(one.content, straight)), None)


def directory(path: str) -> List[str]:
    """The manifests of a folder itself, sorted. Raises :exc:`OSError`.

    Where there is a lock, ``pyproject.toml`` is left out: the lock is what it comes to.
    """
    names = sorted(os.listdir(path))
    return standing(named(path, ((name, os.path.isdir(os.path.join(path, name))) for name in names)))


def named(folder: str, entries: Iterable[Tuple[str, bool]]) -> List[str]:
    """The manifests among a folder's entries, each a name and whether it is a folder itself, in their order."""
    # Any script may have requirements; only those that are named are opened for them.
    found = [name for name, is_folder in entries if _NAMES.fullmatch(name) and is_folder == (name == "conda-meta")]
    return [os.path.join(folder, name) for name in found]


_NAMES = re.compile("|".join(f"(?:{one.names})" for one in kinds.KINDS if one.name != "script"), re.IGNORECASE)
"""Of all kinds at once: a tree may have a million files."""


def standing(paths: Sequence[str]) -> List[str]:
    """The paths less each ``pyproject.toml`` that a lock among them stands for: it is what the project comes to.

    That is a lock beside it, or the one of the workspace that it is a member of.
    """
    told = [(path, os.path.normpath(os.path.dirname(path)), kinds.named(os.path.basename(path))) for path in paths]
    locked = {folder for _, folder, one in told if one is not None and one.lock}
    projects = {folder for _, folder, one in told if one is not None and one.name == "pyproject"}
    for path, folder, one in told:
        if one is not None and one.name == "uv.lock" and projects - locked:
            locked.update(os.path.normpath(os.path.join(folder, member)) for member in _members(path))
    return [path for path, folder, one in told if one is None or one.name != "pyproject" or folder not in locked]


_MEMBER = re.compile(rb'(?m)^source = \{ (?:editable|virtual) = "([^"\n]+)" \}$')


def _members(path: str) -> List[str]:
    """The projects of the workspace with this lock, relative to it. Whoever reads the lock says what is wrong."""
    try:
        with open(path, "rb") as file:
            return [found.decode("utf-8", "replace") for found in _MEMBER.findall(file.read(documents.LIMIT))]
    except (OSError, ValueError):
        return []
