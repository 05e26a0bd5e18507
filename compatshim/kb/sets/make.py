"""Make constraint sets: resolve, change as the solver says, prove, write.

A set is what a resolver gives for a stack, as the index was on a day, changed by the least that takes it out of
every error-level advisory. It is written only when it is proved.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import Dict, Generator, Iterable, Mapping, Optional, Tuple

from packaging.version import Version

import compatshim
from compatshim import constraints, files
from compatshim.analysis import analyse
from compatshim.answer import answer
from compatshim.constraints import ConstraintFile, Line
from compatshim.inventory import environment as inventory
from compatshim.kb import environments
from compatshim.kb.environments import Spec, Unresolvable
from compatshim.kb.resolve import resolve
from compatshim.kb.runs import platform
from compatshim.kb.sets import readme
from compatshim.kb.sets.prove import Refuted, prove
from compatshim.kb.sets.record import RECORD, Entry, digest, read, render
from compatshim.kb.sets.stacks import Job, jobs
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, Change
from compatshim.solve.problem import Wishes

OUTCOMES = VERIFIED, IMPOSSIBLE, REFUTED, SKIPPED = "verified", "impossible", "refuted", "skipped"

_MOMENT = 0.1  # seconds


@dataclass(frozen=True)
class Made:
    """What came of one job."""

    job: Job
    outcome: str
    """``verified``; ``impossible``: the resolver has no answer; ``refuted``: the set does not do what it is for;
    ``skipped``: its Python is not here. The last two leave everything as it was."""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.job.path}: {self.outcome}" + (f": {self.reason}" if self.reason else "")


def make(
    folder: str, wanted: Iterable[Job], maker: Maker, *, interpreters: Mapping[str, str], workers: int = 2
) -> Generator[Made, None, None]:
    """Make, verify and write sets, ``workers`` at a time; tells of each when it is done.

    A file whose lines would not change, and an entry that would observe the same, keep every byte. Raises
    :exc:`BuildError` when an installer fails for another reason than the requirements. What was finished stays,
    whatever ends the iteration.
    """
    with ThreadPoolExecutor(workers) as pool:
        futures: Dict[Future[Tuple[Optional[ConstraintFile], Entry]], Job] = {}
        try:
            for job in wanted:
                if job.minor in interpreters:
                    futures[pool.submit(maker.make, job, interpreters[job.minor])] = job
                else:
                    yield Made(job, SKIPPED, f"there is no Python {job.minor} here")
            for future in as_completed(futures):
                job = futures[future]
                try:
                    file, entry = future.result()
                except Refuted as error:
                    yield Made(job, REFUTED, str(error))
                    continue
                _write(folder, job, file, entry)
                yield Made(job, IMPOSSIBLE if file is None else VERIFIED, entry.reason)
        except BaseException:  # Ctrl-C is not to wait for the minutes that a set takes
            for future in futures:
                future.cancel()
            # A thread that is between two programs starts the next one.
            while wait(futures, timeout=_MOMENT).not_done:
                environments.stop()
            raise


def _write(folder: str, job: Job, file: Optional[ConstraintFile], entry: Entry) -> None:
    """Write a set, its entry and the README, as far as they say something new."""
    path = os.path.join(folder, job.path)
    if file is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    else:
        text = settled(files.read_text(path), file)
        entry = dataclasses.replace(entry, digest=digest(text))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_atomically(path, text)
    record = read(folder)
    old = record.get(job.path)
    if old is None or dataclasses.replace(entry, date=old.date, catalog=old.catalog) != old:
        record[job.path] = entry
    asked = {one.path for one in jobs(folder)}
    text = render({name: kept for name, kept in record.items() if name in asked})
    files.write_atomically(os.path.join(folder, RECORD), text)
    write_readme(folder)


def write_readme(folder: str) -> None:
    """Write the README from the definitions, the record and the files."""
    files.write_atomically(os.path.join(folder, readme.NAME), readme.text(folder))


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
        """A verified set and its entry; or none, and an entry with the resolver's reason.

        Raises :exc:`Refuted` and :exc:`BuildError`.
        """
        entry = Entry(list(job.stack.requirements), job.stack.before)
        try:
            versions = resolve(job.stack.requirements, python, job.minor, before=job.stack.before)
        except Unresolvable as error:
            return None, dataclasses.replace(entry, reason=str(error))
        file, changes = self.solve(job, python, versions)
        outcomes = prove(job, python, file, self.catalog, self.tests)
        moves = {change.project: [str(change.before or ""), str(change.after or "")] for change in changes}
        return file, dataclasses.replace(
            entry,
            catalog=self.catalog.digest,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            platform=platform(),
            changes=moves,
            outcomes=outcomes,
        )

    def solve(
        self, job: Job, python: str, resolved: Mapping[str, Version]
    ) -> Tuple[ConstraintFile, Tuple[Change, ...]]:
        """The set of a stack, and its changes to what was ``resolved``.

        Raises :exc:`Refuted` when the versions cannot be installed or the solver has no answer.
        """
        pins = tuple(f"{project}=={version}" for project, version in sorted(resolved.items()))
        with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
            try:
                built = environments.build(Spec(python, pins), cache=folder)
            except Unresolvable as error:
                raise Refuted(str(error)) from error
            found = analyse(inventory.of(built.python), self.catalog)
        wishes = Wishes(hold=frozenset(job.stack.held))
        solved = answer(found, self.metadata, name="least-change", wishes=wishes)
        if solved.solution is None:
            raise Refuted(" ".join(solved.why))
        asked = (Line(project, "", (), "asked for") for project in job.stack.projects)
        lines = constraints.full(solved.after, (*asked, *solved.pins), "as resolved")
        return ConstraintFile(compatshim.__version__, self.catalog.digest, job.command, lines), solved.changes
