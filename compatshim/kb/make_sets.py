"""Make constraint sets and prove them: resolve, change as the solver says, install afresh, run everything.

A set is what a resolver gives for a stack, as the index was on a day, changed by the least that takes it out of
every error-level advisory. It is written only when the environments that uv and pip make from it hold exactly its
versions and work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Callable, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import compatshim
from compatshim import analysis, constraints
from compatshim.answer import answer as answer_to
from compatshim.constraints import ConstraintFile
from compatshim.inventory import environment as inventory
from compatshim.kb import environments, files, sets
from compatshim.kb.environments import BuildError, Completed, Environment, Spec, Unresolvable
from compatshim.kb.sets import Entry, Job, Record
from compatshim.kb.verify import _outcome as outcome_of
from compatshim.kb.verify import _platform as platform
from compatshim.match import judge
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Catalog, Change
from compatshim.solve.problem import Wishes

INSTALLERS = ("uv", "pip")

_TOOLS = frozenset({"pip", "setuptools", "wheel"})  # an environment's own, not the stack's
_UV = (sys.executable, "-m", "uv")
_TIMEOUT = 1800
_STORY_TIMEOUT = 180
_SHOWN = 600  # characters of what a program said last
_RIGHT = [{"n": 9, "s": 9}, None, None]  # what the story's three ranks get
_OPEN = 0o666
# A folder of an environment that is gone by now, and differs each time.
_PLACE = re.compile(r"[^\s\"']*compatshim-\w+/([^\s\"']*/site-packages/)?")
_RUN_PIP = "import runpy\nrunpy.run_module('pip', run_name='__main__', alter_sys=True)\n"
_PACKAGE = os.path.dirname(os.path.abspath(compatshim.__file__))


class Refuted(Exception):  # noqa: N818  it says what was found
    """A set does not do what it is for; the message says what failed, and where."""


def generate(
    folder: str,
    wanted: Iterable[Job],
    maker: Maker,
    *,
    interpreters: Mapping[str, str],
    report: Callable[[str], None],
    workers: int = 2,
) -> Record:
    """Make, verify and write sets, ``workers`` at a time; returns the entries that were made.

    A Python that is not among the ``interpreters`` is reported and left as it is. A file whose lines would not
    change, and an entry that would observe the same, keep every byte. Raises :exc:`BuildError` when an installer
    fails for another reason than the requirements; what was finished is written.
    """
    made: Record = {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {}
        for job in wanted:
            if job.minor in interpreters:
                futures[pool.submit(maker.make, job, interpreters[job.minor])] = job
            else:
                report(f"{job.path}: there is no Python {job.minor} here; left as it is")
        try:
            for future in as_completed(futures):
                job, (file, entry) = futures[future], future.result()
                made[job.path] = _write(folder, job, file, entry)
                report(f"{job.path}: {entry.reason or 'verified'}")
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return made


def _write(folder: str, job: Job, file: Optional[ConstraintFile], entry: Entry) -> Entry:
    """Write one set with its entry and the README, as far as they say something new; returns the entry."""
    path = os.path.join(folder, job.path)
    if file is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    else:
        text = settled(sets.read_text(path), file)
        entry = dataclasses.replace(entry, digest=sets.digest(text))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_atomically(path, text)
    record = sets.read(folder)
    old = record.get(job.path)
    if old is not None and dataclasses.replace(entry, date=old.date, catalog=old.catalog) == old:
        entry = old
    record[job.path] = entry
    files.write_atomically(os.path.join(folder, sets.RECORD), sets.render(record))
    table(folder)
    return entry


def table(folder: str) -> None:
    """Write the README from the definitions, the record and the files."""
    files.write_atomically(os.path.join(folder, sets.README), sets.readme(folder))


def settled(old: Optional[str], file: ConstraintFile) -> str:
    """The text to keep: the old one when it has the same lines, whichever catalog it was made with."""
    if old is not None:
        with contextlib.suppress(ValueError):
            before = constraints.parse(old)
            if (before.command, before.lines) == (file.command, file.lines):
                return old
    return file.render()


@dataclass(frozen=True)
class Maker:
    """Makes and verifies sets by one catalog."""

    catalog: Catalog
    metadata: MetadataSource
    tests: str
    """The folder that holds ``reproducers`` and ``programs/story.py``."""

    def make(self, job: Job, python: str) -> Tuple[Optional[ConstraintFile], Entry]:
        """A verified set and its entry; or none, and an entry with the reason. Raises :exc:`BuildError`."""
        entry = Entry(list(job.stack.requirements), job.stack.before)
        try:
            file, changes = self.solve(job, python)
            outcomes = self.verify(job, python, file)
        except (Unresolvable, Refuted) as error:
            return None, dataclasses.replace(entry, reason=_PLACE.sub("", str(error)))
        moves = {change.project: [str(change.before or ""), str(change.after or "")] for change in changes}
        made = dataclasses.replace(
            entry,
            catalog=self.catalog.digest,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            platform=platform(),
            installers=list(INSTALLERS),
            changes=moves,
            outcomes=outcomes,
        )
        return file, made

    def solve(self, job: Job, python: str) -> Tuple[ConstraintFile, Tuple[Change, ...]]:
        """The set of a stack, and its changes to what the resolver gives.

        Raises :exc:`Unresolvable` when the resolver has no answer and :exc:`Refuted` when the solver has none.
        """
        stack = job.stack
        versions = resolve(stack.requirements, python, job.minor, before=stack.before)
        with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
            built = environments.build(Spec(python, _pins(versions)), cache=folder)
            found = analysis.analyse(inventory.of(built.python), self.catalog)
        wishes = Wishes(hold=frozenset(stack.held))
        answer = answer_to(found, self.metadata, name="least-change", wishes=wishes)
        if answer.solution is None:
            raise Refuted(f"no change of versions beside {', '.join(stack.held)} helps: {' '.join(answer.why)}")
        changes = answer.solution.changes
        if changes:
            versions.update({change.project: change.after for change in changes if change.after is not None})
            before = max(stack.before, *map(self._available, changes))
            versions = resolve(stack.requirements, python, job.minor, before=before, pins=_pins(versions))
        cured = tuple(finding.advisory.id for finding in found.findings if finding.level == "error")
        guards = constraints.guards(versions, changes, self.catalog)
        lines = _full(versions, (*constraints.pins(answer.reasons, cured), *guards))
        return ConstraintFile(compatshim.__version__, self.catalog.digest, job.command, lines), changes

    def _available(self, change: Change) -> str:
        """The ISO date before which the version that a project moves to was uploaded; empty when unknown."""
        for release in self.metadata.releases(change.project) or ():
            if release.version == change.after and release.uploaded:
                return (date.fromisoformat(release.uploaded) + timedelta(days=1)).isoformat()
        return ""

    def verify(self, job: Job, python: str, file: ConstraintFile) -> Dict[str, str]:
        """Install a set with each installer and run everything there; returns the outcome by advisory.

        Raises :exc:`Refuted` when something is not as the file and the catalog say.
        """
        told = []
        for installer in INSTALLERS:
            with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
                try:
                    made = install(installer, python, job.stack.requirements, file, folder)
                    told.append(self._observe(made, sets.pinned(file)))
                except Refuted as error:
                    raise Refuted(f"Installed by {installer}: {error}") from error
        if any(other != told[0] for other in told):
            raise Refuted(f"What {' and '.join(INSTALLERS)} install does not behave alike: {told}")
        return told[0]

    def _observe(self, made: Installed, versions: Mapping[str, Version]) -> Dict[str, str]:
        installed = made.environment.installed().items()
        present = {name: Version(text) for name, text in installed if name not in _TOOLS}
        if present != versions:
            extra, missing = {*_pins(present)} - {*_pins(versions)}, {*_pins(versions)} - {*_pins(present)}
            raise Refuted(f"there is {sorted(extra)} beside the file, and {sorted(missing)} is missing")
        found = analysis.analyse(inventory.of(made.environment.python), self.catalog).findings
        errors = [finding.advisory.id for finding in found if finding.level == "error"]
        if errors:
            raise Refuted(f"`compatshim check` finds {', '.join(errors)}")
        if made.broken:
            raise Refuted(f"declared requirements are not met: {made.broken}")
        self.tell(made.environment)
        return {
            advisory.id: self._reproduce(advisory, made.environment, versions)
            for advisory in sets.applicable(self.catalog, versions)
        }

    def _reproduce(self, advisory: Advisory, made: Environment, versions: Mapping[str, Version]) -> str:
        """Run a reproducer; returns what an entry records. It must not be bad unless the catalog says so."""
        reproducer = advisory.reproducer
        for requirement in map(Requirement, reproducer.requires):
            version = versions.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                return f"not run: it needs {requirement}"
        program = os.path.join(self.tests, "reproducers", f"{reproducer.id}.py")
        seen, said = outcome_of(environments.run(made, program, timeout=reproducer.timeout))
        if seen == "broken" or (seen == "bad" and judge(advisory, versions) is None):
            raise Refuted(f"{advisory.id} is {seen}: {said}")
        if seen != "bad" or not advisory.shims:
            return seen
        mended = environments.run(made, program, "--shim", timeout=reproducer.timeout, shim_from=_PACKAGE)
        seen, said = outcome_of(mended)
        if seen != "good":
            raise Refuted(f"{advisory.id} with the shim is {seen}: {said}")
        return "shimmed"

    def tell(self, made: Environment) -> None:
        """Evaluate a metric in three processes under umask 000, without compatshim.

        Raises :exc:`Refuted` when a rank gets a wrong answer, or a lock file is not open to everybody.
        """
        program = os.path.join(self.tests, "programs", "story.py")
        with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
            done = environments.run(made, program, folder, "000", "fork", "never", timeout=_STORY_TIMEOUT)
        if done.returncode != 0:
            raise Refuted(f"the story ends with status {done.returncode}: {_tail(done)}")
        told = json.loads(done.stdout.splitlines()[-1])
        closed = [mode for mode in told["modes"] if int(mode, 8) & _OPEN != _OPEN]
        if told["ranks"] != _RIGHT or closed:
            raise Refuted(f"the story ends with {told}")


def _full(versions: Mapping[str, Version], lines: Iterable[constraints.Line]) -> Tuple[constraints.Line, ...]:
    """A pin for every project; what a line says of it stands beside it."""
    said = {line.project: line for line in lines}
    plain = constraints.Line("", "", (), "as resolved")
    return tuple(
        said.get(project, plain)._replace(project=project, specifier=f"=={version}")
        for project, version in sorted(versions.items())
    )


def resolve(
    requirements: Sequence[str], python: str, minor: str, *, before: str, pins: Sequence[str] = ()
) -> Dict[str, Version]:
    """The versions that uv gives for requirements on Python ``minor``, all of them wheels.

    ``before`` is an ISO date; nothing uploaded on or after it (UTC) is looked at. ``pins`` are constraints. Raises
    :exc:`Unresolvable` with the resolver's reason, and :exc:`BuildError` when something else went wrong.
    """
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        asked, bounds = _lines(folder, "requirements.txt", requirements), _lines(folder, "pins.txt", pins)
        when = ("--exclude-newer", f"{before}T00:00:00Z")  # a bare date would be one of this time zone
        where = ("--python", python, "--python-version", minor, "--only-binary", ":all:")
        said = ("--quiet", "--no-header", "--no-annotate")
        command = (*_UV, "pip", "compile", *when, *where, *said, "--constraint", bounds, asked)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode != 0:
        trouble = " ".join(done.stderr.split())
        reason = re.search(r"Because .*?(?= hint: |$)", trouble)
        if "No solution found" in trouble and reason:
            raise Unresolvable(reason.group())
        raise BuildError(f"uv cannot resolve {', '.join(requirements)} for Python {minor}: {trouble}")
    found = (line.partition("==") for line in done.stdout.splitlines())
    versions = {canonicalize_name(name): Version(version) for name, _, version in found}
    return {name: version for name, version in versions.items() if name not in _TOOLS}


@dataclass(frozen=True)
class Installed:
    """What an installer made, and what it says is wrong there."""

    environment: Environment
    broken: str
    """Declared requirements that are not met, in the installer's words; empty when all are."""


def install(
    installer: str, python: str, requirements: Sequence[str], file: ConstraintFile, folder: str
) -> Installed:
    """A fresh environment below ``folder`` with requirements installed under a constraint file.

    ``installer`` is one of :data:`INSTALLERS`; pip is the newest that runs on that Python. Raises :exc:`Refuted`
    when the installer has no answer, and :exc:`BuildError` when it fails for another reason.
    """
    asked = _lines(folder, "requirements.txt", requirements)
    bounds = os.path.join(folder, "constraints.txt")
    files.write_atomically(bounds, file.render())
    arguments = ("-r", asked, "-c", bounds)
    made = environments.build(Spec(python, ("pip",) if installer == "pip" else ()), cache=folder)
    if installer == "uv":
        try:
            environments.install(made, arguments, installer=installer)
        except Unresolvable as error:
            raise Refuted(str(error)) from error
        command = (*_UV, "pip", "check", "--python", made.python)
        checked = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        return Installed(made, checked.stderr.strip() if checked.returncode else "")
    done = _pip(made, folder, "install", "--disable-pip-version-check", "--no-input", *arguments)
    if done.returncode != 0:
        no_answer = re.search(r"ResolutionImpossible|No matching distribution", done.stderr)
        raise (Refuted if no_answer else BuildError)(f"pip ended with status {done.returncode}: {_tail(done)}")
    done = _pip(made, folder, "check")
    return Installed(made, _tail(done) if done.returncode else "")


def _pip(made: Environment, folder: str, *arguments: str) -> Completed:
    program = os.path.join(folder, "run_pip.py")
    files.write_atomically(program, _RUN_PIP)
    return environments.run(made, program, *arguments, timeout=_TIMEOUT)


def _tail(done: Completed) -> str:
    return " ".join((done.stdout + done.stderr).split())[-_SHOWN:]


def _lines(folder: str, name: str, lines: Iterable[str]) -> str:
    path = os.path.join(folder, name)
    files.write_atomically(path, "".join(f"{line}\n" for line in lines))
    return path


def _pins(versions: Mapping[str, Version]) -> Tuple[str, ...]:
    return tuple(f"{project}=={version}" for project, version in sorted(versions.items()))
