"""A baseline: the findings that a project had when it began to check, so that only new ones count."""

from __future__ import annotations

import json
from typing import Iterable, NamedTuple, Tuple

from compatshim.errors import CompatshimError

SCHEMA_VERSION = "1.0"


class BaselineError(CompatshimError):
    """A file is no baseline; the message names it and says what is wrong."""


class Entry(NamedTuple):
    """A finding that is known. The fingerprint tells which; the rest is for people who read the file."""

    path: str
    """Relative to the project's root, with ``/``; empty for what is installed."""
    id: str
    projects: Tuple[str, ...]
    fingerprint: str


def dump(entries: Iterable[Entry]) -> str:
    """The text of a file. It holds neither versions nor lines, so that it changes only when a finding does."""
    findings = [entry._asdict() for entry in sorted(set(entries))]
    return json.dumps({"schema_version": SCHEMA_VERSION, "kind": "baseline", "findings": findings}, indent=2) + "\n"


def load(content: bytes, path: str) -> Tuple[Entry, ...]:
    """The entries of a file. Raises :exc:`BaselineError`."""
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("kind") != "baseline":
        raise BaselineError(f"{path}: not a baseline: write one with --write-baseline")
    version = data.get("schema_version")
    if not isinstance(version, str) or version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise BaselineError(
            f"{path}: schema_version {version!r} cannot be read by this compatshim: write it again with "
            "--write-baseline"
        )
    findings = data.get("findings")
    if not isinstance(findings, list):
        raise BaselineError(f"{path}: findings: a list is wanted")
    return tuple(_entry(item, f"{path}: findings[{number}]") for number, item in enumerate(findings))


def _entry(item: object, where: str) -> Entry:
    if not isinstance(item, dict):
        raise BaselineError(f"{where}: an object is wanted")
    for key in ("path", "id", "fingerprint"):
        if not isinstance(item.get(key), str):
            raise BaselineError(f"{where}.{key}: a string is wanted, not {item.get(key)!r}")
    projects = item.get("projects")
    if not isinstance(projects, list) or not all(isinstance(name, str) for name in projects):
        raise BaselineError(f"{where}.projects: a list of strings is wanted, not {projects!r}")
    return Entry(item["path"], item["id"], tuple(projects), item["fingerprint"])
