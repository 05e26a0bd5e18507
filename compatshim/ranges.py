"""Requirements that do not say which versions: what they force, what a fresh installation gets, what they allow.

All this is said of the releases that the metadata know, for one interpreter:

- *Certainly bad*: every combination of versions that the requirements allow is bad. The finding is a plain one.
- *Can resolve to bad*: a fresh installation of today gets a bad combination, and another choice of versions would
  not. The finding is ``possible``; its versions are those that the installation gets.
- *Clean*: a fresh installation gets nothing bad. That some older versions are bad, which the requirements allow,
  too, is true of nearly every open range. It is looked for only when asked for (``allowed``), and is then found as
  ``possible`` and not ``fresh``, with an example.

The inventory is what a fresh installation gets, so that a fix can be searched from there. A project stands where
the line stands that asks for it, or for what brings it. A project without an exact version, of which nothing is
known, is *not checked* where there is anything to find: it may bring, or forbid, versions of others.
"""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.analysis import Analysis
from compatshim.inventory.manifest import Contents, Demand
from compatshim.match import match
from compatshim.metadata.interface import MetadataSource, Release, release
from compatshim.model import Advisory, Catalog, Distribution, Finding, Inventory, Location, Unread
from compatshim.solve import problem as problems
from compatshim.solve import requirements
from compatshim.solve.newest import Newest, Terms
from compatshim.solve.problem import Bound, Wishes
from compatshim.solve.requirements import Candidates, Wanted
from compatshim.solve.search import OutOfBudgetError

_ROUNDS = 10
"""Circles of projects that are ruled out before the search for an example is given up."""
_FEW = 40
"""Requirements among which those that contradict each other are searched."""


class Asked(NamedTuple):
    """What a file asks for in one environment."""

    demands: Tuple[Demand, ...]
    """Those that apply, constraints aside."""
    constraints: Tuple[Demand, ...]
    markers: Mapping[str, str]


def asked(contents: Contents, markers: Mapping[str, str]) -> Asked:
    """The demands of a file that apply to an interpreter."""
    applies = requirements.Applicable(markers)
    here = [one for one in contents.demands if _applies(applies, one)]
    return Asked(
        tuple(one for one in here if not one.constraint), tuple(one for one in here if one.constraint), markers
    )


def _applies(applies: requirements.Applicable, one: Demand) -> bool:
    try:
        return applies(_wanted(one))
    except (ValueError, RecursionError):
        return True


def _wanted(one: Demand) -> Wanted:
    return Wanted(one.project, one.extras, one.specifier.replace(" ", ""), one.marker)


def closed(found: Asked, metadata: MetadataSource) -> bool:
    """Whether the demands are exact versions, with all that these are known to require: a lock."""
    pins = {one.project: one for one in found.demands if one.pin is not None}
    if len(pins) < len({one.project for one in found.demands}):
        return False
    applies = requirements.Applicable(found.markers)
    for one in pins.values():
        known = _release(metadata, one)
        brought = _brought(applies, known.requires or () if known is not None else (), one.extras)
        if any(wanted.name not in pins for wanted in brought):
            return False
    return True


def _brought(applies: requirements.Applicable, requires: Iterable[str], extras: Iterable[str]) -> Iterator[Wanted]:
    """What a release requires with some extras in use; what cannot be judged is passed over."""
    for text in requires:
        wanted = requirements.parse(text)
        try:
            if wanted is not None and any(applies(wanted, extra) for extra in ("", *extras)):
                yield wanted
        except ValueError:
            continue


def _release(metadata: MetadataSource, one: Demand) -> Optional[Release]:
    """The release that an exact demand names, where it is known."""
    pin = one.pin
    return None if pin is None else release(metadata, one.project, pin)


def wishes(found: Asked, metadata: MetadataSource) -> Wishes:
    """The demands, as the solver takes them; those for projects of which nothing is known are left out."""
    return Wishes(
        require=tuple(
            _wanted(one)._replace(marker="")
            for one in found.demands
            if metadata.knows(one.project) and not _private(metadata, one)
        ),
        constraints=tuple(
            Bound(_wanted(one)._replace(marker=""), str(one.location), f"-c {one.location.path}")
            for one in found.constraints
        ),
        hold=frozenset(one.project for one in found.demands if _private(metadata, one)),
    )


def _private(metadata: MetadataSource, one: Demand) -> bool:
    """Whether it is an exact version of a known project that is not among the known ones: newer, or one's own."""
    return one.pin is not None and metadata.knows(one.project) and _release(metadata, one) is None


def judge(
    found: Asked,
    catalog: Catalog,
    metadata: MetadataSource,
    *,
    path: str,
    unread: Sequence[Unread] = (),
    allowed: bool = False,
) -> Analysis:
    """What the demands come to in their environment."""
    asking = _Judging(found, catalog, metadata)
    got = asking.fresh()
    if got is None:
        inventory = Inventory(path, _pins(found.demands), (*unread, *asking.contradictions()), found.markers, path)
        return Analysis(inventory, catalog, match(inventory.versions(), catalog))
    distributions = asking.distributions(got)
    inventory = Inventory(path, distributions, (*unread, *asking.unknown(distributions)), found.markers, path)
    findings = asking.judged(match(inventory.versions(), catalog))
    if allowed:
        findings += asking.others(findings)
    return Analysis(inventory, catalog, tuple(sorted(findings, key=lambda one: one.advisory.id)))


def _pins(demands: Iterable[Demand]) -> Dict[str, Distribution]:
    """The exact versions among some demands, by project."""
    exact = ((one, one.pin) for one in demands)
    return {
        one.project: Distribution(one.project, version, name=one.name, locations=(one.location,))
        for one, version in exact
        if version is not None
    }


class _Judging:
    """The problem that demands make, and what is asked of it."""

    def __init__(self, found: Asked, catalog: Catalog, metadata: MetadataSource) -> None:
        self._found, self._catalog, self._metadata = found, catalog, metadata
        own = _pins(one for one in found.demands if _private(metadata, one))
        base = Inventory("", MappingProxyType(own), (), found.markers)
        self._problem = problems.build(base, catalog, metadata, wishes=wishes(found, metadata))
        self._newest = Newest(self._problem, [one.project for one in found.demands])
        self._lines: Dict[str, Tuple[Location, ...]] = {}
        for one in found.demands:
            self._lines[one.project] = (*self._lines.get(one.project, ()), one.location)

    def fresh(self) -> Optional[Mapping[str, int]]:
        """What a fresh installation gets; None when there is none, or it was not found in time."""
        try:
            return self._newest.resolve()
        except OutOfBudgetError:
            return None

    def distributions(self, got: Mapping[str, int]) -> Dict[str, Distribution]:
        """What is there: of what is known, and of all that has an exact version."""
        made = _pins(self._found.demands)
        for name, index in got.items():
            version = self._problem.version(name, index)
            if version is None or name in self._problem.unknown:
                continue
            known = release(self._metadata, name, version)
            spelt = next((one.name for one in self._found.demands if one.project == name), "")
            made[name] = Distribution(name, version, (known.requires if known is not None else ()) or (), spelt)
        places = self._places(made)
        return {name: one._replace(locations=places.get(name, ())) for name, one in made.items()}

    def _places(self, made: Mapping[str, Distribution]) -> Dict[str, Tuple[Location, ...]]:
        """The lines that ask for each project, or for what brings it."""
        places = dict(self._lines)
        applies = requirements.Applicable(self._found.markers)
        waiting = [one.project for one in self._found.demands]
        extras: Dict[str, Tuple[str, ...]] = {one.project: tuple(one.extras) for one in self._found.demands}
        for name in waiting:  # grows while it is gone through
            for wanted in _brought(applies, made[name].requires if name in made else (), extras.get(name, ())):
                if wanted.name in places or wanted.name not in made:
                    continue
                places[wanted.name] = places[name]
                extras[wanted.name] = tuple(wanted.extras)
                waiting.append(wanted.name)
        return places

    def unknown(self, made: Mapping[str, Distribution]) -> List[Unread]:
        """Demands for projects of which nothing is known, where there is anything to find."""
        if not any(name in made for name in self._catalog.projects):
            return []
        reason = (
            f"has no exact version, and the {self._metadata.description} does not know it: "
            "what it brings was not looked at"
        )
        unknown = (one for one in self._found.demands if one.project not in made)
        return [Unread(str(one.location), reason, one.project) for one in unknown]

    def judged(self, findings: Sequence[Finding]) -> List[Finding]:
        """The findings in a fresh installation: which of them hold however one chooses."""
        exact = {one.project for one in self._found.demands if one.pin is not None}
        certain = {one.advisory.id for one in findings if exact.issuperset(one.advisory.projects)}
        open_ = [one for one in findings if one.advisory.id not in certain]
        if open_ and not self._avoidable([one.advisory for one in open_]):
            alone = [one.advisory.id for one in open_ if not self._avoidable([one.advisory])]
            certain.update(alone)
        errors = [one.advisory for one in open_ if one.level == "error" and one.advisory.id not in certain]
        every = [one for one in self._catalog.advisories if one.level == "error" and one.id not in certain]
        if errors and not self._avoidable(every):  # each can be avoided, all together cannot
            certain.update(one.id for one in errors)
        return [one._replace(possible=one.advisory.id not in certain) for one in findings]

    def _avoidable(self, advisories: Sequence[Advisory]) -> bool:
        """Whether some choice meets none of the advisories; it counts as such when that was not found in time."""
        avoid = [terms for terms in map(self._terms, advisories) if terms]
        try:
            return self._newest.resolve(avoid=avoid) is not None
        except OutOfBudgetError:
            return True

    def others(self, findings: Sequence[Finding]) -> List[Finding]:
        """Findings of what the requirements allow, but a fresh installation does not get, with an example each."""
        known = {one.advisory.id for one in findings}
        found: List[Finding] = []
        for advisory in self._catalog.advisories:
            terms = self._terms(advisory)
            if advisory.id in known or not terms:
                continue
            example = {name: version for name, version in self._example(terms) if name in advisory.projects}
            found += [
                one._replace(possible=True, fresh=False)
                for one in match(example, self._catalog)
                if one.advisory == advisory
            ]
        return found

    def _example(self, terms: Terms) -> List[Tuple[str, Version]]:
        """An installation in which all terms hold; empty when none was found."""
        avoid: List[Terms] = []
        for _ in range(_ROUNDS):
            try:
                got = self._newest.resolve(avoid=avoid, force=terms)
            except OutOfBudgetError:
                return []
            if got is None:
                return []
            # Projects that require each other, and that nobody else asks for, are not installed.
            idle = {name for name, one in self.distributions(got).items() if not one.locations}
            if idle.isdisjoint(name for name, _ in terms):
                return self._versions(got)
            avoid.append(self._newest.founded(idle))
        return []

    def _versions(self, got: Mapping[str, int]) -> List[Tuple[str, Version]]:
        chosen = [(name, self._problem.version(name, index)) for name, index in got.items()]
        return [(name, version) for name, version in chosen if version is not None]

    def _alone(self, one: Demand) -> bool:
        """Whether all goes together without what is asked of one project."""
        try:
            return self._newest.resolve(without=one.project) is not None
        except OutOfBudgetError:
            return False

    def contradictions(self) -> List[Unread]:
        """That the demands do not go together, and which do where one of them is left out."""
        lines = [one for one in self._found.demands if self._metadata.knows(one.project)]
        guilty = [one for one in (lines if len(lines) <= _FEW else []) if self._alone(one)]
        what = f"the {self._metadata.description} has no versions that satisfy all requirements"
        if not guilty:
            path = self._found.demands[0].location.path if self._found.demands else ""
            return [Unread(path, f"was judged by its exact versions alone: {what}")]
        names = " and ".join(f"{one} ({one.location})" for one in guilty)
        return [
            Unread(
                str(one.location),
                f"was judged by its exact version alone, if any: {what}; see {names}",
                one.project,
            )
            for one in guilty
        ]

    def _terms(self, advisory: Advisory) -> Terms:
        """The candidates that an advisory names; nothing where it names none of some project's."""
        if not all(term.project in self._known for term in advisory.terms):
            return ()
        found = tuple((term.project, self._known[term.project].inside(term.ranges)) for term in advisory.terms)
        return found if all(mask for _, mask in found) else ()

    @cached_property
    def _known(self) -> Mapping[str, Candidates]:
        """The candidates of the projects that advisories name, where anything is known of them."""
        problem = self._problem
        names = problem.candidates.keys() & set(self._catalog.projects) - problem.unknown
        return {name: Candidates(problem.candidates[name]) for name in names}
