"""What is on record about each set, and the sets themselves as files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Dict, Mapping, Sequence, Tuple

from packaging.version import Version

from compatshim import constraints, files
from compatshim.constraints import ConstraintFile
from compatshim.kb.sets.stacks import SCHEMA_VERSION, SetsError, jobs

RECORD = "verified.json"
HOLDING = ("bad", "shimmed")
"""The outcomes of advisories that hold in a set all the same."""


@dataclass(frozen=True)
class Entry:
    """What is on record about one stack on one Python."""

    requirements: Sequence[str]
    """What was asked for, and as of when: a copy of the definition."""
    before: str
    reason: str = ""
    """Why there is no file, as a clause; empty when there is one."""
    digest: str = ""
    """SHA-256 of the file that was verified."""
    catalog: str = ""
    """Digest of the catalog whose reproducers were run."""
    date: str = ""
    """ISO date."""
    platform: str = ""
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By project, the version that the resolver gave (empty: none) and the one in the file."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """By advisory, what its reproducer showed: ``good``; ``bad``, as the catalog says, or ``shimmed`` when ``import
    compatshim`` mends it; ``inapplicable`` when these versions lack what it is about; ``not run: `` and why."""

    @property
    def holding(self) -> Tuple[str, ...]:
        """The advisories that hold all the same: warnings, and what no version cures."""
        return tuple(name for name, outcome in self.outcomes.items() if outcome in HOLDING)


Record = Dict[str, Entry]
"""By :attr:`~compatshim.kb.sets.stacks.Job.path`."""


def read(folder: str) -> Record:
    """The record in ``folder``; empty when there is none yet. Raises :exc:`SetsError` when it cannot be used."""
    path = os.path.join(folder, RECORD)
    text = files.read_text(path)
    if text is None:
        return {}
    try:
        data = json.loads(text)
        version, entries = data["schema_version"], data["sets"].items()
        if version == SCHEMA_VERSION:
            return {path: Entry(**entry) for path, entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetsError(
            f"{path}: not a record of sets ({error!r}); restore it, or remove it and make all sets again"
        ) from error
    raise SetsError(f"{path}: schema_version: {version!r} is not one of {SCHEMA_VERSION}")


def render(record: Mapping[str, Entry]) -> str:
    """The text of ``verified.json``, the same for the same entries."""
    entries = {
        # What does not apply is left out: there is no file, or nothing was changed.
        path: {name: value for name, value in dataclasses.asdict(entry).items() if value}
        for path, entry in record.items()
    }
    content = {"schema_version": SCHEMA_VERSION, "sets": entries}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


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


def read_sets(folder: str) -> Dict[str, Dict[str, Version]]:
    """The versions of each set that there is, by path, in the order of the definitions.

    Raises :exc:`SetsError` when one cannot be read.
    """
    found = {}
    for job in jobs(folder):
        text = files.read_text(os.path.join(folder, job.path))
        if text is not None:
            try:
                found[job.path] = pinned(constraints.parse(text))
            except ValueError as error:
                raise SetsError(f"{job.path}: {error}: run `{job.command}`") from error
    return found
