"""Draw what was run, versions against versions: map.html, and as a picture, map.svg and map.png.

The page holds every advisory and needs no network. The picture needs matplotlib; it shows one advisory, or all of
them in small.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Callable, List, Optional

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    from packaging.version import Version

    from compatshim.kb.map.grid import Matrix
    from compatshim.metadata.snapshot import Snapshot

HELP = "draw what was run: a page, and a picture"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--output", metavar="DIR", default=".", help="where to write; default: here")
    parser.add_argument("--advisory", metavar="CSA-…", help="what the picture shows; default: all of them, in small")
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")
    options.catalogs(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files."""
    from compatshim import catalog, files
    from compatshim.kb.map import grid, page
    from compatshim.metadata.snapshot import Snapshot

    known = catalog.load(args.advisories) if args.advisories else options.catalog(args, rows=True)
    shown = [options.named(known, args.advisory)] if args.advisory else list(known.advisories)
    snapshot = Snapshot.bundled()
    matrices = [grid.matrix(one, released(snapshot)) for one in known.advisories]
    style, script = (
        files.packaged("kb", "map", name).decode().replace("\r\n", "\n") for name in ("page.css", "page.js")
    )
    text = page.render(matrices, known.digest, snapshot.description, style, script)
    os.makedirs(args.output, exist_ok=True)
    _write(os.path.join(args.output, "map.html"), text.encode())
    return cli.CLEAN
    _pictures(args, [one for one in matrices if one.advisory in shown])
    return cli.CLEAN


def released(snapshot: Snapshot) -> Callable[[str], Optional[List[Version]]]:
    """The releases of a project that were not withdrawn."""

    def versions(project: str) -> Optional[List[Version]]:
        releases = snapshot.releases(project)
        return None if releases is None else [one.version for one in releases if not one.yanked]

    return versions


def _pictures(args: argparse.Namespace, matrices: List[Matrix]) -> None:
    try:
        from compatshim.kb.map import picture
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        if args.advisory:
            raise cli.UsageError("a picture needs matplotlib: python -m pip install matplotlib") from error
        options.say("no picture: that needs matplotlib (python -m pip install matplotlib)")
        return
    for kind, content in picture.render(matrices).items():
        _write(os.path.join(args.output, f"map.{kind}"), content)


def _write(path: str, content: bytes) -> None:
    from compatshim import files

    files.write_atomically(path, content)
    options.say(f"{path}: written ({len(content):,} bytes)")
