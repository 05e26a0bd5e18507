"""The catalogs in use: the bundled one, and those that an organisation adds to it.

An organisation's catalog is a folder of advisories (``*.toml``) under ids of its own. It is data: to name a shim in
it makes nothing run. Folders are told by ``--catalog``, the variable ``COMPATSHIM_CATALOG``, ``catalogs`` in
``[tool.compatshim]``, or an entry point of the group ``compatshim.catalogs`` in a distribution that is installed
beside compatshim.
"""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from compatshim.model import Advisory, Catalog, CatalogError, Part
from compatshim.startup.offers import offers

VARIABLE = "COMPATSHIM_CATALOG"
"""Folders, separated as in PATH."""


class Source(NamedTuple):
    """A folder of advisories, and who named it."""

    folder: str
    told: str

    @property
    def name(self) -> str:
        """As a person would say it."""
        return f"{self.folder} ({self.told})"


def sources(
    options: Sequence[str],
    environment: Mapping[str, str],
    settings: Optional[Tuple[str, Sequence[str]]],
    path: Sequence[str],
) -> Tuple[Source, ...]:
    """Where advisories are to be read besides the bundled ones; a folder that is named twice counts once.

    ``settings`` is a ``pyproject.toml`` and the folders it names, relative to itself; entry points are looked for
    along ``path``.
    """
    found = [Source(folder, "--catalog") for folder in options]
    found += [Source(folder, VARIABLE) for folder in environment.get(VARIABLE, "").split(os.pathsep) if folder]
    if settings is not None:
        base = os.path.dirname(os.path.abspath(settings[0]))
        found += [Source(os.path.join(base, folder), settings[0]) for folder in settings[1]]
    found += _entry_points(path)
    once: Dict[str, Source] = {}
    for source in found:
        once.setdefault(os.path.realpath(source.folder), source)
    return tuple(once.values())


def merged(bundled: Catalog, others: Sequence[Tuple[Source, Catalog]], allowed: Sequence[str] = ()) -> Catalog:
    """All of them as one, less the shims in packages that are not ``allowed``.

    Raises :exc:`CatalogError` when two say something about the same thing: when they share an id, or name the same
    projects with ranges that overlap and the same symptom, so that it would be found twice.
    """
    if not others:
        return bundled
    import hashlib  # and with it, OpenSSL

    advisories = {advisory.id: (advisory, "the bundled catalog") for advisory in bundled.advisories}
    digest = hashlib.sha256(bundled.digest.encode("ascii"))
    for source, one in others:
        digest.update(one.digest.encode("ascii"))
        before = [*advisories.values()]
        for advisory in (_allowed(item, allowed) for item in one.advisories):
            file = os.path.join(source.folder, f"{advisory.id}.toml")
            if advisory.id in advisories:
                where = advisories[advisory.id][1]
                raise CatalogError(f"{file}: {advisory.id} is also in {where}: give it another id")
            for other, where in before:
                if _overlap(advisory, other):
                    raise CatalogError(
                        f"{file}: describes what {other.id} ({where}) describes: the same symptom of "
                        f"{' with '.join(sorted(advisory.projects))}, in ranges that overlap; remove one of them"
                    )
            advisories[advisory.id] = (advisory, file)
    proven = bundled.proven.union(*(one.proven for _, one in others))
    together = tuple(advisories[identifier][0] for identifier in sorted(advisories))
    parts = tuple(Part(*source, one.digest, len(one.advisories)) for source, one in others)
    return Catalog(together, digest.hexdigest()[:12], proven, bundled.version, parts)


def _allowed(advisory: Advisory, packages: Sequence[str]) -> Advisory:
    kept = [item for item in advisory.remedies if item.shim is None or item.shim.partition(".")[0] in packages]
    return advisory._replace(remedies=tuple(kept))


def _overlap(one: Advisory, other: Advisory) -> bool:
    if one.symptom != other.symptom or set(one.projects) != set(other.projects):
        return False
    return all(
        any(
            (a.fixed is None or b.introduced < a.fixed) and (b.fixed is None or a.introduced < b.fixed)
            for a in term.ranges
            for b in other.term(term.project).ranges
        )
        for term in one.terms
    )


def _entry_points(path: Sequence[str]) -> Iterator[Source]:
    """Folders that installed distributions offer; their code is neither imported nor run."""
    try:
        for entry, distribution, key, value in offers(path):
            folder = os.path.join(entry, *re.split(r"[.:]", value))
            yield Source(folder, f"entry point {key} of {distribution}")
    except ValueError as error:
        raise CatalogError(str(error)) from error
