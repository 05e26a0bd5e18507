"""Read conda-forge's repodata patches as candidates for advisories.

Nothing becomes an advisory by this: a candidate says what two projects are suspected of, where it was said, and
what is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Iterator, List

from compatshim import cli
from compatshim.cli import options

HELP = "read conda-forge's repodata patches as candidates for advisories"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("path", nargs="+", metavar="PATH", help="patch files (*.yaml), or folders of them")
    parser.add_argument(
        "--all", action="store_true", help="also of projects that the bundled snapshot does not know"
    )
    parser.add_argument("--output", metavar="DIR", help="write a file for each; default: all to standard output")


def run(args: argparse.Namespace) -> int:
    """Read, and count what is left out; exit status 3 when there was nothing to read."""
    from compatshim import files
    from compatshim.kb import conda
    from compatshim.metadata.snapshot import Snapshot

    known = Snapshot.bundled()
    paths = [path for place in args.path for path in _files(place)]
    if not paths:
        options.say(f"{', '.join(args.path)}: holds no *.yaml: nothing was read")
        return cli.NOTHING
    found: List[conda.Candidate] = []
    skipped: List[conda.Skipped] = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for one in conda.read(file.read(), path):
                if isinstance(one, conda.Skipped):
                    skipped.append(one)
                else:
                    found.append(one)
    near = [one for one in found if args.all or (known.knows(one.project) and known.knows(one.dependency))]
    texts = {conda.slug(one): conda.render(one) for one in near}
    if args.output is None:
        sys.stdout.write("\n".join(f"# {name}.toml\n{text}" for name, text in texts.items()))
    else:
        os.makedirs(args.output, exist_ok=True)
        for name, text in texts.items():
            files.write_atomically(os.path.join(args.output, f"{name}.toml"), text)
    options.say(
        f"{len(paths)} files: {len(texts)} candidates; {len(found) - len(near)} about projects outside the "
        f"snapshot, {len(skipped)} patches that name no project or no range of versions"
    )
    return cli.CLEAN


def _files(place: str) -> Iterator[str]:
    if not os.path.isdir(place):
        yield place
        return
    for name in sorted(os.listdir(place)):
        if name.endswith((".yaml", ".yml")):
            yield os.path.join(place, name)
