r"""Compile the catalog: start-up's index, the quick catalog, the JSON schema, and in a checkout pages about it.

The index is what a starting program goes by (:mod:`compatshim`). So it is laid out for being read in places, and
holds nothing of an advisory without a shim::

    compatshim start-up index 1
    data eval file
    datasets 0000120 evaluate 0000270

     2.15.0 / 2.16.0 2.16.1 /
     0.4.0 0.4.1 /0 0.4.2 /
    datasets 00009 00024,evaluate 00000 00012\tCSA-1\tsome_shim=some.module,other\t2.16.0 -,0 0.4.2\thang

First come, in a line each, what the metadata of its projects may begin with, and where in the text the block of
each project starts. A block is a line of the known versions in their order, and the rows that are filed under the
project.

A row (with tabs where \t stands) says that the versions of some projects are each in a half-open range: where in
the line of the project the range starts and ends. Then come the advisory, its shims with the modules to hook, the
same ranges as versions, ``-`` standing for no end, and the symptom. An advisory has one row, or several when a term
has several ranges. It is filed under the project whose range the fewest environments are in. In that project's line
each run of versions is followed by ``/`` (which no name of a file holds) and the numbers of the rows filed under
them: where they start, counted from the end of the line. Start-up thus reads but a few rows, and compares places
instead of versions.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
from bisect import bisect_left
from datetime import datetime, timezone
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim import files
from compatshim.compiled import NAME, dump
from compatshim.kb import pages, schema, shims
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Catalog, Interval

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INDEX = os.path.join(_PACKAGE, "startup", "index.txt")
CATALOG = os.path.join(_PACKAGE, *NAME.split("/"))
SCHEMA = os.path.join(os.path.dirname(CATALOG), "schema.json")
PAGES = os.path.join(os.path.dirname(_PACKAGE), "docs", "advisories")
SHIMS = os.path.join(os.path.dirname(_PACKAGE), "docs", "shims.md")

_MOST = 99_999
"""Places have five digits, and are compared as text."""


class _Range(NamedTuple):
    """The range of a row in one project."""

    project: str
    interval: Interval
    first: int
    """Position of the first known version inside, among those of the project."""
    last: int
    """Position of the first known version behind."""


class _Row(NamedTuple):
    """One way for an advisory to match."""

    ranges: Tuple[_Range, ...]
    """The last of them is the one it is filed under."""
    rest: str


Modules = Callable[[str], Sequence[str]]
"""What a shim hooks, by its name."""


def _modules(shim: str) -> Tuple[str, ...]:
    modules: Tuple[str, ...] = importlib.import_module(f"compatshim.shims.{shim}").MODULES
    return modules


def index(catalog: Catalog, known: MetadataSource, modules: Modules = _modules) -> str:
    """The text of the start-up index for ``catalog``, enumerating the releases that ``known`` lists."""
    advisories = [advisory for advisory in catalog.advisories if advisory.shims]
    projects = sorted({project for advisory in advisories for project in advisory.projects})
    versions = {
        project: sorted(release.version for release in known.releases(project) or ()) for project in projects
    }
    filed: Dict[str, List[_Row]] = {project: [] for project in projects}
    for advisory in advisories:
        for row in _rows(advisory, versions, modules):
            filed[row.ranges[-1].project].append(row)
    blocks, places = {}, {}
    for project in projects:
        blocks[project], places[project] = _block(versions[project], filed[project])
    starts = sorted({start.replace("-", mark) for start in map(_start, projects) for mark in "-_."})
    head = f"compatshim start-up index 1\n{' '.join(starts)}\n"
    place = len(head) + sum(len(f"{project} 0000000 ") for project in projects) + 1
    table, body = [], ""
    for project in projects:
        table.append(f"{project} {place + len(body):07}")
        body += blocks[project] + "\n"
        body += "".join(f"{_terms(row, places)}{row.rest}\n" for row in filed[project])
    return f"{head}{' '.join(table)}\n\n{body}\n"


def _start(project: str) -> str:
    """What the name of a project's metadata begins with, were it all hyphens."""
    return f"{project}-"[:4]


def _rows(advisory: Advisory, versions: Mapping[str, Sequence[Version]], modules: Modules) -> Iterable[_Row]:
    shims = ";".join(f"{shim}={','.join(modules(shim))}" for shim in advisory.shims)
    for intervals in itertools.product(*(term.ranges for term in advisory.terms)):
        ranges = [
            _range(project, interval, versions[project]) for project, interval in zip(advisory.projects, intervals)
        ]
        # Most environments have rather new versions.
        ranges.sort(key=lambda one: (one.last == len(versions[one.project]), one.last - one.first))
        ranges = [*ranges[1:], ranges[0]]
        ends = ",".join(f"{one.interval.introduced} {one.interval.fixed or '-'}" for one in ranges)
        yield _Row(tuple(ranges), f"\t{advisory.id}\t{shims}\t{ends}\t{advisory.symptom}")


def _range(project: str, interval: Interval, versions: Sequence[Version]) -> _Range:
    last = len(versions) if interval.fixed is None else bisect_left(versions, interval.fixed)
    return _Range(project, interval, bisect_left(versions, interval.introduced), last)


def _block(versions: Sequence[Version], rows: Sequence[_Row]) -> Tuple[str, List[int]]:
    """The line about a project's versions, and where in it each of them has its place; one more for the end."""
    numbers = [0, *itertools.accumulate(len(_terms(row, None)) + len(row.rest) + 1 for row in rows)]
    text, places = " ", []
    runs = itertools.groupby(
        range(len(versions)),
        lambda at: tuple(
            number for number, row in zip(numbers, rows) if row.ranges[-1].first <= at < row.ranges[-1].last
        ),
    )
    for those, run in runs:
        for at in run:
            places.append(len(text) - 1)
            text += f"{versions[at]} "
        text += f"/{','.join(map(str, those))} "
    # Versions that are not known may still be in a range that no known one is in.
    nowhere = [number for number, row in zip(numbers, rows) if row.ranges[-1].first >= row.ranges[-1].last]
    if nowhere:
        text += f"/{','.join(map(str, nowhere))} "
    if len(text) > _MOST:
        raise ValueError(f"the index has room for {_MOST} characters about a project, not for {len(text)}")
    return text, [*places, len(text)]


def _terms(row: _Row, places: Optional[Mapping[str, Sequence[int]]]) -> str:
    """The places of a row; all zeros, and as long, where ``places`` are not known yet."""
    return ",".join(
        f"{one.project} {places[one.project][one.first] if places else 0:05}"
        f" {places[one.project][one.last] if places else 0:05}"
        for one in row.ranges
    )


def compiled(catalog: Catalog, known: MetadataSource) -> Dict[str, str]:
    """The text of every compiled file, by its path.

    A catalog that is not the one that was compiled last gets a version of its own: today.
    """
    if not catalog.version:
        catalog = catalog._replace(version=version(_last(), datetime.now(timezone.utc)))
    made = {INDEX: index(catalog, known), CATALOG: dump(catalog), SCHEMA: schema.text()}
    if os.path.isdir(os.path.dirname(SHIMS)):  # an installed package has no documentation beside it
        made[SHIMS] = shims.page(catalog)
        made.update((os.path.join(PAGES, name), text) for name, text in pages.pages(catalog).items())
    return made


def version(last: str, now: datetime) -> str:
    """What comes after the version ``last``: the day, with a number where that is not enough to be greater."""
    day = (now.year, now.month, now.day)
    year, month, date, *number = map(int, last.split(".")) if last else (0, 0, 0)
    if day > (year, month, date):
        return ".".join(map(str, day))
    return ".".join(map(str, (year, month, date, number[0] + 1 if number else 1)))


def _last() -> str:
    """The version of the catalog that was compiled last; empty where there is none."""
    try:
        return str(json.loads((files.read_text(CATALOG) or "{}").partition("\n")[0]).get("version", ""))
    except ValueError:  # two branches met in it
        return ""


def write(texts: Mapping[str, str]) -> Tuple[str, ...]:
    """Write what differs from what is there, each file atomically. Returns the paths of those."""
    stale = tuple(path for path, text in texts.items() if files.read_text(path) != text)
    for path in stale:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_atomically(path, texts[path])
    return stale
