"""What an environment holds, matched against the catalog. It needs no solver: what is healthy never loads it."""

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
    installed = inventory.distributions
    versions = {project: installed[project].version for project in catalog.projects if project in installed}
    return Analysis(inventory, catalog, match(versions, catalog))
