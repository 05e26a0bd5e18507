"""``[[verified]]`` rows, written into an advisory's file. No other byte of it changes."""

from __future__ import annotations

from typing import Iterable, Tuple

from compatshim import catalog, files
from compatshim.kb.worlds import Versions
from compatshim.model import OUTCOMES, Advisory, Verified

Run = Tuple[Versions, str, str, bool]
"""What was run, whatever came of it: the versions, Python, platform, whether with the shim."""


def write(path: str, rows: Iterable[Verified], *, refuted: Iterable[Run] = ()) -> None:
    """Write rows into an advisory's file, in place of those that say something of the same run.

    The rows of other runs stay, those that were ``refuted`` go.
    """
    import tomlkit

    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    advisory = catalog.parse(text.encode("utf-8"), path)
    gone = {*refuted}
    kept = [row for row in advisory.verified if run_of(row) not in gone]
    document = tomlkit.parse(text)
    document.pop("verified", None)
    tables = [table(row, advisory) for row in merged((*kept, *rows))]
    new = "\n".join([document.as_string().rstrip() + "\n", *tables])
    if new != text:
        files.write_atomically(path, new)


def table(row: Verified, advisory: Advisory) -> str:
    """A row as TOML."""
    versions = dict(row.versions)
    named = ", ".join(f'{name} = "{versions[name]}"' for name in advisory.projects if name in versions)
    on = f'python = "{row.python}", platform = "{row.platform}", date = {row.date}'
    return f'[[verified]]\noutcome = "{row.outcome}"\non = {{ {on} }}\nwith = {{ {named} }}\n'


def run_of(row: Verified) -> Run:
    """What a row tells the outcome of."""
    return row.versions, row.python, row.platform, row.outcome == "shimmed"


def merged(rows: Iterable[Verified]) -> Tuple[Verified, ...]:
    """One row for each run, the last one given, in a stable order."""
    latest = {run_of(row): row for row in rows}
    return tuple(sorted(latest.values(), key=lambda row: (OUTCOMES.index(row.outcome), run_of(row))))
