"""Copies of the frozen environments, changed as compatshim says, then judged by pip and by running them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Sequence, Tuple

import pytest

from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests import frozen
from tests.e2e import support
from tests.frozen import Frozen

FROZEN = frozen.load()
HEALTHY = [{"n": 9, "s": 9}, None, None]


@dataclass(frozen=True)
class Copy:
    """A frozen environment built anew, to be changed."""

    frozen: Frozen
    environment: Environment
    folder: str
    """For what else a test writes."""

    def versions(self) -> Dict[str, str]:
        """By project, from the names of its metadata directories; without a pip that was not frozen with it."""
        found = self.environment.installed()
        return {name: found[name] for name in found if name != "pip" or name in self.frozen.inventory.distributions}

    def broken(self) -> FrozenSet[str]:
        """What ``pip check`` says of it."""
        return frozenset(environments.unmet(self.environment, installer="pip").splitlines())

    def ask(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """One of our commands about this environment, in a process of its own."""
        return ask(command, "--python", self.environment.python, *options)

    def install(self, arguments: Sequence[str], installer: str) -> None:
        """Change it as a user does. Nothing is built, and what was left out stays out."""
        bound = self._write("left-out.txt", "".join(f"{name}<0\n" for name in self.frozen.definition.without))
        environments.install(
            self.environment, ["--only-binary", ":all:", "-c", bound, *arguments], installer=installer
        )

    def constraints(self, text: str) -> str:
        """The path of a constraint file with this text."""
        return self._write("constraints.txt", text)

    def _write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Our command line."""
    return subprocess.run(
        [sys.executable, "-m", "compatshim", *arguments], capture_output=True, text=True, timeout=300, check=False
    )


def build(name: str, cache: str = "") -> Environment:
    """A frozen environment, really; a shared one, or one of its own in the folder ``cache``."""
    one = FROZEN[name]
    spec = Spec(support.python(one.python), one.pins, options=("--no-deps",))
    try:
        return environments.build(spec, cache=cache or None)
    except environments.Unresolvable as error:
        local = [pin for pin in one.pins if "+" in pin]
        if not local:
            raise
        pytest.skip(f"{', '.join(local)}: no wheel where UV_FIND_LINKS says: not run ({error})")


def copy(name: str, folder: str) -> Copy:
    """A frozen environment, to be changed. It has a pip: that of this interpreter may be too new for its Python."""
    environment = build(name, os.path.join(folder, "copy"))
    if "pip" not in environment.installed():
        environments.install(environment, ["--only-binary", ":all:", "pip"], installer="uv")
    return Copy(FROZEN[name], environment, folder)


def tell(copied: Copy, order: str) -> Any:
    """What the ranks of the founding story get when compatshim is imported in this order."""
    program = os.path.join(support.PROGRAMS, "story.py")
    cache = os.path.join(copied.folder, f"cache-{len(os.listdir(copied.folder))}")
    os.mkdir(cache)
    done = support.run(copied.environment, program, cache, "000", "fork", order, shim=order != "never")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["ranks"]


def errors(environment: Environment) -> Tuple[str, ...]:
    """The ids of the errors that ``check`` finds."""
    done = ask("check", "--python", environment.python, "--format", "json")
    found = [item["id"] for item in json.loads(done.stdout)["findings"] if item["level"] == "error"]
    assert done.returncode == (1 if found else 0), done.stderr
    return tuple(found)


def pins(changes: Dict[str, str]) -> List[str]:
    """Exact requirements."""
    return [f"{project}=={version}" for project, version in sorted(changes.items())]
