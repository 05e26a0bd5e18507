"""Options about where environments are built and programs run, and the bar that shows how far they are."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Iterator

from compatshim.cli import UsageError, options

if TYPE_CHECKING:
    from compatshim.kb.engine import Backend, Engine
    from compatshim.kb.verify import Watch
    from compatshim.metadata.interface import MetadataSource

_GIGABYTE = 10**9


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--reproducers", metavar="DIR", default=os.path.join("tests", "reproducers"), help="default: %(default)s"
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_positive,
        default=os.cpu_count() or 1,
        help="programs at a time; default: %(default)s",
    )
    parser.add_argument(
        "--disk",
        metavar="GB",
        type=_positive,
        default=40,
        help="what the environments may hold, counted as if they shared no file; those used least recently go; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="let the workers of a Dask cluster do it, as tcp://host:8786 (instead of --jobs)",
    )
    parser.add_argument("--refresh", action="store_true", help="build and run again what was built and run before")


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


@contextlib.contextmanager
def engine(args: argparse.Namespace) -> Iterator[Engine]:
    """What performs the runs that a command needs."""
    from compatshim.kb.engine import Engine, journal_path
    from compatshim.kb.journal import Journal

    since = time.time() if args.refresh else 0.0
    with _backend(args, since) as backend:
        if not backend.site.pythons:
            raise UsageError("no Python was found that environments can be made from: set COMPATSHIM_PYTHONS")
        yield Engine(backend, Journal(journal_path()), since=since)


@contextlib.contextmanager
def _backend(args: argparse.Namespace, since: float) -> Iterator[Backend]:
    from compatshim.kb.engine import Here

    if args.scheduler:
        from compatshim.kb.cluster import Cluster, ClusterError

        try:
            cluster = Cluster(args.scheduler, limit=args.disk * _GIGABYTE, since=since)
        except ClusterError as error:
            raise UsageError(str(error)) from error
        try:
            yield cluster
        finally:
            cluster.close()
        return
    yield Here(jobs=args.jobs, limit=args.disk * _GIGABYTE, since=since)


def metadata() -> MetadataSource:
    """What releases there are."""
    from compatshim.metadata.snapshot import Snapshot

    return Snapshot.bundled()


@contextlib.contextmanager
def releases(args: argparse.Namespace) -> Iterator[MetadataSource]:
    """What releases there are, whatever is installed here: in the snapshot, or in the index over it."""
    from compatshim.cli import source
    from compatshim.model import Inventory

    with source.opened(argparse.Namespace(index=args.index, python=None), Inventory("", {}), None) as found:
        yield found


@contextlib.contextmanager
def watching(engine: Engine) -> Iterator[Watch]:
    """Lines, and below them a bar with the time left where standard error is a terminal."""
    from compatshim.kb.verify import Watch

    class Lines(Watch):
        def saw(self, line: str) -> None:
            options.say(line)

    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from compatshim.kb.pace import Pace

    pace = Pace()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        class Bar(Watch):
            def saw(self, line: str) -> None:
                bar.console.print(line, markup=False, highlight=False)
                bar.update(task, description=f"{engine.counted} run, {pace}")

            def done(self, done: int, total: int) -> None:
                pace.note(done, total, engine.counted)
                bar.update(task, completed=done, total=total, description=f"{engine.counted} run, {pace}")

        yield Bar()
