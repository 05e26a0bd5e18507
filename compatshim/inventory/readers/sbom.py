"""Bills of materials in JSON: CycloneDX, and SPDX 2 and 3. What has a package URL of PyPI or conda counts."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping

from compatshim.inventory import conda_names, documents
from compatshim.inventory.documents import Places, tables, text
from compatshim.inventory.manifest import Contents, Locked, Package, Source, shown, version
from compatshim.model import Unread, canonical


def cyclonedx(source: Source) -> Contents:
    """The components of a CycloneDX document, nested ones as well."""
    document = documents.json_object(source)
    if document.get("bomFormat") != "CycloneDX":
        raise source.error("is not CycloneDX: there is no bomFormat that says so")
    return _contents(source, _components(document))


def _components(document: Mapping[str, Any]) -> Iterator[str]:
    waiting = tables(document.get("components"))[::-1]
    while waiting:
        item = waiting.pop()
        waiting += tables(item.get("components"))[::-1]
        yield text(item.get("purl"))


def spdx(source: Source) -> Contents:
    """The packages of an SPDX document."""
    document = documents.json_object(source)
    if "@graph" in document:
        return _contents(source, (text(item.get("software_packageUrl")) for item in tables(document["@graph"])))
    if not text(document.get("spdxVersion")):
        raise source.error("is not SPDX: there is no spdxVersion")
    return _contents(
        source,
        (
            text(reference.get("referenceLocator"))
            for item in tables(document.get("packages"))
            for reference in tables(item.get("externalRefs"))
            if reference.get("referenceType") == "purl"
        ),
    )


def _contents(source: Source, purls: Iterator[str]) -> Contents:
    from packageurl import PackageURL

    places = Places(source, '"')
    packages: List[Package] = []
    unread: List[Unread] = []
    for written in dict.fromkeys(purls):
        if not written.startswith(("pkg:pypi/", "pkg:conda/")):
            continue
        place = places.quoted(written)
        try:
            purl = PackageURL.from_string(written)
        except ValueError:
            unread.append(source.unread(f"is no package URL: {shown(written)}", place.line))
            continue
        project = canonical(purl.name) if purl.type == "pypi" else conda_names.project(purl.name)
        if project is None:
            continue
        known = version(purl.version) if purl.version else None
        if known is None:
            reason = (
                f"has a version that is none: {shown(purl.version)}" if purl.version else "has no version in it"
            )
            unread.append(source.unread(reason, place.line, project))
        else:
            packages.append(Package(project, known, place, purl.name))
    return Contents((Locked(tuple(packages)),), (), tuple(unread))
