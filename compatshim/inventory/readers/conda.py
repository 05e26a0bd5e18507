"""What conda writes: ``environment.yml``, conda-lock's files, ``pixi.lock``, and ``conda-meta``.

Names are conda's and become those of PyPI; what is no project of Python is passed over.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from compatshim.inventory import conda_names, documents, platforms
from compatshim.inventory.documents import table, tables, text
from compatshim.inventory.manifest import (
    Contents,
    Demand,
    Locked,
    ManifestError,
    Package,
    Source,
    addressed,
    shown,
    version,
)
from compatshim.inventory.readers import common, requirements
from compatshim.model import Location, Unread, canonical

PLATFORMS: Mapping[str, Mapping[str, str]] = {
    f"{name}-{kind}": platforms.markers(system, machine)
    for name, system, kinds in (
        ("linux", "Linux", {"64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64le"}),
        ("osx", "Darwin", {"64": "x86_64", "arm64": "arm64"}),
        ("win", "Windows", {"64": "AMD64", "arm64": "ARM64"}),
    )
    for kind, machine in kinds.items()
}
"""The part of the marker environment that a platform of conda's fixes."""


def environment(source: Source) -> Contents:
    """``environment.yml``: conda's requirements and those for pip."""
    document = documents.yaml(source)
    several = document.get("dependencies")
    if not isinstance(several, list):  # others have files of that name, too
        return Contents(unread=(source.unread("has no list of dependencies"),))
    found: List[Union[Demand, Unread]] = []
    python = ""
    for item in several:
        if isinstance(item, dict):
            found += _pip(source, item)
        elif isinstance(item, documents.Text):
            one = _spec(source, item)
            if isinstance(one, str):
                python = one
            elif one is not None:
                found.append(one)
        else:
            found.append(source.unread("has a dependency that is neither a text nor a table"))
    return common.demanded(found, python)


def _pip(source: Source, item: Mapping[str, Any]) -> List[Union[Demand, Unread]]:
    if set(item) != {"pip"} or not isinstance(item["pip"], list):
        return [source.unread("has a table among its dependencies that is not `pip:` with a list")]
    lines: Dict[str, Location] = {
        one: Location(source.path, one.line) for one in item["pip"] if isinstance(one, documents.Text)
    }
    demands, unread = requirements.scan(lines)
    rest = [
        source.unread("has a requirement for pip that is no text")
        for one in item["pip"]
        if not isinstance(one, str)
    ]
    return [*demands, *unread, *rest]


_SPEC = re.compile(
    r"(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*"
    r"(?:\[(?P<keys>[^\]]*)\]|(?P<version>[^\[\s=][^\[\s]*|==?[^=\[\s]+)?(?:[\s=]+(?P<build>[^\s=<>!~\[]+))?)\s*"
)
_CLAUSE = re.compile(r"(?P<operator>~=|[<>=!]=|[<>=]|)\s*(?P<version>\d[A-Za-z0-9._+!]*?)(?P<any>\.?\*)?")


def _spec(source: Source, item: documents.Text) -> Union[Demand, Unread, str, None]:
    """One of conda's requirements; a specifier set for Python's own, None for what is no project of Python."""
    found = _SPEC.fullmatch(re.sub(r"\s*([<>=!~,|]+)\s*", r"\1", str(item).partition("#")[0].strip()))
    unread = source.unread(f"is no requirement that can be read here: {shown(str(item))}", item.line)
    if found is None:
        return unread
    written = found["version"] or ""
    if found["keys"]:
        keys = re.fullmatch(r"\s*version\s*=\s*['\"]?([^'\"\]]+)['\"]?\s*", found["keys"])
        if keys is None:
            return unread
        written = keys[1]
    specifier = _specifier(written, exact=bool(found["build"]) or not written.startswith("="))
    if specifier is None:
        return unread
    if canonical(found["name"]) == "python":
        return specifier
    project = conda_names.project(found["name"])
    if project is None:
        return None
    return Demand(project, specifier, Location(source.path, item.line), name=found["name"])


def _specifier(written: str, *, exact: bool) -> Optional[str]:
    """Conda's conditions on a version as a specifier set; None where there is no such set."""
    if written in ("", "*"):
        return ""
    made = []
    for part in written.split(","):
        clause = _CLAUSE.fullmatch(part)
        if clause is None or version(clause["version"].rstrip(".")) is None:
            return None
        operator, number, wild = clause["operator"], clause["version"], clause["any"]
        if operator in ("", "="):  # `=1.2` is any 1.2, `1.2` and `=1.2=build` are 1.2 itself
            wild = wild or (operator == "=" and not exact)
            made.append(f"=={number}{'.*' if wild else ''}")
        elif wild and operator in ("==", "!="):
            made.append(f"{operator}{number}.*")
        else:
            made.append(f"{operator}{number}")
    return ",".join(made)


def conda_lock(source: Source) -> Contents:
    """``conda-lock.yml``, or a list of addresses under ``@EXPLICIT``."""
    if re.search(r"(?m)^@EXPLICIT\s*$", source.text):
        return _explicit(source)
    document = documents.yaml(source)
    if not isinstance(document.get("package"), list):
        raise source.error("is not a conda-lock.yml: there is no list `package`")
    found: Dict[str, List[Package]] = {}
    unread: List[Unread] = []
    pythons: Dict[str, str] = {}
    for item in tables(document["package"]):
        platform = text(item.get("platform"))
        name = text(item.get("name"))
        if name == "python" and item.get("manager") != "pip":
            pythons[platform] = text(item.get("version"))
            continue
        project = canonical(name) if item.get("manager") == "pip" else conda_names.project(name)
        if project is not None:
            one = _package(
                source, project, name, text(item.get("version")), getattr(item.get("name"), "line", None)
            )
            _put(one, found.setdefault(platform, []), unread)
    return Contents(
        tuple(
            Locked(tuple(packages), platform, _markers(platform, pythons.get(platform, "")))
            for platform, packages in found.items()
        ),
        (),
        tuple(unread),
    )


def _put(one: Union[Package, Unread, None], packages: List[Package], unread: List[Unread]) -> None:
    if isinstance(one, Package):
        packages.append(one)
    elif one is not None:
        unread.append(one)


def _markers(platform: str, python: str) -> Dict[str, str]:
    markers = dict(PLATFORMS.get(platform, {}))
    known = re.match(r"(\d+\.\d+)(\.\d+)?", python)
    if known:
        markers.update(python_version=known[1], python_full_version=known[0] if known[2] else f"{known[1]}.0")
    return markers


def _package(
    source: Source, project: str, name: str, written: str, line: Optional[int]
) -> Union[Package, Unread, None]:
    """A package, or why it could not be read; None for a version that no project of PyPI can have, as ``9e``."""
    known = version(written)
    if known is None:
        return None if written else source.unread("has no version in it", line, project)
    return Package(project, known, Location(source.path, line), name)


_FILE = re.compile(
    r"(?:.*/)?(?P<name>[^/]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+?)(?:\.conda|\.tar\.bz2)(?:[#?].*)?"
)


def _explicit(source: Source) -> Contents:
    packages: List[Package] = []
    unread: List[Unread] = []
    platform = python = ""
    for number, line in enumerate(source.text.splitlines(), start=1):
        url = line.strip()
        if "://" not in url or url.startswith("#"):
            continue
        found = _FILE.fullmatch(url)
        if found is None:
            known = addressed(url)  # of pip
            name = url.rpartition("/")[2].partition("-")[0]
            if known is None:
                unread.append(source.unread("is an address that tells no version", number))
            else:
                packages.append(Package(canonical(name), known, Location(source.path, number), name))
            continue
        folder = url.rpartition("/")[0].rpartition("/")[2]
        platform = folder if folder in PLATFORMS else platform
        project = conda_names.project(found["name"])
        if found["name"] == "python":
            python = found["version"]
        elif project is not None:
            _put(_package(source, project, found["name"], found["version"], number), packages, unread)
    return Contents((Locked(tuple(packages), platform, _markers(platform, python)),), (), tuple(unread))


class _Entry(NamedTuple):
    """A package of a ``pixi.lock``."""

    name: str
    version: str
    project: Optional[str]
    line: Optional[int]


def pixi(source: Source) -> Contents:
    """``pixi.lock`` of versions 4 to 6, one environment for each of its own and each platform."""
    document = documents.yaml(source)
    environments = document.get("environments")
    if not isinstance(environments, dict) or not isinstance(document.get("packages"), list):
        raise source.error("is not a pixi.lock: there are no `environments` and `packages`")
    known = {_key(item): _entry(item) for item in tables(document["packages"])}
    unread: List[Unread] = []
    locked = [
        _pixi_environment(
            source,
            f"{name} on {platform}",
            platform,
            [(item, known.get(_key(item))) for item in tables(several)],
            unread,
        )
        for name, one in environments.items()
        for platform, several in table(table(one).get("packages")).items()
    ]
    return Contents(tuple(locked), (), tuple(dict.fromkeys(unread)))


def _pixi_environment(
    source: Source,
    name: str,
    platform: str,
    items: Sequence[Tuple[Mapping[str, Any], Optional[_Entry]]],
    unread: List[Unread],
) -> Locked:
    packages: List[Package] = []
    python = ""
    for item, entry in items:
        if entry is None:
            unread.append(source.unread("is a package that the list `packages` does not have", _line(item)))
        elif entry.name == "python":
            python = entry.version
        elif entry.project is not None:
            _put(_package(source, entry.project, entry.name, entry.version, entry.line), packages, unread)
    return Locked(tuple(packages), name, _markers(platform, python))


def _line(item: Mapping[str, Any]) -> Optional[int]:
    return next((getattr(value, "line", None) for value in item.values()), None)


def _key(item: Mapping[str, Any]) -> str:
    return text(item.get("conda")) or text(item.get("pypi")) or text(item.get("url")) or text(item.get("path"))


def _entry(item: Mapping[str, Any]) -> _Entry:
    key = _key(item)
    name, written = text(item.get("name")), text(item.get("version"))
    if "pypi" in item or item.get("kind") == "pypi":
        told = addressed(key)
        return _Entry(name, written or (str(told) if told else ""), canonical(name), _line(item))
    file = _FILE.fullmatch(key)
    if file is not None:
        name, written = name or file["name"], written or file["version"]
    project = conda_names.project(name) if name else None
    purls = item.get("purls")
    if isinstance(purls, list):  # pixi knows which projects of PyPI a package is, if any
        named = [re.fullmatch(r"pkg:pypi/([^@?#]+).*", text(one)) for one in purls]
        project = next((canonical(one[1]) for one in named if one), None)
    return _Entry(name, written, project, _line(item))


def installed(source: Source) -> Contents:
    """The packages of a ``conda-meta`` directory."""
    packages: List[Package] = []
    unread: List[Unread] = []
    python = platform = ""
    names = sorted(name for name in os.listdir(source.folder) if name.endswith(".json"))
    if not names:
        raise source.error("has no JSON files in it")
    for name in names:
        path = os.path.join(source.path, name)
        try:
            inner = documents.load(os.path.join(source.folder, name), root=source.folder)._replace(path=path)
            item = documents.json_object(inner)
        except (OSError, ManifestError) as error:
            unread.append(Unread(path, f"cannot be read: {error}"))
            continue
        subdir = text(item.get("subdir"))
        platform = subdir if subdir in PLATFORMS else platform
        project = conda_names.project(text(item.get("name")))
        if item.get("name") == "python":
            python = text(item.get("version"))
        elif project is not None:
            one = _package(inner, project, text(item.get("name")), text(item.get("version")), None)
            _put(one, packages, unread)
    return Contents((Locked(tuple(packages), "", _markers(platform, python)),), (), tuple(unread))
