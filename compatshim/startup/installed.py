"""Which versions of a few projects are installed: one look at each ``sys.path`` entry's file names.

``importlib.metadata`` would answer too, at some sixty times the cost of starting Python.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Container, Dict, Iterable, List, Optional, Sequence, Tuple


def scan(projects: Container[str], path: Optional[Sequence[str]] = None) -> Dict[str, Tuple[str, ...]]:
    """Versions of the listed projects, as the metadata directories spell them.

    The first entry of ``path`` (default :data:`sys.path`) that holds a project wins, as it does for imports.
    Several versions in one entry (a broken upgrade) are all given: which of them is live only the code can say.
    A version that no file name tells (``name.egg-info`` of a development install) is read from its file; it is
    the empty string when that fails.
    """
    found: Dict[str, Tuple[str, ...]] = {}
    for entry in sys.path if path is None else path:
        here: Dict[str, List[str]] = {}
        for item in _listing(entry):
            if item.endswith(".dist-info"):
                name, _, version = item[:-10].rpartition("-")
            elif item.endswith(".egg-info"):
                name, version = _egg_info(entry, item)
            else:
                continue
            project = name.lower().replace("_", "-").replace(".", "-")
            if project in projects and project not in found:
                here.setdefault(project, []).append(version)
        for project, versions in here.items():
            found[project] = tuple(sorted(versions))
    return found


def _listing(entry: str) -> Iterable[str]:
    """Names in a path entry; nothing for what cannot be listed, as for the import system."""
    # The import system has just listed most entries to find this very package; its set is reused where names
    # are compared as they are (not on systems that fold case, where a relaxed copy is kept).
    importer = sys.path_importer_cache.get(entry)
    names: Optional[Iterable[str]] = getattr(importer, "_path_cache", None)
    if names:
        return names
    files = getattr(importer, "_files", None)  # a zip file
    if files is not None:
        return {name.replace("\\", "/").partition("/")[0] for name in files}
    try:
        return os.listdir(entry or ".")
    except OSError:
        return ()


def _egg_info(entry: str, item: str) -> Tuple[str, str]:
    """Name and version behind ``name-version[-pyX.Y].egg-info`` or the file inside ``name.egg-info``."""
    stem = item[:-9]
    parts = stem.split("-")
    if len(parts) > 1:
        return parts[0], parts[1]
    version = ""
    try:
        with open(os.path.join(entry, item, "PKG-INFO"), encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("Version:"):
                    version = line[8:].strip()
                    break
    except OSError:
        pass
    return stem, version
