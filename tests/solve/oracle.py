"""What is allowed and what it costs, written as clauses for a MaxSAT solver: an oracle for the resolver.

It is made from the words of the design, with ``packaging`` for requirements, specifiers and markers, and shares
nothing with the solver but the values that go in and the names of the components of a cost. Per project one of its
versions is chosen (or "not there"); an extra is in use as soon as a chosen version asks for it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import DefaultDict, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from pysat.examples.rc2 import RC2Stratified
from pysat.formula import WCNF
from pysat.solvers import Solver

from compatshim.match import match
from compatshim.metadata.interface import MetadataSource
from compatshim.model import Catalog, Inventory, Term
from compatshim.solve.objective import ORDERS
from compatshim.solve.problem import Wishes

Cost = Tuple[int, ...]
State = Mapping[str, Optional[Version]]
Use = Tuple[str, str]
"""A project and one of its extras; the empty one stands for the project itself."""

ANY = Version("0")
"""The version of a project that has to be added and of which nothing is known: it satisfies whatever is asked."""
LEVELS = ("none", "patch", "minor", "major")


class Oracle:
    """One environment, with what may become of it."""

    def __init__(
        self, inventory: Inventory, catalog: Catalog, metadata: MetadataSource, wishes: Optional[Wishes] = None
    ) -> None:
        self.inventory = inventory
        self.catalog = catalog
        self.metadata = metadata
        self.wishes = wishes or Wishes()
        self.hard: List[List[int]] = []
        self.options: Dict[str, int] = {}
        """A literal per wish, by the option that says it, that is true while the wish is kept."""
        self._last = 0
        self._domains: Dict[str, Dict[Optional[Version], Tuple[str, ...]]] = {}
        self._chosen: Dict[Tuple[str, Optional[Version]], int] = {}
        self._places: Dict[str, List[int]] = {}
        """Per project, in order: literals that say that the chosen version is this one or a later one."""
        self._extras: Dict[Use, int] = {}
        self._satisfied: Dict[Tuple[str, str], int] = {}
        self._terms: Dict[Term, int] = {}
        self._applicable: Dict[Tuple[str, str], bool] = {}
        self._unknown: Set[str] = set()
        self._requirements()
        self._errors()
        self._wish()

    # What can be asked of it

    def minimum(self, name: str, *, without: Iterable[str] = (), unlike: Sequence[State] = ()) -> Optional[Cost]:
        """The lowest cost under an objective, or None when nothing is allowed.

        Some wishes (as options) may be dropped, and moves excluded: what moves all that one of ``unlike`` moves, in
        the same directions, is not wanted.
        """
        more = [[kept] for option, kept in self.options.items() if option not in without]
        for moves in unlike:
            clause = []
            for project, version in moves.items():
                before = self._now(project)
                if before is None or version is None:
                    continue
                here = [*self._domains[project]].index(before)
                reached = self._places[project]
                clause.append(reached[here] if version < before else -reached[here + 1])
            more.append(clause)
        found = self._cheapest(name, more, {})
        return None if found is None else found[1]

    def fewest_drops(self, name: str) -> Optional[Tuple[int, Cost]]:
        """How many wishes have to go at the least, and the lowest cost that can then be had."""
        return self._cheapest(name, [], self.options)

    def allows(self, state: State, *, without: Iterable[str] = ()) -> bool:
        """Whether a state breaks nothing, with some wishes (as options) dropped."""
        kept = [literal for option, literal in self.options.items() if option not in without]
        chosen = [self._chosen.get((project, version)) for project, version in state.items()]
        if None in chosen:
            return False
        with Solver("g4", bootstrap_with=self.hard) as solver:
            return bool(solver.solve(assumptions=[*filter(None, chosen), *kept]))

    def cost(self, name: str, state: State) -> Cost:
        """The cost of a state under an objective."""
        parts = dict.fromkeys(ORDERS[name], 0)
        before = {finding.advisory.id for finding in match(self.inventory.versions(), self.catalog)}
        there = {project: version for project, version in state.items() if version is not None}
        for finding in match(there, self.catalog):
            if finding.level == "warning" and (name == "recommended" or finding.advisory.id not in before):
                parts["soft"] += 1
        listed = self._listed()
        for project, version in there.items():
            for part, number in self._price(project, version, listed).items():
                parts[part] += number
        return tuple(parts[part] for part in ORDERS[name])

    # Choices

    def _new(self) -> int:
        self._last += 1
        return self._last

    def _now(self, project: str) -> Optional[Version]:
        there = self.inventory.distributions.get(project)
        return None if there is None else there.version

    def _domain(self, project: str) -> Dict[Optional[Version], Tuple[str, ...]]:
        """What may be chosen for a project, with the requirements of each; made when the project is first met."""
        if project in self._domains:
            return self._domains[project]
        python = self.inventory.markers.get("python_full_version", "")
        found: Dict[Optional[Version], Tuple[str, ...]] = {}
        releases = self.metadata.releases(project)
        for release in releases or ():
            if release.requires is None or (release.yanked and not self._pinned(project, release.version)):
                continue
            if release.requires_python and python and not _contains(release.requires_python, Version(python)):
                continue
            found[release.version] = release.requires
        there = self.inventory.distributions.get(project)
        if there is not None:
            found[there.version] = tuple(there.requires)
        else:
            found[None] = ()
            if releases is None:
                self._unknown.add(project)
                found[ANY] = ()
        ordered = sorted(found, key=lambda version: (version is not None, version or ANY))
        self._domains[project] = {version: found[version] for version in ordered}
        self._order(project, ordered)
        return self._domains[project]

    def _order(self, project: str, ordered: Sequence[Optional[Version]]) -> None:
        """Exactly one version is chosen: the last whose place is reached."""
        reached = [self._new() for _ in ordered]
        self._places[project] = reached
        self.hard.append([reached[0]])
        for place, version in enumerate(ordered):
            chosen = self._chosen[project, version] = self._new()
            beyond = reached[place + 1 : place + 2]
            self.hard.append([-chosen, reached[place]])
            self.hard += [[-chosen, -following] for following in beyond]
            self.hard += [[-following, reached[place]] for following in beyond]
            self.hard.append([chosen, -reached[place], *beyond])

    def _pinned(self, project: str, version: Version) -> bool:
        """Whether the user asks for exactly this version."""
        texts = [(wish.name, wish.specifier) for wish in self.wishes.require]
        texts += [(bound.wanted.name, bound.wanted.specifier) for bound in self.wishes.constraints]
        for name, text in texts:
            if name != project or len(SpecifierSet(text)) != 1:
                continue
            (clause,) = SpecifierSet(text)
            exact = clause.operator in ("==", "===") and not clause.version.endswith(".*")
            if exact and clause.contains(version, prereleases=True):
                return True
        return False

    # Declared requirements

    def _requirements(self) -> None:
        tolerated = self._tolerated()
        waiting: List[Use] = [(project, "") for project in self.inventory.distributions]
        for wish in self.wishes.require:
            waiting += [(wish.name, ""), *((wish.name, extra) for extra in wish.extras)]
            self.hard += [[self._use(wish.name, extra)] for extra in wish.extras]
        seen: Set[Use] = set()
        while waiting:
            project, extra = use = waiting.pop()
            if use in seen:
                continue
            seen.add(use)
            for version, texts in self._domain(project).items():
                asked = [-self._chosen[project, version], *([-self._use(project, extra)] if extra else [])]
                if version != self._now(project) and _malformed(texts, extra):
                    self.hard.append([-self._chosen[project, version]])
                for wanted in self._applying(texts, extra):
                    target = canonicalize_name(wanted.name)
                    uses = [(target, canonicalize_name(other)) for other in wanted.extras]
                    self.hard += [[*asked, self._use(*other)] for other in uses]
                    waiting += [(target, ""), *uses]
                    if target == project:
                        continue
                    clause = [*asked, self._satisfies(target, self._asked(wanted))]
                    if version == self._now(project) and (project, str(wanted)) in tolerated:
                        clause.append(self._chosen[target, self._now(target)])
                    self.hard.append(clause)

    def _applying(self, texts: Iterable[str], extra: str) -> List[Requirement]:
        """The requirements that apply because of an extra, or, when it is empty, without any."""
        found = []
        for text in texts:
            if (text, extra) not in self._applicable:
                self._applicable[text, extra] = self._applies(text, extra) and not (
                    extra and self._applies(text, "")
                )
            wanted = _parsed(text)
            if wanted is not None and self._applicable[text, extra]:
                found.append(wanted)
        return found

    def _applies(self, text: str, extra: str) -> bool:
        wanted = _parsed(text)
        if wanted is None or wanted.marker is None:
            return True
        try:
            return wanted.marker.evaluate({**self.inventory.markers, "extra": extra})
        except (UndefinedComparison, UndefinedEnvironmentName):
            return True

    def _tolerated(self) -> FrozenSet[Tuple[str, str]]:
        """Requirements in force now that do not hold: they may stay so while both sides stay as they are."""
        found: Set[Tuple[str, str]] = set()
        waiting: List[Use] = [(project, "") for project in self.inventory.distributions]
        seen: Set[Use] = set()
        while waiting:
            project, extra = use = waiting.pop()
            there = self.inventory.distributions.get(project)
            if use in seen or there is None:
                continue
            seen.add(use)
            for wanted in self._applying(there.requires, extra):
                target = canonicalize_name(wanted.name)
                waiting += [(target, canonicalize_name(other)) for other in wanted.extras]
                version = self._now(target)
                if target != project and (version is None or not _contains(self._asked(wanted), version)):
                    found.add((project, str(wanted)))
        return frozenset(found)

    def _asked(self, wanted: Requirement) -> str:
        """What a requirement insists on: nothing but that it is there where the user overrides it."""
        return "" if canonicalize_name(wanted.name) in self.wishes.override else str(wanted.specifier)

    def _use(self, project: str, extra: str) -> int:
        """A literal that is true when an extra is in use."""
        if (project, extra) not in self._extras:
            self._extras[project, extra] = self._new()
        return self._extras[project, extra]

    def _satisfies(self, project: str, specifier: str) -> int:
        """A literal that is true only when a project is there in a version that a specifier admits."""
        key = (project, specifier)
        if key not in self._satisfied:
            domain = self._domain(project)
            literal = self._satisfied[key] = self._new()
            admitted = [
                self._chosen[project, version]
                for version in domain
                if version is not None and (project in self._unknown or _contains(specifier, version))
            ]
            self.hard.append([-literal, *admitted])
        return self._satisfied[key]

    # Advisories

    def _errors(self) -> None:
        for advisory in self.catalog.advisories:
            if advisory.level == "error" and all(term.project in self._domains for term in advisory.terms):
                self.hard.append([-self._inside(term) for term in advisory.terms])

    def _inside(self, term: Term) -> int:
        """A literal that is true when the chosen version lies in a term."""
        if term not in self._terms:
            literal = self._terms[term] = self._new()
            for version in self._domains[term.project]:
                if version is not None and term.contains(version):
                    self.hard.append([-self._chosen[term.project, version], literal])
        return self._terms[term]

    # Wishes

    def _kept(self, option: str) -> int:
        if option not in self.options:
            self.options[option] = self._new()
        return self.options[option]

    def _wish(self) -> None:
        wishes = self.wishes
        for project, there in self.inventory.distributions.items():
            name = project if project in wishes.levels else ""
            level = wishes.levels.get(name, "major")
            limit = f"--allow-level {name}{':' if name else ''}{level}"
            for version in self._domains[project]:
                assert version is not None
                away = -self._chosen[project, version]
                if version != there.version and project in wishes.hold:
                    self.hard.append([-self._kept(f"--hold {project}"), away])
                if version < there.version and not wishes.downgrades:
                    self.hard.append([-self._kept("--no-downgrade"), away])
                if LEVELS.index(_jump(there.version, version)) > LEVELS.index(level):
                    self.hard.append([-self._kept(limit), away])
        for wish in wishes.require:
            kept = self._kept(f"--require '{wish.name}{wish.specifier}'")
            self.hard.append([-kept, self._satisfies(wish.name, wish.specifier)])
        for bound in wishes.constraints:
            wanted = bound.wanted
            if wanted.name not in self._domains or wanted.name in self._unknown:
                continue
            if wanted.marker and not Marker(wanted.marker).evaluate(dict(self.inventory.markers)):
                continue
            kept = self._kept(bound.option)
            for version in self._domains[wanted.name]:
                if version is not None and not _contains(wanted.specifier, version):
                    self.hard.append([-kept, -self._chosen[wanted.name, version]])

    # Costs

    def _listed(self) -> Dict[str, List[str]]:
        """Per project that a present finding names: what its remedies allow."""
        found: Dict[str, List[str]] = {}
        for finding in match(self.inventory.versions(), self.catalog):
            if finding.level == "note":
                continue
            for project in finding.advisory.projects:
                found.setdefault(project, [])
            for remedy in finding.advisory.remedies:
                for text in remedy.constraints:
                    wanted = Requirement(text)
                    found.setdefault(canonicalize_name(wanted.name), []).append(str(wanted.specifier))
        return found

    def _price(self, project: str, version: Version, listed: Mapping[str, Sequence[str]]) -> Dict[str, int]:
        """What the move of one project to a version costs, by component; nothing when it is added or stays."""
        before = self._now(project)
        if before is None or version == before:
            return {}
        newer = len(self._domains[project]) - 1 - [*self._domains[project]].index(version)
        allowed = listed.get(project)
        return {
            "changed": 1,
            "downgrades": int(version < before),
            _jump(before, version): 1,
            "unproven": int((project, str(version)) not in self.catalog.proven),
            "age": newer,
            "unlisted": int(allowed is not None and not any(_contains(text, version) for text in allowed)),
        }

    def _cheapest(
        self, name: str, more: Sequence[List[int]], droppable: Mapping[str, int]
    ) -> Optional[Tuple[int, Cost]]:
        """The lowest cost: first of all the number of wishes dropped, then the components in their order."""
        clauses = [*more]
        soft: DefaultDict[str, List[List[int]]] = defaultdict(list)
        soft["dropped"] = [[kept] for kept in droppable.values()]
        soft["soft"] = self._soft_findings(name)
        listed = self._listed()
        for project in self.inventory.distributions:
            self._soft_moves(project, listed, clauses, soft)
        formula = WCNF()
        formula.extend([*self.hard, *clauses])
        weights: Dict[str, int] = {}
        weight = 1
        for part in reversed(("dropped", *ORDERS[name])):
            weights[part] = weight
            weight *= len(soft[part]) + 1
            for clause in soft[part]:
                formula.append(clause, weight=weights[part])
        with RC2Stratified(formula, solver="g4", adapt=True, exhaust=True, minz=True, blo="full") as solver:
            if solver.compute() is None:
                return None
            rest = solver.cost
        parts = []
        for part in ("dropped", *ORDERS[name]):
            number, rest = divmod(rest, weights[part])
            parts.append(number)
        return parts[0], tuple(parts[1:])

    def _soft_findings(self, name: str) -> List[List[int]]:
        """The warnings whose presence costs something."""
        before = {finding.advisory.id for finding in match(self.inventory.versions(), self.catalog)}
        return [
            [-self._inside(term) for term in advisory.terms]
            for advisory in self.catalog.advisories
            if advisory.level == "warning"
            and not (name == "least-change" and advisory.id in before)
            and all(term.project in self._domains for term in advisory.terms)
        ]

    def _soft_moves(
        self,
        project: str,
        listed: Mapping[str, Sequence[str]],
        clauses: List[List[int]],
        soft: Mapping[str, List[List[int]]],
    ) -> None:
        """The components of one project's move: a literal for each, true when the cost is to be paid."""
        stays = self._chosen[project, self._now(project)]
        soft["changed"].append([stays])
        literals: Dict[str, int] = {}
        for version in self._domains[project]:
            assert version is not None
            if version == self._now(project):
                continue
            for part, number in self._price(project, version, listed).items():
                if part in ("changed", "age") or not number:
                    continue
                if part not in literals:
                    literals[part] = self._new()
                    soft[part].append([-literals[part]])
                clauses.append([-self._chosen[project, version], literals[part]])
        # One for every newer version that is passed over.
        soft["age"].extend([stays, place] for place in self._places[project][1:])


def _contains(specifier: str, version: Version) -> bool:
    """Whether a specifier admits a version, pre-releases like any other; what is no specifier admits all."""
    made = _specifiers(specifier)
    return made is None or made.contains(version, prereleases=True)


@lru_cache(maxsize=None)
def _specifiers(text: str) -> Optional[SpecifierSet]:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


@lru_cache(maxsize=None)
def _parsed(text: str) -> Optional[Requirement]:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _malformed(texts: Iterable[str], extra: str) -> bool:
    """Whether it cannot be said what a release needs: nobody knows what a text means that would count here."""
    return any(_parsed(text) is None and (extra or "extra ==" not in text) for text in texts)


def _jump(before: Version, after: Version) -> str:
    """How far a move goes, one of :data:`LEVELS`."""
    if before == after:
        return "none"
    old, new = ((version.epoch, *(*version.release, 0, 0)[:2]) for version in (before, after))
    return "major" if old[:2] != new[:2] else "minor" if old[2] != new[2] else "patch"
