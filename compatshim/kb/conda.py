"""conda-forge's repodata patches, read as candidates for advisories.

A patch that narrows what a package depends on says that some versions of the two do not go together. It is a hint
and no proof: nothing was run, names are conda's, and a patch may speak of one build. So it becomes a *candidate*:
the two sides as version specifiers, where it came from, and what is missing for an advisory.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, Union

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version

from compatshim.errors import CompatshimError
from compatshim.inventory.conda_names import NAMES
from compatshim.model import canonical

MISSING = ("a reproducer", "ranges with ends that were run", "remedies that were installed and run")

_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_CONDITIONS = {"version": "==", "version_eq": "==", "version_ne": "!=", "version_lt": "<", "version_le": "<=",
               "version_gt": ">", "version_ge": ">="}  # fmt: skip
_HARMLESS = ("name", "version", "timestamp_", "has_depends")
"""Conditions that do not narrow which versions a patch speaks of."""


class Candidate(NamedTuple):
    """Two projects that may not go together."""

    project: str
    versions: Tuple[str, ...]
    """Specifier sets (PEP 440), each of which is one way to be meant; an empty one for every version."""
    dependency: str
    bad: Tuple[str, ...]
    """Specifiers, each of which is one way to be bad."""
    source: str
    """File and number of the document in it."""
    narrowed: Tuple[str, ...] = ()
    """Conditions of the patch that are not about versions, so that it may speak of some builds only."""


class Skipped(NamedTuple):
    """A patch that says nothing here, and why."""

    source: str
    reason: str


class CondaError(CompatshimError):
    """A file that cannot be read as repodata patches; the message names it."""


def read(text: str, path: str) -> Iterator[Union[Candidate, Skipped]]:
    """What the documents of one file say. Raises :exc:`CondaError`."""
    import yaml

    try:
        # Every scalar is a string: as a number, version 1.20 would be 1.2.
        documents = list(yaml.load_all(text, Loader=yaml.BaseLoader))
    except yaml.YAMLError as error:
        raise CondaError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    for number, document in enumerate(documents, start=1):
        source = f"{path}#{number}"
        if document in (None, ""):
            continue
        if not isinstance(document, dict) or not {"if", "then"} <= document.keys():
            raise CondaError(f"{source}: is not a patch: a table with `if` and `then` is wanted")
        yield from _document(document, source)


def _document(document: Mapping[str, Any], source: str) -> Iterator[Union[Candidate, Skipped]]:
    condition, actions = document["if"], document["then"]
    if not isinstance(condition, dict) or not isinstance(actions, list):
        raise CondaError(f"{source}: `if` must be a table and `then` a list")
    names = condition.get("name") or condition.get("name_in") or ()
    names = [names] if isinstance(names, str) else list(names)
    if not names or any(set(name) & set("*?[") for name in names):
        yield Skipped(source, "is about no project by name")
        return
    try:
        versions = _versions(condition)
        narrowed = tuple(key for key in condition if not key.startswith(_HARMLESS))
        for action in actions:
            for kind, value in action.items():
                for name in names:
                    for dependency, bad in _narrowings(kind, value, _project(name)):
                        yield Candidate(_project(name), versions, dependency, bad, source, narrowed)
    except (InvalidSpecifier, _UnclearError) as error:
        yield Skipped(source, str(error))


class _UnclearError(Exception):
    """Something that cannot be said in PEP 440."""


def _versions(condition: Mapping[str, Any]) -> Tuple[str, ...]:
    """The versions that the conditions leave, as specifier sets of which one has to hold."""
    found = []
    listed: Sequence[str] = ()
    for key, value in condition.items():
        if key.startswith("not_version"):
            raise _UnclearError(f"{key} is no range")
        if key == "version_in":
            listed = [value] if isinstance(value, str) else value
        elif key in _CONDITIONS:
            found.append(f"{_CONDITIONS[key]}{value}")
    ways = [[*found, f"=={text}"] for text in listed] or [found]
    return tuple(str(SpecifierSet(",".join(way))) for way in ways)


def _narrowings(kind: str, value: Any, project: str) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Dependencies that an action restricts, each with the versions that it shuts out."""
    if kind in ("add_depends", "add_constrains"):
        for text in [value] if isinstance(value, str) else value:
            yield from _shut_out("", text, project)
    elif kind in ("replace_depends", "replace_constrains") and isinstance(value, dict):
        old, new = value["old"], value["new"]
        if isinstance(old, str) and isinstance(new, str):
            yield from _shut_out(old, new, project)
    elif kind in ("tighten_depends", "tighten_constrains"):
        for item in [value] if isinstance(value, dict) else value:
            if "upper_bound" in item:
                yield from _shut_out("", f"{item['name']} <{item['upper_bound']}", project)


def _shut_out(old: str, new: str, project: str) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    name, clauses = _dependency(new)
    before = _dependency(old)[1] if old else []
    bad = tuple(str(_negated(clause)) for clause in clauses if clause not in before)
    # Neither Python itself, nor builds, nor variants of one project are what advisories are about.
    if bad and name not in ("python", project) and not name.startswith("_"):
        yield name, bad


def _dependency(text: str) -> Tuple[str, List[Specifier]]:
    """Name and clauses of one of conda's match specifications: ``numpy >=1.16,<2.0a0 *_cpython``."""
    name, *rest = text.replace("?( *)", "").split()
    if not rest or rest[0] == "*":
        return _project(name), []
    if "|" in rest[0]:
        raise _UnclearError(f"{text}: alternatives are no specifier set")
    return _project(name), [_clause(part) for part in rest[0].split(",")]


def _clause(text: str) -> Specifier:
    """A clause in PEP 440: conda writes ``1.2.*``, ``=1.2`` and a bare ``1.2`` too."""
    found = re.fullmatch(r"(==|!=|<=|>=|<|>|~=|=)?(.*)", text)
    sign, version = (found[1] or "", found[2]) if found is not None else ("", text)
    if sign == "=" and not version.endswith("*"):
        version = f"{version.rstrip('.')}.*"
    if version.endswith("*") and not version.endswith(".*"):
        version = f"{version[:-1]}.*"
    return Specifier(f"{sign if sign not in ('', '=') else '=='}{version}")


def _negated(clause: Specifier) -> Specifier:
    if clause.operator not in _NEGATED:
        raise _UnclearError(f"{clause} has no single opposite")
    version = clause.version
    # conda's `<2.0a0` means "before any 2.0".
    if clause.operator == "<" and Version(version).is_prerelease and version.endswith("a0"):
        version = version[: -len("a0")]
    return Specifier(f"{_NEGATED[clause.operator]}{version}")


def _project(name: str) -> str:
    return NAMES.get(canonical(name), canonical(name))


def render(candidate: Candidate) -> str:
    """The candidate as a TOML file, to be completed by hand."""
    missing = (*MISSING, *(f"whether it is for some builds only ({key})" for key in candidate.narrowed))
    lines = [
        f"title = {_string(f'{candidate.project} with {candidate.dependency} (a patch of conda-forge)')}",
        f"source = {_string(candidate.source)}",
        f"missing = {_strings(missing)}",
        "",
        "[[terms]]",
        f"project = {_string(candidate.project)}",
        f"any_of = {_strings(candidate.versions)}",
        "",
        "[[terms]]",
        f"project = {_string(candidate.dependency)}",
        f"any_of = {_strings(candidate.bad)}",
    ]
    return "".join(f"{line}\n" for line in lines)


def slug(candidate: Candidate) -> str:
    """A file name for the candidate, without its ending; the same for the same file and document."""
    place = re.sub(r"\.ya?ml#", "-", candidate.source.replace("\\", "/").rpartition("/")[2])
    return f"conda-{place}-{candidate.project}-{candidate.dependency}"


def _strings(items: Sequence[str]) -> str:
    return f"[{', '.join(map(_string, items))}]"


def _string(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
