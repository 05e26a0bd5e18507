"""Remove what dead runs left in the caches of evaluate, datasets and huggingface_hub.

That is: the files of evaluate's processes, unfinished downloads and datasets, temporary files, and markers of soft
locks whose process is gone. What one run made goes as a whole or stays. It goes only when it has not changed for
the time of --older-than, belongs to you, and nobody has it locked or open, which is asked by taking its locks.
All is listed first. Without a terminal to ask at, nothing is removed unless --yes says so. Linux only.

Exit status: 0 nothing is left to remove, 1 something is, 2 usage or internal error, 3 no cache could be looked
into, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Sequence, Tuple

from compatshim import cli, errors
from compatshim.cli import options

if TYPE_CHECKING:
    from compatshim.caches.leftovers import Leftover, Policy
    from compatshim.caches.removal import Outcome
    from compatshim.caches.survey import Survey
    from compatshim.caches.where import Cache

HELP = "remove what dead runs left in the caches of evaluate, datasets and huggingface_hub"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--cache",
        metavar="DIR",
        action="append",
        default=[],
        help="look into this folder, a cache or one that holds several as HF_HOME does (may be repeated); default: "
        "the caches that the libraries use with the environment variables that are set",
    )
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=_age,
        default="7d",
        help="only what has not changed for so long: 30m, 12h, 7d; default: %(default)s",
    )
    parser.add_argument(
        "--lock-files",
        action="store_true",
        help="lock files that nobody has open, too (filelock 3.13.2 to 3.20.3 fails if it opens one just then)",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="list what would be removed, and stop")
    parser.add_argument("-y", "--yes", action="store_true", help="remove it without asking")
    parser.add_argument(
        "--force-network",
        action="store_true",
        help="also on network file systems, where locks do not tell whether another machine uses something",
    )
    options.output(parser)


def _age(text: str) -> float:
    """Seconds, from a number with a unit."""
    told = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw])", text.strip(), re.ASCII)
    if told is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 30m, 12h or 7d (units: s, m, h, d, w)")
    return float(told[1]) * _UNITS[told[2]]


def run(args: argparse.Namespace) -> int:
    """List, ask, remove."""
    begun: List[bool] = []
    try:
        return _run(args, begun)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("some may be removed" if begun else "nothing was removed") from None


def _run(args: argparse.Namespace, begun: List[bool]) -> int:
    from compatshim.caches import locks, survey
    from compatshim.caches.removal import FREE

    if not locks.SUPPORTED:
        options.say(
            f"clean is not supported on {sys.platform}, which does not tell who uses a file: nothing was removed"
        )
        return cli.NOTHING
    policy = _policy(args)
    found = [survey.survey(cache, policy, force_network=args.force_network) for cache in _caches(args)]
    _say_unread(found)
    wanted = [(one.root, group) for one in found for group, outcome in one.groups if outcome.state == FREE]
    if args.format == "text":
        _show(found, policy)
    sys.stdout.flush()
    done: Dict[int, Outcome] = {}
    interrupted = False
    if wanted and _agreed(args):
        begun.append(True)
        done, interrupted = _remove(wanted, policy)
    if args.format == "json":
        _write_json(found, policy, done)
    elif done or interrupted:
        _show_done(done, [group for _, group in wanted])
    return errors.INTERRUPTED if interrupted else _status(found, len(wanted), done)


def _policy(args: argparse.Namespace) -> Policy:
    from compatshim.caches import host
    from compatshim.caches.leftovers import Policy
    from compatshim.gather import spool

    return Policy(
        now=time.time(),
        age=args.older_than,
        user=os.geteuid(),
        host=host.name(),
        alive=host.alive,
        lock_files=args.lock_files,
        maker=spool.host(),
        booted=host.booted(),
    )


def _caches(args: argparse.Namespace) -> Sequence[Cache]:
    from compatshim.caches import where

    if not args.cache:
        return where.caches(os.environ)
    for path in args.cache:
        if not os.path.isdir(path):
            raise cli.UsageError(f"--cache {path}: is not a folder")
    return where.once([cache for path in args.cache for cache in where.given(path)])


def _say_unread(found: Sequence[Survey]) -> None:
    """Say what was not looked into, on standard error."""
    from compatshim.terminal import visible

    for one in found:
        path = one.cache.path
        if one.refused:
            options.say(visible(f"{path} {one.refused}"))
        for line in one.listing.unreadable:
            options.say(visible(f"{path}: not read: {line}"))
        for line in one.listing.elsewhere:
            options.say(visible(f"{path}: not looked into: {line} is on another file system; name it with --cache"))
    if not any(one.there for one in found):
        places = ", ".join(f"{one.cache.path} ({one.cache.source})" for one in found)
        options.say(f"there is no cache here: {places}")


def _agreed(args: argparse.Namespace) -> bool:
    if args.dry_run:
        return False
    if args.yes:
        return True
    if args.format != "text" or not (sys.stdin.isatty() and sys.stderr.isatty()):
        options.say("nothing was removed: there is nobody to ask (--yes removes without asking)")
        return False
    sys.stderr.write("Remove these? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    options.say("nothing was removed")
    return False


def _remove(wanted: Sequence[Tuple[str, Leftover]], policy: Policy) -> Tuple[Dict[int, Outcome], bool]:
    """Remove the groups one after another: what became of each, by its identity, and whether that was cut short."""
    from compatshim.caches import removal
    from compatshim.caches.locks import Unlinked

    done: Dict[int, Outcome] = {}
    # Ctrl-C for the second time, wherever it comes: what was done is said all the same.
    with _patient() as interrupted, contextlib.suppress(KeyboardInterrupt), Unlinked() as unlinked:
        for root, group in wanted:
            if interrupted:
                break
            done[id(group)] = removal.Outcome(removal.FAILED, "interrupted in the middle of it")
            done[id(group)] = removal.remove(root, group, policy, unlinked)
    return done, bool(interrupted)


@contextlib.contextmanager
def _patient() -> Iterator[List[int]]:
    """Ctrl-C is noted in the list; the group at hand is still removed as a whole. The next one ends that, too."""
    noted: List[int] = []

    def note(number: int, _: object) -> None:
        noted.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _status(found: Sequence[Survey], wanted: int, done: Dict[int, Outcome]) -> int:
    from compatshim.caches.removal import FAILED

    if not any(one.looked for one in found):
        return cli.NOTHING
    failed = any(outcome.state == FAILED for outcome in done.values())
    return cli.FINDINGS if failed or wanted > len(done) else cli.CLEAN


def _show(found: Sequence[Survey], policy: Policy) -> None:
    """What was found: what can go by name, and why the rest stays."""
    from compatshim.caches.leftovers import KEPT, YOUNG
    from compatshim.caches.removal import FREE
    from compatshim.report import text

    page = text.Page(sys.stdout)
    counted: Dict[str, int] = {}
    total = frees = number = 0
    for one in (each for each in found if each.looked):
        kind = one.mount.type if one.mount else "unknown"
        page.line((one.cache.path, "bold"), f"  {one.cache.kind}, {one.cache.source}, {kind}")
        for group, outcome in one.groups:
            if outcome.state == FREE:
                number, total, frees = number + 1, total + group.size, frees + group.freed
                page.line("  ", (group.kind.ljust(12), "dim"), f"{group.name}  {_about(group, policy)}")
            elif outcome.reason in (YOUNG, KEPT):
                counted[outcome.reason] = counted.get(outcome.reason, 0) + 1
            else:
                page.line("  ", ("left".ljust(12), "dim"), f"{group.name}: {outcome.reason}")
    for reason, times in counted.items():
        page.line(f"{times} left: {reason}")
    kept = "" if frees == total else f", of which other names keep {_size(total - frees)}"
    page.line((f"{number} to remove, {_size(total)}{kept}" if number else "nothing to remove", "bold"))
    sys.stdout.write(page.render())


def _show_done(done: Dict[int, Outcome], wanted: Sequence[Leftover]) -> None:
    from compatshim.caches.removal import REMOVED
    from compatshim.report import text

    page = text.Page(sys.stdout)
    removed = [outcome for outcome in done.values() if outcome.state == REMOVED]
    for group in wanted:
        outcome = done.get(id(group))
        if outcome is not None and outcome.state != REMOVED:
            page.line("  ", (outcome.state.ljust(12), "dim"), f"{group.name}: {outcome.reason}")
    cut = f"; interrupted, {len(wanted) - len(done)} not reached" if len(done) < len(wanted) else ""
    page.line((f"{len(removed)} removed, {_size(sum(one.freed for one in removed))} freed{cut}", "bold"))
    sys.stdout.write(page.render())


def _about(group: Leftover, policy: Policy) -> str:
    from compatshim.terminal import plural

    number = len(group.entries)
    files = f"{plural(number, 'file')}, " if group.kind == "run" or number > 1 else ""
    size = f"{_size(group.size)}, " if group.data else ""
    return f"{files}{size}{_span(policy.now - group.changed)} old"


_NEXT = 1000  # of a unit, in the one above it


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < _NEXT:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _NEXT
    return f"{number:.1f} TB"


def _span(seconds: float) -> str:
    for unit, one in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * one:
            return f"{seconds / one:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _write_json(found: Sequence[Survey], policy: Policy, done: Dict[int, Outcome]) -> None:
    from compatshim import compiled
    from compatshim.report import data

    caches = [
        {
            "kind": one.cache.kind,
            "path": one.cache.path,
            "source": one.cache.source,
            "there": one.there,
            "looked_into": one.looked,
            "refused": one.refused,
            "file_system": one.mount.type if one.mount else None,
            "reach": one.mount.reach if one.mount else None,
            "not_read": list(one.listing.unreadable),
            "other_file_systems": list(one.listing.elsewhere),
            "groups": [_group(group, done.get(id(group), outcome)) for group, outcome in one.groups],
        }
        for one in found
    ]
    removed = [outcome for outcome in done.values() if outcome.state == "removed"]
    content: Dict[str, Any] = {
        "older_than": policy.age,
        "lock_files": policy.lock_files,
        "caches": caches,
        "removed": len(removed),
        "freed": sum(outcome.freed for outcome in removed),
    }
    sys.stdout.write(data.render("clean", compiled.load(), content))


def _group(group: Leftover, outcome: Outcome) -> Dict[str, Any]:
    return {
        "kind": group.kind,
        "name": group.name,
        "state": outcome.state,
        "reason": outcome.reason,
        "changed": group.changed,
        "size": group.size,
        "frees": group.freed,
        "files": [
            {"path": entry.path, "type": entry.type, "size": entry.size, "links": entry.links}
            for entry in group.entries
        ],
    }
