"""Which lines must say something else, so that a file asks for what the solver answers."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from packaging.version import Version

from compatshim.edit import specifiers
from compatshim.edit.moves import Chosen, Move, New
from compatshim.inventory.manifest import Demand
from compatshim.model import Advisory, Interval, Location

FEW = 3
"""Known-bad versions that are ruled out one by one, where what follows them is good again."""

Applies = Callable[[Demand], bool]


class Asked(NamedTuple):
    """One project's move, as an answer has it."""

    project: str
    before: Optional[Version]
    after: Version
    advisories: Tuple[Advisory, ...] = ()
    """Those that it takes the environment out of."""
    known: Tuple[Version, ...] = ()
    """The releases of the project."""
    wished: bool = False
    """Whether the user asked for it."""
    spelt: str = ""


def move(asked: Asked, *, exact: bool, via: Sequence[str] = ()) -> Move:
    """What the lines about a project must say: its version, or as little as keeps what is known to be bad out.

    ``via`` is what a move is for that only follows from others.
    """
    told = tuple(one.id for one in asked.advisories) or tuple(via)
    needed = bool(asked.advisories) or asked.wished
    made = Move(asked.project, asked.after, exact=exact, needed=needed, via=told, spelt=asked.spelt)
    if exact or asked.before is None:
        return made
    floors, caps, without = [], [], []
    for interval in _bad(asked):
        if interval.fixed is not None and asked.after >= interval.fixed:
            floors.append(interval.fixed)
            continue
        inside = [one for one in asked.known if interval.contains(one)]
        if interval.fixed is not None and 0 < len(inside) <= FEW and max(asked.known) >= interval.fixed:
            without += inside
        else:
            caps.append(interval.introduced)
    if asked.wished and asked.after > asked.before:
        floors.append(asked.after)
    exact = asked.wished and asked.after < asked.before
    return made._replace(
        floor=max(floors, default=None),
        cap=min(caps, default=None),
        without=tuple(sorted(set(without))),
        exact=exact,
    )


def _bad(asked: Asked) -> Iterator[Interval]:
    """The ranges of known-bad versions that a move leaves."""
    for advisory in asked.advisories:
        for interval in advisory.term(asked.project).ranges:
            if asked.before is not None and interval.contains(asked.before) and not interval.contains(asked.after):
                yield interval


def lines(
    demands: Sequence[Demand],
    applies: Applies,
    moves: Sequence[Move],
    places: Mapping[str, Sequence[Location]],
    *,
    add: bool,
    whole: bool,
) -> Tuple[List[Chosen], List[New]]:
    """The lines to change and, where they may be added, those that are new.

    ``places`` has, by project, the lines that bring it. A file that names exact versions alone gets no other, and
    one that names them for the ``whole`` of an installation has a line also for what only follows from a move.
    """
    pinned = all(one.pin is not None for one in demands if not one.constraint)
    chosen: List[Chosen] = []
    new: List[New] = []
    for item in moves:
        own = [one for one in demands if one.project == item.project and applies(one)]
        if own:
            chosen += _changed(own, item)
        elif whole or (add and item.needed):
            wanted = item._replace(exact=True) if pinned else item
            bringing = {(place.path, place.line) for place in places.get(item.project, ())}
            beside = next((one for one in demands if (one.location.path, one.location.line) in bringing), None)
            new.append(New(wanted, beside))
    return chosen, new


def _changed(own: Sequence[Demand], item: Move) -> Iterator[Chosen]:
    """Of the lines about one project those that decide its version, and those that rule the wanted one out."""
    pins = [one for one in own if one.pin is not None]
    bounds = [one for one in own if one.constraint and one.specifier]
    ranges = [one for one in own if one.specifier]
    deciding = pins or bounds or ranges or list(own[:1])
    loose = item._replace(floor=None, cap=None, without=())
    for one in own:
        if one in deciding:
            yield Chosen(one, item)
        elif not specifiers.admits(one.specifier, item.after):
            yield Chosen(one, loose)


def by_file(chosen: Sequence[Chosen]) -> Dict[str, List[Chosen]]:
    """The lines to change, by the file that they are in."""
    found: Dict[str, List[Chosen]] = {}
    for one in chosen:
        found.setdefault(one.demand.location.path, []).append(one)
    return found


def bounds(specifier: str) -> Tuple[Optional[Version], Optional[Version]]:
    """The floor and the cap of a guard, which has no other clauses."""
    clauses = [part for part in specifier.split(",") if part]
    floor = next((Version(part[2:]) for part in clauses if part.startswith(">=")), None)
    return floor, next((Version(part[1:]) for part in clauses if part.startswith("<")), None)
