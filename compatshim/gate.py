"""What a check comes to: which findings count, which are passed over and why, and the exit status. Pure."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from compatshim.analysis import Analysis
from compatshim.baseline import Entry
from compatshim.errors import CLEAN, FINDINGS, NOTHING
from compatshim.ignores import Ignore
from compatshim.model import Finding, Inventory, Location

LEVELS = ("note", "warning", "error")
"""From the least to the worst."""
NEVER = "never"


class Policy(NamedTuple):
    """What counts."""

    fail_on: str = "error"
    """The lowest of :data:`LEVELS` that fails, or :data:`NEVER`."""
    possible: bool = False
    """Whether a finding fails that requirements merely allow, and that an installation of today would not get."""
    strict: bool = False
    """Whether it fails when something could not be read."""
    ignores: Tuple[Ignore, ...] = ()
    baseline: Optional[Tuple[Entry, ...]] = None
    today: str = ""
    """ISO date."""
    root: str = ""
    """The project's folder, absolute: paths are told relative to it."""
    here: str = ""
    """The folder that the paths of inventories are relative to, absolute."""


class Excuse(NamedTuple):
    """Why a finding does not count."""

    kind: str
    """``ignore`` or ``baseline``."""
    reason: str
    told: str
    """Who says so: a file and line, or an option; empty for a baseline."""


class Place(NamedTuple):
    """Where a project that a finding is about is written."""

    project: str
    location: Location


class Judged(NamedTuple):
    """A finding, where it is, and whether it counts."""

    finding: Finding
    number: int
    """Of the first analysis that has it."""
    source: str
    """What was checked, as a person would name it."""
    path: str
    """The file that was checked, relative to the project's root; empty for what is installed."""
    environments: Tuple[str, ...]
    """Those of the file's environments that it is in; none when the file has but one."""
    places: Tuple[Place, ...]
    """First that of the project whose change cures it, as far as the advisory tells. Paths as they were named."""
    which: int
    """Its number, from 1, among those of the same advisory in the same file."""
    excuse: Optional[Excuse]
    fails: bool
    new: Optional[bool]
    """Whether a baseline lacks it; None without a baseline."""
    includers: Tuple[Tuple[str, int], ...] = ()
    """Other files that were checked and have it as they include this one, with what :attr:`which` is there."""

    @property
    def fingerprint(self) -> str:
        """The same for the same advisory in the same file, whatever else changes; unique within a judgement."""
        return fingerprint(self.finding, self.path, self.which)

    @property
    def fingerprints(self) -> Tuple[Tuple[str, str], ...]:
        """Paths and fingerprints: its own, and those in the files that include this one."""
        several = ((self.path, self.which), *self.includers)
        return tuple((path, fingerprint(self.finding, path, which)) for path, which in several)

    @property
    def level(self) -> str:
        """How loud to be: the advisory's level, one lower where requirements merely allow it."""
        level = self.finding.level
        return LEVELS[max(LEVELS.index(level) - 1, 0)] if self.finding.possible and not self.fails else level


class Judgement(NamedTuple):
    """All that was checked, and what it comes to."""

    analyses: Tuple[Analysis, ...]
    findings: Tuple[Judged, ...]
    policy: Policy
    expired: Tuple[Ignore, ...]
    """Ignores that would pass something over, were their time not over."""
    unused: Tuple[Ignore, ...]
    """Ignores that are about something that was checked, and pass nothing over."""
    gone: Tuple[Entry, ...]
    """What of the baseline is no longer there, in files that were checked."""
    status: int
    """``0`` clean, ``1`` findings, ``3`` nothing could be checked."""

    @property
    def counted(self) -> Tuple[Judged, ...]:
        """Those that nothing excuses."""
        return tuple(one for one in self.findings if one.excuse is None)

    def excused(self, kind: str = "") -> Tuple[Tuple[Judged, Excuse], ...]:
        """Those that are passed over, and why: by an ``ignore``, by a ``baseline``, or by whatever."""
        found = ((one, one.excuse) for one in self.findings)
        return tuple((one, why) for one, why in found if why is not None and kind in ("", why.kind))

    @property
    def entries(self) -> Tuple[Entry, ...]:
        """The baseline that would pass over all that no ignore does."""
        return tuple(
            Entry(path, one.finding.advisory.id, tuple(sorted(one.finding.advisory.projects)), print_)
            for one in self.findings
            if one.excuse is None or one.excuse.kind == "baseline"
            for path, print_ in one.fingerprints
        )

    def relative(self, path: str) -> str:
        """A path as :func:`relative` has it."""
        return relative(path, self.policy.root, self.policy.here)


def relative(path: str, root: str, here: str) -> str:
    """``path``, which is relative to ``here``, relative to ``root`` and with ``/``; absolute outside of it."""
    full = os.path.normpath(os.path.join(here, path))
    try:
        found = os.path.relpath(full, root or here or os.sep)
    except ValueError:  # on another drive
        found = os.pardir
    inside = found != os.pardir and not found.startswith(os.pardir + os.sep)
    return (found if inside else full).replace(os.sep, "/")


def judge(analyses: Sequence[Analysis], policy: Policy) -> Judgement:
    """Judge what was found. What several environments of one file have in common is one finding."""
    found = _grouped(analyses, policy)
    known = frozenset(entry.fingerprint for entry in policy.baseline or ())
    judged = [_judged(one, policy, known) for one in found]
    return Judgement(
        tuple(analyses),
        tuple(judged),
        policy,
        *_idle(analyses, found, policy),
        _gone(analyses, found, policy),
        _status(analyses, judged, policy),
    )


def _grouped(analyses: Sequence[Analysis], policy: Policy) -> List[Judged]:
    """The findings, not judged yet."""
    own = [relative(one.inventory.path, policy.root, policy.here) if one.inventory.path else "" for one in analyses]
    known = {(own[number], _key(finding)) for number, one in enumerate(analyses) for finding in one.findings}
    groups: Dict[Tuple[str, str, Tuple[object, ...]], Tuple[Finding, List[int]]] = {}
    for number, one in enumerate(analyses):
        for finding in one.findings:
            path, key = _home(finding, one.inventory, policy), _key(finding)
            if not path or (path, key) not in known:
                path = own[number]
            groups.setdefault((path or one.inventory.source, path, key), (finding, []))[1].append(number)
    bare = []
    for (_, home, _), (finding, several) in groups.items():
        numbers = [number for number in several if own[number] == home] or several  # two may include each other
        path = own[numbers[0]]
        others = tuple(dict.fromkeys((own[number], 1) for number in several if own[number] != path))
        made = _bare(finding, [analyses[number] for number in numbers], numbers[0], path)
        bare.append(made._replace(includers=others))
    bare.sort(key=lambda one: one.number)
    # Fingerprints know no versions. Where a file has an advisory with several, those are counted in their order.
    counts: Dict[Tuple[str, str], int] = {}
    for number in sorted(range(len(bare)), key=lambda number: _order(bare[number].finding)):
        made, which = bare[number], []
        for path in (made.path, *(path for path, _ in made.includers)):
            key = (path, made.finding.advisory.id)
            counts[key] = counts.get(key, 0) + 1
            which.append((path, counts[key]))
        bare[number] = made._replace(which=which[0][1], includers=tuple(which[1:]))
    return bare


def _key(finding: Finding) -> Tuple[object, ...]:
    return finding.advisory.id, finding.versions, finding.possible, finding.fresh, finding.certainty


def _home(finding: Finding, inventory: Inventory, policy: Policy) -> str:
    """The file, included by the one that was checked, that has all that a finding is about; empty if none has."""
    found = inventory.distributions
    several = {place.path for name, _ in finding.versions if name in found for place in found[name].locations}
    home = several.pop() if len(several) == 1 else ""
    if not home or home == inventory.path or home.startswith(os.path.join(inventory.path, "")):
        return ""
    return relative(home, policy.root, policy.here)


def _order(finding: Finding) -> Tuple[object, ...]:
    return finding.advisory.id, finding.versions, finding.possible, finding.certainty.value


def fingerprint(finding: Finding, path: str, count: int = 1) -> str:
    """What stays the same about a finding when lines move and versions change, in 32 hexadecimal digits."""
    import hashlib  # and with it, OpenSSL

    parts = [finding.advisory.id, *sorted(finding.advisory.projects), path, *([str(count)] if count > 1 else [])]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _bare(finding: Finding, those: Sequence[Analysis], number: int, path: str) -> Judged:
    inventory = those[0].inventory
    environments = [one.inventory.environment for one in those]
    return Judged(
        finding,
        number,
        inventory.source,
        path,
        tuple(dict.fromkeys(text for text in environments if text)),
        _places(finding, those[0]),
        which=1,
        excuse=None,
        fails=False,
        new=None,
    )


def _places(finding: Finding, analysis: Analysis) -> Tuple[Place, ...]:
    inventory = analysis.inventory
    found = []
    for project in _cured_first(finding):
        distribution = inventory.distributions.get(project)
        found += [Place(project, one) for one in (distribution.locations if distribution is not None else ())]
    if not found and inventory.path:
        found = [Place(finding.versions[0][0], Location(inventory.path))]
    return tuple(found)


def _cured_first(finding: Finding) -> List[str]:
    """The projects of a finding, those first that its advisory would rather change."""
    from compatshim.model import canonical

    projects = [project for project, _ in finding.versions]
    wanted: List[str] = []
    for remedy in finding.advisory.remedies:
        for text in remedy.constraints:
            name = text
            for sign in "[<>=!~;@ (":
                name = name.partition(sign)[0]
            if canonical(name) in projects:
                wanted.append(canonical(name))
    return list(dict.fromkeys(wanted + projects))


def _judged(one: Judged, policy: Policy, known: FrozenSet[str]) -> Judged:
    excuse = _ignored(one, policy)
    new = None if policy.baseline is None else one.fingerprint not in known
    if excuse is None and new is False:
        excuse = Excuse("baseline", "it was there when the baseline was written", "")
    severe = policy.fail_on != NEVER and LEVELS.index(one.finding.level) >= LEVELS.index(policy.fail_on)
    fails = severe and excuse is None and (policy.possible or not one.finding.possible or one.finding.fresh)
    return one._replace(excuse=excuse, fails=fails, new=new)


def _ignored(one: Judged, policy: Policy) -> Optional[Excuse]:
    for ignore in policy.ignores:
        if not ignore.expired(policy.today) and _about(ignore, one, policy):
            return Excuse("ignore", ignore.reason, ignore.told)
    return None


def _about(ignore: Ignore, one: Judged, policy: Policy) -> bool:
    path = os.path.join(policy.root, one.path) if one.path else ""
    advisory = one.finding.advisory
    return ignore.names(advisory.id, advisory.projects) and ignore.reaches(path)


def _idle(
    analyses: Sequence[Analysis], found: Sequence[Judged], policy: Policy
) -> Tuple[Tuple[Ignore, ...], Tuple[Ignore, ...]]:
    """The ignores that are too old, and those that have nothing to do."""
    files = [analysis.inventory.path for analysis in analyses]
    paths = [os.path.normpath(os.path.join(policy.here, path)) if path else "" for path in files]
    expired, unused = [], []
    for ignore in policy.ignores:
        if any(_about(ignore, one, policy) for one in found):
            if ignore.expired(policy.today):
                expired.append(ignore)
        elif any(ignore.reaches(path) for path in paths):
            unused.append(ignore)
    return tuple(expired), tuple(unused)


def _gone(analyses: Sequence[Analysis], found: Sequence[Judged], policy: Policy) -> Tuple[Entry, ...]:
    if not policy.baseline:
        return ()
    paths = {
        relative(one.inventory.path, policy.root, policy.here) if one.inventory.path else "" for one in analyses
    }
    there = {print_ for one in found for _, print_ in one.fingerprints}
    return tuple(entry for entry in policy.baseline if entry.path in paths and entry.fingerprint not in there)


def _status(analyses: Sequence[Analysis], judged: Sequence[Judged], policy: Policy) -> int:
    if not any(one.inventory.was_read for one in analyses):
        return NOTHING
    if any(one.fails for one in judged):
        return FINDINGS
    unread = policy.strict and any(one.inventory.unread for one in analyses)
    return FINDINGS if unread else CLEAN
