"""Run reproducers in real environments and write the verified rows.

Says which advisories are dead (nothing bad is bad any more), where a fault has spread beyond its ranges, and which
new releases have not been tried. Ctrl-C loses nothing: the next run goes on. Exit status: 0 all as the advisories
say, 1 something contradicts one.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Dict, List

from compatshim import cli
from compatshim.cli import kb_machines, options

if TYPE_CHECKING:
    from compatshim.kb.verify import Result
    from compatshim.kb.worlds import Versions
    from compatshim.model import Advisory

HELP = "run reproducers in real environments and write the verified rows"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("advisory", nargs="*", metavar="CSA-…", help="default: all")
    kb_machines.configure(parser)
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Verify, write, and say what came of it."""
    from compatshim import catalog
    from compatshim.kb import verify

    folder = args.advisories or catalog.BUNDLED
    known = catalog.load(folder)
    wanted = [options.named(known, identifier) for identifier in args.advisory] or list(known.advisories)
    metadata = kb_machines.metadata()
    told: List[Dict[str, Any]] = []
    contradicted = False
    with kb_machines.engine(args) as engine, kb_machines.watching(engine) as watch:
        finished = verify.verify(
            wanted,
            engine,
            metadata=metadata,
            reproducers=args.reproducers,
            folder=folder,
            watch=watch,
        )
        try:
            for advisory, result in finished:
                told.append(_told(advisory, result, verify.untried(advisory, metadata, result.rows)))
                contradicted = contradicted or bool(result.contradictions)
                if args.format == "text":
                    _say(told[-1])
        except KeyboardInterrupt:
            message = f"the rows of {len(told)} of {len(wanted)} advisories are written; run it again to go on"
            raise KeyboardInterrupt(message) from None
    if args.format == "json":
        json.dump({"schema_version": "1.0", "runs": engine.counted, "advisories": told}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    return cli.FINDINGS if contradicted else cli.CLEAN


def _told(advisory: Advisory, result: Result, untried: Versions) -> Dict[str, Any]:
    return {
        "id": advisory.id,
        "rows": len(result.rows),
        "dead": result.dead,
        "spread": [str(one) for one in result.spread],
        "contradictions": [str(one) for one in result.contradictions],
        "skipped": [str(one) for one in result.skipped],
        "untried": {project: str(version) for project, version in untried},
    }


def _say(told: Dict[str, Any]) -> None:
    counts = ", ".join(
        [f"{told['rows']} rows", *(f"{len(told[key])} {key}" for key in ("contradictions", "skipped"))]
    )
    sys.stdout.write(f"{told['id']}: {counts}\n")
    if told["dead"]:
        sys.stdout.write(f"{told['id']}: dead: what should be bad is good\n")
    for one in told["spread"]:
        sys.stdout.write(f"{told['id']}: spread: {one}\n")
    for project, version in told["untried"].items():
        sys.stdout.write(f"{told['id']}: not tried yet: {project} {version}\n")
    sys.stdout.flush()
    for one in (*told["contradictions"], *told["skipped"]):
        options.say(f"{told['id']}: {one}")
