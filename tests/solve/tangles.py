"""Made-up worlds of any size from a seed: as tangled as wanted, for the oracle and for the benchmarks.

A hidden answer is drawn first, and everything else so that it holds there; a world therefore has an answer unless
one without is asked for. Declared requirements hold in the installed set, but for a few that are broken from the
beginning; of the advisories exactly ``hits`` match it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.metadata.interface import Release
from compatshim.model import Advisory, Catalog, Distribution, Interval, Inventory, Term
from compatshim.solve import requirements
from compatshim.solve.problem import LEVELS, Bound, Wishes, jump
from tests.solve.worlds import Releases, World, advisory, inventory

Indices = Dict[str, Optional[int]]
"""A version of each project, by its place; None where it is not installed."""
_EXTRA = "fast"


def make(
    seed: int,
    *,
    projects: int,
    versions: int,
    advisories: int,
    hits: int,
    density: float = 1.5,
    soft: float = 0.2,
    remedies: float = 0.7,
    wishes: int = 0,
    absent: float = 0.1,
    rough: float = 0.02,
    solvable: bool = True,
) -> World:
    """A world, always the same for the same arguments.

    ``density`` is the mean number of projects that a project requires; ``soft`` the share of advisories that are
    warnings; ``remedies`` the share whose remedies name ways out; ``wishes`` how many the user has; ``absent`` the
    share of projects that are not installed; ``rough`` the share of releases that are yanked, for another Python
    or without metadata, and of requirements that are broken from the beginning.
    """
    random = Random(seed)  # noqa: S311  nothing here is secret
    return _Maker(random, rough, solvable=solvable).make(
        projects=projects,
        versions=versions,
        advisories=advisories,
        hits=hits,
        density=density,
        soft=soft,
        remedies=remedies,
        wishes=wishes,
        absent=absent,
    )


def dense(seed: int, *, wishes: int = 0, solvable: bool = True) -> World:
    """Few projects and many advisories over them: every way out of one leads into others."""
    return make(
        seed, projects=40, versions=12, advisories=120, hits=8, density=0.5, wishes=wishes, solvable=solvable
    )


def easier(seed: int, *, wishes: int = 0, solvable: bool = True) -> World:
    """More projects, half as many faults."""
    return make(
        seed, projects=60, versions=12, advisories=120, hits=4, density=0.5, wishes=wishes, solvable=solvable
    )


def demanding(seed: int, *, wishes: int = 0, solvable: bool = True) -> World:
    """Declared requirements everywhere, few advisories: moving one project moves others."""
    return make(
        seed,
        projects=40,
        versions=12,
        advisories=30,
        hits=4,
        density=3,
        wishes=wishes,
        absent=0.2,
        rough=0.05,
        solvable=solvable,
    )


def small(seed: int, *, wishes: int = 0, solvable: bool = True) -> World:
    """A handful of projects, with everything that a world can have."""
    return make(
        seed,
        projects=6,
        versions=4,
        advisories=8,
        hits=2,
        density=1,
        wishes=wishes,
        absent=0.2,
        rough=0.1,
        solvable=solvable,
    )


def large(seed: int, *, hits: int, projects: int = 1_000, versions: int = 50, advisories: int = 5_000) -> World:
    """The synthetic case of the benchmarks."""
    return make(seed, projects=projects, versions=versions, advisories=advisories, hits=hits)


@dataclass(frozen=True)
class _Need:
    """A project that another one requires, over a run of its versions."""

    start: int
    end: int
    text: str


class _Maker:
    def __init__(self, random: Random, rough: float, *, solvable: bool) -> None:
        self.random = random
        self.rough = rough
        self.solvable = solvable
        self.names: List[str] = []
        self.versions: Dict[str, Tuple[Version, ...]] = {}
        self.now: Indices = {}
        self.hidden: Indices = {}
        """The answer that is known to be one."""

    def make(
        self,
        *,
        projects: int,
        versions: int,
        advisories: int,
        hits: int,
        density: float,
        soft: float,
        remedies: float,
        wishes: int,
        absent: float,
    ) -> World:
        random = self.random
        self.names = [f"p{number:0{len(str(projects - 1))}}" for number in range(projects)]
        histories = [self._history(versions) for _ in range(min(projects, 40))]
        self.versions = {name: random.choice(histories) for name in self.names}
        there = set(self.names[: max(3, projects - round(absent * projects))])
        self.now = {name: random.randrange(versions) if name in there else None for name in self.names}
        struck = [random.sample(sorted(there), random.choice((2, 2, 3))) for _ in range(hits)]
        self.hidden = self._hidden(struck, versions)
        proven = frozenset(
            (name, str(version)) for name in self.names for version in random.sample(self.versions[name], 1)
        )
        metadata = self._metadata(density)
        made = [self._advisory(number, names, soft, remedies, hit=True) for number, names in enumerate(struck)]
        while len(made) < advisories:
            names = random.sample(self.names, random.choice((1, 2, 2, 2, 3, 3)))
            made.append(self._advisory(len(made), names, soft, remedies, hit=False))
        random.shuffle(made)
        made.sort(key=lambda one: one.id)
        environment = self._environment(metadata)
        return World(environment, Catalog(tuple(made), "0" * 12, proven), metadata, self._wishes(wishes))

    def _history(self, number: int) -> Tuple[Version, ...]:
        """Releases in ascending order, most of them patches."""
        major, minor, patch = self.random.choice(((0, 1, 0), (1, 0, 0), (2, 16, 0)))
        found = []
        for _ in range(number):
            found.append(Version(f"{major}.{minor}.{patch}"))
            size = self.random.random()
            if size < 0.1:
                major, minor, patch = major + 1, 0, 0
            elif size < 0.45:
                minor, patch = minor + 1, 0
            else:
                patch += 1
        return tuple(found)

    def _hidden(self, struck: Sequence[Sequence[str]], versions: int) -> Indices:
        """An answer: what is installed, but for one project of every finding and a few others."""
        random = self.random
        moved = {random.choice(names) for names in struck}
        moved.update(random.sample(self.names, len(moved) // 2))
        hidden = dict(self.now)
        for name in sorted(moved):
            hidden[name] = random.choice([index for index in range(versions) if index != self.now[name]])
        return hidden

    def _metadata(self, density: float) -> Releases:
        random = self.random
        needs: Dict[str, List[_Need]] = {}
        for name in self.names:
            wanted = int(density) + (random.random() < density % 1)
            others = random.sample(self.names, min(wanted + 1, len(self.names)))
            needs[name] = [need for other in others[:wanted] if other != name for need in self._needs(name, other)]
            if others[-1] != name and random.random() < 0.3:
                marker = f'extra == "{_EXTRA}"'
                if random.random() < 0.3:  # one extra that asks for another
                    needs[name].append(_Need(0, len(self.versions[name]) // 2, f"{name}[more] ; {marker}"))
                    marker = 'extra == "more"'
                needs[name] += [
                    _Need(need.start, need.end, f"{need.text.split(';')[0].strip()} ; {marker}")
                    for need in self._needs(name, others[-1])
                ]
        return Releases({name: self._releases(name, needs[name]) for name in self.names})

    def _needs(self, name: str, other: str) -> List[_Need]:
        """What a project asks of another one, run by run of its versions."""
        random = self.random
        number = len(self.versions[name])
        cuts = sorted({0, number, *(random.randrange(number) for _ in range(random.randrange(3)))})
        found = []
        for start, end in zip(cuts, cuts[1:]):
            text = self._asked(name, other, range(start, end), (start + end) / 2 / number)
            if text is not None and random.random() < 0.85:
                extra = f"[{_EXTRA}]" if random.random() < 0.15 else ""
                marker = random.choice((*("",) * 6, " ; python_version >= '3.8'", " ; sys_platform == 'win32'"))
                found.append(_Need(start, end, f"{other}{extra}{text}{marker}"))
        return found

    def _asked(self, name: str, other: str, run: range, progress: float) -> Optional[str]:
        """A specifier that grows with the versions that ask for it; None when it cannot be had."""
        random = self.random
        versions = self.versions[other]
        keep = []
        for state in (self.now, self.hidden) if self.solvable else (self.now,):
            if state[name] in run:
                here = state[other]
                if here is None:
                    return None
                keep.append(here)
        if keep and random.random() < self.rough and self._still(name) and self._still(other):
            return f"!={versions[keep[0]]}"
        low = int(progress * len(versions) * random.random())
        high = min(len(versions), low + 2 + random.randrange(len(versions)))
        low, high = min([low, *keep]), max([high, *(here + 1 for here in keep)])
        parts = []
        if low and random.random() < 0.8:
            parts.append(f">={versions[low]}")
        if high < len(versions) and random.random() < 0.6:
            parts.append(f"<{versions[high]}")
        return ",".join(parts)

    def _still(self, name: str) -> bool:
        return self.now[name] == self.hidden[name]

    def _releases(self, name: str, needs: Sequence[_Need]) -> Tuple[Release, ...]:
        random = self.random
        known: Dict[Tuple[str, ...], Tuple[str, ...]] = {}
        found = []
        for index, version in enumerate(self.versions[name]):
            texts = tuple(need.text for need in needs if need.start <= index < need.end)
            # Consecutive releases share one list, as in the bundled metadata.
            release = Release(name, version, ">=3.8", known.setdefault(texts, texts))
            if index not in (self.now[name], self.hidden[name]) and random.random() < self.rough:
                release = random.choice(
                    (
                        Release(name, version, ">=3.8", texts, yanked=True),
                        Release(name, version, ">=3.12", texts),
                        Release(name, version, ">=3.8", None),
                    )
                )
            found.append(release)
        return tuple(found)

    def _environment(self, metadata: Releases) -> Inventory:
        here = inventory({})
        distributions = {}
        for name, index in self.now.items():
            if index is not None:
                release = metadata.known[name][index]
                distributions[name] = Distribution(name, release.version, release.requires or ())
        return Inventory(here.source, distributions, (), here.markers)

    def _advisory(self, number: int, names: Sequence[str], soft: float, remedies: float, *, hit: bool) -> Advisory:
        """An advisory that matches the installed set or does not, and the hidden answer only when it is soft."""
        severity = "low" if self.random.random() < soft else "high"
        while True:
            ranges = {name: self._range(name, hit=hit) for name in names}
            if self._struck(ranges, self.now) != hit:
                continue
            if self.solvable and severity == "high" and self._struck(ranges, self.hidden):
                continue
            break
        terms = tuple(Term(name, (self._interval(name, *ranges[name]),)) for name in names)
        ways = [self._remedy(names, ranges)] if self.random.random() < remedies else []
        if ways and self.random.random() < 0.5:
            ways.append(self._remedy(names, ranges))
        made = advisory(number, {}, severity=severity, remedies=ways or [["nothing==0"]])
        return made._replace(terms=terms)

    def _range(self, name: str, *, hit: bool) -> Tuple[int, int]:
        """Places ``start <= i < end`` among the versions; never all of them."""
        random = self.random
        number = len(self.versions[name])
        width = random.randint(1, max(1, number // 2))
        start = random.randint(0, number - width)
        here = self.now[name]
        if hit and here is not None:
            start = random.randint(max(0, here - width + 1), min(here, number - width))
        return start, start + width

    def _struck(self, ranges: Mapping[str, Tuple[int, int]], state: Indices) -> bool:
        for name, (start, end) in ranges.items():
            index = state[name]
            if index is None or not start <= index < end:
                return False
        return True

    def _interval(self, name: str, start: int, end: int) -> Interval:
        versions = self.versions[name]
        introduced = versions[start] if start else Version("0")
        return Interval(introduced, versions[end] if end < len(versions) else None, versions[-1])

    def _remedy(self, names: Sequence[str], ranges: Mapping[str, Tuple[int, int]]) -> List[str]:
        """Constraints that take one project out of its range."""
        name = self.random.choice(list(names))
        start, end = ranges[name]
        versions = self.versions[name]
        ways = [f"{name}>={versions[end]}"] if end < len(versions) else []
        ways += [f"{name}<{versions[start]}"] if start else []
        return [self.random.choice(ways)]

    def _wishes(self, number: int) -> Wishes:
        """What a user may want; where there is to be an answer, only what the hidden one grants."""
        random = self.random
        wishes = Wishes()
        if number and random.random() < 0.2:
            wishes = Wishes(override=frozenset({random.choice(self.names)}))
        left = number
        for _ in range(20 * number):
            if not left:
                break
            more = self._wish(wishes, random.choice(self.names))
            if more is not None:
                wishes, left = more, left - 1
        return wishes

    def _wish(self, wishes: Wishes, name: str) -> Optional[Wishes]:
        """The wishes with one more, about a project; None when that would not do."""
        random = self.random
        versions, before, after = self.versions[name], self.now[name], self.hidden[name]
        kind = random.choice(("hold", "hold", "require", "constraint", "level", "downgrades"))
        if kind == "hold" and before is not None:
            if self._still(name) or not self.solvable:
                return wishes._replace(hold=wishes.hold | {name})
        elif kind in ("require", "constraint"):
            text = f"{name}{random.choice(('>=', '<', '!='))}{random.choice(versions)}"
            wanted = requirements.parse(text)
            assert wanted is not None
            if not self.solvable or (after is not None and requirements.admits(wanted.specifier, versions[after])):
                if kind == "require":
                    return wishes._replace(require=(*wishes.require, wanted))
                bound = Bound(wanted, "constraints.txt:1", "--constraint constraints.txt")
                return wishes._replace(constraints=(*wishes.constraints, bound))
        elif kind == "level":
            name = random.choice((name, ""))
            level = random.choice(LEVELS)
            levels = {**wishes.levels, name: level}
            if not self.solvable or self._within(levels):
                return wishes._replace(levels=levels)
        elif kind == "downgrades" and (
            not self.solvable or all(after >= before for before, after in self._moves().values())
        ):
            return wishes._replace(downgrades=False)
        return None

    def _moves(self) -> Dict[str, Tuple[int, int]]:
        """Before and after, of every installed project, in the hidden answer."""
        found = {}
        for name, before in self.now.items():
            after = self.hidden[name]
            if before is not None and after is not None:
                found[name] = (before, after)
        return found

    def _within(self, levels: Mapping[str, str]) -> bool:
        """Whether the hidden answer moves no project further than allowed."""
        return all(
            LEVELS.index(jump(self.versions[name][before], self.versions[name][after]))
            <= LEVELS.index(levels.get(name, levels.get("", LEVELS[-1])))
            for name, (before, after) in self._moves().items()
        )
