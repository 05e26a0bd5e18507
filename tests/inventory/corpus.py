"""The lock files in ``tests/data/manifests`` and what the tools that wrote them say is in each."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Set, Tuple

from packaging.version import Version

from compatshim.inventory.targets import Markers

FOLDER = Path(__file__).parents[1] / "data" / "manifests"

Said = List[Tuple[str, Version, str]]
"""Project, version and marker."""


def said(path: Path) -> Said:
    """The lines of a ``.said`` file."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        package, _, marker = line.partition(" ; ")
        name, version = package.split(" ")
        found.append((name, Version(version), marker.strip()))
    return found


def installed(lines: Said, environment: Mapping[str, str]) -> Dict[str, Set[Version]]:
    """What the tool would install in an environment."""
    markers = Markers()
    found: Dict[str, Set[Version]] = {}
    for name, version, marker in lines:
        if markers.holds(marker, environment):
            found.setdefault(name, set()).add(version)
    return found


LOCKS = sorted(
    str(path)[len(str(FOLDER)) + 1 : -len(".said")]
    for path in FOLDER.glob("*/*.said")
    if path.parent.name not in ("conda", "uv-conflicts")
)
MANIFESTS = sorted(
    str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*") if path.is_file() and path.suffix != ".said"
)
