"""``poetry.lock``: since version 2.1 each package says under which markers it is installed."""

from __future__ import annotations

import re
from typing import Any, Mapping

from compatshim.inventory import documents
from compatshim.inventory.documents import text
from compatshim.inventory.manifest import Contents, Source
from compatshim.inventory.readers import common


def read(source: Source) -> Contents:
    """The lock, all groups and extras of it."""
    document = documents.toml(source)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise source.error("is not a poetry.lock: there is no table [metadata]")
    found, unread = common.rows(source, document, "package")
    python = text(metadata.get("python-versions"))
    return common.contents(found, unread, _specifier(python), _marker)


def _marker(item: Mapping[str, Any]) -> str:
    """The marker of a package; it may be told by group, of which all count."""
    markers = item.get("markers")
    several = [text(one) for one in markers.values()] if isinstance(markers, dict) else [text(markers)]
    if isinstance(markers, dict) and set(markers) < set(documents.texts(item.get("groups"))):
        return ""  # some group has it everywhere
    return " or ".join(f"({one})" for one in several) if all(several) else ""


def _specifier(python: str) -> str:
    """Poetry's constraint on Python as a specifier set, as far as it is one; else empty, which allows all."""
    caret = re.fullmatch(r"\^(\d+)\.(\d+)(\.\d+)?", python)
    if caret is not None:
        return f">={python[1:]},<{int(caret[1]) + 1}"
    return python if re.fullmatch(r"\s*[<>=!~]=?\s*[\d.*]+(\s*,\s*[<>=!~]=?\s*[\d.*]+)*\s*", python) else ""
