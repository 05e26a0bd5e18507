"""What an environment holds, matched against the catalog. It needs no solver: what is healthy never loads it."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from compatshim.match import match
from compatshim.model import Catalog, Finding, Inventory


class Analysis(NamedTuple):
    """What an environment holds, which advisories match it, and what could not be checked."""

    inventory: Inventory
    catalog: Catalog
    findings: Tuple[Finding, ...]


def analyse(inventory: Inventory, catalog: Catalog) -> Analysis:
    """Match an inventory against the catalog."""
    return Analysis(inventory, catalog, match(inventory.versions(), catalog))
