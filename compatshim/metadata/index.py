"""The configured package index as a source of releases, with the bundled snapshot behind it.

Asked are the projects of the snapshot, those that the user requires, and those that are not installed and that some
candidate needs. An installed project outside the snapshot stays as it is installed: the pages and all metadata of
hundreds of projects would be thousands of requests, for projects that no advisory is about.

The index says which versions there are and which are yanked. What a version declares is taken from the snapshot
where that has it, since it never changes. A version without a wheel that fits the target (see
:mod:`~compatshim.metadata.target`) is listed with unknown requirements, so that nobody proposes it: what its source
distribution would require can only be told by building it. Pre-releases are listed for projects of which they are
asked for, and where no final version fits.

Nothing here fails: what an index does not answer is taken from the snapshot, and :attr:`Index.notes` says so.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from types import MappingProxyType
from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from compatshim.metadata.client import PARALLEL
from compatshim.metadata.declared import Metadata
from compatshim.metadata.failures import DamagedError, UnavailableError
from compatshim.metadata.interface import Release
from compatshim.metadata.library import Library
from compatshim.metadata.pages import File
from compatshim.metadata.snapshot import Snapshot
from compatshim.metadata.target import Target
from compatshim.model import Inventory

Progress = Callable[[int, int], None]
"""Told how many answers are there, of how many."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class _Version:
    """A version that the index has, and what is known of it."""

    version: Version
    files: Sequence[File]
    wheel: Optional[File]
    """The one that the target would get, if any fits."""
    known: Optional[Release]
    """What the snapshot has of it."""
    found: Union[Metadata, DamagedError, UnavailableError, None] = None
    """What the wheel declares, or why that cannot be told."""

    @property
    def is_new(self) -> bool:
        """Whether the snapshot does not know its requirements."""
        return self.known is None or self.known.requires is None


@dataclass(frozen=True)
class _Asking:
    """A wheel whose metadata is needed."""

    project: str
    about: _Version
    wheel: File


class Index:
    """The releases of the projects that matter, as the index has them today."""

    def __init__(
        self,
        snapshot: Snapshot,
        library: Library,
        inventory: Inventory,
        *,
        required: Iterable[str] = (),
        prereleases: FrozenSet[str] = frozenset(),
        bounds: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take the projects that the user wants, those of which pre-releases count, and specifier sets by project.

        Where no final version is within the bounds, pre-releases count as well.
        """
        self._snapshot = snapshot
        self._library = library
        self._installed = frozenset(inventory.distributions)
        self._target = Target(inventory.markers)
        self._required = frozenset(required)
        self._prereleases = prereleases
        self._bounds = {project: SpecifierSet(text) for project, text in bounds.items()}
        self.progress: Optional[Progress] = None
        """Where to tell how far it is."""
        self._done = self._total = 0
        self._releases: Dict[str, Optional[Tuple[Release, ...]]] = {}
        self._answered = False
        self._failed: Dict[str, UnavailableError] = {}
        """By project."""
        self._left_out: Dict[Tuple[str, Version], str] = {}
        """Versions whose metadata could not be read, and why."""
        self._date = time.strftime("%Y-%m-%d")

    @property
    def description(self) -> str:
        """The index and today's date; the snapshot where the index did not answer at all."""
        if not self._answered:
            return self._snapshot.description
        missing = [project for project in self._failed if project in self._snapshot.projects]
        rest = f" and, for {_some(missing)}, the {self._snapshot.description}" if missing else ""
        return f"index of {self._date}{rest}"

    @property
    def notes(self) -> Tuple[str, ...]:
        """What a user has to know of what was and was not found, in sentences without addresses."""
        settings = self._library.settings
        if not settings.indexes and not settings.folders:
            return (f"no index is configured: using the {self._snapshot.description}",)
        if self._failed and not self._answered:
            ((host, why), *_) = self._reasons()
            return (f"the index at {host} did not answer ({why}): using the {self._snapshot.description}",)
        found = list(settings.remarks)
        if self._failed:
            said = "; ".join(f"{host} for {_some(names)} ({why})" for (host, why), names in self._reasons().items())
            found.append(
                f"the index did not answer everything: {said}; using the {self._snapshot.description} there"
            )
        if self._left_out:
            listed = [f"{project} {version} ({why})" for (project, version), why in sorted(self._left_out.items())]
            found.append(f"{len(listed)} left out, because the metadata cannot be read: {_some(listed)}")
        return tuple(found)

    def knows(self, project: str) -> bool:
        """Whether the project is one that is asked for."""
        return project in self._snapshot.projects or project in self._required or project not in self._installed

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        """The releases in ascending order; none when no index has the project, None when it was not asked for."""
        if not self.knows(project):
            return None
        self.prefetch([project])
        return self._releases[project]

    def prefetch(self, projects: Iterable[str]) -> None:
        """Fetch what :meth:`releases` will say of these projects, all at once."""
        names = sorted({name for name in projects if name not in self._releases and self.knows(name)})
        if not names:
            return
        with ThreadPool(PARALLEL) as pool:  # its threads do not keep an interrupted program waiting
            listed: Dict[str, List[_Version]] = {}
            for name, files in self._each(pool, self._files, names):
                if isinstance(files, UnavailableError):
                    self._failed[name] = files
                    self._releases[name] = self._snapshot.releases(name)
                else:
                    self._answered = True
                    listed[name] = self._versions(name, files or ())
            # Everything that is not known yet, so that the requests need not wait for each other's projects.
            jobs = [
                _Asking(name, one, one.wheel) for name in listed for one in listed[name] if one.wheel and one.is_new
            ]
            for job, found in self._each(pool, self._metadata, jobs):
                job.about.found = found
        for name, versions in listed.items():
            self._releases[name] = tuple(self._release(name, one) for one in versions)

    def _each(
        self, pool: ThreadPool, function: Callable[[_Item], _Result], items: Sequence[_Item]
    ) -> Iterator[Tuple[_Item, _Result]]:
        """The results for all items, as they come."""
        self._total += len(items)
        for item, result in pool.imap_unordered(lambda item: (item, function(item)), items):
            self._done += 1
            if self.progress is not None:
                self.progress(self._done, self._total)
            yield item, result

    def _files(self, project: str) -> Union[Tuple[File, ...], UnavailableError, None]:
        try:
            return self._library.files(project)
        except UnavailableError as error:
            return error

    def _metadata(self, job: _Asking) -> Union[Metadata, DamagedError, UnavailableError]:
        try:
            return self._library.metadata(job.project, job.about.version, job.wheel)
        except (DamagedError, UnavailableError) as error:
            return error

    def _versions(self, project: str, files: Iterable[File]) -> List[_Version]:
        """The versions to list, in ascending order, with what the snapshot knows of them."""
        texts: Dict[str, List[File]] = defaultdict(list)
        for file in files:
            texts[file.version].append(file)
        found: Dict[Version, List[File]] = defaultdict(list)
        for text, own in texts.items():
            with contextlib.suppress(InvalidVersion):  # pip does not see these either
                found[Version(text)] += own
        known = {release.version: release for release in self._snapshot.releases(project) or ()}
        versions = [
            _Version(version, found[version], self._target.best(found[version]), known.get(version))
            for version in sorted(found)
        ]
        bounds = self._bounds.get(project, SpecifierSet())
        if project in self._prereleases or not any(
            not one.version.is_prerelease and one.version in bounds and self._is_fit(one) for one in versions
        ):
            return versions
        return [one for one in versions if not one.version.is_prerelease]

    def _is_fit(self, one: _Version) -> bool:
        """Whether an installer could take a version, from source too; for pip, yanked ones stand in the way."""
        return one.wheel is not None or any(not file.is_wheel and self._target.admits(file) for file in one.files)

    def _release(self, project: str, one: _Version) -> Release:
        uploaded = min((file.uploaded for file in one.files if file.uploaded), default="")
        if one.wheel is None:
            yanked = all(file.yanked for file in one.files)
            return Release(project, one.version, one.files[0].requires_python, None, yanked, uploaded)
        yanked = one.wheel.yanked
        if one.known is not None and not one.is_new:
            # Wheels may have come after the snapshot: where the index's own are judged, these count.
            return one.known._replace(yanked=yanked, wheels=None if self._target.judges else one.known.wheels)
        if isinstance(one.found, Metadata):
            return Release(project, one.version, one.found.requires_python, one.found.requires, yanked, uploaded)
        self._left_out[project, one.version] = str(one.found)
        return Release(project, one.version, one.wheel.requires_python, None, yanked, uploaded)

    def _reasons(self) -> Mapping[Tuple[str, str], List[str]]:
        """The projects that failed, by host and reason."""
        found: Dict[Tuple[str, str], List[str]] = {}
        for project, error in sorted(self._failed.items()):
            found.setdefault((error.host, str(error)), []).append(project)
        return found


def _some(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are."""
    shown = list(names[:3])
    more = len(names) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more else [])])
