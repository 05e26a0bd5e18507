"""Several indexes as one, with what they said before on disk.

Of pip's indexes the files come together, those of local folders first; uv's are asked in turn until one has the
project. The page of a project is taken as it is for ten minutes, which is what PyPI itself allows, and then asked
for again under its ETag or date. The metadata of a wheel never change.
"""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from packaging.version import Version

from compatshim.metadata.cache import Cache
from compatshim.metadata.client import Client
from compatshim.metadata.declared import Metadata
from compatshim.metadata.failures import UnavailableError
from compatshim.metadata.pages import File, Page, folder
from compatshim.metadata.settings import Settings, host

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

MAX_AGE = 600
"""Seconds for which the page of a project is not asked for again."""


class Library:
    """The files and metadata that some settings lead to, for several threads."""

    def __init__(self, settings: Settings, cache: str) -> None:
        """Keep what is fetched in the folder ``cache``."""
        self.settings = settings
        self._client = Client(settings)
        self._cache = Cache(cache)
        self._folders: List[Mapping[str, Tuple[File, ...]]] = [folder(path) for path in settings.folders]
        self._again: Dict[Tuple[str, str], Dict[str, Optional[DistributionPackage]]] = {}
        """Where files are, by index and project."""
        self._locks: Dict[Tuple[str, str], Lock] = {}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def files(self, project: str) -> Optional[Tuple[File, ...]]:
        """The files of a project, those of the index that counts most first; None when no index has it.

        Raises :exc:`UnavailableError` when an index that counts did not answer.
        """
        found = [files[project] for files in self._folders if project in files]
        forbidden: Optional[UnavailableError] = None
        for index in self.settings.indexes:
            try:
                page = self._page(index, project)
            except UnavailableError as error:
                if not error.forbidden:
                    raise
                forbidden = error
                continue
            if page is not None:
                found.append(page.files)
                if not self.settings.merged:
                    break
        if not found and forbidden is not None:
            raise forbidden
        return tuple(file for files in found for file in files) if found else None

    def metadata(self, project: str, version: Version, file: File) -> Metadata:
        """What a wheel among :meth:`files` declares. Raises :exc:`DamagedError` and :exc:`UnavailableError`."""
        if not file.index.startswith("http"):
            return self._client.metadata(project, version, self._package(project, file))
        # Without a digest a wheel of that name may be another one in another index.
        key = (file.name, file.digest or file.index)
        known = _metadata(self._cache.read("metadata", *key))
        if known is None:
            known = self._client.metadata(project, version, self._package(project, file))
            self._cache.write("metadata", *key, value=[known.requires_python, known.requires])
        return known

    def _page(self, index: str, project: str) -> Optional[Page]:
        """The page of a project in one index, out of the cache where that is new enough or still holds."""
        if not index.startswith("http"):
            return _of(index, self._client.page(index, project))
        kept = self._cache.read("page", index, project)
        known, when = _page(index, kept)
        now = time.time()
        if known is not None and 0 <= now - when < MAX_AGE:
            return known
        page = _of(index, self._client.page(index, project, known))
        if page is not None:
            rows = [[getattr(file, name) for name in _FIELDS] for file in page.files]
            value = {"when": now, "etag": page.etag, "modified": page.modified, "files": rows}
            self._cache.write("page", index, project, value=value)
        return page

    def _package(self, project: str, file: File) -> DistributionPackage:
        """Where a file is; for one out of the cache the page is asked for again, once."""
        if file.package is not None:
            return file.package
        place = (file.index, project)
        with self._locks.setdefault(place, Lock()):
            if place not in self._again:
                page = self._client.page(file.index, project)
                self._again[place] = {} if page is None else {item.name: item.package for item in page.files}
        package = self._again[place].get(file.name)
        if package is None:
            raise UnavailableError("it does not list the file any more", host(file.index))
        return package


_FIELDS = ("name", "version", "requires_python", "yanked", "uploaded", "digest")


def _of(index: str, page: Optional[Page]) -> Optional[Page]:
    """A page whose files say where they are listed."""
    if page is None:
        return None
    return replace(page, files=tuple(replace(file, index=index) for file in page.files))


def _page(index: str, kept: Any) -> Tuple[Optional[Page], float]:
    """A page out of the cache and when it was fetched, or None and never for another form of entry."""
    try:
        files = tuple(File(**dict(zip(_FIELDS, row)), index=index) for row in kept["files"])
        return Page(files, kept["etag"], kept["modified"]), float(kept["when"])
    except (KeyError, TypeError, ValueError):
        return None, 0.0


def _metadata(kept: Any) -> Optional[Metadata]:
    """Metadata out of the cache, or None for another form of entry."""
    try:
        requires_python, requires = kept
        return Metadata(str(requires_python), tuple(map(str, requires)))
    except (TypeError, ValueError):
        return None
