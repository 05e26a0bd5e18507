"""Prove a constraint set: install it afresh with each installer, hold it against its file, run everything."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Dict, Mapping

from packaging.requirements import Requirement
from packaging.version import Version

import compatshim
from compatshim import analysis, files
from compatshim.constraints import ConstraintFile
from compatshim.inventory import environment as inventory
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec, Unresolvable
from compatshim.kb.runs import outcome_of
from compatshim.kb.sets.check import applicable
from compatshim.kb.sets.record import pinned
from compatshim.kb.sets.stacks import Job, satisfied
from compatshim.match import judge
from compatshim.model import Advisory, Catalog

INSTALLERS = ("uv", "pip")

_TOOLS = frozenset({"pip", "setuptools", "wheel"})  # may be an environment's own, and not the stack's
_STORY_TIMEOUT = 180
_SHOWN = 600  # characters of what a program said last
_RIGHT = [{"n": 9, "s": 9}, None, None]  # what the story's three ranks get
_OPEN = 0o666
_PACKAGE = os.path.dirname(os.path.abspath(compatshim.__file__))


class Refuted(Exception):  # noqa: N818  it says what was found
    """A set does not do what it is for; the message says what failed, and where."""


def prove(job: Job, python: str, file: ConstraintFile, catalog: Catalog, tests: str) -> Dict[str, str]:
    """Install a set with each installer and run everything there; returns the outcome by advisory.

    ``tests`` is the folder that holds ``reproducers`` and ``programs/story.py``. Raises :exc:`Refuted` when
    something is not as the file and the catalog say, and :exc:`BuildError` when an installer fails otherwise.
    """
    told = []
    for installer in INSTALLERS:
        with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
            try:
                made = install(job, python, file, folder, installer=installer)
                told.append(_observe(made, pinned(file), catalog, tests))
            except Refuted as error:
                raise Refuted(f"installed by {installer}: {error}") from error
    if any(other != told[0] for other in told):
        raise Refuted(f"what {' and '.join(INSTALLERS)} install does not behave alike: {told}")
    return told[0]


def _observe(made: Environment, versions: Mapping[str, Version], catalog: Catalog, tests: str) -> Dict[str, str]:
    present = {
        (project, Version(text))
        for project, text in made.installed().items()
        if project in versions or project not in _TOOLS
    }
    if present != {*versions.items()}:
        extra = ", ".join(f"{project} {version}" for project, version in sorted(present - {*versions.items()}))
        missing = ", ".join(f"{project} {version}" for project, version in sorted({*versions.items()} - present))
        raise Refuted(f"there is {extra or 'nothing'} beside the file's versions; missing: {missing or 'nothing'}")
    found = analysis.analyse(inventory.of(made.python), catalog).findings
    errors = [finding.advisory.id for finding in found if finding.level == "error"]
    if errors:
        raise Refuted(f"`compatshim check` finds {', '.join(errors)}")
    _story(made, tests)
    return {item.id: _reproduce(item, made, versions, tests) for item in applicable(catalog, versions)}


def _story(made: Environment, tests: str) -> None:
    """Evaluate a metric in three processes under umask 000, without compatshim."""
    program = os.path.join(tests, "programs", "story.py")
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        done = environments.run(made, program, folder, "000", "fork", "never", timeout=_STORY_TIMEOUT)
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())[-_SHOWN:]
        ended = "ran out of time" if done.returncode is None else f"ended with status {done.returncode}"
        raise Refuted(f"the story {ended}: {said}")
    told = json.loads(done.stdout.splitlines()[-1])
    closed = [mode for mode in told["modes"] if int(mode, 8) & _OPEN != _OPEN]
    if told["ranks"] != _RIGHT or closed:
        raise Refuted(f"the story ended with {told}")


def _reproduce(advisory: Advisory, made: Environment, versions: Mapping[str, Version], tests: str) -> str:
    """Run a reproducer, and again with the shim when it is bad; returns what an entry records."""
    for text in advisory.reproducer.requires:
        if not satisfied(Requirement(text), versions):
            return f"not run: it needs {text}"
    program = os.path.join(tests, "reproducers", f"{advisory.reproducer.id}.py")
    timeout = advisory.reproducer.timeout
    seen, said = outcome_of(environments.run(made, program, timeout=timeout))
    expected = ("good", "inapplicable") if judge(advisory, versions) is None else ("bad",)
    if seen not in expected:
        raise Refuted(f"{advisory.id} is {seen}, not {' or '.join(expected)}: {said}")
    if seen != "bad" or not advisory.shims:
        return seen
    mended = environments.run(made, program, "--shim", timeout=timeout, shim_from=_PACKAGE)
    seen, said = outcome_of(mended)
    if seen != "good":
        raise Refuted(f"{advisory.id} with the shim is {seen}: {said}")
    return "shimmed"


def install(job: Job, python: str, file: ConstraintFile, folder: str, *, installer: str) -> Environment:
    """A fresh environment below ``folder`` with a stack installed under its set, all declared requirements met.

    ``installer`` is one of :data:`INSTALLERS`; pip is the newest that runs on that Python. Raises :exc:`Refuted`
    when the installer has no answer, and :exc:`BuildError` when it fails for another reason.
    """
    bounds = os.path.join(folder, "constraints.txt")
    files.write_atomically(bounds, file.render())
    made = environments.build(Spec(python, ("pip",) if installer == "pip" else ()), cache=folder)
    try:
        environments.install(made, ("-c", bounds, *job.stack.projects), installer=installer)
    except Unresolvable as error:
        raise Refuted(str(error)) from error
    broken = environments.unmet(made, installer=installer)
    if broken:
        raise Refuted(f"declared requirements are not met: {broken}")
    return made
