"""Write the catalog in the formats of other tools: OSV records, or uv's scoped overrides."""

from __future__ import annotations

import argparse
import json
import os
import sys

from compatshim import cli
from compatshim.cli import options

HELP = "write the catalog as OSV records or as uv's scoped overrides"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "format", choices=("osv", "uv"), help="osv: a file for each advisory; uv: to standard output"
    )
    parser.add_argument("--output", metavar="DIR", help="where OSV records go; default: a list on standard output")
    options.catalogs(parser)


def run(args: argparse.Namespace) -> int:
    """Export, and say what could not be said in that format."""
    return _osv(args) if args.format == "osv" else _uv(args)


def _osv(args: argparse.Namespace) -> int:
    from compatshim import files
    from compatshim.kb import osv
    from compatshim.metadata.snapshot import Snapshot

    known = Snapshot.bundled()
    records = [osv.record(advisory, known) for advisory in options.catalog(args, rows=True).advisories]
    if args.output is None:
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=False) + "\n")
    else:
        os.makedirs(args.output, exist_ok=True)
        for record in records:
            path = os.path.join(args.output, f"{record['id']}.json")
            files.write_atomically(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    options.say(
        f"{len(records)} records; OSV cannot say that packages are affected only together: each record says so in "
        "its details, and in database_specific.all_of"
    )
    return cli.CLEAN


def _uv(args: argparse.Namespace) -> int:
    from compatshim.kb import scoped
    from compatshim.metadata.snapshot import Snapshot

    said, unsaid = scoped.parts(scoped.overrides(options.catalog(args), Snapshot.bundled()))
    sys.stdout.write(scoped.render(said))
    for one in unsaid:
        options.say(f"not in it: {one.advisory} {one.reason}")
    return cli.CLEAN
