"""Environments of old pins as values: what `data/old_pins.toml` asks for, and what each was found to hold.

    python -m tests.pins            # resolve all of them and write down what each holds
    python -m tests.pins NAME …     # only these

What an environment holds is `data/old_pins/NAME.txt`, exact pins as `uv pip freeze` writes them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from compatshim import files
from compatshim.kb import environments
from tests import freeze, frozen
from tests.frozen import Definition

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFINITIONS = os.path.join(frozen.DATA, "old_pins.toml")
CLOSURES = os.path.join(frozen.DATA, "old_pins")


class Pins(NamedTuple):
    """An environment of old pins."""

    definition: Definition
    works: bool
    """Whether `check` must be silent: it finds no error."""
    hidden: Tuple[str, ...]
    """Findings whose reproducer dies of another one that no shim mends, before it comes to its own."""
    closure: Tuple[str, ...]
    """Exact requirements that, installed without dependencies, are the environment."""


def load() -> Mapping[str, Pins]:
    """The environments by name, in the order of the file. One that was not resolved yet holds nothing."""
    with open(DEFINITIONS, "rb") as file:
        content = tomllib.load(file)
    assert content["schema_version"] == frozen.SCHEMA_VERSION
    return {table["name"]: _pins(table) for table in content["environments"]}


def _pins(table: Dict[str, Any]) -> Pins:
    definition = Definition(
        name=table["name"],
        about=table["about"],
        python=table["python"],
        requirements=tuple(table["requirements"]),
        before=str(table["before"]),
        size=0,
        findings=tuple(table.get("findings", ())),
    )
    text = files.read_text(closure_path(definition.name)) or ""
    return Pins(definition, table.get("works", False), tuple(table.get("hidden", ())), tuple(text.split()))


def closure_path(name: str) -> str:
    """Where it is written what an environment holds."""
    return os.path.join(CLOSURES, f"{name}.txt")


def main() -> int:
    """Resolve; the exit status is 1 when that was not possible for an environment."""
    known = load()
    failed = 0
    for name in sys.argv[1:] or known:
        definition = known[name].definition
        try:
            closure = freeze.resolve(definition, environments.interpreters()[definition.python])
        except subprocess.CalledProcessError as error:
            failed += 1
            sys.stderr.write(f"{name}: {error.stderr}\n")
            continue
        files.write_atomically(closure_path(name), "".join(f"{pin}\n" for pin in closure))
        sys.stderr.write(f"{name}: {len(closure)} distributions\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
