"""What a fresh installation would get: the newest versions that satisfy everything, the first-named project first.

Installers work this way, and so does this: projects are taken in the order in which they are asked for, each at the
newest version that is still possible, and whatever that rules out is ruled out at once. Where that ends in a
contradiction, the choice before is taken back. The first answer that is found is *the* fresh one; whether there is
any answer at all, under conditions that are added, tells what requirements allow.
"""

from __future__ import annotations

from functools import cached_property
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from compatshim.solve.problem import Declared, Known, Problem, Wished
from compatshim.solve.search import OutOfBudgetError

BUDGET = 2_000
"""Choices to try before one gives up."""

Terms = Tuple[Tuple[str, int], ...]
"""Projects, and bits of those of their candidates of which not all may be chosen together."""
_Domains = Dict[str, int]
"""Bits of the candidates that are still possible, by project."""


class Newest:
    """Fresh installations under the declared requirements and the wishes of a problem; advisories do not count."""

    def __init__(self, problem: Problem, first: Sequence[str]) -> None:
        """Take the projects in ``first`` before all others, in that order."""
        self._problem = problem
        self._first = tuple(name for name in dict.fromkeys(first) if name in problem.candidates)
        self._hard = [item for item in problem.incompatibilities if not isinstance(item.cause, Known)]

    def resolve(
        self, avoid: Sequence[Terms] = (), force: Terms = (), without: Optional[str] = None
    ) -> Optional[Mapping[str, int]]:
        """Place among its candidates by project; None when nothing satisfies all.

        ``avoid`` are further sets of terms that must not all hold; ``force`` terms of which each must, of projects
        that somebody asks for; ``without`` is a project about which wishes are passed over. Raises
        :exc:`~compatshim.solve.search.OutOfBudgetError`.
        """
        hard = [
            item.terms
            for item in self._hard
            if without is None or not isinstance(item.cause, Wished) or item.cause.project != without
        ]
        domains = {name: (1 << len(versions)) - 1 for name, versions in self._problem.candidates.items()}
        for name, mask in force:
            domains[name] &= mask
        asked_for = [self.founded({name}) for name in self._asking] if force else []
        return _Search(domains, [*hard, *avoid, *asked_for], self._first).run()

    def founded(self, names: Set[str]) -> Terms:
        """That some projects are not there where nobody but they themselves requires one of them."""
        candidates = self._problem.candidates
        whole = {name: (1 << len(versions)) - 1 for name, versions in candidates.items()}
        others: Dict[str, int] = {}
        for name in sorted(names):
            for other, mask in self._asking.get(name, {}).items():
                if other not in names:
                    others[other] = others.get(other, 0) | mask
        return (
            *((name, whole[name] & ~1) for name in sorted(names)),
            *((other, whole[other] & ~mask) for other, mask in others.items()),
        )

    @cached_property
    def _asking(self) -> Mapping[str, Mapping[str, int]]:
        """Of each project that is not asked for by wish: who may require it, and bits of those versions."""
        found: Dict[str, Dict[str, int]] = {
            name: {}
            for name, versions in self._problem.candidates.items()
            if name not in self._first and versions[0] is None
        }
        for item in self._hard:
            if isinstance(item.cause, Declared):
                (project, mask), *others = item.terms
                for name, outside in others:
                    if outside & 1 and name != project and name in found:
                        found[name][project] = found[name].get(project, 0) | mask
        return found


class _Search:
    def __init__(self, domains: _Domains, terms: Sequence[Terms], first: Sequence[str]) -> None:
        self._domains = domains
        self._terms = terms
        self._first = first
        self._by_project: Dict[str, List[int]] = {name: [] for name in domains}
        for position, item in enumerate(terms):
            for name, _ in item:
                self._by_project[name].append(position)
        self._left = BUDGET

    def run(self) -> Optional[Mapping[str, int]]:
        domains = dict(self._domains)
        if not all(domains.values()) or not self._narrow(domains, list(domains)):
            return None
        # A stack of choices: the state before each, the project, and what of it is still to try.
        stack: List[Tuple[_Domains, str]] = []
        while True:
            name = self._next(domains)
            if name is None:
                return {one: mask.bit_length() - 1 if not mask & 1 else 0 for one, mask in domains.items()}
            self._left -= 1
            if self._left < 0:
                raise OutOfBudgetError(f"{BUDGET} choices")
            newest = 1 << domains[name].bit_length() - 1
            after = {**domains, name: newest}
            stack.append(({**domains, name: domains[name] & ~newest}, name))
            if self._narrow(after, [name]):
                domains = after
                continue
            while True:  # back to the last choice that leaves another
                if not stack:
                    return None
                domains, name = stack.pop()
                if domains[name] and self._narrow(domains, [name]):
                    break

    def _next(self, domains: _Domains) -> Optional[str]:
        """The project to decide next, of those that must be there; None when all are decided."""
        for names in (self._first, domains):
            for name in names:
                mask = domains[name]
                if not mask & 1 and mask & (mask - 1):
                    return name
        return None

    def _narrow(self, domains: _Domains, changed: List[str]) -> bool:
        """Rule out what cannot be chosen any more; False when nothing is left of some project."""
        while changed:
            for position in self._by_project[changed.pop()]:
                single: Optional[Tuple[str, int]] = None
                for term in self._terms[position]:
                    left = domains[term[0]]
                    if not left & term[1]:
                        break  # this term cannot hold
                    if left & ~term[1]:
                        if single is not None:
                            break  # two are open
                        single = term
                else:
                    if single is None:
                        return False
                    domains[single[0]] &= ~single[1]
                    changed.append(single[0])
        return True
