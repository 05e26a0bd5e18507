"""Where the commands get versions and their requirements: the bundled snapshot, or the configured index over it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING, Iterator, Optional

from compatshim.cli import UsageError, options

if TYPE_CHECKING:
    import argparse

    from compatshim.metadata.index import Index, Progress
    from compatshim.metadata.interface import MetadataSource
    from compatshim.model import Inventory
    from compatshim.solve.problem import Wishes


@contextlib.contextmanager
def opened(args: argparse.Namespace, found: Inventory, wishes: Optional[Wishes]) -> Iterator[MetadataSource]:
    """The metadata that the options name; what of them could not be had is said at the end."""
    from compatshim.metadata.snapshot import Snapshot

    if not args.index:
        snapshot = Snapshot.bundled()
        _all_known(snapshot, found, wishes)
        yield snapshot
        return
    import importlib.util

    missing = [name for name in ("pypi_simple", "remotezip") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--index needs {' and '.join(missing)}, not installed here: python -m pip install 'compatshim[index]'"
        )
    from compatshim.files import cache_directory
    from compatshim.metadata import settings
    from compatshim.metadata.index import Index
    from compatshim.metadata.library import Library
    from compatshim.solve import prereleases
    from compatshim.solve.problem import Wishes

    gc.enable()  # pages leave much behind
    wishes = wishes or Wishes()
    library = Library(settings.read(args.python or sys.executable), cache_directory("index"))
    with contextlib.ExitStack() as stack:
        stack.callback(library.close)
        index = Index(
            Snapshot.bundled(),
            library,
            found,
            required=[wish.name for wish in wishes.require],
            prereleases=prereleases.asked(found, wishes),
            bounds=prereleases.bounds(wishes),
        )
        # First of all the bar goes away.
        stack.callback(_say, index)
        index.progress = stack.enter_context(_bar())
        _all_known(index, found, wishes)
        yield index


def _all_known(metadata: MetadataSource, found: Inventory, wishes: Optional[Wishes]) -> None:
    """Raise :exc:`UsageError` for a wish for a project of which there is nothing."""
    for wish in wishes.require if wishes is not None else ():
        if wish.name not in found.distributions and not metadata.releases(wish.name):
            raise UsageError(f"--require {wish}: {wish.name} is neither installed nor known here")


@contextlib.contextmanager
def _bar() -> Iterator[Optional[Progress]]:
    """A bar on the terminal while the index is asked; nothing where standard error is none."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("asking the index"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(index: Index) -> None:
    for note in index.notes:
        options.say(note)
