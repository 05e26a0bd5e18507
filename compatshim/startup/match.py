"""Which advisories with a shim may hold, by set membership in the generated index.

No version is compared here: the index lists, for each project, every known version with the bit mask of the
advisories whose term holds it. A version that is not listed takes the slow path through ``packaging``.
"""

from __future__ import annotations

from compatshim.startup import _index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional, Sequence, Tuple


def mask(project: str, version: str) -> Optional[int]:
    """Bit ``i`` is set when advisory ``i`` has a term about ``project`` that holds ``version``.

    None when the version is neither listed nor understood.
    """
    needle = f" {version} "
    for bits, versions in _index.CLASSES[project]:
        if needle in versions:
            return bits
    return _computed(project, version)


def _computed(project: str, version: str) -> Optional[int]:
    """The mask of a version newer than the index, or spelt in a way it does not list."""
    try:
        from packaging.version import InvalidVersion, Version
    except ImportError:
        return None
    try:
        installed = Version(version)
    except InvalidVersion:
        return None
    if installed.local is not None:
        installed = Version(installed.public)
    bits = 0
    for bit, introduced, fixed in _index.RANGES[project]:
        if Version(introduced) <= installed and (fixed is None or installed < Version(fixed)):
            bits |= bit
    return bits


def hits(versions: Mapping[str, Sequence[str]]) -> Tuple[int, Dict[str, Tuple[str, ...]]]:
    """The mask of the advisories all of whose terms hold, and the versions nobody could judge."""
    alive = _index.ALL
    unknown: Dict[str, Tuple[str, ...]] = {}
    for project, terms in _index.TERMS.items():
        held = 0
        for version in versions.get(project, ()):
            bits = mask(project, version)
            if bits is None:
                unknown[project] = (*unknown.get(project, ()), version)
            else:
                held |= bits
        # An advisory survives when it has no term about this project, or its term holds.
        alive &= ~terms | held
    return alive, unknown


def armed(
    versions: Mapping[str, Sequence[str]],
) -> Tuple[List[Tuple[str, str, Tuple[str, ...]]], Dict[str, Tuple[str, ...]]]:
    """Advisory, shim and modules to hook for every hit that has a shim; and the versions nobody could judge."""
    alive, unknown = hits(versions)
    found = []
    if alive & _index.SHIMMED:
        for number, (advisory, shims) in enumerate(_index.ADVISORIES):
            if alive >> number & 1:
                found += [(advisory, shim, modules) for shim, modules in shims]
    return found, unknown
