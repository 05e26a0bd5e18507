"""What is installed, where the names in a directory do not tell.

The look at those is in :mod:`compatshim` itself.
"""

from __future__ import annotations

import os

import compatshim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Optional, Sequence, Tuple


def scan(path: Optional[Sequence[str]] = None) -> Dict[str, Tuple[str, ...]]:
    """Versions of the projects that advisories with a shim are about, along ``path`` (default :data:`sys.path`).

    As the metadata directories spell them, several where one entry has several. A version that no file name tells
    (``name.egg-info`` of a development install) is read from its file; it is the empty string when that fails.
    """
    return compatshim._installed(compatshim._index(), path)  # noqa: SLF001  it is there for its cost


def archive(entry: str) -> Iterable[str]:
    """Names at a place inside a zip file; nothing for another file."""
    import zipimport

    try:
        importer = zipimport.zipimporter(entry)
        files: Iterable[str] = vars(zipimport)["_zip_directory_cache"][importer.archive]
        prefix = importer.prefix
        return {name[len(prefix) :].partition(os.sep)[0] for name in files if name.startswith(prefix)}
    except Exception:
        return ()


def version(place: str) -> str:
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
