"""Constraint sets as they stand in their folder: what is asked for, what is on record, and whether both are fresh.

``sets.toml`` names the stacks and the Pythons. Each set is one constraint file; ``verified.json`` records what was
run in it, or why there is none; ``README.md`` shows that to people. :mod:`compatshim.kb.make_sets` makes them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from compatshim import constraints
from compatshim.constraints import ConstraintFile
from compatshim.match import match
from compatshim.model import OUTCOMES, Advisory, Catalog

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMA_VERSION = "1.0"
DEFINITIONS, RECORD, README = "sets.toml", "verified.json", "README.md"
SHOWN = ("filelock", "huggingface-hub", "fsspec", "pyarrow", "numpy", "pandas", "scikit-learn")
"""The projects whose versions the README shows."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


class SetsError(Exception):
    """The definitions or the record cannot be used; the message names file and key."""


@dataclass(frozen=True)
class Stack:
    """What a set is made for."""

    name: str
    """Also its folder."""
    about: str
    requirements: Tuple[str, ...]
    """PEP 508. A project that is pinned here is never moved."""
    before: str
    """ISO date; nothing uploaded on or after it (UTC) is looked at."""

    @property
    def held(self) -> Tuple[str, ...]:
        """The projects that are pinned."""
        wanted = (Requirement(text) for text in self.requirements)
        return tuple(canonicalize_name(one.name) for one in wanted if str(one.specifier).startswith("=="))


@dataclass(frozen=True)
class Job:
    """One stack on one Python."""

    stack: Stack
    minor: str
    """``major.minor``."""

    @property
    def path(self) -> str:
        """Of its file, below the folder of sets, with slashes everywhere."""
        return f"{self.stack.name}/python{self.minor}.txt"

    @property
    def command(self) -> str:
        """What makes its file."""
        return f"python -m compatshim kb sets {self.stack.name} --on {self.minor}"


@dataclass(frozen=True)
class Entry:
    """What is on record about one stack on one Python."""

    requirements: Sequence[str]
    """What was asked for, and as of when: a copy of the definition."""
    before: str
    reason: str = ""
    """Why there is no file; empty when there is one."""
    digest: str = ""
    """SHA-256 of the file that was verified."""
    catalog: str = ""
    """Digest of the catalog whose reproducers were run."""
    date: str = ""
    """ISO date."""
    platform: str = ""
    installers: Sequence[str] = ()
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By project, the version that the resolver gave (empty: none) and the one in the file."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """By advisory, what its reproducer showed: ``good``; ``bad``, as the catalog says, or ``shimmed`` when ``import
    compatshim`` mends it; ``inapplicable`` when these versions lack what it is about; ``not run: `` and why."""

    @property
    def remaining(self) -> Tuple[str, ...]:
        """The advisories that hold all the same: warnings, and what no version cures."""
        return tuple(name for name, outcome in self.outcomes.items() if outcome in ("bad", "shimmed"))


Record = Dict[str, Entry]
"""By :attr:`Job.path`."""


def jobs(folder: str) -> Tuple[Job, ...]:
    """What ``sets.toml`` in ``folder`` asks for, in its order. Raises :exc:`SetsError`."""
    path = os.path.join(folder, DEFINITIONS)
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise SetsError(f"{path}: cannot read the definitions: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetsError(f"{path}: not TOML: {error}") from error
    _check_keys(path, "", data, "schema_version", "pythons", "stacks")
    if data["schema_version"] != SCHEMA_VERSION:
        raise SetsError(
            f"{path}: schema_version: {data['schema_version']!r} cannot be read, only {SCHEMA_VERSION!r}"
        )
    pythons = _strings(path, "pythons", data["pythons"])
    stacks: Dict[str, Stack] = {}
    for number, item in enumerate(data["stacks"]):
        stack = _stack(path, f"stacks[{number}]", item)
        if stack.name in stacks:
            raise SetsError(f"{path}: stacks[{number}].name: there is a stack {stack.name} already")
        stacks[stack.name] = stack
    return tuple(Job(stack, minor) for stack in stacks.values() for minor in pythons)


def _stack(path: str, where: str, item: Any) -> Stack:
    _check_keys(path, where, item, "name", "about", "requirements", "before")
    requirements = _strings(path, f"{where}.requirements", item["requirements"])
    try:
        list(map(Requirement, requirements))
    except InvalidRequirement as error:
        raise SetsError(f"{path}: {where}.requirements: {str(error).splitlines()[0]}") from error
    before = item["before"]
    if not isinstance(before, date) or isinstance(before, datetime):
        raise SetsError(f"{path}: {where}.before: a date without quotes is wanted, not {before!r}")
    for key in ("name", "about"):
        if not isinstance(item[key], str):
            raise SetsError(f"{path}: {where}.{key}: a string is wanted, not {item[key]!r}")
    if not _NAME.fullmatch(item["name"]):
        raise SetsError(f"{path}: {where}.name: {item['name']!r} is not of small letters, digits, dots and dashes")
    return Stack(item["name"], item["about"], requirements, before.isoformat())


def _check_keys(path: str, where: str, item: Any, *wanted: str) -> None:
    if not isinstance(item, dict):
        raise SetsError(f"{path}: {where}: a table is wanted, not {item!r}")
    for key in (*wanted, *item):
        if key not in item or key not in wanted:
            place = f"{where}.{key}" if where else key
            raise SetsError(
                f"{path}: {place}: {'unknown' if key in item else 'missing'} (keys here: {', '.join(wanted)})"
            )


def _strings(path: str, where: str, value: Any) -> Tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise SetsError(f"{path}: {where}: a list of strings is wanted, not {value!r}")
    return tuple(value)


def read(folder: str) -> Record:
    """The record in ``folder``; empty when there is none yet. Raises :exc:`SetsError` when it cannot be used."""
    path = os.path.join(folder, RECORD)
    text = read_text(path)
    if text is None:
        return {}
    try:
        data = json.loads(text)
        if data["schema_version"] == SCHEMA_VERSION:
            return {key: Entry(**entry) for key, entry in data["sets"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetsError(f"{path}: not a record of sets ({error!r}); restore it, or make all sets again") from error
    raise SetsError(f"{path}: schema_version: {data['schema_version']!r} cannot be read, only {SCHEMA_VERSION!r}")


def render(record: Mapping[str, Entry]) -> str:
    """The text of ``verified.json``, the same for the same entries."""
    entries = {
        # What does not apply is left out: there is no file, or nothing was changed.
        key: {name: value for name, value in dataclasses.asdict(entry).items() if value}
        for key, entry in record.items()
    }
    content = {"schema_version": SCHEMA_VERSION, "sets": entries}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_text(path: str) -> Optional[str]:
    """A file's text, whatever line ends the checkout gave it; None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def digest(text: str) -> str:
    """What an entry keeps of its file."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def pinned(file: ConstraintFile) -> Dict[str, Version]:
    """The versions of a set. Raises :exc:`ValueError` when some line is no exact pin."""
    found: Dict[str, Version] = {}
    for line in file.lines:
        if not line.specifier.startswith("==") or line.project in found:
            raise ValueError(f"{line.project}{line.specifier} is not the one exact pin of {line.project}")
        found[line.project] = Version(line.specifier[2:])
    return found


def applicable(catalog: Catalog, versions: Mapping[str, Version]) -> Tuple[Advisory, ...]:
    """The advisories all of whose projects a set has."""
    return tuple(
        advisory for advisory in catalog.advisories if all(project in versions for project in advisory.projects)
    )


def stale(folder: str, catalog: Catalog) -> Tuple[str, ...]:
    """What is not as it should be in ``folder``, and what to do about it; nothing is run.

    A new catalog makes nothing stale by itself. What counts is that each file is clean by it, that the record
    tells which advisories hold all the same, and that definitions, files, record and README agree. Raises
    :exc:`SetsError`.
    """
    asked, record = jobs(folder), read(folder)
    problems = []
    for job in asked:
        text = read_text(os.path.join(folder, job.path))
        problems += [
            f"{job.path}: {problem}: run `{job.command}`"
            for problem in _stale(job, record.get(job.path), text, catalog)
        ]
    paths = {job.path for job in asked}
    problems += [f"{RECORD}: {path}: no stack asks for it: remove the entry" for path in sorted({*record} - paths)]
    paths |= {DEFINITIONS, RECORD, README}
    problems += [f"{path}: belongs to no stack: remove it" for path in _present(folder) if path not in paths]
    if not problems and read_text(os.path.join(folder, README)) != readme(folder):
        problems.append(f"{README}: is not what {RECORD} says: run `python -m compatshim kb sets --table`")
    return tuple(problems)


def _stale(job: Job, entry: Optional[Entry], text: Optional[str], catalog: Catalog) -> Iterator[str]:
    if entry is None:
        yield "was not made"
        return
    if (tuple(entry.requirements), entry.before) != (job.stack.requirements, job.stack.before):
        yield f"{DEFINITIONS} asks for something else now"
    if (text is None) != bool(entry.reason):
        yield f"{RECORD} says that it {'cannot' if entry.reason else 'does'} exist"
    elif text is not None:
        if digest(text) != entry.digest:
            yield "is not the file that was verified"
        try:
            versions = pinned(constraints.parse(text))
        except ValueError as error:
            yield str(error)
        else:
            yield from _unclean(job, entry, versions, catalog)


def _unclean(job: Job, entry: Entry, versions: Mapping[str, Version], catalog: Catalog) -> Iterator[str]:
    """Where the versions of a set are not what the stack, the record and the catalog say."""
    for requirement in map(Requirement, job.stack.requirements):
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"does not hold {requirement}"
    levels = {finding.advisory.id: finding.level for finding in match(versions, catalog)}
    yield from (f"{identifier} holds in it" for identifier, level in levels.items() if level == "error")
    holding = {identifier for identifier, level in levels.items() if level != "error"}
    for identifier in sorted(holding ^ {*entry.remaining}):
        this, other = ("the catalog", RECORD) if identifier in holding else (RECORD, "the catalog")
        yield f"{identifier} holds in it by {this}, and not by {other}"


def unrun(folder: str, catalog: Catalog) -> Tuple[str, ...]:
    """Which advisories are newer than a fresh file they apply to: their reproducers were never run in it."""
    told = []
    record = read(folder)
    for path, file in read_files(folder).items():
        run = record[path].outcomes
        new = [advisory.id for advisory in applicable(catalog, pinned(file)) if advisory.id not in run]
        told += [f"{path}: is older than {', '.join(new)}, whose reproducer was not run in it"] if new else []
    return tuple(told)


def _present(folder: str) -> List[str]:
    """Every file below ``folder``, with slashes."""
    found: List[str] = []
    for parent, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/") for name in names]
    return sorted(found)


def read_files(folder: str) -> Dict[str, ConstraintFile]:
    """The sets that there are, by path, in the order of the definitions. Raises :exc:`ValueError`."""
    texts = {job.path: read_text(os.path.join(folder, job.path)) for job in jobs(folder)}
    return {path: constraints.parse(text) for path, text in texts.items() if text is not None}


_HEAD = """\
<!-- Made by `python -m compatshim kb sets` from sets.toml and verified.json; do not edit. -->

# Constraint sets

Complete versions of named stacks, one file for each Python:

    pip install -c constraints/{example} {projects}

(`uv pip install` takes the same). Each file was installed by {installers}, each in a fresh environment, on
{platforms}. The installed versions were exactly those of the file, every declared requirement was met,
`compatshim check` found no error, three processes evaluated a metric together under umask 000 without compatshim,
and the reproducer of every advisory about projects of the file did what the catalog says. `verified.json` has the
outcome of each run. `python -m compatshim kb sets --check` says whether all this still fits the catalog.

"""


def readme(folder: str) -> str:
    """The text of the README: what there is, what was run in it, and why something is missing."""
    asked, record, made = jobs(folder), read(folder), read_files(folder)
    stacks = tuple(dict.fromkeys(job.stack for job in asked))
    minors = tuple(dict.fromkeys(job.minor for job in asked))
    recorded = [record[path] for path in made if path in record]
    text = _HEAD.format(
        example=next(reversed([*made]), "…"),
        projects=" ".join(stacks[-1].held),
        installers=" and by ".join(dict.fromkeys(name for entry in recorded for name in entry.installers)),
        platforms=", ".join(sorted({entry.platform for entry in recorded})),
    )
    overview = [
        [f"[{stack.name}](#{stack.name.replace('.', '')})"]
        + [
            f"[{len(made[path].lines)} pins]({path})" if path in made else "no"
            for path in (Job(stack, minor).path for minor in minors)
        ]
        for stack in stacks
    ]
    text += _table(["stack", *(f"Python {minor}" for minor in minors)], overview)
    return text + "".join(
        _section(stack, [job for job in asked if job.stack == stack], record, made) for stack in stacks
    )


def _section(
    stack: Stack, asked: Iterable[Job], record: Mapping[str, Entry], made: Mapping[str, ConstraintFile]
) -> str:
    rows, missing = [], []
    for job in asked:
        entry = record.get(job.path)
        if entry is None or job.path not in made:
            missing.append(f"No set for Python {job.minor}: {entry.reason if entry else 'it was not made.'}\n")
            continue
        versions = pinned(made[job.path])
        changes = ", ".join(
            f"{name} {before or 'none'} → {after}" for name, (before, after) in entry.changes.items()
        )
        holding = [f"{name}{' (shim)' if entry.outcomes[name] == 'shimmed' else ''}" for name in entry.remaining]
        outcomes = [*entry.outcomes.values()]
        rows.append(
            [
                f"[{job.minor}]({job.path})",
                *(str(versions.get(project, "")) for project in SHOWN),
                changes or "none",
                f"{outcomes.count('good')} of {sum(outcome in OUTCOMES for outcome in outcomes)}",
                ", ".join(holding) or "none",
                f"{entry.date}, {entry.catalog}",
            ]
        )
    asked_for = ", ".join(f"`{text}`" for text in stack.requirements)
    text = f"\n## {stack.name}\n\n{stack.about} Asked for: {asked_for}, as the index was before {stack.before}.\n\n"
    if rows:
        head = ["Python", *SHOWN, "changed", "good runs", "holds all the same", "verified, catalog"]
        text += _table(head, rows) + ("\n" if missing else "")
    return text + "\n".join(missing)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
