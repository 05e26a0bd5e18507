"""``pylock.toml`` and ``pylock.NAME.toml`` (PEP 751)."""

from __future__ import annotations

from typing import Any, Mapping

from compatshim.inventory import documents
from compatshim.inventory.documents import table, tables, text
from compatshim.inventory.manifest import Contents, Source, addressed, shown
from compatshim.inventory.readers import common


def read(source: Source) -> Contents:
    """The lock, all extras and groups of it."""
    document = documents.toml(source)
    schema = text(document.get("lock-version"))
    if schema.partition(".")[0] != "1":
        raise source.error(f"is not a pylock.toml of version 1 (lock-version {shown(schema, documents.WORD)})")
    packages = {"packages": tables(document.get("packages"))}
    found, unread = common.rows(source, packages, "packages", _told, _why)
    return common.contents(found, unread, text(document.get("requires-python")), _marker)


def _marker(item: Mapping[str, Any]) -> str:
    return text(item.get("marker"))


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
