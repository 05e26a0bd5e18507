"""``pyproject.toml``: dependencies (PEP 621), groups (PEP 735) and Poetry's tables; and scripts (PEP 723)."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Union

from compatshim.inventory import documents
from compatshim.inventory.documents import Places, table, text
from compatshim.inventory.manifest import Contents, Demand, Source, demand, shown
from compatshim.inventory.readers import common
from compatshim.model import Location, Unread, canonical

_Found = Iterator[Union[Demand, Unread]]


def read(source: Source) -> Contents:
    """All dependencies that the file has, those of extras and groups as well."""
    document = documents.toml(source)
    places = Places(source)
    project = table(document.get("project"))
    found = [*_project(source, project, places), *_groups(source, document, places)]
    tools = table(document.get("tool"))
    own = table(tools.get("poetry"))
    found += _poetry(source, own, places)
    found += _constraints(source, table(tools.get("uv")), places)
    if not project and not own and "dependency-groups" not in document:  # that of a linter, or beside a setup.py
        reason = "has neither [project] nor [dependency-groups] nor [tool.poetry]: it names no dependencies"
        found.append(source.unread(reason))
    name = canonical(text(project.get("name")) or text(own.get("name")))
    # A project may name itself to join its own extras.
    kept = [one for one in found if not name or one.project != name]
    return common.demanded(kept, text(project.get("requires-python")))


def _project(source: Source, project: Mapping[str, Any], places: Places) -> _Found:
    if "dependencies" in documents.texts(project.get("dynamic")):
        yield source.unread(
            "has dynamic dependencies, which are not in the file", places.quoted("dependencies").line
        )
    yield from _list(source, project.get("dependencies", []), places, "project.dependencies")
    for extra, several in table(project.get("optional-dependencies")).items():
        yield from _list(source, several, places, f"project.optional-dependencies.{extra}")


def _groups(source: Source, document: Mapping[str, Any], places: Places) -> _Found:
    """Every group; as all of them are read, those that a group includes are read anyway."""
    groups = document.get("dependency-groups", {})
    if not isinstance(groups, dict):
        yield source.unread("has [dependency-groups] that is no table")
        return
    known = {canonical(name) for name in groups}
    for name, several in groups.items():
        includes = [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []
        for item in includes:
            included = text(item.get("include-group"))
            if canonical(included) not in known:
                yield source.unread(
                    f"has the group {shown(name)}, which includes {shown(included)}: there is none",
                    places.quoted(included).line,
                )
        rest = [one for one in several if not isinstance(one, dict)] if isinstance(several, list) else several
        yield from _list(source, rest, places, f"dependency-groups.{name}")


def _list(source: Source, several: object, places: Places, key: str) -> _Found:
    if not isinstance(several, list):
        yield source.unread(f"has {key} that is no list")
        return
    for item in several:
        if not isinstance(item, str):
            yield source.unread(f"has {shown(item)} in {key}, where requirements are wanted")
            continue
        place = places.quoted(item)
        found = demand(item, place)
        yield (
            source.unread(f"is no requirement: {shown(item)}", place.line)
            if found is None
            else _known(source, found)
        )


def _constraints(source: Source, uv: Mapping[str, Any], places: Places) -> _Found:
    """What uv keeps to without asking for it."""
    several = uv.get("constraint-dependencies", [])
    for one in _list(source, several, places, "tool.uv.constraint-dependencies"):
        yield one._replace(constraint=True) if isinstance(one, Demand) else one


def _known(source: Source, found: Demand) -> Union[Demand, Unread]:
    if found.specifier.startswith("@"):
        line = found.location.line
        return source.unread("is an address: its version is not in the file", line, found.project)
    return found


def _poetry(source: Source, own: Mapping[str, Any], places: Places) -> _Found:
    several = [(key, table(own.get(key))) for key in ("dependencies", "dev-dependencies")]
    for name, group in table(own.get("group")).items():
        several.append((f"group.{name}.dependencies", table(table(group).get("dependencies"))))
    for key, one in several:
        start = places.after(rf"^[ \t]*\[[ \t]*tool\.poetry\.{re.escape(key)}[ \t]*\]")
        for name, item in one.items():
            # The name at the beginning of a line; in an unusual order it is looked for from the top again.
            pattern = rf'^[ \t]*"?{re.escape(name)}"?[ \t]*[.=]'
            offset = places.after(pattern, start)
            offset = places.after(pattern) if offset < 0 else offset
            start = max(start, offset)
            if canonical(name) != "python":
                for choice in item if isinstance(item, list) else [item]:
                    yield _constraint(source, name, choice, places.at(offset))


def _constraint(source: Source, name: str, item: object, place: Location) -> Union[Demand, Unread]:
    """A dependency in Poetry's own words."""
    try:
        from poetry.core.packages.dependency import Dependency
    except ImportError:
        raise source.error(
            "cannot be read without poetry-core, not installed here: python -m pip install 'compatshim[files]'"
        ) from None

    own = {"version": item} if isinstance(item, str) else table(item)
    line, project = place.line, canonical(name)
    for key in ("git", "path", "url", "file"):
        if key in own:
            return source.unread(f"is told by its {key}: its version is not in the file", line, project)
    if not text(own.get("version")):
        return source.unread(f"has no version: {shown(item)}", line, project)
    try:
        made = Dependency(name, text(own["version"]), extras=documents.texts(own.get("extras")))
        if text(own.get("python")):
            made.python_versions = text(own["python"])
        if text(own.get("markers")):
            made.marker = made.marker.intersect(_marker(text(own["markers"])))
        written = made.to_pep_508(with_extras=False)
    except Exception:  # noqa: BLE001  it raises errors of many classes, some of them its own, for what is no constraint
        return source.unread(f"is no constraint of Poetry's: {shown(text(own['version']))}", line, project)
    found = demand(written, place)
    if found is None:
        return source.unread(f"has no one range: {shown(text(own['version']))}", line, project)
    return found._replace(extras=frozenset(canonical(one) for one in documents.texts(own.get("extras"))), name=name)


def _marker(written: str) -> Any:
    from poetry.core.version.markers import parse_marker

    return parse_marker(written)


BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""As PEP 723 has it."""


def script(source: Source) -> Contents:
    """The dependencies in the comment of a script. Raises ``ManifestError`` when there is none or more than one."""
    straight = source.text.replace("\r\n", "\n").replace("\r", "\n")
    found = [match for match in BLOCK.finditer(straight) if match["type"] == "script"]
    if len(found) != 1:
        raise source.error("has several `# /// script` blocks" if found else "has no `# /// script` block")
    lines = found[0]["content"].splitlines()
    above = straight.count("\n", 0, found[0].start("content"))
    content = "\n" * above + "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    inner = source._replace(text=content)
    document = documents.toml(inner)
    several = list(_list(inner, document.get("dependencies", []), Places(inner), "dependencies"))
    return common.demanded(several, text(document.get("requires-python")))
