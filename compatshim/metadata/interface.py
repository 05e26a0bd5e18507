"""What the solver needs to know of versions that are not installed, whoever knows it."""

from __future__ import annotations

from typing import Iterable, NamedTuple, Optional, Protocol, Tuple, runtime_checkable

from packaging.version import Version


class Release(NamedTuple):
    """One published version of a project."""

    project: str
    version: Version
    requires_python: str = ""
    """A specifier set; empty when the release does not say."""
    requires: Optional[Tuple[str, ...]] = ()
    """``Requires-Dist`` (PEP 508); None when no usable wheel exists, so that nothing is known."""
    yanked: bool = False
    uploaded: str = ""
    """ISO date of the first upload."""
    wheels: Optional[Tuple[str, ...]] = None
    """What its wheels are for, in the words of :mod:`compatshim.metadata.wheels`; None when for every Python 3."""


class MetadataSource(Protocol):
    """Something that knows the releases of projects."""

    @property
    def description(self) -> str:
        """What it is, and of when, in a phrase."""

    def knows(self, project: str) -> bool:
        """Whether :meth:`releases` may have something to say of a project; costs nothing."""

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        """All known releases in ascending order, or None when the project is unknown here."""


def release(source: MetadataSource, project: str, version: Version) -> Optional[Release]:
    """The release of a project with a version, where it is known."""
    releases = source.releases(project) if source.knows(project) else None
    return next((one for one in releases or () if one.version == version), None)


@runtime_checkable
class Prefetching(MetadataSource, Protocol):
    """A source that answers sooner when it knows beforehand what it will be asked."""

    def prefetch(self, projects: Iterable[str]) -> None:
        """Get ready for these projects."""
