"""The environments that a file is for, and what it comes to in each.

A lock may hold several versions of one project under different markers. So its packages are judged for every Python
that it admits on every usual platform. Environments that hold the same are one, and one that holds nothing that
another lacks needs no look of its own: whatever is wrong in it is wrong in the other.
"""

from __future__ import annotations

import itertools
import re
from typing import (
    Container,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from compatshim.inventory import platforms
from compatshim.inventory.manifest import Contents, Locked, Need, Package
from compatshim.model import Distribution, Inventory, Unread

PYTHONS = tuple(f"3.{minor}" for minor in range(8, 16))
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    f"{name} {machine}": platforms.markers(system, machine)
    for name, system, machines in (
        ("Linux", "Linux", ("x86_64", "aarch64")),
        ("macOS", "Darwin", ("x86_64", "arm64")),
        ("Windows", "Windows", ("AMD64",)),
    )
    for machine in machines
}
MOST = 64
"""Ways to choose among versions of which nothing tells where each is meant."""

Versions = FrozenSet[Tuple[str, Version]]


class Target(NamedTuple):
    """An interpreter on a platform."""

    python: str
    """``major.minor``; empty when it is a given interpreter."""
    system: str
    markers: Mapping[str, str]
    """The marker environment of PEP 508, as far as it is known."""


def everywhere(requires_python: str) -> Tuple[Target, ...]:
    """Every usual interpreter that a specifier set admits; of those that it does not all, if it admits none."""
    pythons = [python for python in PYTHONS if _admits(requires_python, python)] or list(PYTHONS)
    return tuple(Target(python, system, _markers(python, system)) for python in pythons for system in SYSTEMS)


def given(markers: Mapping[str, str], requires_python: str) -> Target:
    """The interpreter with these markers, or the newest that a file admits if it does not admit that one."""
    python = markers.get("python_full_version", "")
    if not python or _admits(requires_python, python):
        return Target("", "", dict(markers))
    admitted = [one for one in PYTHONS if _admits(requires_python, one)]
    if not admitted:
        return Target("", "", dict(markers))
    newest = _of_python(admitted[-1])
    return Target(admitted[-1], "", {**markers, **newest})


def lowest(markers: Mapping[str, str], requires_python: str) -> Target:
    """The oldest interpreter that a file admits, else the one with these markers; the platform is that of both."""
    admitted = [one for one in PYTHONS if requires_python and _admits(requires_python, one)]
    if not admitted or markers.get("python_version") == admitted[0]:
        return given(markers, requires_python)
    return Target(admitted[0], "", {**markers, **_of_python(admitted[0])})


def _of_python(python: str) -> Dict[str, str]:
    full = f"{python}.20"
    return {"python_version": python, "python_full_version": full, "implementation_version": full}


def _markers(python: str, system: str) -> Dict[str, str]:
    return {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
        **_of_python(python),
        **SYSTEMS[system],
    }


def _admits(requires_python: str, python: str) -> bool:
    """Whether a specifier set admits a version, or of ``major.minor`` the first or a late one."""
    try:
        specifiers = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return True
    versions = [f"{python}.0", f"{python}.20"] if python.count(".") == 1 else [python]
    return any(specifiers.contains(one, prereleases=True) for one in versions)


_WORDS = re.compile(
    r"""extra\s*==\s*(?:'[^']*'|"[^"]*")|(?:'[^']*'|"[^"]*")\s+(?P<no>not\s+)?in\s+(?:extras|dependency_groups)\b"""
)


class Markers:
    """Markers, parsed once each. All extras and groups of a lock are taken to be in use.

    A marker that is none, or asks for what is not known, holds: rather one package too many than one too few.
    """

    def __init__(self) -> None:
        self._parsed: Dict[str, Optional[Marker]] = {}

    def holds(self, text: str, environment: Mapping[str, str]) -> bool:
        """Whether a marker holds in an environment."""
        if not text:
            return True
        if text not in self._parsed:
            self._parsed[text] = _parsed(text)
        marker = self._parsed[text]
        if marker is None:
            return True
        try:
            return marker.evaluate(dict(environment))
        except (UndefinedComparison, UndefinedEnvironmentName, ValueError):
            return True


def _parsed(text: str) -> Optional[Marker]:
    decided = _WORDS.sub(lambda match: "os_name == ''" if match["no"] else "os_name != ''", text)
    try:
        return Marker(decided)
    except (InvalidMarker, RecursionError):
        return None


def inventories(
    contents: Contents, path: str, *, about: Optional[Container[str]] = None, target: Optional[Target] = None
) -> Tuple[Inventory, ...]:
    """What a lock's packages come to, in as few inventories as say all ``about`` some projects; or for one target.

    What could not be read is with the first. There is always one, be it empty.
    """
    markers = Markers()
    found: Dict[Versions, List[_Made]] = {}
    for locked in _fitting(contents.locked, target):
        for made in _made(locked, contents.requires_python, target, markers):
            key = frozenset(one for one in made.versions if about is None or one[0] in about)
            found.setdefault(key, []).append(made)
    largest = [several for versions, several in found.items() if not any(versions < other for other in found)]
    for several in largest:
        several.sort(key=lambda one: len(one.distributions), reverse=True)
    unread = tuple(dict.fromkeys([*contents.unread, *(item for several in largest for item in several[0].unread)]))
    if not largest:
        return (Inventory(path, {}, unread, {} if target is None else target.markers, path),)
    names = [_name(several) for several in largest] if len(largest) > 1 else [""]
    return tuple(
        Inventory(
            f"{path} ({name})" if name else path,
            several[0].distributions,
            () if number else unread,
            several[0].markers,
            path,
            name,
        )
        for number, (name, several) in enumerate(zip(names, largest))
    )


class _Made(NamedTuple):
    """What a lock comes to in some environments."""

    distributions: Mapping[str, Distribution]
    versions: Versions
    markers: Mapping[str, str]
    """Of the last of the environments."""
    lock: str
    """The lock's own name for the environment."""
    where: Tuple[Target, ...]
    every: int
    """How many environments the lock is for."""
    unread: Tuple[Unread, ...]


def _fitting(locked: Sequence[Locked], target: Optional[Target]) -> Sequence[Locked]:
    """The locks for a target: the first that is for its platform."""
    if target is None or len(locked) <= 1:
        return locked
    keys = ("sys_platform", "platform_machine")
    fit = [one for one in locked if all(one.markers.get(key) in (None, target.markers.get(key)) for key in keys)]
    return (fit or locked)[:1]


def _made(locked: Locked, python: str, target: Optional[Target], markers: Markers) -> Iterator[_Made]:
    targets = [
        one._replace(markers={**one.markers, **locked.markers})
        for one in ([target] if target else everywhere(python))
    ]
    if "python_version" in locked.markers or "sys_platform" in locked.markers:
        targets = list({tuple(sorted(one.markers.items())): one for one in targets}.values())
    used = sorted(_used(locked))
    alike: Dict[Tuple[bool, ...], List[Target]] = {}
    for one in targets:
        alike.setdefault(tuple(markers.holds(text, one.markers) for text in used), []).append(one)
    for answers, several in alike.items():
        holds = dict(zip(used, answers))
        holds[""] = True
        packages = _installed(locked, holds)
        for distributions, choice, unread in _alternatives(packages):
            versions = frozenset((name, dist.version) for name, dist in distributions.items())
            name = ", ".join(part for part in (locked.name, choice) if part)
            yield _Made(distributions, versions, several[-1].markers, name, tuple(several), len(targets), unread)


def _used(locked: Locked) -> Set[str]:
    found = {one.marker for one in locked.packages} | {need.marker for need in locked.roots}
    if locked.roots:
        found |= {need.marker for one in locked.packages for needs in one.needs.values() for need in needs}
    return found - {""}


def _installed(locked: Locked, holds: Mapping[str, bool]) -> List[Package]:
    """The packages of a lock where its markers hold or not, as ``holds`` says."""
    if not locked.roots:
        return [one for one in locked.packages if holds[one.marker]]
    by_project: Dict[str, List[Package]] = {}
    for one in locked.packages:
        by_project.setdefault(one.project, []).append(one)
    found: Dict[int, Package] = {}
    seen: Set[Tuple[int, str]] = set()
    waiting: List[Need] = list(locked.roots)
    while waiting:
        need = waiting.pop()
        if not holds[need.marker]:
            continue
        for one in by_project.get(need.project, ()):
            if need.version is not None and one.version != need.version:
                continue
            found[id(one)] = one
            for extra in ("", *need.extras):
                if (id(one), extra) not in seen:
                    seen.add((id(one), extra))
                    waiting += one.needs.get(extra, ())
    return [one for one in locked.packages if id(one) in found]


def _alternatives(packages: Iterable[Package]) -> Iterator[Tuple[Dict[str, Distribution], str, Tuple[Unread, ...]]]:
    """The packages by project; one answer for each choice where several versions of one are meant, and its name."""
    several: Dict[str, Dict[Version, Distribution]] = {}
    for one in packages:
        made = Distribution(one.project, one.version, name=one.name, locations=(one.location,))
        several.setdefault(one.project, {}).setdefault(one.version, made)
    number = 1
    unread: List[Unread] = []
    for project, choices in several.items():
        if number * len(choices) > MOST:
            newest = max(choices)
            others = ", ".join(str(one) for one in sorted(choices) if one != newest)
            place = str(choices[newest].locations[0])
            unread.append(Unread(place, f"is one of too many choices: {others} were not looked at", project))
            several[project] = {newest: choices[newest]}
        else:
            number *= len(choices)
    ambiguous = [project for project, choices in several.items() if len(choices) > 1]
    for chosen in itertools.product(*(choices.values() for choices in several.values())):
        found = {one.project: one for one in chosen}
        choice = ", ".join(f"{project} {found[project].version}" for project in ambiguous)
        yield found, f"with {choice}" if choice else "", tuple(unread)


def _name(several: Sequence[_Made]) -> str:
    """Which environments these are, for a person."""
    found: Dict[str, None] = {}
    for lock in dict.fromkeys(one.lock for one in several):
        those = [one for one in several if one.lock == lock]
        where = {(target.python, target.system): target for one in those for target in one.where}
        whole = len(where) == those[0].every
        found[", ".join(part for part in (lock, "" if whole else _where(list(where.values()))) if part)] = None
    return "; ".join(text for text in found if text)


def _where(targets: Sequence[Target]) -> str:
    """Pythons and platforms in a phrase, as ``Python 3.9 to 3.11 on Linux, macOS``."""
    pairs = {(one.python, one.system) for one in targets}
    pythons = [python for python in PYTHONS if any(one == python for one, _ in pairs)]
    systems = [system for system in SYSTEMS if any(one == system for _, one in pairs)]
    if len(pairs) < len(pythons) * len(systems):  # no rectangle: by Python
        by_python: Dict[str, List[str]] = {}
        for python in pythons:
            here = _systems([system for system in SYSTEMS if (python, system) in pairs])
            by_python.setdefault(here, []).append(python)
        return "; ".join(f"Python {_range(those)}{here}" for here, those in by_python.items())
    text = f"Python {_range(pythons)}" if pythons else ""
    return text + _systems(systems)


def _range(pythons: Sequence[str]) -> str:
    places = [PYTHONS.index(one) for one in pythons]
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:  # noqa: PLR2004  two are said as two
        return f"{pythons[0]} to {pythons[-1]}"
    return ", ".join(pythons)


def _systems(systems: Sequence[str]) -> str:
    if len(systems) in (0, len(SYSTEMS)):
        return ""
    names = dict.fromkeys(system.partition(" ")[0] for system in systems)
    parts = []
    for name in names:
        own = [system for system in SYSTEMS if system.startswith(f"{name} ")]
        here = [system for system in systems if system in own]
        parts += [name] if here == own else here
    return f" on {', '.join(parts)}"


def pinned(contents: Contents) -> Optional[Contents]:
    """The demands as a lock, if each of them asks for one version; else None."""
    packages = []
    for one in contents.demands:
        known = one.pin
        if known is None:
            if one.constraint:
                continue
            return None
        if not one.constraint:
            packages.append(Package(one.project, known, one.location, one.name, one.marker))
    return contents._replace(locked=(Locked(tuple(packages)),), demands=())
