"""The README of the sets: what there is, what was run in it, and why something is missing."""

from __future__ import annotations

from typing import Iterable, List, Mapping, Sequence

from packaging.version import Version

from compatshim.kb.sets.record import HOLDING, Entry, Record, read, read_sets
from compatshim.kb.sets.stacks import Job, Stack, jobs

NAME = "README.md"
PROJECTS = ("filelock", "huggingface-hub", "pyarrow", "numpy", "pandas")
"""Whose versions are shown."""

_HEAD = """\
<!-- Made by `python -m compatshim kb sets` from sets.toml and verified.json; do not edit. -->

# Constraint sets

Complete, pinned environments of named stacks, one file for each Python:

    {example}

`uv pip install` takes the same. Each file was installed by uv and by pip, each in a fresh environment on
{platforms}. There,

- the installed versions were exactly those of the file, and every declared requirement was met,
- `compatshim check` found no error,
- three processes evaluated a metric together under umask 000, without compatshim,
- the reproducer of every advisory about the file's projects did what the catalog says
  ([verified.json](verified.json) has each outcome).

"Changed" is what compatshim moved from the versions that a resolver gives. "Holds all the same" names what is no
error: warnings, and faults that no version cures; `import compatshim` mends those marked (shim). "Verified" has the
day and the digest of the catalog.

`python -m compatshim kb sets --check` says whether all this still fits the catalog.
"""


def text(folder: str) -> str:
    """The README's text for the definitions, the record and the files in ``folder``. Raises :exc:`SetsError`."""
    asked, record, made = jobs(folder), read(folder), read_sets(folder)
    examples = [job for job in asked if job.path in made]
    example = (
        f"pip install -c constraints/{examples[0].path} {' '.join(examples[0].stack.projects)}" if examples else ""
    )
    platforms = sorted({record[path].platform for path in made if path in record})
    sections = [
        _section(stack, [job for job in asked if job.stack == stack], record, made)
        for stack in dict.fromkeys(job.stack for job in asked)
    ]
    return _HEAD.format(example=example, platforms=", ".join(platforms)) + "".join(sections)


def _section(stack: Stack, asked: Iterable[Job], record: Record, made: Mapping[str, Mapping[str, Version]]) -> str:
    rows, missing = [], []
    for job in asked:
        entry = record.get(job.path)
        if entry is not None and job.path in made:
            rows.append(_row(job, entry, made[job.path]))
        else:
            missing.append(f"- No set for Python {job.minor}: {entry.reason if entry else 'it was not made'}.\n")
    wanted = ", ".join(f"`{item}`" for item in stack.requirements)
    parts = [f"\n## {stack.name}\n\n{stack.about} Asked for {wanted}, as the index was before {stack.before}.\n"]
    if rows:
        head = ["Python", "pins", *PROJECTS, "changed", "reproducers", "holds all the same", "verified"]
        parts.append(_table(head, rows))
    if missing:
        parts.append("".join(missing))
    return "\n".join(parts)


def _row(job: Job, entry: Entry, versions: Mapping[str, Version]) -> List[str]:
    changes = [f"{project} {before or 'none'} → {after}" for project, (before, after) in entry.changes.items()]
    others = [outcome for outcome in entry.outcomes.values() if outcome not in HOLDING]
    counts = [f"{others.count(outcome)} {outcome}" for outcome in sorted({*others})]
    holding = [f"{name}{' (shim)' if entry.outcomes[name] == 'shimmed' else ''}" for name in entry.holding]
    return [
        f"[{job.minor}]({job.path})",
        str(len(versions)),
        *(str(versions.get(project, "")) for project in PROJECTS),
        ", ".join(changes) or "nothing",
        ", ".join(counts),
        ", ".join(holding) or "nothing",
        f"{entry.date} by {entry.catalog}",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
