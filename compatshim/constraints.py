"""Constraint files: pins for what changes, and guards that keep the rest out of every known-bad combination.

A file is *closed* over the projects it was made for: whatever versions a resolver picks for them under it, no
error-level advisory can match. Only lines that pip and uv both take are written: ``name specifier  # comment``.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.model import Advisory, Catalog, Change, Interval
from compatshim.solve import requirements
from compatshim.solve.explain import Reason
from compatshim.solve.problem import Declared, Problem


class Line(NamedTuple):
    """One constraint and where it comes from."""

    project: str
    specifier: str
    via: Tuple[str, ...]
    """Ids of advisories; empty for what only the user asked for."""
    note: str = ""

    @property
    def requirement(self) -> str:
        """The constraint itself (PEP 508)."""
        return f"{self.project}{self.specifier}"

    @property
    def comment(self) -> str:
        """Why it is there."""
        note = f" ({self.note})" if self.note and self.via else self.note
        via = f"via {', '.join(self.via)}" if self.via else ""
        return f"{via}{note}"

    def __str__(self) -> str:
        return f"{self.requirement}  # {self.comment}"


class ConstraintFile(NamedTuple):
    """A constraint file as a value; ``render`` and :func:`parse` are each other's inverse."""

    version: str
    """Of compatshim."""
    digest: str
    """Of the catalog."""
    command: str
    lines: Tuple[Line, ...]

    @property
    def header(self) -> Tuple[str, str]:
        """What it was made with: no time and no place, so that the same input gives the same bytes."""
        made = f"# This file was made by compatshim {self.version} (catalog {self.digest}) with the command:"
        return made, f"#     {self.command}"

    def render(self) -> str:
        """The file's text."""
        return "".join(f"{line}\n" for line in (*self.header, *self.lines))


_HEADER = re.compile(
    r"# This file was made by compatshim (?P<version>\S+) \(catalog (?P<digest>\S+)\) with the command:\n"
    r"#     (?P<command>.*)\n"
)
_LINE = re.compile(
    r"(?P<project>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<specifier>[^#]*?)  "
    r"# (?:via (?P<via>[A-Z][A-Z0-9]*-\d+-\d+(?:, [A-Z][A-Z0-9]*-\d+-\d+)*)(?: \((?P<note>.*)\))?|(?P<reason>.+))"
)


def parse(text: str) -> ConstraintFile:
    """Read back a file that :meth:`ConstraintFile.render` wrote. Raises :exc:`ValueError` for another one."""
    header = _HEADER.match(text)
    if header is None:
        raise ValueError("line 1: not a header of compatshim")
    lines = []
    for number, line in enumerate(text[header.end() :].splitlines(), start=3):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"line {number}: not a constraint as compatshim writes it: {line!r}")
        via = tuple(found["via"].split(", ")) if found["via"] else ()
        lines.append(Line(found["project"], found["specifier"], via, found["note"] or found["reason"] or ""))
    return ConstraintFile(header["version"], header["digest"], header["command"], tuple(lines))


def pins(reasons: Iterable[Reason], cured: Sequence[str]) -> Tuple[Line, ...]:
    """An exact pin per change. ``cured`` are the advisories that the changes as a whole are for."""
    lines = []
    for reason in reasons:
        # A change that only follows from another one is for what that one is for.
        via = reason.advisories or tuple(cured)
        note = "" if reason.advisories else "; ".join(reason.requirements)
        lines.append(Line(reason.change.project, f"=={reason.change.after}", via, note))
    return tuple(lines)


def guards(versions: Mapping[str, Version], pinned: Iterable[Change], catalog: Catalog) -> Tuple[Line, ...]:
    """The loosest bounds that, with the pins, keep every error-level advisory out.

    ``versions`` is the environment after the changes; every bound admits its version there. An advisory about a
    project that is not in it needs no guard. Floors are preferred to caps: under a cap a resolver may go far back.
    """
    fixed = {change.project for change in pinned}
    floors: Dict[str, Version] = {}
    caps: Dict[str, Version] = {}
    via: Dict[str, List[str]] = {}
    waiting = []
    for advisory in catalog.advisories:
        if advisory.level != "error" or not all(project in versions for project in advisory.projects):
            continue
        if any(
            advisory.term(project).contains(versions[project]) is None for project in fixed & set(advisory.projects)
        ):
            continue  # a pin is outside the range already
        options = _options(advisory, versions, fixed)
        if options:
            waiting.append((advisory, options))
    # Those with one way out first: their guards may close others.
    for advisory, options in sorted(waiting, key=lambda item: (len(item[1]), item[0].id)):
        if any(_closes(advisory, project, floors.get(project), caps.get(project)) for project in advisory.projects):
            continue
        project, floor, cap = min(
            options, key=lambda option: (option[2] is not None, option[0] not in via, option[0])
        )
        if floor is not None:
            floors[project] = max(floor, floors.get(project, floor))
        if cap is not None:
            caps[project] = min(cap, caps.get(project, cap))
        via.setdefault(project, []).append(advisory.id)
    return tuple(
        Line(project, _specifier(floors.get(project), caps.get(project)), tuple(via[project]), "kept out")
        for project in sorted(via)
    )


def full(versions: Mapping[str, Version], lines: Iterable[Line], note: str) -> Tuple[Line, ...]:
    """An exact pin for every project. What a line says of it stands beside it, else ``note``."""
    said = {line.project: line for line in lines}
    plain = Line("", "", (), note)
    return tuple(
        said.get(project, plain)._replace(project=project, specifier=f"=={version}")
        for project, version in sorted(versions.items())
    )


class Override(NamedTuple):
    """A declared requirement that an answer does not meet: an installer must be told to pass over it."""

    project: str
    version: Version
    requirement: str
    """As declared."""
    replacement: str
    """What to require instead (PEP 508): the version that is there."""

    def __str__(self) -> str:
        return f"{self.project} {self.version} requires {self.requirement}"


def overrides(problem: Problem, decided: Mapping[str, int]) -> Tuple[Override, ...]:
    """One for each declared requirement that does not hold after the decisions, sorted.

    What is required and not installed at all cannot be replaced: an installer will add it.
    """
    state = {**problem.current, **decided}
    found = set()
    for item in problem.unmet(decided):
        cause = item.cause
        wanted = requirements.parse(cause.requirement) if isinstance(cause, Declared) else None
        if wanted is None or not isinstance(cause, Declared):
            continue
        version = problem.version(cause.project, state[cause.project])
        there = problem.version(wanted.name, state[wanted.name])
        if version is not None and there is not None:
            instead = str(wanted._replace(specifier=f"=={there}", marker=""))
            found.add(Override(cause.project, version, cause.requirement, instead))
    return tuple(sorted(found, key=lambda one: (one.project, one.requirement)))


_Option = Tuple[str, Optional[Version], Optional[Version]]


def _options(advisory: Advisory, versions: Mapping[str, Version], fixed: Iterable[str]) -> List[_Option]:
    """The bounds, project by project, that keep one advisory out and admit the present version."""
    found: List[_Option] = []
    for term in advisory.terms:
        version = versions[term.project]
        if term.project in fixed or term.contains(version) is not None:
            continue
        below = [
            interval.fixed for interval in term.ranges if interval.fixed is not None and interval.fixed <= version
        ]
        above = [interval.introduced for interval in term.ranges if interval.introduced > version]
        found.append((term.project, max(below, default=None), min(above, default=None)))
    return found


def _closes(advisory: Advisory, project: str, floor: Optional[Version], cap: Optional[Version]) -> bool:
    """Whether no version between the bounds is in the advisory's term about the project."""
    if floor is None and cap is None:
        return False

    def apart(interval: Interval) -> bool:
        above = floor is not None and interval.fixed is not None and floor >= interval.fixed
        return above or (cap is not None and cap <= interval.introduced)

    return all(apart(interval) for interval in advisory.term(project).ranges)


def _specifier(floor: Optional[Version], cap: Optional[Version]) -> str:
    parts = [f">={floor}"] if floor is not None else []
    return ",".join(parts + ([f"<{cap}"] if cap is not None else []))
