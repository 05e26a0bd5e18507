"""Run an advisory's reproducer in real environments and record what happened as ``[[verified]]`` rows.

Which combinations to run follows from the advisory: the last release inside each boundary (bad) and the first
outside (good), what each remedy leads to (good), and every bad one again with the shim. A row is only ever what
was observed. An observation that contradicts the advisory is no row; it is reported.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from compatshim import catalog, files
from compatshim.kb import environments
from compatshim.kb.environments import BuildError, Completed, Environment, Spec
from compatshim.metadata.interface import MetadataSource, Release
from compatshim.model import OUTCOMES, Advisory, Certainty, Interval, Term, Verified

ANCHORS = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1", "huggingface-hub": "1.4.1"}
"""The versions that the terms which are not being probed stay at, or the nearest their ranges hold. Projects that
are not listed stay at the newest version that is bad."""

PERIOD = (
    ("datasets<2.21", "numpy<2"),  # np.array(copy=False) raises in 2.0
    ("datasets<3", "pyarrow<20"),  # PyExtensionType went in 21
    ("datasets<4", "pandas<3"),  # strings became large_string
    ("datasets<2.15", "fsspec<2023.10"),  # "Loading a dataset cached in a LocalFileSystem is not supported"
    ("datasets<3", "fsspec<2024.7"),
    ("datasets<3", "huggingface-hub<0.26"),
    ("datasets<3", "dill<0.3.9"),  # fingerprints take private parts of it
)
"""What the rest of an environment looked like in the time of a release: the requirement a release meets, and a
constraint on the others, so that nothing but the fault decides the outcome."""

PREFERRED_PYTHON = "3.11"
_PREFERRED_SINCE = "2022-10-24"  # releases older than that get an old Python
_PYTHONS = 3  # tried for one combination
_NEAREST = 3  # releases tried at a boundary
_BRIEF = 300  # characters of what an installer says
_ATTEMPTS = 8  # combinations tried for one case
_SHIM = ("startup", "shims", "gather")  # what a program under the shim runs, below the package

Versions = Tuple[Tuple[str, Version], ...]


@dataclass(frozen=True)
class Candidate:
    """One combination of versions, and the environments that may hold it, the preferred first."""

    versions: Versions
    specs: Tuple[Tuple[str, Spec], ...]
    """``major.minor`` and what to build."""

    def __str__(self) -> str:
        return _text(self.versions)


@dataclass(frozen=True)
class Case:
    """Something an advisory says about a combination, and which combinations could show it."""

    expected: str
    """``bad`` or ``good``."""
    why: str
    candidates: Tuple[Candidate, ...]
    """The most telling first; the first that can be run answers."""


@dataclass(frozen=True)
class Contradiction:
    """An observation that the advisory says cannot be made."""

    why: str
    expected: str
    observed: str
    python: str
    versions: Versions
    output: str
    environment: Tuple[Tuple[str, str], ...]
    """Everything that was installed."""

    def __str__(self) -> str:
        found = f"{_text(self.versions)} on Python {self.python}: {self.observed}, not {self.expected}"
        return f"{self.why}: {found}: {self.output}"


@dataclass(frozen=True)
class Skipped:
    """A combination that could not be judged."""

    why: str
    reason: str

    def __str__(self) -> str:
        return f"{self.why}: {self.reason}"


@dataclass(frozen=True)
class Result:
    """What was observed, what contradicts the advisory, and what could not be observed."""

    rows: Tuple[Verified, ...] = ()
    contradictions: Tuple[Contradiction, ...] = ()
    skipped: Tuple[Skipped, ...] = ()

    def __add__(self, other: Result) -> Result:
        return Result(
            self.rows + other.rows,
            self.contradictions + other.contradictions,
            self.skipped + other.skipped,
        )


def verify(
    advisory: Advisory,
    *,
    metadata: MetadataSource,
    interpreters: Mapping[str, str],
    reproducers: str,
    advisories: str,
    report: Callable[[str], None],
) -> Result:
    """Run everything that follows from an advisory and write the rows into its file below ``advisories``.

    The startup index must have been compiled from the same terms, or the shims do not arm. An interrupt leaves
    the file alone; what was finished is remembered, so that the next run goes on from there.
    """
    result = run(cases(advisory, metadata, interpreters), advisory, reproducers=reproducers, report=report)
    write(os.path.join(advisories, f"{advisory.id}.toml"), result.rows, refuted=result.contradictions)
    return result


def cases(advisory: Advisory, metadata: MetadataSource, interpreters: Mapping[str, str]) -> Tuple[Case, ...]:
    """What must be run to believe an advisory."""
    planner = _Planner(advisory, metadata, interpreters)
    anchor = planner.anchor
    if len(anchor) < len(advisory.terms):
        return (Case("bad", "anchor", ()),)
    found = [Case("bad", "anchor", (planner.candidate(anchor),))]
    for term in advisory.terms:
        for interval in term.ranges:
            for expected, edge, versions in _edges(term, interval, planner.versions(term.project)):
                moved = [planner.candidate({**anchor, term.project: version}) for version in versions]
                found.append(Case(expected, f"{term.project} {interval}, {edge}", tuple(moved)))
    for remedy in advisory.remedies:
        requirements = {item.name: item for item in map(Requirement, remedy.constraints)}
        pins = {project: version for project, version in anchor.items() if project not in requirements}
        for project in (project for project in advisory.projects if project in requirements):
            admitted = [v for v in planner.versions(project) if v in requirements[project].specifier]
            for edge, versions in (("lowest", admitted), ("newest", admitted[::-1])):
                moved = [planner.candidate({**pins, project: version}, requirements) for version in versions]
                why = f"{remedy.kind} {', '.join(remedy.constraints)}, {edge} {project}"
                found.append(Case("good", why, tuple(moved)))
    unique = {(case.expected, case.candidates): case for case in reversed(found)}
    return tuple(reversed(tuple(unique.values())))


def _edges(
    term: Term, interval: Interval, versions: Sequence[Version]
) -> Iterator[Tuple[str, str, Sequence[Version]]]:
    """The expected outcome, a name, and the releases nearest to it first, for each side of each end."""
    inside = [version for version in versions if interval.contains(version) is Certainty.VERIFIED]
    outside = [version for version in versions if term.contains(version) is None]
    if interval.introduced == Version("0"):
        yield "bad", "oldest that runs", inside
    else:
        below = [version for version in outside if version < interval.introduced]
        yield "bad", "first inside", inside[:_NEAREST]
        yield "good", "last before", below[: -_NEAREST - 1 : -1]
    yield "bad", "last inside", inside[: -_NEAREST - 1 : -1]
    if interval.fixed is not None:
        above = [version for version in outside if version >= interval.fixed]
        yield "good", "first after", above[:_NEAREST]


class _Planner:
    """Turns versions of an advisory's projects into environments to build."""

    def __init__(self, advisory: Advisory, metadata: MetadataSource, interpreters: Mapping[str, str]) -> None:
        self._advisory = advisory
        self._interpreters = interpreters
        self._releases: Dict[str, Dict[Version, Release]] = {
            project: {item.version: item for item in metadata.releases(project) or () if not item.yanked}
            for project in advisory.projects
        }

    def versions(self, project: str) -> List[Version]:
        """The known releases, ascending."""
        return sorted(self._releases[project])

    @property
    def anchor(self) -> Dict[str, Version]:
        """A version inside each term, as near as possible to :data:`ANCHORS`."""
        found: Dict[str, Version] = {}
        for term in self._advisory.terms:
            inside = [v for v in self.versions(term.project) if term.contains(v) is Certainty.VERIFIED]
            wanted = ANCHORS.get(term.project)
            below = [version for version in inside if wanted is None or version <= Version(wanted)]
            if inside:
                found[term.project] = below[-1] if below else inside[0]
        return found

    def candidate(
        self, pins: Mapping[str, Version], requirements: Optional[Mapping[str, Requirement]] = None
    ) -> Candidate:
        """The environments for ``pins`` in which ``requirements`` bound the other projects."""
        free = {name: item for name, item in (requirements or {}).items() if name not in pins}
        extra = self._advisory.reproducer.requires
        settled = {*pins, *free, *(Requirement(text).name for text in extra)}
        asked = [f"{project}=={version}" for project, version in pins.items()]
        asked += [project for project in free if project in self._advisory.projects]
        constraints = [str(requirement) for requirement in free.values()]
        for condition, constraint in PERIOD:
            met = Requirement(condition)
            if met.name in pins and pins[met.name] in met.specifier:
                constraints += [constraint] if Requirement(constraint).name not in settled else []
        return Candidate(
            tuple(sorted(pins.items())),
            tuple(
                (minor, Spec(self._interpreters[minor], (*sorted(asked), *extra), tuple(sorted(constraints))))
                for minor in self._pythons(pins)
            ),
        )

    def _pythons(self, pins: Mapping[str, Version]) -> List[str]:
        """The Pythons that the releases admit: the preferred, then the newest; an old one for old releases."""
        releases = [self._releases[project][version] for project, version in pins.items()]
        admitted = [
            minor
            for minor in sorted(self._interpreters, key=Version)
            if all(_admits(release.requires_python, minor) for release in releases)
        ]
        if any(release.uploaded < _PREFERRED_SINCE for release in releases if release.uploaded):
            return admitted[:_PYTHONS]
        return sorted(admitted, key=lambda minor: (minor == PREFERRED_PYTHON, Version(minor)), reverse=True)[
            :_PYTHONS
        ]


def _admits(requires_python: str, minor: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(f"{minor}.99")
    except InvalidSpecifier:
        return True


def run(
    cases: Iterable[Case],
    advisory: Advisory,
    *,
    reproducers: str,
    report: Callable[[str], None],
    workers: int = 2,
    cache: Optional[str] = None,
) -> Result:
    """Run cases of an advisory, ``workers`` at a time, in environments kept below ``cache``.

    What was observed before with the same programs in the same environment is not run again. ``report`` gets a
    line for each observation, from whichever thread made it.
    """
    runner = _Runner(advisory, reproducers, report, cache or environments.cache_directory())
    result = Result()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(runner.answer, case) for case in cases]
        try:
            for future in futures:
                result += future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return dataclasses.replace(result, rows=_merged(result.rows))


@dataclass(frozen=True)
class _Observation:
    outcome: str
    """``bad``, ``good``, ``inapplicable`` or ``broken``."""
    text: str
    date: str


class _Runner:
    """Builds environments and runs one advisory's reproducer in them."""

    def __init__(self, advisory: Advisory, reproducers: str, report: Callable[[str], None], cache: str) -> None:
        self._advisory = advisory
        self._program = os.path.join(reproducers, f"{advisory.reproducer.id}.py")
        self._package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self._report = report
        self._cache = cache
        self._contents = {
            False: _digest(self._program),
            True: _digest(self._program) + _digest(*_runtime(self._package)),
        }

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
            result += tried
            low, high = (low, place) if tried.rows else (place + 1, high)
            place = (low + high) // 2
        if not case.candidates:
            result += Result(skipped=(Skipped(case.why, "no such release is known"),))
        return result

    def _try(self, case: Case, candidate: Candidate) -> Result:
        notes: Dict[str, List[str]] = {}
        for minor, spec in candidate.specs:
            try:
                environment = environments.build(spec, cache=self._cache)
            except BuildError as error:
                notes.setdefault(_brief(error), []).append(minor)
                continue
            seen = self._observe(spec, environment, expected=case.expected, shim=False)
            self._report(f"{self._advisory.id}: {case.why}: {candidate}, Python {minor}: {seen.outcome}")
            if seen.outcome in OUTCOMES:
                return self._judge(case, minor, spec, environment, seen)
            notes.setdefault(f"{seen.outcome}: {seen.text}", []).append(minor)
            if seen.outcome == "inapplicable":
                break
        told = (f"{note} (Python {', '.join(minors)})" for note, minors in notes.items())
        reason = "; ".join(told) or "no Python here admits it"
        self._report(f"{self._advisory.id}: {case.why}: {candidate}: skipped")
        return Result(skipped=(Skipped(case.why, f"{candidate}: {reason}"),))

    def _judge(self, case: Case, minor: str, spec: Spec, environment: Environment, seen: _Observation) -> Result:
        """Compare what was seen with what the advisory says, and see what the shim makes of a bad outcome."""
        installed = environment.installed()
        versions = tuple(
            (project, Version(installed[project]))
            for project in sorted(self._advisory.projects)
            if project in installed
        )

        def result(expected: str, observed: str, seen: _Observation) -> Result:
            if observed == expected:
                row = Verified(expected, minor, platform(), seen.date, versions)
                return Result(rows=(row,))
            everything = tuple(sorted(installed.items()))
            found = Contradiction(case.why, expected, observed, minor, versions, seen.text, everything)
            return Result(contradictions=(found,))

        judged = result(case.expected, seen.outcome, seen)
        if judged.rows and case.expected == "bad" and self._advisory.shims:
            mended = self._observe(spec, environment, expected="good", shim=True)
            outcome = "shimmed" if mended.outcome == "good" else mended.outcome
            judged += result("shimmed", outcome, mended)
        return judged

    def _observe(self, spec: Spec, environment: Environment, *, expected: str, shim: bool) -> _Observation:
        """Run the reproducer, or recall what it did. A surprise is not remembered: it may not last."""
        key = hashlib.sha256(f"{spec.key} {self._contents[shim]} {shim}".encode("ascii")).hexdigest()
        path = os.path.join(self._cache, "results", f"{key}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return _Observation(**json.load(file))
        completed = environments.run(
            environment,
            self._program,
            *(["--shim"] if shim else []),
            timeout=self._advisory.reproducer.timeout,
            shim_from=self._package if shim else None,
        )
        outcome, text = outcome_of(completed)
        seen = _Observation(outcome, text, time.strftime("%Y-%m-%d"))
        if completed.returncode is not None and (outcome == expected or outcome not in OUTCOMES):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files.write_atomically(path, json.dumps(dataclasses.asdict(seen)))
        return seen


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


def write(path: str, rows: Iterable[Verified], *, refuted: Iterable[Contradiction] = ()) -> None:
    """Write rows into an advisory's file, in place of those that say something of the same run.

    The rows of other runs stay, those that were ``refuted`` go, and so does no other byte of the file.
    """
    import tomlkit

    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    advisory = catalog.parse(text.encode("utf-8"), path)
    gone = {(item.versions, item.python, platform(), item.expected == "shimmed") for item in refuted}
    kept = [row for row in advisory.verified if _run(row) not in gone]
    document = tomlkit.parse(text)
    document.pop("verified", None)
    tables = [_table(row, advisory) for row in _merged((*kept, *rows))]
    new = "\n".join([document.as_string().rstrip() + "\n", *tables])
    if new != text:
        files.write_atomically(path, new)


def _table(row: Verified, advisory: Advisory) -> str:
    versions = dict(row.versions)
    named = ", ".join(f'{name} = "{versions[name]}"' for name in advisory.projects if name in versions)
    on = f'python = "{row.python}", platform = "{row.platform}", date = {row.date}'
    return f'[[verified]]\noutcome = "{row.outcome}"\non = {{ {on} }}\nwith = {{ {named} }}\n'


def _run(row: Verified) -> Tuple[Versions, str, str, bool]:
    """What was run, whatever came of it."""
    return row.versions, row.python, row.platform, row.outcome == "shimmed"


def _merged(rows: Iterable[Verified]) -> Tuple[Verified, ...]:
    """One row for each run, the last one given, in a stable order."""
    latest = {_run(row): row for row in rows}
    return tuple(sorted(latest.values(), key=lambda row: (OUTCOMES.index(row.outcome), _run(row))))


def platform() -> str:
    """The platform that programs run on here, as rows name it."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _text(versions: Versions) -> str:
    return ", ".join(f"{project} {version}" for project, version in versions)


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
