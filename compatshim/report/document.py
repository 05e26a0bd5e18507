"""What all formats of a check are made from, and what they all say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from compatshim.gate import LEVELS, Excuse, Judged, Judgement
from compatshim.ignores import ALL
from compatshim.model import Certainty, Location, Unread
from compatshim.report.text import tally
from compatshim.terminal import plural

if TYPE_CHECKING:
    from compatshim.answer import Answer
    from compatshim.model import Advisory, Catalog, Remedy


class Reach(NamedTuple):
    """Where an advisory was found, of what counts."""

    advisory: Advisory
    findings: Tuple[Judged, ...]

    @property
    def level(self) -> str:
        """That of the worst finding."""
        return max((one.level for one in self.findings), key=LEVELS.index)

    @property
    def paths(self) -> Tuple[str, ...]:
        """The files, those included that have it by including another."""
        found = (path for one in self.findings for path in (one.path, *(path for path, _ in one.includers)))
        return tuple(dict.fromkeys(found))

    @property
    def files(self) -> int:
        """How many there are."""
        return len(self.paths)

    @property
    def projects(self) -> int:
        """How many folders they are in."""
        return len({path.rpartition("/")[0] for path in self.paths})


class Document(NamedTuple):
    """A judgement, and the way out of what it found."""

    judgement: Judgement
    answers: Tuple[Optional[Answer], ...]
    """What cures each analysis; None where nobody asked, or nothing needs it."""
    python: Optional[str] = None
    """The interpreter that was looked at, when it is not the own one."""
    manifest: str = ""
    """Where to show findings that are in no file, relative to the project's root; empty when there is none."""
    recursive: bool = False
    """Whether it is of many projects: then each advisory is told once, with how far it goes."""
    ignored: Tuple[str, ...] = ()
    """Files that were passed over because git ignores them."""

    @property
    def catalog(self) -> Catalog:
        """The catalog that was checked against."""
        return self.judgement.analyses[0].catalog

    @property
    def advisories(self) -> Tuple[Advisory, ...]:
        """Those that were found, in order of id."""
        found = {one.finding.advisory.id: one.finding.advisory for one in self.judgement.findings}
        return tuple(found[identifier] for identifier in sorted(found))

    @property
    def reach(self) -> Tuple[Reach, ...]:
        """How far each advisory goes, the worst first."""
        found: Dict[str, List[Judged]] = {}
        for one in self.judgement.counted:
            found.setdefault(one.finding.advisory.id, []).append(one)
        several = [Reach(those[0].finding.advisory, tuple(those)) for those in found.values()]
        return tuple(sorted(several, key=lambda one: (-LEVELS.index(one.level), -one.files, one.advisory.id)))

    @property
    def subjects(self) -> Mapping[str, Sequence[int]]:
        """What was checked: files and environments by name, with the numbers of their analyses."""
        found: Dict[str, List[int]] = {}
        for number, one in enumerate(self.judgement.analyses):
            found.setdefault(one.inventory.path or one.inventory.source, []).append(number)
        return found

    @property
    def checked(self) -> int:
        """How many distributions were."""
        return sum(one.inventory.checked for one in self.judgement.analyses)

    @property
    def unread(self) -> Tuple[Unread, ...]:
        """What was not checked, once each."""
        return tuple(dict.fromkeys(item for one in self.judgement.analyses for item in one.inventory.unread))


def grouped(findings: Iterable[Judged]) -> Mapping[int, Sequence[Judged]]:
    """Findings by the number of their analysis."""
    found: Dict[int, List[Judged]] = {}
    for one in findings:
        found.setdefault(one.number, []).append(one)
    return found


def versions(one: Judged) -> str:
    """What was found together: ``evaluate 0.4.1, filelock 3.12.0``."""
    return ", ".join(f"{project} {version}" for project, version in one.finding.versions)


def qualifiers(one: Judged) -> List[str]:
    """What makes a finding less than sure, a sentence each; none for what is certain."""
    found = []
    if one.finding.possible:
        found.append("The requirements allow these versions; they do not force them.")
    if one.finding.certainty is Certainty.UNVERIFIED:
        found.append("This is newer than anything that was run: probably bad, not surely.")
    return found


def qualifier(one: Judged) -> str:
    """The same in one text."""
    return " ".join(qualifiers(one))


def excuse(why: Excuse) -> str:
    """Why a finding is passed over, and who says so."""
    return f"{why.reason} ({why.told})" if why.told else why.reason


def message(one: Judged) -> str:
    """A finding in a sentence or two: what happens, and with what."""
    verb = "can be resolved to" if one.finding.possible else "has"
    where = f" ({' or '.join(one.environments)})" if one.environments else ""
    what = one.path or "the environment"
    return f"{one.finding.advisory.title}: {what} {verb} {versions(one)}{where}."


def remedy(item: Remedy) -> str:
    """A way out, in a phrase."""
    if item.shim is not None:
        return "keep the versions and put `import compatshim` first in the program"
    return " and ".join(f"`{text}`" for text in item.constraints)


def primary(one: Judged) -> Optional[Location]:
    """Where a finding is shown first; None for what is installed."""
    return one.places[0].location if one.places else None


def counts(document: Document) -> str:
    """The last line: what was found, and how much was looked at."""
    judgement = document.judgement
    found = tally(one.level for one in judgement.counted)
    for kind, word in (("ignore", "ignored"), ("baseline", "in the baseline")):
        number = len(judgement.excused(kind))
        if number:
            found.append(f"{number} {word}")
    files = len({one.inventory.path for one in judgement.analyses if one.inventory.path and one.inventory.was_read})
    where = f" in {plural(files, 'file')}" if files else ""
    what = ", ".join(found) or "No known-bad combination"
    left = f", {plural(len(document.ignored), 'file')} that git ignores passed over" if document.ignored else ""
    checked = plural(document.checked, "distribution")
    return f"{what}. {checked}{where} checked, {len(document.unread)} not checked{left}."


def remarks(judgement: Judgement) -> Tuple[str, ...]:
    """What is to be tidied up: ignores and baselines that do nothing any more."""
    found = [
        f"{one.told}: the ignore of {one.id} expired on {one.expires} ({one.reason}): its findings count again"
        for one in judgement.expired
    ]
    known = {ALL, *(advisory.id for advisory in judgement.analyses[0].catalog.advisories)}
    for one in judgement.unused:
        why = "passes nothing over" if one.id in known else "is of no advisory that is known here"
        found.append(f"{one.told}: the ignore of {one.id} {why}: remove it")
    if judgement.gone:
        where = ", ".join(dict.fromkeys(f"{one.id} in {one.path or 'what is installed'}" for one in judgement.gone))
        found.append(f"the baseline has what is no longer there: write it again ({where})")
    return tuple(found)


def ways(item: Advisory) -> str:
    """All ways out of an advisory, in a sentence."""
    found = list(dict.fromkeys(remedy(one) for one in item.remedies))
    return f"Ways out: {'; or '.join(found)}." if found else ""


def ignored(one: Judged) -> bool:
    """Whether the project said to let it be."""
    return one.excuse is not None and one.excuse.kind == "ignore"
