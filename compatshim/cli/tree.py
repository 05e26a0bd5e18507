"""``check --recursive``: everything below some folders, each content once, in as many processes as may run."""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import os
import re
import stat
import sys
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from compatshim import processes
from compatshim.analysis import Analysis
from compatshim.cli import UsageError, manifests, options
from compatshim.errors import ERROR, NOTHING, CompatshimError
from compatshim.inventory import documents, files, tree
from compatshim.inventory.kinds import named
from compatshim.model import Advisory, Catalog, Finding, Inventory, Location, Unread
from compatshim.terminal import plural

_FIRST = 20
"""How many things are named that were not checked in files that otherwise were."""
_INCLUDES = re.compile(rb"(?m)^\s*(-r|-c|--requirement|--constraint)")
"""What a file goes on with depends on where it lies."""


class Packed(NamedTuple):
    """An analysis as it goes from one process to another, and stays: what no finding is about is only counted."""

    inventory: Inventory
    findings: Tuple[Tuple[Any, ...], ...]
    """Each a :class:`~compatshim.model.Finding` with the id of its advisory in place of that."""


Judged = Union[Tuple[Packed, ...], Unread]
"""What a file comes to, or why it comes to nothing."""


def run(args: argparse.Namespace) -> int:
    """Check what lies below the paths; the exit status."""
    manifests.no_environment(args)
    if not args.paths:
        raise UsageError("--recursive: is about a folder; name it, as . for this one")
    try:
        from compatshim.cli import judge

        below = _found(args)
        found = _read(args, options.catalog(args), below)
        _not_checked(found.analyses)
        status = judge.run(args, found.analyses, below.ignored) if found.analyses else NOTHING
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was found is not reported in full") from None
    return ERROR if found.broken else status


def _read(args: argparse.Namespace, catalog: Catalog, below: _Below) -> manifests.Read:
    """Read and match, whatever becomes of one file."""
    paths, missed = below.paths, below.missed
    first = _alike(paths, args)
    once = list(dict.fromkeys(first))
    own = {name: value for name, value in vars(args).items() if name not in ("settings", "run")}
    make = functools.partial(_judge, argparse.Namespace(**own))
    with _progress(len(once)) as done:
        judged = processes.each(make, once, args.jobs or processes.available(), done)
    by_path = dict(zip(once, judged))
    by_id = {one.id: one for one in catalog.advisories}
    analyses: List[Analysis] = []
    for path, alike in zip(paths, first):
        result = by_path[alike]
        if result is None:
            result = Unread(alike, "was not checked: the process that read it was killed, as when memory runs out")
        if isinstance(result, Unread):
            result = (Packed(Inventory(alike, {}, (result,), path=alike), ()),)
        analyses += [_unpacked(_moved(one, alike, path), catalog, by_id) for one in result]
    if missed:
        analyses.append(Analysis(Inventory(args.paths[0], {}, tuple(missed), path=args.paths[0]), catalog, ()))
    return manifests.Read(tuple(analyses), below.broken)


def _not_checked(analyses: Sequence[Analysis]) -> None:
    """Say which files were not checked, and of what is unread in the others the first."""
    said = left = 0
    for one in analyses:
        if not one.inventory.was_read or said < _FIRST:
            options.not_checked(one.inventory)
            said += len(one.inventory.unread) if one.inventory.was_read else 0
        else:
            left += len(one.inventory.unread)
    if left:
        options.say(f"{left:,} more were not checked, in files that otherwise were: --format json names them")


class _Below(NamedTuple):
    """What the paths lead to."""

    paths: Sequence[str]
    """The manifests."""
    missed: Sequence[Unread]
    """What could not be looked into."""
    ignored: Sequence[str]
    """The manifests that git ignores, which are passed over."""
    broken: bool
    """Whether a path that was named leads to nothing."""


def _found(args: argparse.Namespace) -> _Below:
    """Look for the manifests, and say what stood in the way."""
    paths: Dict[str, None] = {}
    ignored: Dict[str, None] = {}
    missed: List[Unread] = []
    broken = False
    for path in args.paths:
        try:
            if path == "-" or not stat.S_ISDIR(os.stat(path).st_mode):
                paths[path] = None
                continue
            below = tree.walk(path, everything=args.no_ignore)
        except (OSError, ValueError) as error:
            options.say(f"{path}: {getattr(error, 'strerror', None) or error}")
            broken = True
            continue
        own, passed = (
            [one for one in those if args.kind in (None, _kind(one))] for those in (below.paths, below.ignored)
        )
        if not own and not passed:
            options.say(f"{path}: nothing below it has the name of a manifest that is known")
        for line in below.trouble:
            options.say(line)
        paths.update(dict.fromkeys(own))
        ignored.update(dict.fromkeys(passed))
        missed += below.unread
    if ignored:
        options.say(f"passed over {plural(len(ignored), 'file')} that git ignores; --no-ignore looks at all")
    return _Below(list(paths), missed, list(ignored), broken)


def _kind(path: str) -> Optional[str]:
    one = named(os.path.basename(path))
    return None if one is None else one.name


def _alike(paths: Sequence[str], args: argparse.Namespace) -> List[str]:
    """For each path the first that has the same name and content, and so comes to the same."""
    known: Dict[Tuple[str, bytes], str] = {}
    found = []
    for path in paths:
        content = _content(path)
        if content is None or (_INCLUDES.search(content) and args.kind in (None, "requirements")):
            found.append(path)
        else:
            key = (os.path.basename(path), hashlib.sha256(content).digest())
            found.append(known.setdefault(key, path))
    return found


def _content(path: str) -> Optional[bytes]:
    """What is in a file that is one, and can be read."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return file.read(documents.LIMIT + 1)
    except (OSError, ValueError):
        pass
    return None


def _judge(args: argparse.Namespace) -> Callable[[str], Judged]:
    """What judges a file, made once in every process."""
    reading = manifests.Reading(args)

    def judge(path: str) -> Judged:
        try:
            if path != "-" and not _opens(os.stat(path).st_mode):
                return Unread(path, "is no file, but a pipe or a device: it was not opened")
            return tuple(map(_packed, reading.everywhere(files.read(path, args.kind))))
        except OSError as error:
            return Unread(path, f"cannot be read: {error.strerror or error}")
        except CompatshimError as error:
            return _broken(path, str(error))
        except Exception as error:  # noqa: BLE001  one file never stops the rest
            return Unread(path, f"was not checked: internal error: {type(error).__name__}: {error}")

    return judge


def _opens(mode: int) -> bool:
    """Whether what has this mode can be opened without waiting for anybody."""
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _broken(path: str, message: str) -> Unread:
    """A message that begins with the path, and perhaps a line, as what was not read."""
    found = re.match(r"(:\d+)?: ", message[len(path) :]) if message.startswith(path) else None
    if found is None:
        return Unread(path, f"cannot be read: {message}")
    return Unread(path + (found[1] or ""), message[len(path) + found.end() :])


def _packed(one: Analysis) -> Packed:
    inventory = one.inventory
    about = {name for finding in one.findings for name, _ in finding.versions}
    kept = {name: item._replace(requires=()) for name, item in inventory.distributions.items() if name in about}
    others = inventory.checked - len(kept)
    findings = tuple((finding.advisory.id, *finding[1:]) for finding in one.findings)
    return Packed(inventory._replace(distributions=kept, others=others, markers={}), findings)


def _unpacked(one: Packed, catalog: Catalog, by_id: Dict[str, Advisory]) -> Analysis:
    return Analysis(one.inventory, catalog, tuple(Finding(by_id[first], *rest) for first, *rest in one.findings))


def _moved(one: Packed, before: str, after: str) -> Packed:
    """The same for a file of the same content."""
    if before == after:
        return one
    inventory = one.inventory

    def place(item: Location) -> Location:
        return item._replace(path=after) if item.path == before else item

    return one._replace(
        inventory=inventory._replace(
            source=inventory.source.replace(before, after, 1),
            distributions={
                name: item._replace(locations=tuple(map(place, item.locations)))
                for name, item in inventory.distributions.items()
            },
            unread=tuple(
                item._replace(where=item.where.replace(before, after, 1), reason=item.reason.replace(before, after))
                for item in inventory.unread
            ),
            path=after,
        )
    )


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while somebody looks at it, and there is time to."""
    if total < processes.FEW or not sys.stderr.isatty():
        yield lambda _: None
        return
    import time

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # No thread of its own: processes are forked meanwhile.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=total)
        drawn = 0.0

        def done(number: int) -> None:
            nonlocal drawn
            bar.update(task, completed=number)
            if time.monotonic() - drawn > _PAUSE or number == total:
                drawn = time.monotonic()
                bar.refresh()

        yield done


_PAUSE = 0.1
"""Seconds between two drawings of the bar."""
