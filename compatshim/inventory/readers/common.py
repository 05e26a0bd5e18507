"""What readers of locks have in common: one table per package, with a name and a version."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from compatshim.inventory.documents import Places, table, text
from compatshim.inventory.manifest import Contents, Demand, Locked, Package, Source, shown, version
from compatshim.model import Location, Unread, canonical


class Row(NamedTuple):
    """A table of a lock, where it stands, and the package that it is."""

    table: Mapping[str, Any]
    package: Package


def _no_version(_: Mapping[str, Any]) -> str:
    return "has no version in it"


def rows(
    source: Source,
    document: Mapping[str, Any],
    key: str,
    told: Callable[[Mapping[str, Any]], str] = lambda _: "",
    why: Callable[[Mapping[str, Any]], str] = _no_version,
) -> Tuple[List[Row], List[Unread]]:
    """The packages in the tables ``[[key]]`` of a TOML lock. Raises ``ManifestError`` where that is no list.

    Of a table without a version, ``told`` knows it from elsewhere, or ``why`` says why there is none.
    """
    found = document.get(key, [])
    if not isinstance(found, list):
        raise source.error(f"has no list of tables [[{key}]]")
    places = Places(source).tables(key, len(found))
    made, unread = [], []
    for item, place in zip(found, places):
        one = _package(source, table(item), place, told, why)
        if isinstance(one, Unread):
            unread.append(one)
        else:
            made.append(Row(item, one))
    return made, unread


def _package(
    source: Source,
    item: Mapping[str, Any],
    place: Location,
    told: Callable[[Mapping[str, Any]], str],
    why: Callable[[Mapping[str, Any]], str],
) -> Union[Package, Unread]:
    """The package that a table with ``name`` and ``version`` is, or why it could not be read."""
    name = text(item.get("name"))
    if not name:
        return source.unread("is a package without a name", place.line)
    written = text(item.get("version")) or told(item)
    known = version(written) if written else None
    if known is None:
        reason = f"has a version that is none: {shown(written)}" if written else why(item)
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


def demanded(found: Sequence[Union[Demand, Unread]], requires_python: str) -> Contents:
    """The contents of a file that a person wrote."""
    demands = tuple(one for one in found if isinstance(one, Demand))
    return Contents((), demands, tuple(one for one in found if isinstance(one, Unread)), requires_python)
