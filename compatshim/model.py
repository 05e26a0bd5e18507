"""The values everything else passes around: advisories, inventories, findings, solutions, plans.

All are frozen and hashable; none does I/O. They are named tuples because to make as many data classes takes longer
than to check an environment. The words are those of the OSV schema (introduced, fixed),
PubGrub (term, incompatibility) and the Python packaging guide (distribution, constraint).
"""

import re
from enum import Enum
from types import MappingProxyType
from typing import FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.errors import CompatshimError

SYMPTOMS = (
    "import-error",
    "attribute-error",
    "type-error",
    "wrong-exception",
    "wrong-result",
    "hang",
    "data-loss",
    "permission",
    "resource-leak",
    "security",
    "slow",
    "noisy-warning",
)
SEVERITIES = ("low", "moderate", "high")
REMEDY_KINDS = ("upgrade", "constrain", "shim")
OUTCOMES = ("bad", "good", "shimmed")
REFERENCE_TYPES = ("REPORT", "INTRODUCED", "FIX", "EVIDENCE", "DISCUSSION", "WEB")

_SEPARATORS = re.compile(r"[-_.]+")


def canonical(name: str) -> str:
    """A project's normalised name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


class Certainty(Enum):
    """How well a version's membership in a range is known."""

    VERIFIED = "verified"
    """Inside a range both ends of which were run."""
    UNVERIFIED = "unverified"
    """Above ``last_checked``: newer than anything that was run, so probably bad, not surely."""


class Interval(NamedTuple):
    """A half-open range of versions, ``introduced <= v < fixed``.

    Without ``fixed`` the range has no known end and ``last_checked`` names the newest version that was run.
    """

    introduced: Version
    fixed: Optional[Version] = None
    last_checked: Optional[Version] = None

    def contains(self, version: Version) -> Optional[Certainty]:
        """Whether ``version`` lies inside; a local version (``0.4.1+vendor``) is judged as its public part."""
        if version.local is not None:
            version = Version(version.public)
        if version < self.introduced or (self.fixed is not None and version >= self.fixed):
            return None
        if self.fixed is None and self.last_checked is not None and version > self.last_checked:
            return Certainty.UNVERIFIED
        return Certainty.VERIFIED

    def __str__(self) -> str:
        start = f">={self.introduced}" if self.introduced != Version("0") else ""
        end = f"<{self.fixed}" if self.fixed is not None else ""
        return ",".join(part for part in (start, end) if part) or "any version"


class Term(NamedTuple):
    """A statement about one project: its version lies in one of ``ranges``."""

    project: str
    """Normalised project name."""
    ranges: Tuple[Interval, ...]
    imports: Tuple[str, ...] = ()
    """Modules of the project that the fault is in, as Python imports them."""

    def contains(self, version: Version) -> Optional[Certainty]:
        """The best certainty over the ranges, or None when no range holds the version."""
        held = {interval.contains(version) for interval in self.ranges}
        if Certainty.VERIFIED in held:
            return Certainty.VERIFIED
        return Certainty.UNVERIFIED if Certainty.UNVERIFIED in held else None

    def __str__(self) -> str:
        return f"{self.project} {' or '.join(str(interval) for interval in self.ranges)}"


class Detect(NamedTuple):
    """What a user sees when the fault strikes; lets ``explain`` recognise a traceback."""

    exception: str
    """Unqualified name of the exception class."""
    message: str
    """Text that the exception's message contains."""


class Remedy(NamedTuple):
    """One way out: constraints to install under, or a shim."""

    kind: str
    constraints: Tuple[str, ...] = ()
    """PEP 508 requirements, all of which must hold together."""
    shim: Optional[str] = None
    """Module below :mod:`compatshim.shims`."""
    impact: str = ""
    """What it could change for the user, in a sentence or two."""


class Reproducer(NamedTuple):
    """The program that shows the fault: ``tests/reproducers/<id>.py``."""

    id: str
    requires: Tuple[str, ...] = ()
    """What else its environment needs (PEP 508), so that nothing but the fault decides the outcome."""
    timeout: int = 120
    """Seconds."""


class Verified(NamedTuple):
    """One environment in which the reproducer was really run."""

    outcome: str
    python: str
    """``major.minor``."""
    platform: str
    date: str
    """ISO date."""
    versions: Tuple[Tuple[str, Version], ...]
    """Project and version, sorted by project."""


class Reference(NamedTuple):
    """A public page that supports the advisory."""

    type: str
    url: str


class Waiver(NamedTuple):
    """A rule of ``kb lint`` that an advisory does not keep, and why."""

    check: str
    """Its id, as ``KB-BOUNDARY``."""
    reason: str
    subject: str = ""
    """What of the advisory it is about, or the beginning of that; all when empty."""

    def waives(self, check: str, subject: str) -> bool:
        """Whether something that a check found is waived."""
        return self.check == check and subject.startswith(self.subject)


class Advisory(NamedTuple):
    """A known-bad combination: a set of terms that must not all hold in one environment."""

    id: str
    title: str
    symptom: str
    severity: str
    root_cause: str
    terms: Tuple[Term, ...]
    remedies: Tuple[Remedy, ...]
    reproducer: Reproducer
    detect: Tuple[Detect, ...] = ()
    verified: Tuple[Verified, ...] = ()
    references: Tuple[Reference, ...] = ()
    waivers: Tuple[Waiver, ...] = ()

    @property
    def projects(self) -> Tuple[str, ...]:
        """The projects of the terms, in the order in which the advisory names them."""
        return tuple(term.project for term in self.terms)

    @property
    def shims(self) -> Tuple[str, ...]:
        """The shims among the remedies, in order of preference."""
        return tuple(remedy.shim for remedy in self.remedies if remedy.shim is not None)

    @property
    def curable(self) -> bool:
        """Whether some change of versions takes a term out of its ranges."""
        return any(remedy.constraints for remedy in self.remedies)

    @property
    def level(self) -> str:
        """``error`` (must be cured), ``warning`` (soft: low or security only) or ``note`` (no version cures it)."""
        if not self.curable:
            return "note"
        return "warning" if self.severity == "low" or self.symptom == "security" else "error"

    def term(self, project: str) -> Term:
        """The term about ``project``. Raises :exc:`KeyError` when the advisory does not name it."""
        for term in self.terms:
            if term.project == project:
                return term
        raise KeyError(project)


class CatalogError(CompatshimError):
    """A catalog or an advisory cannot be used. The message names the file and, of an advisory, line and key."""


class Part(NamedTuple):
    """A catalog that was added to the bundled one."""

    folder: str
    told: str
    """Who named it."""
    digest: str
    advisories: int
    """How many it has."""


class Catalog(NamedTuple):
    """All advisories, in order of id."""

    advisories: Tuple[Advisory, ...]
    digest: str
    """Twelve hexadecimal digits that change with any byte of any advisory."""
    proven: FrozenSet[Tuple[str, str]] = frozenset()
    """Projects and versions, as strings, that some verified row found good."""
    version: str = ""
    """The day of the newest change to the bundled one, as 2026.11.25 or 2026.11.25.1; empty when it has none."""
    parts: Tuple[Part, ...] = ()
    """What was added to the bundled one."""

    def advisory(self, identifier: str) -> Advisory:
        """The advisory with an id, in whatever letters. Raises :exc:`KeyError` when there is none."""
        for advisory in self.advisories:
            if advisory.id == identifier.upper():
                return advisory
        raise KeyError(identifier)

    @property
    def projects(self) -> Tuple[str, ...]:
        """Every project that some term names, sorted."""
        return tuple(sorted({project for advisory in self.advisories for project in advisory.projects}))


class Location(NamedTuple):
    """A place in a file that somebody wrote or a tool did."""

    path: str
    """As the user named it, or as it was found below what the user named."""
    line: Optional[int] = None
    """Counted from 1; None for the file as a whole."""
    column: Optional[int] = None
    """Counted from 1, in characters."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part is not None)


class Distribution(NamedTuple):
    """One installed, locked or proposed distribution."""

    project: str
    """Normalised name."""
    version: Version
    requires: Sequence[str] = ()
    """``Requires-Dist`` as declared (PEP 508), extras and markers included."""
    name: str = ""
    """The name as its author spells it, when known."""
    where: str = ""
    """Its metadata directory, when it is installed."""
    locations: Tuple[Location, ...] = ()
    """Where files say so, when it was read from files."""


class Unread(NamedTuple):
    """Something that could not be read, and why: it was not checked."""

    where: str
    reason: str
    project: Optional[str] = None

    def __str__(self) -> str:
        return f"{f'{self.project}: ' if self.project else ''}{self.where} {self.reason}"


class Inventory(NamedTuple):
    """What an environment holds, and what of it could not be read."""

    source: str
    """Where it came from, as a person would name it."""
    distributions: Mapping[str, Distribution]
    """By normalised name."""
    unread: Tuple[Unread, ...] = ()
    markers: Mapping[str, str] = MappingProxyType({})
    """PEP 508 marker environment of the target interpreter."""
    path: str = ""
    """The file it was read from; empty for what is installed."""
    environment: str = ""
    """Which of a file's environments this is, as a marker or a platform; empty when it has one."""
    others: int = 0
    """Distributions that were checked and are not kept here, as no finding is about them."""

    @property
    def checked(self) -> int:
        """How many distributions were."""
        return len(self.distributions) + self.others

    @property
    def was_read(self) -> bool:
        """Whether anything was: a file that names nothing was read all the same."""
        return self.checked > 0 or (bool(self.path) and not self.unread)

    def versions(self) -> Mapping[str, Version]:
        """Version by project."""
        return {name: dist.version for name, dist in self.distributions.items()}


class Finding(NamedTuple):
    """An advisory whose terms all hold in an inventory."""

    advisory: Advisory
    versions: Tuple[Tuple[str, Version], ...]
    """Project and version, in the order of the advisory's terms."""
    certainty: Certainty
    possible: bool = False
    """The requirements allow the versions but do not force them: they are an example of what can be resolved."""
    fresh: bool = True
    """Of what is only possible: whether an installation today gets it, or only one that prefers old versions."""

    @property
    def level(self) -> str:
        """The advisory's level: ``error``, ``warning`` or ``note``."""
        return self.advisory.level


class Change(NamedTuple):
    """One project's move from one version to another; None stands for "not installed"."""

    project: str
    before: Optional[Version]
    after: Optional[Version]

    @property
    def is_downgrade(self) -> bool:
        """Whether the version goes backwards."""
        return self.before is not None and self.after is not None and self.after < self.before
