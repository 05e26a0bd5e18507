"""Real environments as values: what ``environments.toml`` asks for, and what each was found to hold.

The fixture beside the definitions is written by ``python -m tests.freeze``; reading it needs no environment::

    {"schema_version": "1.0",
     "distributions": [["PyYAML", "6.0.1", []]],
     "environments": {"story": {"markers": {"python_version": "3.11"}, "installed": [0]}}}

A distribution is its name as it spells itself, its version, and what it requires; each is written once, and
environments name it by its position.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from packaging.version import Version

from compatshim.model import Distribution, Inventory, canonical

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
DEFINITIONS = os.path.join(DATA, "environments.toml")
FIXTURE = os.path.join(DATA, "environments.json.xz")
SCHEMA_VERSION = "1.0"

MACHINE = ("platform_release", "platform_version")
"""Markers that tell of one machine's kernel: frozen as empty."""


@dataclass(frozen=True)
class Definition:
    """An environment as its user asked for it; the file says what each field means."""

    name: str
    about: str
    python: str
    requirements: Tuple[str, ...]
    """Those of its kits included."""
    before: str
    size: int
    findings: Tuple[str, ...]
    forced: Tuple[str, ...] = ()
    without: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Frozen:
    """An environment as it was found."""

    definition: Definition
    inventory: Inventory

    @property
    def name(self) -> str:
        """What the definitions call it."""
        return self.definition.name

    @property
    def python(self) -> str:
        """``major.minor``."""
        return self.definition.python

    @property
    def about(self) -> str:
        """What it is for, in a sentence."""
        return self.definition.about

    @property
    def pins(self) -> Tuple[str, ...]:
        """Exact requirements that, installed without dependencies, give the same environment."""
        return tuple(f"{project}=={version}" for project, version in sorted(self.inventory.versions().items()))


def definitions() -> Mapping[str, Definition]:
    """The definitions by name, in the order of the file."""
    with open(DEFINITIONS, "rb") as file:
        content = tomllib.load(file)
    assert content["schema_version"] == SCHEMA_VERSION
    found = (_definition(table, content["kits"]) for table in content["environments"])
    return {one.name: one for one in found}


def load(*, partial: bool = False) -> Mapping[str, Frozen]:
    """The frozen environments by name, in the order of the definitions; all of them unless ``partial``."""
    with lzma.open(FIXTURE, "rt", encoding="utf-8") as file:
        content = json.load(file)
    assert content["schema_version"] == SCHEMA_VERSION
    distributions = [
        Distribution(canonical(name), Version(version), tuple(requires), name)
        for name, version, requires in content["distributions"]
    ]
    return {
        name: Frozen(definition, _inventory(name, content["environments"][name], distributions))
        for name, definition in definitions().items()
        if name in content["environments"] or not partial
    }


def dump(inventories: Mapping[str, Inventory]) -> bytes:
    """The fixture of these inventories: the same bytes for the same inventories."""
    rows = sorted({_row(dist) for inventory in inventories.values() for dist in inventory.distributions.values()})
    positions = {row: position for position, row in enumerate(rows)}
    environments: Dict[str, object] = {}
    for name, inventory in sorted(inventories.items()):
        rows_held = (_row(dist) for dist in inventory.distributions.values())
        environments[name] = {
            "markers": {key: "" if key in MACHINE else value for key, value in inventory.markers.items()},
            "installed": sorted(positions[row] for row in rows_held),
        }
    content = {"schema_version": SCHEMA_VERSION, "distributions": rows, "environments": environments}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return lzma.compress(text.encode("utf-8"), preset=9 | lzma.PRESET_EXTREME)


def _row(dist: Distribution) -> Tuple[str, str, Tuple[str, ...]]:
    return dist.name, str(dist.version), tuple(dist.requires)


def _definition(table: Dict[str, Any], kits: Mapping[str, List[str]]) -> Definition:
    values: Dict[str, Any] = dict(table)
    brought = [text for kit in values.pop("kits", ()) for text in kits[kit]]
    values["requirements"] = [*values["requirements"], *brought]
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Definition(**{**values, **lists, "before": str(values["before"])})


def _inventory(name: str, content: Mapping[str, Any], distributions: List[Distribution]) -> Inventory:
    installed = (distributions[position] for position in content["installed"])
    found = {dist.project: dist for dist in installed}
    return Inventory(f"the frozen environment {name!r}", found, (), content["markers"])
