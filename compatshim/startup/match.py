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
    from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

    Armed = List[Tuple[str, str, Tuple[str, ...]]]


def armed(versions: Mapping[str, Sequence[str]]) -> Tuple[Armed, Dict[str, Tuple[str, ...]]]:
    """Advisory, shim and modules to hook for every advisory that holds; and the versions that nobody could judge.

    The latter only where an advisory hangs on them.
    """
    index = compatshim._index()  # noqa: SLF001  it is there for its cost
    versions = {project: those for project, those in versions.items() if project in index[1]}
    found: Set[Tuple[str, str]] = set()
    unknown: Dict[str, Set[str]] = {}
    for start in compatshim._suspects(index, versions):  # noqa: SLF001
        terms, advisory, shims, ranges = index[2][start : index[2].index("\n", start)].split("\t")
        verdicts = [
            _verdicts(index, term, ends, versions[term.partition(" ")[0]])
            for term, ends in zip(terms.split(","), ranges.split(","))
        ]
        if all(True in verdict.values() or None in verdict.values() for verdict in verdicts):
            for term, verdict in zip(terms.split(","), verdicts):
                unjudged = {version for version, holds in verdict.items() if holds is None}
                if unjudged:
                    unknown.setdefault(term.partition(" ")[0], set()).update(unjudged)
            if all(True in verdict.values() for verdict in verdicts):
                found.add((advisory, shims))
    pairs = [(advisory, *shim.split("=")) for advisory, shims in sorted(found) for shim in shims.split(";")]
    return (
        [(advisory, shim, tuple(modules.split(","))) for advisory, shim, modules in pairs],
        {project: tuple(sorted(those)) for project, those in sorted(unknown.items())},
    )


def known() -> List[str]:
    """The ids of all advisories with a shim, sorted."""
    return sorted({line.split("\t")[1] for line in compatshim._index()[2].split("\n") if "\t" in line})  # noqa: SLF001


def _verdicts(index: compatshim.Index, term: str, ends: str, versions: Sequence[str]) -> Dict[str, Optional[bool]]:
    """Whether a term holds, by version; None where nobody can judge."""
    project, first, last = term.split(" ")
    start = int(index[1][project])
    block = index[2][start : index[2].index("\n", start)]
    found: Dict[str, Optional[bool]] = {}
    for version in versions:
        place = block.find(f" {version} ")
        found[version] = int(first) <= place < int(last) if place >= 0 else _computed(version, *ends.split(" "))
    return found


def _computed(version: str, introduced: str, fixed: str) -> Optional[bool]:
    """Whether a version is in a half-open range, ``fixed`` being ``-`` where it has no end."""
    plain, lower, upper = _plain(version), _plain(introduced), _plain(fixed)
    if plain is not None and ((lower is not None and plain < lower) or (upper is not None and plain >= upper)):
        return False
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
    return bool(Version(introduced) <= judged and (fixed == "-" or judged < Version(fixed)))


def _plain(version: str) -> Optional[List[int]]:
    """The numbers of a version that is nothing but numbers, which compare as versions do; None for any other.

    A newer release is past most faults. Loading ``packaging`` to see just that would take longer than Python takes
    to start. That a fault is there is for ``packaging`` to say.
    """
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
