"""``pylock.toml`` and ``pylock.NAME.toml`` (PEP 751)."""

from __future__ import annotations

from typing import Any, List, Mapping

from compatshim.inventory import documents
from compatshim.inventory.documents import Places, table, tables, text
from compatshim.inventory.manifest import Contents, Locked, Source, addressed
from compatshim.inventory.readers import common
from compatshim.model import Unread


def read(source: Source) -> Contents:
    """The lock, all extras and groups of it."""
    document = documents.toml(source)
    schema = text(document.get("lock-version"))
    if schema.partition(".")[0] != "1":
        raise source.error(f"is not a pylock.toml of version 1 (lock-version {documents.shorten(schema)})")
    found = tables(document.get("packages"))
    places = Places(source).tables("packages", len(found))
    made: List[common.Row] = []
    unread: List[Unread] = []
    for item, place in zip(found, places):
        one = common.package(source, {**item, "version": item.get("version") or _told(item)}, place, _why(item))
        if isinstance(one, Unread):
            unread.append(one)
        else:
            made.append(common.Row(item, one._replace(marker=text(item.get("marker")))))
    packages = tuple(row.package for row in made)
    return Contents((Locked(packages),), (), tuple(unread), text(document.get("requires-python")))


def _told(item: Mapping[str, Any]) -> str:
    """The version that the name of its archive says."""
    archive = table(item.get("archive"))
    known = addressed(text(archive.get("url")) or text(archive.get("path")))
    return "" if known is None else str(known)


def _why(item: Mapping[str, Any]) -> str:
    for key, reason in (
        ("vcs", "comes from a repository"),
        ("directory", "is a directory"),
        ("archive", "is an archive"),
    ):
        if key in item:
            return f"{reason}: its version is not in the file"
    return "has no version in it"
