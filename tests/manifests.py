"""Analyses made by hand: files that the real catalog finds something in, and where in them it stands."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim import compiled
from compatshim.analysis import Analysis, analyse
from compatshim.gate import Policy, judge
from compatshim.ignores import Ignore
from compatshim.model import Distribution, Inventory, Location, Unread
from compatshim.report.document import Document
from tests import support

_WHOLE = compiled.load()
CATALOG = _WHOLE._replace(advisories=tuple(one for one in _WHOLE.advisories if one.id <= "CSA-2026-0034"))
"""The real catalog as it was when these files were made: what is found in them stays when more becomes known."""
ROOT = "/home/me/project"
NASTY = "deep <b>&\"' %:,|`é\x07/r.txt"
"""A name of a file that means something to every format."""

Pins = Mapping[str, Tuple[str, Optional[int]]]
"""Version and line by project."""

STORY: Pins = {"evaluate": ("0.4.1", 3), "datasets": ("2.16.1", 5), "filelock": ("3.12.0", 9)}


def file(
    pins: Pins = STORY,
    path: str = "requirements.txt",
    *,
    environment: str = "",
    unread: Sequence[Unread] = (),
    possible: bool = False,
    column: Optional[int] = None,
) -> Analysis:
    """A file that pins these, each on its line, matched against the real catalog."""
    distributions = {
        project: Distribution(
            project,
            Version(version),
            locations=() if line is None else (Location(path, line, column),),
        )
        for project, (version, line) in pins.items()
    }
    found = analyse(
        Inventory(path, distributions, tuple(unread), path=path, environment=environment),
        CATALOG,
    )
    if possible:
        found = found._replace(findings=tuple(one._replace(possible=True, fresh=False) for one in found.findings))
    return found


def installed(versions: Mapping[str, str] = support.STORY, unread: Sequence[Unread] = ()) -> Analysis:
    """An environment, matched against the real catalog."""
    return analyse(support.inventory(versions, unread), CATALOG)


def unread(where: str) -> Unread:
    """Something that could not be read."""
    return Unread(where, "cannot be read")


def policy(*ignores: Ignore, **others: object) -> Policy:
    """A policy for files below :data:`ROOT`."""
    return Policy(**{"ignores": ignores, "today": "2026-11-25", "root": ROOT, "here": ROOT, **others})  # type: ignore[arg-type]


def ignore(identifier: str, **others: object) -> Ignore:
    """An ignore as a project's file has it."""
    return Ignore(identifier, "we know", "pyproject.toml:7", base=ROOT, **others)  # type: ignore[arg-type]


def document(*analyses: Analysis, by: Optional[Policy] = None, **others: object) -> Document:
    """What formats are made from, without answers."""
    judged = judge(analyses, by or policy())
    return Document(judged, (None,) * len(analyses), **others)  # type: ignore[arg-type]


def everything() -> Document:
    """All that a format may have to say at once: every level, what is passed over, unread, possible, nasty, old."""
    rules = policy(
        ignore("CSA-2026-0006"),
        ignore("CSA-2026-0002", expires="2026-01-01"),
        ignore("CSA-2026-0003"),
        baseline=judge([file({"filelock": ("3.12.0", 1)}, "lib/old.txt")], policy()).entries,
    )
    return document(
        file(column=1, unread=(Unread("requirements.txt:12", "cannot be <read> & never\nwill", "odd"),)),
        file({**STORY, "filelock": ("3.13.1", 9)}, NASTY, environment="python_version < '3.9' & \"<x>\""),
        file(path="setup/possible.txt", possible=True),
        file({"filelock": ("3.12.0", 4)}, "lib/old.txt"),
        installed(unread=(Unread("/site/bad-1.dist-info", "has no METADATA", "bad"),)),
        by=rules,
        manifest="pyproject.toml",
    )
