"""One run: a program in an environment that is built for it, and what came of it.

A :class:`Task` says all that decides the outcome and nothing of the machine, so that any machine can perform it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import sysconfig
import tempfile
import time
from typing import Iterator, Mapping, NamedTuple, Optional, Tuple

from compatshim import files
from compatshim.gather import groups
from compatshim.kb import environments
from compatshim.kb.environments import BuildError, Completed, Environment, Spec, Unresolvable

SEEN = "bad", "good"
"""The outcomes that say something about the versions."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SHIM = ("startup", "shims", "gather")  # what a program under the shim runs, below the package
_BRIEF = 300  # characters of what an installer or a program says

APART = {groups.SETTING: "off"}
"""Ranks that meet without lock files would hide whether the shims of these work; who is about it turns it on."""


class Task(NamedTuple):
    """A program to run, and the environment to run it in."""

    minor: str
    """The Python, as ``3.11``."""
    requirements: Tuple[str, ...]
    """PEP 508."""
    constraints: Tuple[str, ...]
    name: str
    """The program's name, without its suffix."""
    program: str
    """Its text."""
    timeout: int
    """Seconds."""
    shim: bool = False
    """Whether it runs with ``--shim``, and compatshim to import."""

    def key(self, site: Site) -> str:
        """Forty hexadecimal digits that stand for everything that decides the outcome where ``site`` is."""
        asked = [
            *(site.platform, self.minor, dict(site.pythons).get(self.minor)),
            *(sorted(set(self.requirements)), sorted(set(self.constraints))),
            *(self.program.replace("\r\n", "\n"), self.timeout, site.runtime if self.shim else ""),
        ]
        return hashlib.sha256(json.dumps(asked).encode("utf-8")).hexdigest()[:40]


class Observation(NamedTuple):
    """What came of a task."""

    outcome: str
    """``bad``, ``good``; ``inapplicable`` (the program says so), ``broken`` (the program died of something else),
    ``uninstallable`` (no such environment can be), ``failed`` (it could not be built this time), ``unsteady`` (two
    runs differ)."""
    text: str
    """What the program or the installer said, in a line."""
    date: str = ""
    """ISO."""
    platform: str = ""
    installed: Tuple[Tuple[str, str], ...] = ()
    """Project and version of everything in the environment."""
    seconds: float = 0.0
    """That it took to build and to run."""


class Site(NamedTuple):
    """What of a machine decides outcomes."""

    platform: str
    pythons: Tuple[Tuple[str, str], ...]
    """``major.minor`` and the whole version."""
    runtime: str
    """Digest of what a program under the shim runs."""


@functools.lru_cache(maxsize=1)
def site() -> Site:
    """What this machine is."""
    found = sorted(environments.interpreters().items())
    versions = tuple((minor, environments.identify(path) or "") for minor, path in found)
    return Site(platform(), versions, _digest(*_runtime(_PACKAGE)))


def perform(
    task: Task,
    *,
    interpreters: Optional[Mapping[str, str]] = None,
    cache: Optional[str] = None,
    limit: float = float("inf"),
    since: float = 0.0,
) -> Observation:
    """Build what a task asks for and run it here.

    The environments below ``cache`` are kept to ``limit`` bytes (:func:`environments.prune`); one that was built
    before ``since`` is built again. Raises :exc:`~environments.Stopped`.
    """
    start = time.monotonic()
    python = (environments.interpreters() if interpreters is None else interpreters).get(task.minor)
    if python is None:
        return Observation("failed", f"there is no Python {task.minor} on {platform()} here")
    spec = Spec(python, task.requirements, task.constraints)
    try:
        if limit < float("inf"):
            environments.prune(limit, cache=cache)
        with environments.use(spec, cache=cache, since=since) as environment:
            outcome, text = outcome_of(_run(task, environment))
            installed = tuple(environment.installed().items())
    except Unresolvable as error:
        outcome, text, installed = "uninstallable", _brief(error), ()
    except BuildError as error:
        outcome, text, installed = "failed", _brief(error), ()
    seconds = round(time.monotonic() - start, 2)
    return Observation(outcome, text[:_BRIEF], time.strftime("%Y-%m-%d"), platform(), installed, seconds)


def _run(task: Task, environment: Environment) -> Completed:
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        path = os.path.join(folder, f"{task.name}.py")
        files.write_atomically(path, task.program)
        return environments.run(
            environment,
            path,
            *(["--shim"] if task.shim else []),
            timeout=task.timeout,
            env=APART,
            shim_from=_PACKAGE if task.shim else None,
        )


def outcome_of(completed: Completed) -> Tuple[str, str]:
    """What a reproducer said: its status counts only with the last line that goes with it."""
    last = "".join(completed.stdout.strip().splitlines()[-1:])
    if completed.returncode is None:
        return "broken", f"killed after {completed.seconds:.0f} seconds"
    # A program that dies of an exception ends with status 1 as well, but has not said that it saw the fault.
    if completed.returncode == 1 and last.startswith("BAD"):
        return "bad", last
    if completed.returncode in (0, 2):
        return {0: "good", 2: "inapplicable"}[completed.returncode], last
    return "broken", "".join(completed.stderr.strip().splitlines()[-1:]) or last


def platform() -> str:
    """The platform that programs run on here, as rows name it."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _brief(error: BuildError) -> str:
    """What an installer gave as its reason, on one line."""
    said = " ".join(re.findall(r"[!-~]+", str(error)))
    reason = re.search(r"Because .*", said) or re.search(r"(ERROR|error): .*", said)
    return (reason.group() if reason else said).partition(" hint: ")[0][:_BRIEF]


def _runtime(package: str) -> Iterator[str]:
    """The files that a program under the shim runs."""
    yield os.path.join(package, "__init__.py")
    for folder in _SHIM:
        for parent, folders, names in os.walk(os.path.join(package, folder)):
            folders.sort()
            yield from (os.path.join(parent, name) for name in sorted(names) if name.endswith((".py", ".txt")))


def _digest(*paths: str) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()
