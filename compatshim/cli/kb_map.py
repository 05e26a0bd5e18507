"""Draw what was run, versions against versions: map.html, and as a picture, map.svg and map.png.

The page holds every advisory and needs no network. The picture needs matplotlib; it shows one advisory, or all of
them in small.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    from packaging.version import Version

    from compatshim.kb.map.grid import Matrix
    from compatshim.metadata.snapshot import Snapshot

HELP = "draw what was run: a page, and a picture"

_PICTURES = ("svg", "png")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--output", metavar="DIR", default=".", help="where to write; default: here")
    parser.add_argument(
        "--format",
        choices=("html", *_PICTURES),
        action="append",
        default=[],
        help="what to write (may be repeated); default: all of them, pictures if matplotlib is there",
    )
    parser.add_argument("--advisory", metavar="CSA-…", help="what a picture shows; default: all of them, in small")
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")
    options.catalogs(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files."""
    from compatshim import catalog, files
    from compatshim.kb.map import grid, page
    from compatshim.metadata.snapshot import Snapshot
    from compatshim.web.page import packaged

    known = catalog.load(args.advisories) if args.advisories else options.catalog(args, rows=True)
    shown = [options.named(known, args.advisory)] if args.advisory else list(known.advisories)
    snapshot = Snapshot.bundled()
    matrices = [grid.matrix(one, released(snapshot)) for one in known.advisories]
    made = {}
    if not args.format or "html" in args.format:
        style, script = (packaged("kb", "map", name) for name in ("page.css", "page.js"))
        made["html"] = page.render(matrices, known.digest, snapshot.description, style, script).encode()
    made.update(_pictures(args, [one for one in matrices if one.advisory in shown]))
    os.makedirs(args.output, exist_ok=True)
    for kind, content in made.items():
        path = os.path.join(args.output, f"map.{kind}")
        files.write_atomically(path, content)
        options.say(f"{path}: written ({len(content):,} bytes)")
    return cli.CLEAN


def released(snapshot: Snapshot) -> Callable[[str], Optional[List[Version]]]:
    """The releases of a project that were not withdrawn."""

    def versions(project: str) -> Optional[List[Version]]:
        releases = snapshot.releases(project)
        return None if releases is None else [one.version for one in releases if not one.yanked]

    return versions


def _pictures(args: argparse.Namespace, matrices: List[Matrix]) -> Dict[str, bytes]:
    """The pictures that are wanted, by kind."""
    wanted = [kind for kind in _PICTURES if not args.format or kind in args.format]
    if not wanted:
        return {}
    if args.advisory and not matrices[0].panels:
        raise cli.UsageError(f"{args.advisory}: nothing was run for it yet, so there is no picture")
    try:
        from compatshim.kb.map import picture
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        if args.format:
            raise cli.UsageError("a picture needs matplotlib: python -m pip install matplotlib") from error
        options.say("no picture: that needs matplotlib (python -m pip install matplotlib)")
        return {}
    return picture.render(matrices, wanted)
