"""``Pipfile.lock``: a JSON object for each category, in it one for each project."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Optional

from packaging.version import Version

from compatshim.inventory import documents
from compatshim.inventory.documents import Places, table, text
from compatshim.inventory.manifest import Contents, Locked, Package, Source, addressed, shown, version
from compatshim.model import Unread, canonical


def read(source: Source) -> Contents:
    """The lock, all categories of it."""
    document = documents.json_object(source)
    if not isinstance(document.get("_meta"), dict):
        raise source.error("is not a Pipfile.lock: there is no `_meta`")
    places = Places(source)
    packages: List[Package] = []
    unread: List[Unread] = []
    for category, several in document.items():
        if category == "_meta":
            continue
        start = places.key(category, 0)
        for name, item in table(several).items():
            start = max(places.key(name, start + 1), start)
            place = places.at(start)
            written = text(table(item).get("version"))
            known = version(written[2:]) if written.startswith("==") else _elsewhere(table(item))
            if known is None:
                reason = f"has no exact version: {shown(written)}" if written else _why(table(item))
                unread.append(source.unread(reason, place.line, canonical(name)))
            else:
                packages.append(Package(canonical(name), known, place, name, text(table(item).get("markers"))))
    python = text(table(table(document["_meta"]).get("requires")).get("python_version"))
    return Contents(
        (Locked(tuple(packages)),), (), tuple(unread), f"=={python}.*" if re.fullmatch(r"3\.\d+", python) else ""
    )


def _elsewhere(item: Mapping[str, Any]) -> Optional[Version]:
    return addressed(text(item.get("file")) or text(item.get("path")))


def _why(item: Mapping[str, Any]) -> str:
    if item.get("editable"):
        return "is editable: its version is not in the file"
    return "has no version in it: it comes from a path or an address"
