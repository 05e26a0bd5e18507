"""All ranks of a job look together; rank 0 gets to know what each of them saw, and who did not answer."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from compatshim.doctor import facts, nodes
from compatshim.doctor.facts import Job, Process, Seen, Sight
from compatshim.doctor.meet import Mark
from compatshim.gather import GatherError, groups, rendezvous
from compatshim.gather.link import Link
from compatshim.startup import distributed

_LOCAL = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")

Look = Callable[[int, int, bool], Process]
"""Looks at this process, given its rank, the number of ranks, and whether to look for lock files, too."""


class Group(NamedTuple):
    """The ranks, and how they meet; ``problem`` says why they cannot."""

    rank: int
    world: int
    meeting: Optional[rendezvous.Rendezvous]
    problem: str = ""


def group(folder: str) -> Optional[Group]:
    """The job that this process is a rank of; None for a process by itself. ``folder`` is where files may help."""
    rank, world = distributed.rank(), distributed.world()
    found = groups.find("auto")
    if not found and rank is not None:
        # Ranks of MPI meet by it, if this environment can speak it.
        with contextlib.suppress(Exception):  # it is not installed, or not for this MPI
            importlib.import_module("mpi4py.MPI")
            found = groups.find("mpi")
    if found:
        one = found[0]
        return Group(one.rank, one.world, one.rendezvous()) if one.world > 1 else None
    if rank is None or world == 1:
        return None
    if world is None:
        return Group(rank, 1, None, "the launcher says which rank this is, and not how many there are")
    name = distributed.job()
    if not name or not os.path.isdir(folder):
        how = "set MASTER_ADDR and MASTER_PORT on all of them, or install mpi4py"
        return Group(rank, world, None, f"the {world} ranks of this job have no way to meet: {how}")
    return Group(rank, world, rendezvous.Folder(folder, f"doctor\0{name}\0{world}"))


def first_of_node() -> bool:
    """Whether this process looks for its node: the first does, and all do where nobody numbers them."""
    return next((os.environ[name] for name in _LOCAL if name in os.environ), "0") == "0"


def together(group: Group, look: Look, timeout: float) -> Optional[Job]:
    """The job on rank 0; None on all other ranks. Raises :exc:`GatherError` on those that cannot reach rank 0."""
    if group.meeting is None:
        return Job((look(group.rank, group.world, True),), apart=group.problem) if group.rank == 0 else None
    link = Link(group.meeting, group.rank, group.world, tempfile.gettempdir())
    marks: List[Mark] = []
    try:
        link.greet()
        with link.computing():
            process = look(group.rank, group.world, first_of_node())
            marks += [Mark(folder, makes=first_of_node(), holds=group.rank == 0) for folder in process.folders]
        return _rounds(link, group, process, marks, timeout)
    finally:
        link.close()
        for mark in marks:
            mark.remove()


def _rounds(link: Link, group: Group, process: Process, marks: List[Mark], timeout: float) -> Optional[Job]:
    absent: Dict[int, str] = {}
    try:
        processes = _exchanged(link, "the doctor's look", facts.pack(process), timeout, absent)
        clock = time.time()
        sights = {mark.folder.name: mark.look() for mark in marks}
        _exchanged(link, "the doctor's locks", {}, timeout, absent)
        # Only now has everybody tried.
        for mark in marks:
            mark.let_go()
        _exchanged(link, "the doctor's release", {}, timeout, absent)
        sights = {name: sight._replace(after=mark.again()) for (name, sight), mark in zip(sights.items(), marks)}
        seen = _exchanged(link, "the doctor's sights", _packed(group.rank, clock, sights), timeout, absent)
    except GatherError as error:
        if group.rank:
            raise
        return Job((process,), absent=_named(absent), apart=str(error))
    if processes is None or seen is None:
        return None
    return Job(
        tuple(facts.process(data) for _, data in sorted(processes.items())),
        tuple(facts.seen(data) for _, data in sorted(seen.items())),
        _named(absent),
    )


def _packed(rank: int, clock: float, sights: Mapping[str, Sight]) -> Any:
    return facts.pack(Seen(rank, clock, sights))


def _named(absent: Mapping[int, str]) -> Dict[int, str]:
    """With the nodes of those that did not answer."""
    where = {rank: nodes.node(rank, os.environ) for rank in absent}
    return {rank: reason + (f", on {where[rank]}" if where[rank] else "") for rank, reason in absent.items()}


def _exchanged(
    link: Link, what: str, data: Any, timeout: float, absent: Dict[int, str]
) -> Optional[Dict[int, Any]]:
    """What all ranks say, on rank 0, which notes the first reason of each that says nothing; None elsewhere."""
    with _written(data) as path:
        got: Optional[Tuple[Dict[int, str], Dict[int, str]]] = link.survey(what, path, timeout, tuple(absent))
        if got is None:
            return None
        paths, missing = got
        for rank, reason in missing.items():
            absent.setdefault(rank, reason)
        found = {}
        for rank, name in paths.items():
            with open(name, encoding="utf-8") as file:
                found[rank] = json.load(file)
            if name != path:
                os.remove(name)
        return found


@contextlib.contextmanager
def _written(data: Any) -> Iterator[str]:
    descriptor, path = tempfile.mkstemp(prefix=".compatshim-doctor-", suffix=".json")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file)
        yield path
    finally:
        os.remove(path)
