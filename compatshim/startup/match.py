"""Which advisories with a shim hold: the second, exact look at what may match.

A version that the index lists is known by its place. Any other (newer than the index, local, a pre-release, a
development release, or just spelt in another way) is compared by ``packaging``, by the same rules as in
:class:`compatshim.model.Interval`: the order of PEP 440, in which ``0.4.2rc1`` is before ``0.4.2``, and a local
version (``0.4.1+vendor``) is judged as its public part. Without ``packaging`` nobody can judge it, and it is left
alone.
"""

from __future__ import annotations

import compatshim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

    Armed = List[Tuple[str, str, Tuple[str, ...]]]
    # Advisory, its shims as the index has them, symptom, projects.
    Row = Tuple[str, str, str, Tuple[str, ...]]
    Unknown = Dict[str, Tuple[str, ...]]
    # Whether a term holds, by version; None where that is not known.
    Verdict = Dict[str, Optional[bool]]


def armed(versions: Mapping[str, Sequence[str]]) -> Tuple[Armed, Unknown]:
    """Advisory, shim and modules to hook for every advisory of ours that holds; and what :func:`holding` says."""
    rows, unknown = holding(own(), versions)
    return hooks(rows), unknown


def own() -> compatshim.Index:
    """The index of the bundled catalog."""
    return compatshim._index()  # noqa: SLF001  it is there for its cost


def hooks(rows: Iterable[Row]) -> Armed:
    """Advisory, shim and modules to hook."""
    pairs = [(advisory, *shim.split("=")) for advisory, shims, _, _ in rows for shim in shims.split(";")]
    return [(advisory, shim, tuple(modules.split(","))) for advisory, shim, modules in pairs]


def holding(index: compatshim.Index, versions: Mapping[str, Sequence[str]]) -> Tuple[List[Row], Unknown]:
    """The rows of every advisory in an index that holds; and the versions that nobody could judge.

    The latter only where an advisory hangs on them.
    """
    versions = {project: those for project, those in versions.items() if project in index[1]}
    found: Set[Row] = set()
    unknown: Dict[str, Set[str]] = {}
    for start in compatshim._suspects(index, versions):  # noqa: SLF001
        terms, advisory, shims, ranges, symptom = index[2][start : index[2].index("\n", start)].split("\t")
        rows = list(zip(terms.split(","), ranges.split(",")))
        verdicts = [_without_library(index, term, ends, versions) for term, ends in rows]
        if all(map(_may_hold, verdicts)):
            for (_, ends), verdict in zip(rows, verdicts):
                verdict.update(
                    {version: _compared(version, ends) for version in verdict if verdict[version] is None}
                )
        if all(map(_may_hold, verdicts)):
            for (term, _), verdict in zip(rows, verdicts):
                unjudged = {version for version, holds in verdict.items() if holds is None}
                if unjudged:
                    unknown.setdefault(term.partition(" ")[0], set()).update(unjudged)
            if all(True in verdict.values() for verdict in verdicts):
                projects = sorted(term.partition(" ")[0] for term, _ in rows)
                found.add((advisory, shims, symptom, tuple(projects)))
    return sorted(found), {project: tuple(sorted(those)) for project, those in sorted(unknown.items())}


def _may_hold(verdict: Verdict) -> bool:
    return any(holds is not False for holds in verdict.values())


def known() -> List[str]:
    """The ids of all advisories with a shim, sorted."""
    return sorted({line.split("\t")[1] for line in compatshim._index()[2].split("\n") if "\t" in line})  # noqa: SLF001


def _without_library(
    index: compatshim.Index, term: str, ends: str, versions: Mapping[str, Sequence[str]]
) -> Verdict:
    """The verdict on a term by what the index lists, and by what plain numbers rule out."""
    project, first, last = term.split(" ")
    start = int(index[1][project])
    block = index[2][start : index[2].index("\n", start)]
    found: Verdict = {}
    for version in versions[project]:
        place = block.find(f" {version} ")
        if place >= 0:
            found[version] = int(first) <= place < int(last)
        else:
            found[version] = False if _ruled_out(version, *ends.split(" ")) else None
    return found


def _ruled_out(version: str, introduced: str, fixed: str) -> bool:
    """Whether all are plain numbers, and the version is outside.

    A newer release is past most faults. Loading ``packaging`` to see just that would take longer than Python takes
    to start. That a fault is there is for ``packaging`` to say.
    """
    plain, lower, upper = _plain(version), _plain(introduced), _plain(fixed)
    return plain is not None and ((lower is not None and plain < lower) or (upper is not None and plain >= upper))


def _plain(version: str) -> Optional[List[int]]:
    """The numbers of a version that is nothing but numbers, which compare as versions do; None for any other."""
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _compared(version: str, ends: str) -> Optional[bool]:
    """Whether ``packaging`` says that a version is in a half-open range, ``-`` being no end."""
    try:
        from packaging.version import InvalidVersion, Version
    except Exception:  # absent, or not for this Python
        return None
    try:
        judged = Version(version)
    except InvalidVersion:
        return None
    if judged.local is not None:
        judged = Version(judged.public)
    introduced, fixed = ends.split(" ")
    return bool(Version(introduced) <= judged and (fixed == "-" or judged < Version(fixed)))
