"""Which environment shows what a combination of versions does, and nothing else. Pure.

The projects in question are pinned; the others are what they were in the time of the pinned releases.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from compatshim.kb.runs import Task
from compatshim.metadata.interface import MetadataSource, Release

PERIOD = (
    ("datasets<2.21", "numpy<2"),  # np.array(copy=False) raises in 2.0
    ("datasets<3", "pyarrow<20"),  # PyExtensionType went in 21
    ("datasets<4", "pandas<3"),  # strings became large_string
    ("datasets<2.15", "fsspec<2023.10"),  # "Loading a dataset cached in a LocalFileSystem is not supported"
    ("datasets<3", "fsspec<2024.7"),
    ("datasets<3", "huggingface-hub<0.26"),
    ("datasets<3", "dill<0.3.9"),  # fingerprints take private parts of it
)
"""What the rest of an environment looked like in the time of a release: the requirement a release meets, and a
constraint on the others, so that nothing but the fault decides the outcome."""

PREFERRED_PYTHON = "3.11"
_PREFERRED_SINCE = "2022-10-24"  # releases older than that get an old Python
_PYTHONS = 3  # tried for one combination

Versions = Tuple[Tuple[str, Version], ...]
"""Project and version, sorted by project."""


class Program(NamedTuple):
    """A reproducer, and what it needs."""

    name: str
    text: str
    requires: Tuple[str, ...] = ()
    """PEP 508."""
    timeout: int = 120
    """Seconds."""


class Candidate(NamedTuple):
    """One combination of versions, and the environments that may hold it."""

    versions: Versions
    minors: Tuple[str, ...]
    """The Pythons, as ``3.11``, the preferred first."""
    requirements: Tuple[str, ...]
    constraints: Tuple[str, ...]

    def task(self, minor: str, program: Program, *, shim: bool = False) -> Task:
        """What to run to see what it does on one Python."""
        return Task(minor, self.requirements, self.constraints, program.name, program.text, program.timeout, shim)

    def __str__(self) -> str:
        return text(self.versions)


class Planner:
    """Turns versions of some projects into environments to build."""

    def __init__(
        self,
        projects: Iterable[str],
        metadata: MetadataSource,
        minors: Iterable[str],
        requires: Sequence[str] = (),
    ) -> None:
        """``minors`` are the Pythons there are; every environment holds what ``requires`` says, too."""
        self._minors = sorted(minors, key=Version)
        self._requires = tuple(requires)
        self._releases: Dict[str, Dict[Version, Release]] = {
            project: {item.version: item for item in metadata.releases(project) or () if not item.yanked}
            for project in projects
        }

    def versions(self, project: str) -> List[Version]:
        """The known releases of which there are wheels, ascending."""
        return sorted(version for version in self._releases[project] if self.usable(project, version))

    def uploaded(self, project: str, version: Version) -> str:
        """The ISO date of a release; empty when it is not known."""
        return self._releases[project][version].uploaded

    def usable(self, project: str, version: Version) -> bool:
        """Whether there is a wheel of a release at all."""
        return self._releases[project][version].requires is not None

    def candidate(
        self, pins: Mapping[str, Version], requirements: Optional[Mapping[str, Requirement]] = None
    ) -> Candidate:
        """The environments for ``pins`` in which ``requirements`` bound the other projects."""
        free = {name: item for name, item in (requirements or {}).items() if name not in pins}
        settled = {*pins, *free, *(Requirement(line).name for line in self._requires)}
        asked = [f"{project}=={version}" for project, version in pins.items()]
        asked += [project for project in free if project in self._releases]
        constraints = [str(requirement) for requirement in free.values()]
        for condition, constraint in PERIOD:
            met = Requirement(condition)
            if met.name in pins and pins[met.name] in met.specifier:
                constraints += [constraint] if Requirement(constraint).name not in settled else []
        return Candidate(
            tuple(sorted(pins.items())),
            tuple(self._pythons(pins)),
            (*sorted(asked), *self._requires),
            tuple(sorted(constraints)),
        )

    def _pythons(self, pins: Mapping[str, Version]) -> List[str]:
        """The Pythons that the releases admit: the preferred, then the newest; an old one for old releases."""
        releases = [self._releases[project][version] for project, version in pins.items()]
        admitted = [
            minor for minor in self._minors if all(_admits(release.requires_python, minor) for release in releases)
        ]
        if any(release.uploaded < _PREFERRED_SINCE for release in releases if release.uploaded):
            return admitted[:_PYTHONS]
        return sorted(admitted, key=lambda minor: (minor == PREFERRED_PYTHON, Version(minor)), reverse=True)[
            :_PYTHONS
        ]


def text(versions: Versions) -> str:
    """Versions as a person would list them."""
    return ", ".join(f"{project} {version}" for project, version in versions)


def _admits(requires_python: str, minor: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(f"{minor}.99")
    except InvalidSpecifier:
        return True
