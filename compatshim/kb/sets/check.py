"""Whether the sets are fresh: definitions, files, record, README and catalog agree. Nothing is run."""

from __future__ import annotations

import glob
import os
from typing import Iterator, Mapping, Optional, Tuple

from packaging.version import Version

from compatshim import constraints, files
from compatshim.kb.sets import readme
from compatshim.kb.sets.record import RECORD, Entry, digest, pinned, read, read_sets
from compatshim.kb.sets.stacks import DEFINITIONS, Job, jobs
from compatshim.match import match
from compatshim.model import Advisory, Catalog


def stale(folder: str, catalog: Catalog) -> Tuple[str, ...]:
    """What is not as it should be in ``folder``, and what to do about it.

    A new catalog makes nothing stale by itself. What counts is that each file is clean by it, and that the record
    tells which advisories hold all the same, notes that are newer than it excepted. Raises :exc:`SetsError`.
    """
    asked, record = jobs(folder), read(folder)
    problems = []
    for job in asked:
        text = files.read_text(os.path.join(folder, job.path))
        problems += [
            f"{job.path}: {problem}: run `{job.command}`"
            for problem in _job(job, record.get(job.path), text, catalog)
        ]
    paths = {job.path for job in asked}
    problems += [f"{RECORD}: {path}: belongs to no stack: remove it" for path in sorted({*record} - paths)]
    present = glob.glob(os.path.join(glob.escape(folder), "*", "*.txt"))
    names = sorted(os.path.relpath(path, folder).replace(os.sep, "/") for path in present)
    problems += [f"{path}: belongs to no stack: remove it" for path in names if path not in paths]
    if not problems and files.read_text(os.path.join(folder, readme.NAME)) != readme.text(folder):
        problems.append(f"{readme.NAME}: is not what {RECORD} says: run `python -m compatshim kb sets --readme`")
    return tuple(problems)


def _job(job: Job, entry: Optional[Entry], text: Optional[str], catalog: Catalog) -> Iterator[str]:
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
            yield from _versions(job, entry, versions, catalog)


def _versions(job: Job, entry: Entry, versions: Mapping[str, Version], catalog: Catalog) -> Iterator[str]:
    """Where the versions of a set are not what the stack, the record and the catalog say."""
    yield from (f"does not hold {requirement}" for requirement in job.stack.missed(versions))
    levels = {finding.advisory.id: finding.level for finding in match(versions, catalog)}
    yield from (f"{identifier} holds in it" for identifier, level in levels.items() if level == "error")
    # No versions cure what is a note: other ones would not be better, and that it was not run is told by `unrun`.
    holding = {
        identifier
        for identifier, level in levels.items()
        if level != "error" and (level != "note" or identifier in entry.outcomes)
    }
    for identifier in sorted(holding ^ {*entry.holding}):
        this, other = ("the catalog", RECORD) if identifier in holding else (RECORD, "the catalog")
        yield f"{identifier} holds in it by {this}, and not by {other}"


def applicable(catalog: Catalog, versions: Mapping[str, Version]) -> Tuple[Advisory, ...]:
    """The advisories all of whose projects a set has."""
    return tuple(
        advisory for advisory in catalog.advisories if all(project in versions for project in advisory.projects)
    )


def unrun(folder: str, catalog: Catalog) -> Tuple[str, ...]:
    """Which advisories are newer than a set they apply to: their reproducers were never run in it.

    The sets must be fresh.
    """
    record, told = read(folder), []
    for path, versions in read_sets(folder).items():
        new = [item.id for item in applicable(catalog, versions) if item.id not in record[path].outcomes]
        told += [f"{path}: is older than {', '.join(new)}, whose reproducers were not run in it"] if new else []
    return tuple(told)
