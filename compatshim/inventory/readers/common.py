"""What readers of locks have in common: one table per package, with a name and a version."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from compatshim.inventory.documents import Places, table, text
from compatshim.inventory.manifest import Contents, Locked, Package, Source, shown, version
from compatshim.model import Location, Unread, canonical


class Row(NamedTuple):
    """A table of a lock, where it stands, and the package that it is."""

    table: Mapping[str, Any]
    package: Package


def rows(source: Source, document: Mapping[str, Any], key: str) -> Tuple[List[Row], List[Unread]]:
    """The packages in the tables ``[[key]]`` of a TOML lock. Raises ``ManifestError`` where that is no list."""
    found = document.get(key, [])
    if not isinstance(found, list):
        raise source.error(f"has no list of tables [[{key}]]")
    places = Places(source).tables(key, len(found))
    made, unread = [], []
    for item, place in zip(found, places):
        one = package(source, table(item), place)
        if isinstance(one, Unread):
            unread.append(one)
        else:
            made.append(Row(item, one))
    return made, unread


def package(source: Source, item: Mapping[str, Any], place: Location, why: str = "has no version in it") -> Any:
    """The :class:`Package` that a table with ``name`` and ``version`` is, or an :class:`Unread` with the reason."""
    name = text(item.get("name"))
    if not name:
        return source.unread("is a package without a name", place.line)
    written = text(item.get("version"))
    known = version(written) if written else None
    if known is None:
        reason = f"has a version that is none: {shown(written)}" if written else why
        return source.unread(reason, place.line, canonical(name))
    return Package(canonical(name), known, place, name)


def contents(
    made: Sequence[Row],
    unread: Sequence[Unread],
    requires_python: str,
    marker: Optional[Callable[[Mapping[str, Any]], str]] = None,
) -> Contents:
    """The contents of a lock that tells of each package where it is installed."""
    packages = tuple(
        row.package if marker is None else row.package._replace(marker=marker(row.table)) for row in made
    )
    return Contents((Locked(packages),), (), tuple(unread), requires_python)
