"""What a wheel declares, out of its metadata file."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import IO, TYPE_CHECKING, Tuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from compatshim.metadata.failures import DamagedError

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage


@dataclass(frozen=True)
class Metadata:
    """What a wheel declares."""

    requires_python: str
    """A specifier set; empty when it does not say."""
    requires: Tuple[str, ...]
    """``Requires-Dist`` (PEP 508)."""


def parse(text: bytes, project: str, version: Version) -> Metadata:
    """Read a metadata file. Raises :exc:`DamagedError` when it is not that of this version of the project."""
    fields = HeaderParser().parsestr(text.decode("utf-8", "replace"))
    try:
        found = Version(fields["Version"] or "")
    except InvalidVersion:
        found = None
    if canonicalize_name(fields["Name"] or "") != project or found is None or found.public != version.public:
        raise DamagedError("its metadata are not those of this version")
    return Metadata(
        fields.get("Requires-Python") or "",
        tuple(" ".join(line.split()) for line in fields.get_all("Requires-Dist", ())),
    )


def verify(text: bytes, package: DistributionPackage) -> None:
    """Raise :exc:`DamagedError` for a metadata file that is not the one that the index announces."""
    announced = (package.metadata_digests or {}).get("sha256")
    if announced is not None and announced.lower() != hashlib.sha256(text).hexdigest():
        raise DamagedError("its metadata file is not the one that the index announces")


BROKEN = (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, OSError)
"""What zipfile raises for what is none, or is not whole."""


def inside(wheel: IO[bytes]) -> bytes:
    """The metadata file in a wheel. Raises :exc:`DamagedError`."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return member(archive)
    except BROKEN as error:
        raise DamagedError("the wheel is damaged") from error


def member(archive: zipfile.ZipFile) -> bytes:
    """The metadata file in an open wheel. Raises one of :data:`BROKEN`."""
    # Wheels that carry other wheels' metadata have those further down.
    (found,) = (name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
    return archive.read(found)
