"""Which versions of a few projects are installed: one look at each ``sys.path`` entry's file names.

``importlib.metadata`` would answer too, after loading a hundred modules.
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
        if not isinstance(entry, str):  # the import system passes over them, too
            continue
        here: Dict[str, List[str]] = {}
        for item in _listing(entry):
            if item.endswith(".dist-info"):
                name, _, version = item[:-10].rpartition("-")
            elif item.endswith(".egg-info"):
                name, _, version = item[:-9].partition("-")
                version = version.partition("-")[0]  # the rest is -pyX.Y
            else:
                continue
            project = name.lower().replace("_", "-").replace(".", "-")
            if project in projects and project not in found:
                here.setdefault(project, []).append(version or _version(os.path.join(entry, item)))
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
    try:
        return os.listdir(entry or ".")
    except NotADirectoryError:
        return _archive(entry)
    except (OSError, ValueError):  # ValueError: no path at all
        return ()


def _archive(entry: str) -> Iterable[str]:
    """Names at a place inside a zip file; nothing for another file."""
    import zipimport

    try:
        importer = zipimport.zipimporter(entry)
        files: Iterable[str] = vars(zipimport)["_zip_directory_cache"][importer.archive]
        prefix = importer.prefix
        return {name[len(prefix) :].partition(os.sep)[0] for name in files if name.startswith(prefix)}
    except Exception:
        return ()


def _version(place: str) -> str:
    """The version that the file inside ``name.egg-info`` tells, or that file itself; empty when it does not."""
    try:
        path = os.path.join(place, "PKG-INFO") if os.path.isdir(place) else place
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("Version:"):
                    return line[8:].strip()
    except OSError:
        pass
    return ""
