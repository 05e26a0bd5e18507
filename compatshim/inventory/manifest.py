"""What a file says of an environment, before anybody asks for which interpreter: packages and requirements.

A reader turns a :class:`Source` into :class:`Contents` and does no more; :mod:`compatshim.inventory.targets` makes
inventories of them.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import FrozenSet, Mapping, NamedTuple, Optional, Tuple

from packaging.version import Version

from compatshim.errors import CompatshimError
from compatshim.model import Location, Unread, canonical


class ManifestError(CompatshimError):
    """A file cannot be read at all; the message names it, the line where that is known, and what is wrong."""


class Source(NamedTuple):
    """A file's text and where it is."""

    path: str
    """As the user named it; a word in angle brackets for what has no file."""
    text: str
    folder: str = ""
    """The folder that paths in it are relative to."""
    root: str = ""
    """The folder that what it includes must lie in, absolute and without links; empty when nothing is included."""
    instead: Mapping[str, str] = MappingProxyType({})
    """Texts that stand for files that it includes, by path without links."""

    def error(self, reason: str, line: Optional[int] = None) -> ManifestError:
        """The error to raise; ``reason`` begins with a verb."""
        return ManifestError(f"{Location(self.path, line)}: {reason}")

    def unread(self, reason: str, line: Optional[int] = None, project: Optional[str] = None) -> Unread:
        """Something in this file that was not checked."""
        return Unread(str(Location(self.path, line)), reason, project)


class Need(NamedTuple):
    """That a package, or the project itself, depends on a package of the same lock."""

    project: str
    version: Optional[Version] = None
    """Where the lock has several."""
    marker: str = ""
    extras: Tuple[str, ...] = ()


class Package(NamedTuple):
    """One version of a project, as a lock has it."""

    project: str
    """Normalised name."""
    version: Version
    location: Location
    name: str = ""
    """As the file spells it."""
    marker: str = ""
    """Where it is installed; empty for everywhere."""
    needs: Mapping[str, Tuple[Need, ...]] = MappingProxyType({})
    """By extra; the empty one for what it always needs. Only in locks that have :attr:`Locked.roots`."""


class Locked(NamedTuple):
    """The packages of a lock that may be installed together, if their markers hold."""

    packages: Tuple[Package, ...]
    name: str = ""
    """Which of several environments of the file this is; empty when markers alone tell them apart."""
    markers: Mapping[str, str] = MappingProxyType({})
    """The part of the marker environment that is fixed for it: of a platform, of a Python."""
    roots: Tuple[Need, ...] = ()
    """What is installed, with all that it needs; when empty, every package is whose marker holds."""


class Demand(NamedTuple):
    """A requirement that a person wrote."""

    project: str
    """Normalised name."""
    specifier: str
    """A specifier set; empty when any version will do."""
    location: Location
    extras: FrozenSet[str] = frozenset()
    marker: str = ""
    name: str = ""
    constraint: bool = False
    """It says what a version must be, but does not ask for the project."""

    @property
    def pin(self) -> Optional[Version]:
        """The one version that it allows, if it is so."""
        for operator in ("===", "=="):
            if self.specifier.startswith(operator) and "," not in self.specifier and "*" not in self.specifier:
                return version(self.specifier[len(operator) :])
        return None

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.project}{extras}{self.specifier}"


class Contents(NamedTuple):
    """All that a file says."""

    locked: Tuple[Locked, ...] = ()
    demands: Tuple[Demand, ...] = ()
    unread: Tuple[Unread, ...] = ()
    requires_python: str = ""
    """A specifier set; empty when the file does not say."""


def version(text: str) -> Optional[Version]:
    """The version that a text is, or None."""
    try:
        return Version(text)
    except ValueError:  # it is none, or has numbers of thousands of digits
        return None


def demand(text: str, location: Location) -> Optional[Demand]:
    """The demand that a PEP 508 requirement makes, or None for what is none. See also :func:`addressed`."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
        marker = str(found.marker or "")
    except (InvalidRequirement, RecursionError):
        return None
    specifier = str(found.specifier)
    if absurd(specifier):
        return None
    if found.url is not None:
        known = addressed(found.url)
        specifier = f"=={known}" if known is not None else f"@ {found.url}"
    extras = frozenset(canonical(extra) for extra in found.extras)
    return Demand(canonical(found.name), specifier, location, extras, marker, found.name)


def absurd(specifier: str) -> bool:
    """Whether it has numbers of so many digits that Python, rightly, does not take them."""
    return re.search(r"\d{1000}", specifier) is not None


def addressed(url: str) -> Optional[Version]:
    """The version that the name of a wheel or a source archive at an address says, or None."""
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    name = url.partition("#")[0].partition("?")[0].rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")
    try:
        if name.endswith(".whl"):
            return parse_wheel_filename(name)[1]
        if name.endswith((".tar.gz", ".zip")) and "-" in name:
            return parse_sdist_filename(name)[1]
    except ValueError:  # all that they raise is one
        pass
    return None


def shown(text: object, most: int = 80) -> str:
    """A piece of a file for a message: short, on one line, without the logins of addresses."""
    if not isinstance(text, str):
        return f"a {type(text).__name__}"
    text = re.sub(r"//[^/\s@]*@", "//", " ".join(text[:400].split()))
    return repr(text if len(text) <= most else f"{text[: most - 1]}…")
