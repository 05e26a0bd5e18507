"""Run reproducers in real environments and write the verified rows.

Says which advisories are dead (nothing bad is bad any more), where a fault has spread beyond its ranges, and which
new releases have not been tried. Ctrl-C loses nothing: the next run goes on. Exit status: 0 all as the advisories
say, 1 something contradicts one.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from compatshim import cli
from compatshim.cli import kb_machines, options

if TYPE_CHECKING:
    from compatshim.kb.verify import Result
    from compatshim.kb.worlds import Versions
    from compatshim.metadata.interface import MetadataSource
    from compatshim.model import Advisory

HELP = "run reproducers in real environments and write the verified rows"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("advisory", nargs="*", metavar="CSA-…", help="default: all")
    kb_machines.configure(parser)
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")
    options.index(parser)
    parser.add_argument(
        "--untried",
        action="store_true",
        help="run nothing; only say which releases are newer than all that was run (exit status 1: some)",
    )
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Verify, write, and say what came of it."""
    from compatshim import catalog

    folder = args.advisories or catalog.BUNDLED
    known = catalog.load(folder)
    wanted = [options.named(known, identifier) for identifier in args.advisory] or list(known.advisories)
    with kb_machines.releases(args) as metadata:
        return _untried(args, wanted, metadata) if args.untried else _verify(args, folder, wanted, metadata)


def _untried(args: argparse.Namespace, wanted: Sequence[Advisory], metadata: MetadataSource) -> int:
    """Say which releases nobody has tried."""
    from compatshim.kb import verify

    told = {
        advisory.id: {project: str(version) for project, version in verify.untried(advisory, metadata)}
        for advisory in wanted
    }
    if args.format == "json":
        content = [{"id": identifier, "untried": those} for identifier, those in told.items()]
        json.dump({"schema_version": "1.0", "advisories": content}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        for identifier, those in told.items():
            _say_untried(identifier, those)
        options.say(f"{len(told)} advisories, {sum(map(bool, told.values()))} with releases that were not tried")
    options.say(f"releases are those of the {metadata.description}")
    return cli.FINDINGS if any(told.values()) else cli.CLEAN


def _verify(args: argparse.Namespace, folder: str, wanted: Sequence[Advisory], metadata: MetadataSource) -> int:
    """Run the reproducers."""
    from compatshim.kb import verify

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


def _say_untried(identifier: str, those: Mapping[str, str]) -> None:
    for project, version in those.items():
        sys.stdout.write(f"{identifier}: not tried yet: {project} {version}\n")


def _say(told: Dict[str, Any]) -> None:
    counts = ", ".join(
        [f"{told['rows']} rows", *(f"{len(told[key])} {key}" for key in ("contradictions", "skipped"))]
    )
    sys.stdout.write(f"{told['id']}: {counts}\n")
    if told["dead"]:
        sys.stdout.write(f"{told['id']}: dead: what should be bad is good\n")
    for one in told["spread"]:
        sys.stdout.write(f"{told['id']}: spread: {one}\n")
    _say_untried(told["id"], told["untried"])
    sys.stdout.flush()
    for one in (*told["contradictions"], *told["skipped"]):
        options.say(f"{told['id']}: {one}")
