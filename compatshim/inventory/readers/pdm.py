"""``pdm.lock``: each package says under which marker it is installed."""

from __future__ import annotations

from typing import Any, Mapping

from compatshim.inventory import documents
from compatshim.inventory.documents import table, tables, text
from compatshim.inventory.manifest import Contents, Source
from compatshim.inventory.readers import common


def read(source: Source) -> Contents:
    """The lock, all groups of it. A package with extras in use is a table more, of the same version."""
    document = documents.toml(source)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise source.error("is not a pdm.lock: there is no table [metadata]")
    found, unread = common.rows(source, document, "package")
    targets = [text(one.get("requires_python")) for one in tables(metadata.get("targets"))]
    return common.contents(found, unread, targets[0] if len(targets) == 1 else "", _marker)


def _marker(item: Mapping[str, Any]) -> str:
    return text(table(item).get("marker"))
