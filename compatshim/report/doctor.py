"""What the doctor found, as text and as plain data."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from compatshim.doctor import facts
from compatshim.doctor.checks import words
from compatshim.doctor.facts import Folder, Job
from compatshim.doctor.findings import Report
from compatshim.doctor.mend import Change, Passed
from compatshim.job import ranges
from compatshim.report.text import STYLES, Page, tally
from compatshim.terminal import plural


def data(job: Job, report: Report) -> Dict[str, Any]:
    """Everything: what was seen, what is wrong, and what could not be checked."""
    return {
        "checked": report.checked,
        "findings": [facts.pack(one) for one in report.findings],
        "not_checked": [facts.pack(one) for one in report.unseen],
        "processes": [_process(one) for one in job.processes],
        "absent": [{"rank": rank, "reason": reason} for rank, reason in sorted(job.absent.items())],
    }


def _process(one: facts.Process) -> Dict[str, Any]:
    found: Dict[str, Any] = facts.pack(one)
    found["umask"] = f"{one.umask:03o}"
    for folder, seen in zip(found["folders"], one.folders):
        folder["mode"] = f"{seen.mode:04o}"
        if seen.mount is not None:
            folder["mount"]["reach"] = seen.mount.reach
        if seen.made is not None:
            folder["made"]["mode"] = f"{seen.made.mode:04o}"
        if seen.leftovers is not None:
            # Thousands, as a rule; those that matter are in the findings.
            for name in ("files", "closed"):
                folder["leftovers"][name] = len(getattr(seen.leftovers, name))
    return found


def show(page: Page, job: Job, report: Report) -> None:
    """The caches of the first process, then what was found, then what could not be checked, then the sum."""
    first = job.processes[0]
    for folder in first.folders:
        page.line((folder.name.ljust(10), "bold"), f" {folder.path}", (f"  ({folder.told})", "dim"))
        page.line(" " * 11, (_state(folder), "dim"))
    for one in report.findings:
        page.line()
        page.line(
            (one.check, "bold"), "  ", (one.severity, STYLES[one.severity]), f"  {one.path or 'the job'}",
            (_ranks(one.ranks, job), "dim"),
        )  # fmt: skip
        page.labelled("", one.message[:1].upper() + one.message[1:] + ".")
        if one.command:
            page.verbatim(f"as {one.who}" if one.who else "mend", [one.command])
    if report.unseen:
        page.line()
    for other in report.unseen:
        page.line(
            ("not checked", STYLES["warning"]), f"  {other.check}  ",
            f"{other.path}: {other.reason}" if other.path else other.reason,
            (_ranks(other.ranks, job), "dim"),
        )  # fmt: skip
    page.line()
    page.line(summary(job, report))


def summary(job: Job, report: Report) -> str:
    """The last line."""
    found = tally(one.severity for one in report.findings)
    who = "" if job.processes[0].world == 1 else f"{plural(len(job.processes), 'rank')}, "
    caches = {folder.path for process in job.processes for folder in process.folders}
    return (
        f"{', '.join(found) or 'Nothing is wrong'}. {who}{plural(len(caches), 'cache')}, "
        f"{plural(report.checked, 'question')} checked, {len(report.unseen)} not checked."
    )


def _ranks(ranks: Sequence[int], job: Job) -> str:
    if not ranks or len(ranks) == len(job.processes):
        return ""
    return f"  (rank{'s' if len(ranks) > 1 else ''} {ranges(ranks)})"


def _state(seen: Folder) -> str:
    """What a folder is, in one line."""
    parts: List[str] = []
    if not seen.exists:
        parts.append(f"not there; {seen.real} is" if not seen.refused else "not there")
    if seen.uid >= 0:
        parts.append(f"{seen.mode:04o} {seen.owner}:{seen.group}")
    if seen.acl is not None and (len(seen.acl.access) > 3 or seen.acl.default):  # noqa: PLR2004  three are the mode itself
        parts.append("access control list" + (" with defaults" if seen.acl.default else ""))
    if seen.mount is not None:
        parts.append(f"{seen.mount.type}, {seen.mount.reach}" + (", read-only" if seen.mount.read_only else ""))
    if seen.space is not None:
        inodes = "" if seen.space.inodes is None else f" and {plural(seen.space.inodes, 'inode')}"
        parts.append(f"{words.size(seen.space.free)}{inodes} free")
    if seen.flock:
        parts.append(f"flock {seen.flock}")
    if seen.leftovers is not None and seen.leftovers.files:
        parts.append(plural(len(seen.leftovers.files), "lock file"))
    return ", ".join(parts)


def changes(made: Sequence[Change], passed: Sequence[Passed], *, made_now: bool) -> Dict[str, Any]:
    """What --fix-permissions did, or would do."""
    return {
        "made": made_now,
        "changes": [
            {
                "path": one.path,
                "mode": [f"{one.before.mode:04o}", f"{one.after.mode:04o}"],
                "group": [one.before.gid, one.after.gid],
            }
            for one in made
        ],
        "left": [one._asdict() for one in passed],
    }
