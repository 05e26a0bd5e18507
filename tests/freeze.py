"""Build the environments of ``data/environments.toml`` and write down what each holds. Needs uv and PyPI.

    python -m tests.freeze            # all of them
    python -m tests.freeze NAME …     # only these; the others stay as they were frozen

Only wheels are installed. A wheel that PyPI does not have, as that of a local version, is looked for where
UV_FIND_LINKS says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Dict, Tuple

from compatshim import files
from compatshim.inventory import environment as reader
from compatshim.kb import environments
from compatshim.kb.environments import Spec
from compatshim.model import Inventory, canonical
from tests import frozen
from tests.frozen import Definition


def main() -> int:
    """Freeze; the exit status is 1 when an environment could not be had."""
    definitions = frozen.definitions()
    chosen = sys.argv[1:] or list(definitions)
    unknown = [name for name in chosen if name not in definitions]
    if unknown:
        sys.exit(f"{', '.join(unknown)}: not defined in {frozen.DEFINITIONS}")
    found: Dict[str, Inventory] = {}
    if os.path.exists(frozen.FIXTURE):
        found = {name: one.inventory for name, one in frozen.load(partial=True).items()}
    failed = 0
    for name in chosen:
        try:
            found[name] = freeze(definitions[name])
        except (environments.BuildError, subprocess.CalledProcessError) as error:
            failed += 1
            detail = getattr(error, "stderr", None) or str(error)
            sys.stderr.write(f"{name}: {detail}\n")
            continue
        sys.stderr.write(f"{name}: {len(found[name].distributions)} distributions\n")
        files.write_atomically(frozen.FIXTURE, frozen.dump(found))
    return 1 if failed else 0


def freeze(definition: Definition) -> Inventory:
    """Resolve and build an environment, and read it.

    Raises :exc:`~compatshim.kb.environments.BuildError`, and :exc:`subprocess.CalledProcessError` when uv found
    no answer.
    """
    python = environments.interpreters().get(definition.python)
    if python is None:
        raise environments.BuildError(f"no Python {definition.python} on this machine")
    built = environments.build(Spec(python, resolve(definition, python), options=("--no-deps",)))
    inventory = reader.of(built.python)
    return inventory._replace(
        distributions={
            project: dist._replace(requires=tuple(dist.requires), where="")
            for project, dist in inventory.distributions.items()
        },
    )


def resolve(definition: Definition, python: str) -> Tuple[str, ...]:
    """The exact pins that uv gives for what was asked, as of its day, with what was forced in place."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--python", python, "--only-binary", ":all:"]
    command += ["--exclude-newer", f"{definition.before}T00:00:00Z", "--no-header", "--no-annotate", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        overrides = os.path.join(folder, "overrides.txt")
        # A marker that never holds is uv's way to leave a project out.
        left_out = (f"{project}; sys_platform == 'never'" for project in definition.without)
        files.write_atomically(overrides, "".join(f"{line}\n" for line in left_out))
        asked = "".join(f"{text}\n" for text in definition.requirements)
        command += ["--override", overrides]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    pins = dict(line.split("==") for line in (*done.stdout.splitlines(), *definition.forced))
    return tuple(f"{canonical(name)}=={version}" for name, version in sorted(pins.items()))


if __name__ == "__main__":
    sys.exit(main())
