"""Tell whether the Hugging Face caches of this job will work, on all of its ranks, and how to mend what will not.

A file is made in each cache for a moment, and locked: what new files become and whether locks exclude is measured.
Under torchrun, mpirun, srun or with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set, run it on all ranks: they
compare what they see, and rank 0 says it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from compatshim import cli
from compatshim.cli import options
from compatshim.config import FAIL_ON

if TYPE_CHECKING:
    from compatshim.caches.where import Cache
    from compatshim.doctor.facts import Job, Process
    from compatshim.doctor.findings import Report
    from compatshim.doctor.mend import Plan

HELP = "tell whether the caches of this job will work, and mend permissions"


_LONGEST = 10**6
"""Seconds: what the system's clocks take, and more than anybody waits."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    parser.add_argument(
        "--cache",
        metavar="DIR",
        action="append",
        default=[],
        help="look at this folder, or the caches in it, instead of those that the variables say (may be repeated)",
    )
    parser.add_argument(
        "--with",
        metavar="PYTHON",
        action="append",
        default=[],
        dest="others",
        help="another interpreter whose programs use these caches: its filelock must go with this one's "
        "(may be repeated)",
    )
    parser.add_argument("--alone", action="store_true", help="look at this process only, whatever ranks there are")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=30.0,
        help="how long rank 0 waits for each of the others; default: %(default)g",
    )
    parser.add_argument(
        "--fix-permissions",
        action="store_true",
        help="give those that a cache is shared with their part in what you own there, and list each change",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="with --fix-permissions: list the changes, make none"
    )
    parser.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        default="error",
        help="the lowest severity that makes the exit status 1; default: %(default)s",
    )


def run(args: argparse.Namespace) -> int:
    """Look, judge, and say it; exit status 1 with findings at or above ``--fail-on``."""
    from compatshim.doctor import findings

    if args.dry_run and not args.fix_permissions:
        raise cli.UsageError("--dry-run: is about --fix-permissions; give both")
    if not 0 < args.timeout < _LONGEST:
        raise cli.UsageError(f"--timeout {args.timeout:g}: must be more than 0 and less than {_LONGEST} seconds")
    with _ended_by_terminate():
        job = _job(args)
    if job is None:  # another rank speaks
        return cli.CLEAN
    plans: List[Plan] = []
    report = findings.judge(job)
    if args.fix_permissions:
        plans = _mended(args, job.processes[0])
        if not args.dry_run and any(plan.changes for plan in plans):
            job = job._replace(
                processes=(
                    _process(args, job.processes[0].rank, job.processes[0].world, survey=True),
                    *job.processes[1:],
                )
            )
            report = findings.judge(job)
    _say(args, job, report, plans)
    if not job.processes[0].folders:
        return cli.NOTHING
    counts = FAIL_ON.index(args.fail_on)
    return cli.FINDINGS if any(FAIL_ON.index(one.severity) >= counts for one in report.findings) else cli.CLEAN


@contextlib.contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """Launchers end ranks by SIGTERM: what was made in the caches for a moment is removed then, too."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _job(args: argparse.Namespace) -> Optional[Job]:
    """What this process saw, or all ranks; None on a rank that does not speak."""
    from compatshim.doctor import facts, ranks

    first = next((cache.path for cache in _caches(args) if os.path.isdir(cache.path)), "")
    group = None if args.alone else ranks.group(first)
    if group is None:
        return facts.Job((_process(args, 0, 1, survey=True),))
    return ranks.together(
        group, lambda rank, world, survey: _process(args, rank, world, survey=survey), args.timeout
    )


def _caches(args: argparse.Namespace) -> Tuple[Cache, ...]:
    from compatshim.caches import where

    if args.cache:
        if "" in args.cache:
            raise cli.UsageError("--cache: is empty; name a folder (was a variable not set?)")
        return where.once([cache for path in args.cache for cache in where.given(path)])
    return where.caches(os.environ)


def _process(args: argparse.Namespace, rank: int, world: int, *, survey: bool) -> Process:
    from compatshim.doctor import look

    others = {python: _versions(python, "--with") for python in args.others}
    versions = _versions(args.python)
    found = look.process(_caches(args), rank=rank, world=world, versions=versions, others=others, survey=survey)
    return found if args.python is None else found._replace(python=args.python)


def _versions(python: Optional[str], option: str = "--python") -> Dict[str, str]:
    """What an interpreter has of the projects that take locks. Raises for one that does not answer."""
    from compatshim.doctor import facts
    from compatshim.inventory import environment

    found = (environment.this() if python is None else environment.of(python, option)).distributions
    return {name: str(found[name].version) for name in facts.PROJECTS if name in found}


def _mended(args: argparse.Namespace, process: Process) -> List[Plan]:
    """The changes to the permissions of what the user owns, made unless it is a dry run; each is listed."""
    from compatshim.doctor import mend

    if sys.platform == "win32":
        raise cli.UsageError("--fix-permissions: Windows has other permissions; icacls changes them")
    plans = []
    for folder in process.folders:
        plan = mend.plan(folder, process)
        made: List[mend.Change] = []
        failed: List[mend.Passed] = []
        for change in plan.changes:
            problem = "" if args.dry_run else mend.attempt(change)
            if problem:
                failed.append(mend.Passed(change.path, problem))
            else:
                made.append(change)
        plans.append(mend.Plan(tuple(made), (*plan.passed, *failed), plan.complete))
    return plans


def _say(args: argparse.Namespace, job: Job, report: Report, plans: List[Plan]) -> None:
    from compatshim.report import data, doctor, text

    changes = [change for plan in plans for change in plan.changes]
    passed = [one for plan in plans for one in plan.passed]
    if args.format == "json":
        content: Dict[str, Any] = doctor.data(job, report)
        if args.fix_permissions:
            content["changes"] = doctor.changes(changes, passed, made_now=not args.dry_run)
        sys.stdout.write(data.render("doctor", options.catalog(args), content))
        return
    page = text.Page(sys.stdout)
    for change in changes:
        page.line(("would change " if args.dry_run else "changed ", "bold"), str(change))
    for one in passed:
        page.line(("left as it is ", text.STYLES["warning"]), f"{one.path}: {one.reason}")
    if args.fix_permissions:
        page.line(f"{len(changes)} {'to change' if args.dry_run else 'changed'}, {len(passed)} left as they are.")
        page.line()
    doctor.show(page, job, report)
    sys.stdout.write(page.render())
