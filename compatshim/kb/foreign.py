"""The start-up index of an organisation's catalog, beside the shims that its advisories name.

The shims and the index are in one package, and the advisories in its folder or in a folder of it. Nothing of the
package is imported: what a shim hooks is read off its file.
"""

from __future__ import annotations

import ast
import os
from typing import Dict, Sequence, Tuple

from compatshim import catalog, catalogs
from compatshim.catalogs import Source
from compatshim.kb import compile as compiler
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, CatalogError
from compatshim.startup.foreign import INDEX


def load(folder: str, bundled: Catalog) -> Catalog:
    """The catalog in a folder, which says nothing that the bundled one says. Raises :exc:`CatalogError`."""
    found = catalog.load(folder, private=True)
    catalogs.merged(bundled, [(Source(folder, "--catalog"), found)])
    return found


def compiled(folder: str, found: Catalog, known: MetadataSource) -> Dict[str, str]:
    """The text of the index by its path; nothing when no advisory has a shim. Raises :exc:`CatalogError`."""
    packages = sorted({shim.partition(".")[0] for advisory in found.advisories for shim in advisory.shims})
    if not packages:
        return {}
    if len(packages) > 1:
        raise CatalogError(f"{folder}: has shims of {' and '.join(packages)}: make a catalog for each package")
    place = os.path.abspath(folder)
    if os.path.basename(place) != packages[0]:
        place = os.path.dirname(place)
    if os.path.basename(place) != packages[0]:
        raise CatalogError(
            f"{folder}: has shims of the package {packages[0]}, and is neither its folder nor in it: "
            f"start-up looks for {packages[0]}{os.sep}{INDEX}"
        )
    return {os.path.join(place, INDEX): compiler.index(found, known, lambda shim: _modules(place, shim))}


def _modules(place: str, shim: str) -> Sequence[str]:
    """What a shim hooks: ``MODULES`` in its file, which is not run."""
    path = os.path.join(place, *shim.split(".")[1:]) + ".py"
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError) as error:
        raise CatalogError(f"{path}: the shim {shim} cannot be read: {error}") from error
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "MODULES" for target in statement.targets
        ):
            return _names(statement.value, path)
    raise CatalogError(f'{path}: has no MODULES; write which modules it mends, as MODULES = ("acme.loader",)')


def _names(value: ast.expr, path: str) -> Tuple[str, ...]:
    try:
        found = ast.literal_eval(value)
    except ValueError:
        found = None
    if isinstance(found, tuple) and found and all(isinstance(one, str) for one in found):
        return found
    raise CatalogError(f'{path}: MODULES is not a tuple of names, as in MODULES = ("acme.loader",)')
