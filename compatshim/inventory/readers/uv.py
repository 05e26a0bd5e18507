"""``uv.lock``: packages and what each depends on, under markers, from the workspace's members down."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from compatshim.inventory import documents
from compatshim.inventory.documents import table, tables, text, texts
from compatshim.inventory.manifest import Contents, Locked, Need, Package, Source, version
from compatshim.inventory.readers import common
from compatshim.model import canonical

_OWN = ("editable", "virtual", "directory", "path")
"""Sources of what lies in the workspace itself or beside it."""


def read(source: Source) -> Contents:
    """The lock. Everything that the members of the workspace may install counts: extras and groups, too."""
    document = documents.toml(source)
    if document.get("version") != 1:
        raise source.error("is not a uv.lock of version 1; this version of compatshim reads no other")
    found, unread = common.rows(source, document, "package")
    manifest = table(document.get("manifest"))
    members = {canonical(name) for name in texts(manifest.get("members"))}
    own = [item for item in tables(document.get("package")) if _is_root(item, members)]
    # Of a script there is no member, and what it asks for stands here.
    several = (manifest.get("requirements"), *table(manifest.get("dependency-groups")).values())
    asked = [_need(one)._replace(version=None) for item in several for one in tables(item)]
    packages = [row.package._replace(needs=_needs(row.table)) for row in found if not _is_root(row.table, members)]
    names = {canonical(text(item.get("name"))) for item in own}
    return Contents(
        tuple(
            Locked(_under(packages, choice), name, {}, _under_needs([*_roots(own, choice), *asked], choice))
            for name, choice in _branches(document)
        ),
        (),
        tuple(item for item in unread if item.project not in names),
        text(document.get("requires-python")),
    )


def _is_root(item: Mapping[str, Any], members: set[str]) -> bool:
    """Whether a package is a project of the workspace, which is not installed from anywhere."""
    place = table(item.get("source"))
    if canonical(text(item.get("name"))) in members:
        return True
    return not members and any(place.get(key) == "." for key in _OWN)


def _needs(item: Mapping[str, Any]) -> Dict[str, Tuple[Need, ...]]:
    """What a package depends on, by extra; groups count as extras of a name that no extra has."""
    found = {"": tuple(_need(one) for one in tables(item.get("dependencies")))}
    for extra, several in table(item.get("optional-dependencies")).items():
        found[canonical(extra)] = tuple(_need(one) for one in tables(several))
    for group, several in table(item.get("dev-dependencies")).items():
        found[f" {group}"] = tuple(_need(one) for one in tables(several))
    return {extra: needs for extra, needs in found.items() if needs}


def _need(item: Mapping[str, Any]) -> Need:
    written = text(item.get("version"))
    return Need(
        canonical(text(item.get("name"))),
        version(written) if written else None,
        text(item.get("marker")),
        tuple(canonical(extra) for extra in texts(item.get("extra"))),
    )


_Choice = Mapping[str, bool]
"""Extras and groups that exclude each other, as uv names them in markers, and whether each is in use."""


def _branches(document: Mapping[str, Any]) -> List[Tuple[str, _Choice]]:
    """One choice for each way to take one of the extras and groups that are declared to conflict."""
    found: List[Tuple[str, _Choice]] = [("", {})]
    for several in document.get("conflicts") or ():
        items = [(_label(one), _encoded(one)) for one in tables(several)]
        everyone = {encoded: False for _, encoded in items}
        if len(found) * len(items) > _MOST:
            break
        found = [
            (", ".join(part for part in (name, label) if part), {**choice, **everyone, encoded: True})
            for name, choice in found
            for label, encoded in items
        ]
    return found


_MOST = 64


def _roots(own: Sequence[Mapping[str, Any]], choice: _Choice) -> Iterator[Need]:
    """What the workspace asks for, less the extras and groups that are not chosen."""
    for item in own:
        name = text(item.get("name"))
        for key, needs in _needs(item).items():
            kind = "group" if key.startswith(" ") else "extra"
            if choice.get(_encoded({"package": name, kind: key.strip()}), True):
                yield from needs


def _label(item: Mapping[str, Any]) -> str:
    kind = "extra" if "extra" in item else "group"
    return f"{kind} {text(item.get(kind))}" if kind in item else text(item.get("package"))


def _encoded(item: Mapping[str, Any]) -> str:
    """The name that uv gives an extra or a group of a package in markers."""
    package = canonical(text(item.get("package")))
    for kind in ("extra", "group"):
        if kind in item:
            return f"{kind}-{len(package)}-{package}-{canonical(text(item.get(kind)))}"
    return f"project-{len(package)}-{package}"


_EXTRA = re.compile(r"""extra\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)")""")


def _chosen(marker: str, choice: _Choice) -> str:
    """A marker in which the extras of a choice are decided, in terms that are always true or never."""
    if "extra" not in marker:
        return marker

    def decided(match: re.Match[str]) -> str:
        name = match[2] or match[3] or ""
        if not choice or name not in choice:
            return match[0]
        return "os_name != ''" if choice[name] == (match[1] == "==") else "os_name == ''"

    return _EXTRA.sub(decided, marker)


def _under_needs(needs: List[Need], choice: _Choice) -> Tuple[Need, ...]:
    return tuple(need._replace(marker=_chosen(need.marker, choice)) for need in needs) if choice else tuple(needs)


def _under(packages: List[Package], choice: _Choice) -> Tuple[Package, ...]:
    if not choice:
        return tuple(packages)
    return tuple(
        one._replace(needs={extra: _under_needs(list(needs), choice) for extra, needs in one.needs.items()})
        for one in packages
    )
