"""The problem in the solver's own terms: candidates, and incompatibilities between them.

Everything that must hold is an :class:`Incompatibility`: a set of terms (project, bit mask over its candidates)
that must not all hold. "datasets 2.17 requires dill<0.3.9" is *datasets 2.17 and a dill outside <0.3.9*; an
advisory is one as it stands; a hold is *the project at any other version*.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from types import MappingProxyType
from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from packaging.version import Version

from compatshim.metadata.interface import MetadataSource, Prefetching
from compatshim.metadata.wheels import Fit
from compatshim.model import Advisory, Catalog, Inventory
from compatshim.solve import requirements
from compatshim.solve.requirements import Candidates, Wanted


class Declared(NamedTuple):
    """Cause: a requirement that the project's metadata declares."""

    project: str
    requirement: str


class Known(NamedTuple):
    """Cause: an advisory."""

    advisory: Advisory


class Wished(NamedTuple):
    """Cause: the user wants it so."""

    project: str
    statement: str
    """What is wanted, as a clause."""
    option: str
    """How it was said on the command line."""


Cause = Union[Declared, Known, Wished]

LEVELS = ("none", "patch", "minor", "major")
"""How far a project may move, the least first."""


class Bound(NamedTuple):
    """A line of a constraint file that the user has."""

    wanted: Wanted
    where: str
    """File and line, as ``constraints.txt:3``."""
    option: str
    """How the file was named on the command line."""


class Wishes(NamedTuple):
    """What the user wants of an answer."""

    hold: FrozenSet[str] = frozenset()
    """Projects to keep as they are."""
    require: Tuple[Wanted, ...] = ()
    """What the answer must satisfy; a project that is not installed is added."""
    constraints: Tuple[Bound, ...] = ()
    """What the answer must satisfy where it holds the project at all."""
    levels: Mapping[str, str] = MappingProxyType({})
    """The largest jump per project, one of :data:`LEVELS`; the empty name stands for all others."""
    downgrades: bool = True
    """Whether a project may go back."""
    override: FrozenSet[str] = frozenset()
    """Projects of which any version will do, whatever others declare."""


# Who asks for an extra: projects and bit masks over their candidates, each asked by the one before.
_Asking = Tuple[Tuple[str, int], ...]
_ALWAYS: _Asking = ()


class Incompatibility(NamedTuple):
    """Terms that must not all hold, and why."""

    terms: Tuple[Tuple[str, int], ...]
    cause: Cause
    soft: bool = False
    """Whether it may be broken at a price."""


class Problem:
    """Candidates per project, where they stand now, and what must not hold together."""

    def __init__(
        self,
        candidates: Dict[str, Tuple[Optional[Version], ...]],
        current: Dict[str, int],
        incompatibilities: Tuple[Incompatibility, ...],
        *,
        set_aside: Tuple[Incompatibility, ...] = (),
        unknown: FrozenSet[str] = frozenset(),
        unjudged: Tuple[str, ...] = (),
        kept: FrozenSet[str] = frozenset(),
    ) -> None:
        self.candidates = candidates
        """In ascending order; None stands for "not installed" and comes first."""
        self.current = current
        """Index of the installed candidate."""
        self.incompatibilities = incompatibilities
        self.set_aside = set_aside
        """Declared requirements that are not insisted on: not met before we came, or overridden by the user."""
        self.unknown = unknown
        """Projects that some candidate needs, and of which nothing is known here."""
        self.unjudged = unjudged
        """Declared requirements of what is installed that could not be read."""
        self.kept = kept
        """Projects that were not asked to move, and could."""
        by_project: Dict[str, List[int]] = {project: [] for project in candidates}
        for position, incompatibility in enumerate(incompatibilities):
            for project, _ in incompatibility.terms:
                by_project[project].append(position)
        self.by_project = {project: tuple(positions) for project, positions in by_project.items()}
        """Positions in ``incompatibilities`` of those that name the project."""

    @property
    def broken(self) -> Tuple[Declared, ...]:
        """Declared requirements that did not hold before we came; they are left as they are."""
        causes = (item.cause for item in self.unmet({}))
        return tuple(dict.fromkeys(cause for cause in causes if isinstance(cause, Declared)))

    def unmet(self, decided: Mapping[str, int]) -> Tuple[Incompatibility, ...]:
        """Declared requirements that do not hold after some decisions."""
        return tuple(item for item in self.set_aside if self.holds(item, decided))

    def version(self, project: str, index: int) -> Optional[Version]:
        """The version behind an index."""
        return self.candidates[project][index]

    def holds(self, incompatibility: Incompatibility, decided: Mapping[str, int]) -> bool:
        """Whether all terms hold where the decided projects are as decided and the others as installed."""
        current = self.current
        for project, mask in incompatibility.terms:  # all() takes twice as long, and this is the core
            if not mask >> (decided[project] if project in decided else current[project]) & 1:
                return False
        return True


def build(
    inventory: Inventory,
    catalog: Catalog,
    metadata: MetadataSource,
    *,
    wishes: Optional[Wishes] = None,
) -> Problem:
    """The problem of an environment: all its declared requirements, all advisories, the user's wishes."""
    return Builder(inventory, catalog, metadata, wishes or Wishes()).build()


class Builder:
    """Builds the problem of an environment, once or several times with other projects that may move."""

    def __init__(self, inventory: Inventory, catalog: Catalog, metadata: MetadataSource, wishes: Wishes) -> None:
        self.inventory = inventory
        self.catalog = catalog
        self.metadata = metadata
        self.wishes = wishes
        self.python = inventory.markers.get("python_full_version", "")
        self.applies = requirements.Applicable(inventory.markers)
        self.supported: Dict[str, bool] = {}
        self.fits = Fit(inventory.markers)
        self.still: Dict[str, Candidates] = {}
        """Of projects that stay as they are; what these require, below, is also the same each time."""
        self.still_wants: Dict[Tuple[str, str], Tuple[Tuple[str, int, Wanted], ...]] = {}
        self.unjudged: Set[str] = set()

    def _start(self, free: Optional[FrozenSet[str]]) -> None:
        self.free = free
        self.kept: Set[str] = set()
        self.candidates: Dict[str, Candidates] = {}
        self.texts: Dict[str, Dict[str, int]] = {}
        """Every requirement that some candidate of a project declares, with the bits of those candidates."""
        self.current: Dict[str, int] = {}
        self.unknown: Set[str] = set()
        self.malformed: List[Incompatibility] = []
        self.set_aside: List[Incompatibility] = []

    def build(self, free: Optional[FrozenSet[str]] = None) -> Problem:
        """The problem; ``free`` are the projects that may move, where it is not all of them."""
        self._start(free)
        found = [piece for item in list(self._declared()) for piece in self._incompatibilities(*item)]
        broken = {cause for cause, item in found if self._holds_now(item)}
        self.set_aside += [item for cause, item in found if cause in broken]
        made = [piece for cause, item in found for piece in (self._tolerate(item) if cause in broken else (item,))]
        made += self.malformed
        made += self._known()
        made += self._wishes()
        return Problem(
            {project: candidates.versions for project, candidates in self.candidates.items()},
            self.current,
            tuple(made),
            set_aside=tuple(self.set_aside),
            unknown=frozenset(self.unknown),
            unjudged=tuple(sorted(self.unjudged)),
            kept=frozenset(self.kept),
        )

    def _declared(self) -> Iterator[Tuple[str, str, Wanted, int, _Asking]]:
        """Every requirement that some candidate declares: who, the text, parsed, by which candidates, for whom.

        What is installed or wanted comes first; what their candidates need is taken in as it is met. A requirement
        behind an extra counts where some candidate asks for that extra.
        """
        waiting: List[Tuple[str, str, _Asking]] = [(name, "", _ALWAYS) for name in self.inventory.distributions]
        for wish in self.wishes.require:
            waiting += [(wish.name, extra, _ALWAYS) for extra in ("", *sorted(wish.extras))]
        seen: Set[Tuple[str, str, _Asking]] = set()
        while waiting:
            ready = [task for task in dict.fromkeys(waiting) if task not in seen]
            seen.update(ready)
            waiting = []
            self._add({project for project, _, _ in ready}.difference(self.candidates))
            for project, extra, asking in ready:
                for text, mask, wanted in self._wants(project, extra):
                    waiting += [(wanted.name, other, _joined(asking, project, mask)) for other in wanted.extras]
                    if wanted.name != project:  # else a recursive extra, as in all = ["name[one,two]"]
                        waiting.append((wanted.name, "", _ALWAYS))
                        yield project, text, wanted, mask, asking

    def _wants(self, project: str, extra: str) -> Iterable[Tuple[str, int, Wanted]]:
        """What a project requires with an extra in use, or without any."""
        if self.free is None or project in self.free:
            return self._read(project, extra)
        known = self.still_wants.get((project, extra))
        if known is None:
            known = self.still_wants[project, extra] = tuple(self._read(project, extra))
        return known

    def _read(self, project: str, extra: str) -> Iterator[Tuple[str, int, Wanted]]:
        for text, mask in self.texts[project].items():
            # Most requirements are behind an extra that nobody asks for: they are not even parsed.
            if extra or "extra ==" not in text or " or " in text:
                wanted = self._parsed(project, text, extra)
                if wanted is not None:
                    yield text, mask, wanted

    def _parsed(self, project: str, text: str, extra: str) -> Optional[Wanted]:
        """A requirement that applies with the extra in use, and not already without."""
        wanted = requirements.parse(text)
        if wanted is not None and not (wanted.marker or extra):
            return wanted
        try:
            if wanted is not None:
                applies = self.applies(wanted, extra) and not (extra and self.applies(wanted))
                return wanted if applies else None
        except ValueError:
            pass
        # Like an installer, propose no release of which one cannot say what it needs.
        here, mask = 1 << self.current[project], self.texts[project][text]
        if mask & here:
            self.unjudged.add(f"{project}: {text}")
        if mask & ~here:
            self.malformed.append(Incompatibility(((project, mask & ~here),), Declared(project, text)))
        return None

    def _add(self, projects: Set[str]) -> None:
        """Give projects their candidates."""
        free = projects if self.free is None else projects & self.free
        if isinstance(self.metadata, Prefetching):
            self.metadata.prefetch(sorted(free))
        for project in sorted(projects):
            if project in free:
                self._add_one(project)
            else:
                self._keep_one(project)

    def _keep_one(self, project: str) -> None:
        """Let a project stay as it is."""
        installed = self.inventory.distributions.get(project)
        if installed is None or self.metadata.knows(project):
            self.kept.add(project)
        if project not in self.still:
            self.still[project] = Candidates((None if installed is None else installed.version,))
        self.candidates[project] = self.still[project]
        self.current[project] = 0
        self.texts[project] = dict.fromkeys(installed.requires, 1) if installed is not None else {}

    def _add_one(self, project: str) -> None:
        """Give a project its candidates: what the metadata knows for this Python, and what is installed."""
        installed = self.inventory.distributions.get(project)
        releases = self.metadata.releases(project)
        found: List[Tuple[Optional[Version], Tuple[str, ...]]] = [
            (release.version, release.requires)
            for release in releases or ()
            # A release that would have to be built may require anything, and may fail: it is never proposed.
            if release.requires is not None
            and self.fits(release.wheels)
            and self._supported(release.requires_python)
            and (not release.yanked or self._wanted_so(project, release.version))
        ]
        here = 0
        if installed is None:
            if releases is None:
                self.unknown.add(project)
                found.append((Version("0"), ()))
            found.insert(0, (None, ()))
        else:
            here = bisect_left([version for version, _ in found if version is not None], installed.version)
            published = here < len(found) and found[here][0] == installed.version
            found[here : here + published] = [(installed.version, tuple(installed.requires))]
        self.candidates[project] = Candidates(tuple([version for version, _ in found]))
        self.current[project] = here
        self.texts[project] = _spread([requires for _, requires in found])

    def _supported(self, specifier: str) -> bool:
        """Whether the target's Python is one that a release is for, by its ``Requires-Python``."""
        known = self.supported.get(specifier)
        if known is None:
            known = not (specifier and self.python) or requirements.admits(specifier, Version(self.python))
            self.supported[specifier] = known
        return known

    def _wanted_so(self, project: str, version: Version) -> bool:
        """Whether the user pins a project to this version: like an installer, we then take a yanked one."""
        return any(
            wish.name == project
            and re.fullmatch("===?[^,*]+", wish.specifier)
            and requirements.admits(wish.specifier, version)
            for wish in (*self.wishes.require, *(bound.wanted for bound in self.wishes.constraints))
        )

    def _incompatibilities(
        self, project: str, text: str, wanted: Wanted, mask: int, asking: _Asking
    ) -> Iterator[Tuple[Declared, Incompatibility]]:
        cause = Declared(project, text)
        terms = {project: mask, wanted.name: self._outside(wanted)}
        for name, other in asking:
            terms[name] = terms.get(name, -1) & other
        if all(terms.values()) and wanted.name in self.wishes.override:
            self.set_aside.append(Incompatibility(tuple(terms.items()), cause))
            terms[wanted.name] &= ~self.candidates[wanted.name].installable  # it must be there all the same
        if all(terms.values()):
            yield cause, Incompatibility(tuple(terms.items()), cause)

    def _outside(self, wanted: Wanted) -> int:
        """Bits of the target's candidates that do not satisfy a requirement; not being installed is one."""
        candidates = self.candidates[wanted.name]
        everything = (1 << len(candidates.versions)) - 1
        return everything & ~candidates.admitted("" if wanted.name in self.unknown else wanted.specifier)

    def _holds_now(self, incompatibility: Incompatibility) -> bool:
        for project, mask in incompatibility.terms:
            if not mask >> self.current[project] & 1:
                return False
        return True

    def _tolerate(self, incompatibility: Incompatibility) -> Iterator[Incompatibility]:
        """An incompatibility whose requirement is broken: so it may stay while both sides are as they were."""
        terms = dict(incompatibility.terms)
        for project, _ in incompatibility.terms[:2]:  # who requires, and what; then who asks for the extra
            here = terms[project] & 1 << self.current[project]
            if terms[project] != here:
                piece = {**terms, project: terms[project] & ~here}
                yield Incompatibility(tuple(piece.items()), incompatibility.cause)
            if not here:
                return
            terms[project] = here

    def _known(self) -> Iterator[Incompatibility]:
        """The advisories that some choice of candidates could meet; notes are no constraints."""
        for advisory in self.catalog.advisories:
            if advisory.level == "note" or not all(term.project in self.candidates for term in advisory.terms):
                continue
            terms = tuple(
                (term.project, self.candidates[term.project].inside(term.ranges)) for term in advisory.terms
            )
            if all(mask for _, mask in terms):
                yield Incompatibility(terms, Known(advisory), soft=advisory.level == "warning")

    def _wishes(self) -> Iterator[Incompatibility]:
        """The candidates that the user does not want, project by project."""
        for project, installed in sorted(self.inventory.distributions.items()):
            yield from self._limits(project, installed.version)
        for wish in self.wishes.require:
            outside = self._outside(wish)
            if outside:
                asked = f"{wish.name}{wish.specifier}"
                cause = Wished(wish.name, f"you asked for {asked}", f"--require '{asked}'")
                yield Incompatibility(((wish.name, outside),), cause)
        for bound in self.wishes.constraints:
            name = bound.wanted.name
            if name not in self.candidates or not self.applies(bound.wanted):
                continue
            # A constraint says what a project may be where it is there; it does not ask for it.
            outside = self._outside(bound.wanted) & self.candidates[name].installable
            if outside:
                cause = Wished(name, f"{bound.where} allows only {name}{bound.wanted.specifier}", bound.option)
                yield Incompatibility(((name, outside),), cause)

    def _limits(self, project: str, here: Version) -> Iterator[Incompatibility]:
        wishes = self.wishes
        if len(self.candidates[project].versions) == 1:
            return
        if project in wishes.hold:
            cause = Wished(project, f"{project} is held at {here}", f"--hold {project}")
            yield from self._unwanted(cause, lambda version: version != here)
        if not wishes.downgrades:
            cause = Wished(project, f"{project} {here} must not go back", "--no-downgrade")
            yield from self._unwanted(cause, lambda version: version < here)
        name = project if project in wishes.levels else ""
        level = wishes.levels.get(name, LEVELS[-1])
        if level == LEVELS[-1]:
            return
        how = f"by a {level} version at most" if level != "none" else "not at all"
        option = f"--allow-level {name}{':' if name else ''}{level}"
        cause = Wished(project, f"{project} {here} may move {how}", option)
        yield from self._unwanted(cause, lambda version: LEVELS.index(jump(here, version)) > LEVELS.index(level))

    def _unwanted(self, cause: Wished, unwanted: Callable[[Version], bool]) -> Iterator[Incompatibility]:
        mask = 0
        for index, version in enumerate(self.candidates[cause.project].versions):
            if version is not None and unwanted(version):
                mask |= 1 << index
        if mask:
            yield Incompatibility(((cause.project, mask),), cause)


def _joined(asking: _Asking, project: str, mask: int) -> _Asking:
    """Who asks, when a project that is itself asked does."""
    found = dict(asking)
    found[project] = found.get(project, -1) & mask
    return tuple(sorted(found.items()))


def _spread(lists: Sequence[Tuple[str, ...]]) -> Dict[str, int]:
    """Every text that some of the lists hold, with the bits of those lists.

    Consecutive releases declare nearly the same, so only what comes and what goes is looked at.
    """
    found: Dict[str, int] = {}
    since: Dict[str, int] = {}
    before: Tuple[str, ...] = ()
    held: FrozenSet[str] = frozenset()
    for index, texts in enumerate((*lists, ())):
        if texts is before:
            continue
        now = frozenset(texts)
        for text in held - now:
            found[text] += (1 << index) - (1 << since[text])
        new = now - held
        for text in texts if new else ():
            if text in new:
                since[text] = index
                found.setdefault(text, 0)
        before, held = texts, now
    return found


def jump(before: Version, after: Version) -> str:
    """The size of a move, one of :data:`LEVELS`, by the first release number that differs."""
    if before == after:
        return "none"
    old, new = before.release, after.release  # major and minor would take it apart again each time
    if old[0] != new[0] or before.epoch != after.epoch:
        return "major"
    return "minor" if (old[1] if len(old) > 1 else 0) != (new[1] if len(new) > 1 else 0) else "patch"
