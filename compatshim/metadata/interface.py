"""What the solver needs to know of versions that are not installed, whoever knows it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Protocol, Tuple

from packaging.version import Version


class Release(NamedTuple):
    """One published version of a project."""

    project: str
    version: Version
    requires_python: str = ""
    """A specifier set; empty when the release does not say."""
    requires: Optional[Tuple[str, ...]] = ()
    """``Requires-Dist`` (PEP 508); None when only a source distribution exists and nothing is known."""
    yanked: bool = False
    uploaded: str = ""
    """ISO date of the first upload."""


class MetadataSource(Protocol):
    """Something that knows the releases of projects."""

    @property
    def description(self) -> str:
        """What it is, and of when, in a phrase."""

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        """All known releases in ascending order, or None when the project is unknown here."""
