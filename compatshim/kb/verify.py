"""Run reproducers in real environments and record what happened as ``[[verified]]`` rows.

A row is only ever what was observed. An observation that contradicts the advisory is no row; it is reported. When
a whole advisory is contradicted it is *dead*; when the fault is seen outside its ranges it has *spread*.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import Dict, Generator, List, NamedTuple, Sequence, Tuple

from packaging.version import Version

from compatshim.kb import rows
from compatshim.kb.cases import OUTSIDE, Case, cases
from compatshim.kb.engine import Engine
from compatshim.kb.runs import SEEN, Observation
from compatshim.kb.worlds import Candidate, Program, Versions, text
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Advisory, Verified

_ATTEMPTS = 8  # combinations tried for one case
_MOMENT = 0.1  # seconds


class Contradiction(NamedTuple):
    """An observation that the advisory says cannot be made."""

    why: str
    role: str
    expected: str
    observed: str
    python: str
    platform: str
    versions: Versions
    output: str
    environment: Tuple[Tuple[str, str], ...]
    """Everything that was installed."""

    def __str__(self) -> str:
        found = f"{text(self.versions)} on Python {self.python}: {self.observed}, not {self.expected}"
        return f"{self.why}: {found}: {self.output}"


class Skipped(NamedTuple):
    """A combination that could not be judged."""

    why: str
    reason: str

    def __str__(self) -> str:
        return f"{self.why}: {self.reason}"


class Result(NamedTuple):
    """What was observed, what contradicts the advisory, and what could not be observed."""

    rows: Tuple[Verified, ...] = ()
    contradictions: Tuple[Contradiction, ...] = ()
    skipped: Tuple[Skipped, ...] = ()

    def and_then(self, other: Result) -> Result:
        """Both together."""
        return Result(
            self.rows + other.rows,
            self.contradictions + other.contradictions,
            self.skipped + other.skipped,
        )

    @property
    def dead(self) -> bool:
        """Whether nothing that should be bad was, and something was good instead."""
        good = any(one.expected == "bad" and one.observed == "good" for one in self.contradictions)
        return good and not any(row.outcome == "bad" for row in self.rows)

    @property
    def spread(self) -> Tuple[Contradiction, ...]:
        """Where the fault was seen outside the ranges."""
        return tuple(one for one in self.contradictions if (one.role, one.observed) == (OUTSIDE, "bad"))


class Watch:
    """Is told how the work goes on; this one says nothing."""

    def saw(self, line: str) -> None:
        """Something was observed. Called from many threads."""

    def done(self, done: int, total: int) -> None:
        """Of ``total`` cases so many are ``done``."""


def verify(
    advisories: Sequence[Advisory],
    engine: Engine,
    *,
    metadata: MetadataSource,
    reproducers: str,
    folder: str,
    watch: Watch,
) -> Generator[Tuple[Advisory, Result], None, None]:
    """Run everything that follows from some advisories; write the rows of each into its file in ``folder``.

    Tells of each advisory when it is done. The startup index must have been compiled from the same terms, or the
    shims do not arm. Whatever ends the iteration: the rows of advisories that are done are written, the files of
    the others are as they were, and the next time what the engine observed is not run again. Raises
    :exc:`OSError` for a missing reproducer.
    """
    asked = [
        (advisory, case, Runner(advisory, program(advisory, reproducers), engine, watch))
        for advisory in advisories
        for case in cases(advisory, metadata, engine.minors)
    ]
    left: Dict[str, int] = {}
    for advisory, _, _ in asked:
        left[advisory.id] = left.get(advisory.id, 0) + 1
    with ThreadPoolExecutor(engine.backend.parallel) as pool:
        futures = [pool.submit(runner.answer, case) for _, case, runner in asked]
        of = {future: advisory for future, (advisory, _, _) in zip(futures, asked)}
        try:
            watch.done(0, len(futures))
            for done, future in enumerate(as_completed(futures), 1):
                advisory = of[future]
                future.result()
                left[advisory.id] -= 1
                watch.done(done, len(futures))
                if not left[advisory.id]:
                    result = _joined([one.result() for one in futures if of[one] is advisory])
                    _write(os.path.join(folder, f"{advisory.id}.toml"), result)
                    yield advisory, result
        except BaseException:  # Ctrl-C is not to wait for what is running
            _abandon(futures, engine)
            raise


def _abandon(futures: Sequence[Future[Result]], engine: Engine) -> None:
    for future in futures:
        future.cancel()
    # A thread that is between two programs starts the next one.
    while wait(futures, timeout=_MOMENT).not_done:
        engine.backend.stop()


def _joined(results: Sequence[Result]) -> Result:
    found = Result()
    for result in results:
        found = found.and_then(result)
    return found._replace(rows=rows.merged(found.rows))


def _write(path: str, result: Result) -> None:
    refuted = [(one.versions, one.python, one.platform, one.expected == "shimmed") for one in result.contradictions]
    rows.write(path, result.rows, refuted=refuted)


def program(advisory: Advisory, folder: str) -> Program:
    """An advisory's reproducer. Raises :exc:`OSError`."""
    about = advisory.reproducer
    with open(os.path.join(folder, f"{about.id}.py"), encoding="utf-8") as file:
        return Program(about.id, file.read(), about.requires, about.timeout)


def untried(advisory: Advisory, metadata: MetadataSource, found: Sequence[Verified] = ()) -> Versions:
    """The newest final release of each project that is newer than any row, of the file or ``found``, tells of."""
    tried: Dict[str, Version] = {}
    for row in (*advisory.verified, *found):
        for project, version in row.versions:
            tried[project] = max(version, tried.get(project, version))
    newest = (
        (project, max(finals)) for project in advisory.projects for finals in [_finals(metadata, project)] if finals
    )
    return tuple(sorted((project, version) for project, version in newest if version > tried.get(project, _NONE)))


_NONE = Version("0.dev0")


def _finals(metadata: MetadataSource, project: str) -> List[Version]:
    known = metadata.releases(project) or ()
    return [item.version for item in known if not item.yanked and not item.version.is_prerelease]


class Runner:
    """Runs one advisory's reproducer and compares what is seen with what the advisory says."""

    def __init__(self, advisory: Advisory, program: Program, engine: Engine, watch: Watch) -> None:
        self._advisory = advisory
        self._program = program
        self._engine = engine
        self._watch = watch

    def answer(self, case: Case) -> Result:
        """Find the most telling candidate that can be run, and on the way whatever else can.

        The candidates follow an order of releases: where one can be run, those behind it mostly can, so the
        first is tried and then the rest bisected.
        """
        result = Result()
        low, place, high = 0, 0, len(case.candidates)
        for _ in range(_ATTEMPTS):
            if low == high:
                break
            tried = self._try(case, case.candidates[place])
            result = result.and_then(tried)
            low, high = (low, place) if tried.rows else (place + 1, high)
            place = (low + high) // 2
        if not case.candidates:
            result = result.and_then(Result(skipped=(Skipped(case.why, "no such release is known"),)))
        return result

    def _try(self, case: Case, candidate: Candidate) -> Result:
        notes: Dict[str, List[str]] = {}
        for minor in candidate.minors:
            seen = self._engine.observe(candidate.task(minor, self._program), expected=case.expected)
            self._watch.saw(f"{self._advisory.id}: {case.why}: {candidate}, Python {minor}: {seen.outcome}")
            if seen.outcome in SEEN:
                return self._judge(case, candidate, minor, seen)
            told = f"{seen.outcome}: " if seen.outcome not in ("uninstallable", "failed") else ""
            notes.setdefault(f"{told}{seen.text}", []).append(minor)
            if seen.outcome == "inapplicable":
                break
        reasons = (f"{note} (Python {', '.join(minors)})" for note, minors in notes.items())
        reason = "; ".join(reasons) or "no Python here admits it"
        return Result(skipped=(Skipped(case.why, f"{candidate}: {reason}"),))

    def _judge(self, case: Case, candidate: Candidate, minor: str, seen: Observation) -> Result:
        """Compare what was seen with what the advisory says, and see what the shim makes of a bad outcome."""
        judged = self._compare(case, case.expected, minor, seen)
        if judged.rows and case.expected == "bad" and self._advisory.shims:
            mended = self._engine.observe(candidate.task(minor, self._program, shim=True), expected="good")
            outcome = "shimmed" if mended.outcome == "good" else mended.outcome
            judged = judged.and_then(self._compare(case, "shimmed", minor, mended._replace(outcome=outcome)))
        return judged

    def _compare(self, case: Case, expected: str, minor: str, seen: Observation) -> Result:
        installed = dict(seen.installed)
        versions = tuple(
            (project, Version(installed[project]))
            for project in sorted(self._advisory.projects)
            if project in installed
        )
        if seen.outcome == expected:
            return Result(rows=(Verified(expected, minor, seen.platform, seen.date, versions),))
        contradiction = Contradiction(
            case.why,
            case.role,
            expected,
            seen.outcome,
            minor,
            seen.platform,
            versions,
            seen.text,
            seen.installed,
        )
        return Result(contradictions=(contradiction,))
