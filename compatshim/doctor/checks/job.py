"""Whether the ranks of a job see the same caches, exclude each other there, and agree in what matters."""

from __future__ import annotations

import os
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from compatshim.doctor.checks.words import error
from compatshim.doctor.facts import PROJECTS, Folder, Job, Sight
from compatshim.doctor.findings import Finding, Said, Unseen, of_job, shell
from compatshim.job import ranges

CLOCK = 1.0
"""Seconds by which two machines may differ; what is measured is right to some tenths."""


def who(job: Job, ranks: Iterable[int]) -> str:
    """Ranks and their hosts: ``ranks 0-3 on a and b``."""
    numbers = sorted(ranks)
    hosts = dict.fromkeys(process.host for process in job.processes if process.rank in numbers)
    return f"rank{'s' if len(numbers) > 1 else ''} {ranges(numbers)} on {' and '.join(hosts)}"


def _caches(job: Job) -> Iterator[Tuple[str, Dict[int, Folder], Dict[int, Sight]]]:
    """Each cache by name, as the ranks have it, and what they saw of it."""
    names = dict.fromkeys(folder.name for process in job.processes for folder in process.folders)
    for name in names:
        folders = {one.rank: folder for one in job.processes for folder in one.folders if folder.name == name}
        sights = {one.rank: one.sights[name] for one in job.seen if name in one.sights}
        yield name, folders, sights


def together(sights: Mapping[int, Sight]) -> Tuple[List[List[int]], List[int]]:
    """The ranks in groups that look at one folder, and those of which it cannot be said.

    Two ranks look at one folder when one of them sees the other's file.
    """
    groups: List[List[int]] = []
    blind = [rank for rank, one in sights.items() if not one.token and not one.seen]
    for rank in sorted({*sights} - {*blind}):
        same = [group for group in groups if any(_meet(sights[rank], sights[other]) for other in group)]
        groups = [group for group in groups if group not in same]
        groups.append(sorted([rank, *(other for group in same for other in group)]))
    return sorted(groups), blind


def _meet(one: Sight, other: Sight) -> bool:
    # Of two that cannot write, those are together that see the same files.
    return (
        (bool(other.token) and other.token in one.seen)
        or (bool(one.token) and one.token in other.seen)
        or (not one.token and not other.token and bool({*one.seen} & {*other.seen}))
    )


@of_job("JOB-RANKS", "Did all ranks answer?")
def ranks(job: Job) -> Said:
    """Each that did not is named, with its node where the launcher says which it is."""
    if job.apart:
        yield Unseen(job.apart)
    for rank, reason in sorted(job.absent.items()):
        yield Finding("error", f"rank {rank} did not answer: {reason}")


@of_job("JOB-DIRECTORY", "Is each cache one folder for all ranks?")
def directory(job: Job) -> Said:
    """Judged by files that each rank makes and all look for: numbers of devices say nothing on another host."""
    if len(job.processes) <= 1:
        return
    caches = list(_caches(job))
    common = next((folders[0].path for _, folders, sights in caches if len(together(sights)[0]) == 1), None)
    for name, folders, sights in caches:
        groups, blind = together(sights)
        if blind:
            path = folders[min(folders)].path
            yield Unseen(f"{who(job, blind)} could neither make nor see a file there", path)
        if len(groups) <= 1:
            continue
        parts = "; ".join(f"{folders[group[0]].path} of {who(job, group)}" for group in groups)
        if name.startswith("metrics"):
            yield Finding(
                "error",
                f"it is {len(groups)} folders ({parts}): evaluate's ranks do not find each other's rows",
                shell("export", f"HF_METRICS_CACHE={os.path.join(common, 'metrics')}")
                if common is not None
                else "export COMPATSHIM_GATHER=auto  # with `import compatshim` in the program",
                path=folders[groups[0][0]].path,
            )
        else:
            yield Finding(
                "note",
                f"it is {len(groups)} folders ({parts}): each is filled by itself, and no lock is common",
                path=folders[groups[0][0]].path,
            )


@of_job("JOB-FLOCK", "Does a lock of rank 0 keep all other ranks out?")
def reach(job: Job) -> Said:
    """Measured while rank 0 holds one, and again when it does not."""
    if len(job.processes) <= 1:
        for process in job.processes:
            for folder in process.folders:
                if folder.exists and folder.mount is not None and folder.mount.reach != "local":
                    yield Unseen(
                        f"whether locks on {folder.mount.type} reach other nodes is seen only when the doctor runs "
                        "on several: srun --ntasks-per-node=1 python -m compatshim doctor",
                        folder.path,
                    )
        return
    for _, folders, sights in _caches(job):
        group = next((one for one in together(sights)[0] if 0 in one), [])
        held = sights[0].token if 0 in sights else ""
        outcomes = {
            rank: (sights[rank].locks.get(held, "absent"), sights[rank].after.get(held, "absent"))
            for rank in group
            if rank != 0
        }
        yield from _reached(job, folders[0].path if 0 in folders else "", outcomes)


def _reached(job: Job, path: str, outcomes: Mapping[int, Tuple[str, str]]) -> Said:
    first = _host(job, 0)
    for outcome in sorted({during for during, _ in outcomes.values()} - {"refused"}):
        those = [rank for rank, (during, _) in outcomes.items() if during == outcome]
        if outcome == "taken":
            yield Finding(
                "error",
                f"{who(job, those)} took a lock that rank 0 on {first} held: locks do not reach there, and "
                "evaluate, datasets and huggingface_hub work on one file at once",
                'export HF_HOME="${TMPDIR:-/tmp}/huggingface-$(id -un)"',
                path=path,
            )
        elif outcome == "absent":
            yield Unseen(f"rank 0 made no lock that {who(job, those)} could try", path)
        else:
            yield Unseen(f"{who(job, those)} could not try rank 0's lock: {error(outcome)}", path)
    stuck = [rank for rank, both in outcomes.items() if both == ("refused", "refused")]
    if stuck:
        yield Finding(
            "error",
            f"{who(job, stuck)} cannot take a lock that rank 0 on {first} has let go of: whoever needs it waits",
            'export HF_HOME="${TMPDIR:-/tmp}/huggingface-$(id -un)"',
            path=path,
        )


def _host(job: Job, rank: int) -> str:
    return next((one.host for one in job.processes if one.rank == rank), "")


@of_job("JOB-CLOCK", "Do the clocks of all nodes agree?")
def clock(job: Job) -> Said:
    """Compared with rank 0's when all are told at once."""
    base: Optional[float] = next((one.clock for one in job.seen if one.rank == 0), None)
    told = set()
    for one in job.seen:
        host = _host(job, one.rank)
        if base is None or abs(one.clock - base) <= CLOCK or host in told:
            continue
        told.add(host)
        ahead = "ahead of" if one.clock > base else "behind"
        yield Finding(
            "warning",
            f"the clock of {host} is {abs(one.clock - base):.1f} s {ahead} that of {_host(job, 0)}: how old files "
            "of others are is judged wrongly",
            "timedatectl set-ntp true",
            f"root on {host}",
        )


@of_job("JOB-VERSIONS", "Do all ranks have the same versions of what takes the locks?")
def versions(job: Job) -> Said:
    """Of filelock, datasets, evaluate and huggingface_hub."""
    for project in PROJECTS:
        found: Dict[str, List[int]] = {}
        for process in job.processes:
            found.setdefault(process.versions.get(project, ""), []).append(process.rank)
        if len(found) > 1:
            parts = ", ".join(f"{version or 'none'} ({who(job, those)})" for version, those in found.items())
            first = next((one.versions.get(project, "") for one in job.processes if one.rank == 0), "")
            yield Finding(
                "warning",
                f"{project} differs: {parts}",
                shell("python", "-m", "pip", "install", f"{project}=={first}") if first else "",
            )


@of_job("JOB-USER", "Are all ranks one user with one umask?")
def user(job: Job) -> Said:
    """Numbers count: a name may have different ones on two nodes."""
    for what, values in (
        ("user id", {one.rank: str(one.uid) for one in job.processes}),
        ("umask", {one.rank: f"{one.umask:03o}" for one in job.processes}),
    ):
        found: Dict[str, List[int]] = {}
        for rank, value in values.items():
            found.setdefault(value, []).append(rank)
        if len(found) > 1:
            parts = ", ".join(f"{value} ({who(job, those)})" for value, those in sorted(found.items()))
            command = f"umask {min(found)}" if what == "umask" else ""
            yield Finding("warning", f"the {what} differs: {parts}", command)
