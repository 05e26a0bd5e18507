"""List the known-bad combinations of an environment, with cause and fix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from compatshim import cli, report
from compatshim.cli import options

if TYPE_CHECKING:
    import argparse

HELP = "list known-bad combinations, with cause and fix"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.interpreter(parser)
    options.inputs(parser)
    parser.add_argument(
        "--recursive", action="store_true", help="a folder stands for everything below it that is known by its name"
    )
    parser.add_argument("--no-ignore", action="store_true", help="with --recursive, look also at what git ignores")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=0,
        help="in how many processes to look at what --recursive finds; default: as many as there are CPUs",
    )
    options.catalogs(parser)
    options.index(parser)
    outputs(parser)
    judging(parser)
    parser.add_argument(
        "--write-baseline",
        metavar="FILE",
        help="write what is found now as the baseline, so that only what comes later counts",
    )
    parser.add_argument(
        "--allowed",
        action="store_true",
        help="of requirements without exact versions, report what older versions that they allow would give, too",
    )
    parser.add_argument("--exit-zero", action="store_true", help="findings do not change the exit status")
    parser.add_argument(
        "--allow-empty", action="store_true", help="that nothing could be checked does not change the exit status"
    )


class File(str):
    """A file among formats: their order tells which format it is for."""

    __slots__ = ()


def outputs(parser: argparse.ArgumentParser) -> None:
    """In which formats to answer, and where to."""
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        choices=tuple(report.FORMATS),
        help="default: text; may be repeated, each with an --output of its own but for one",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        dest="format",
        type=File,
        metavar="FILE",
        help="write to this file what the --format before it says, or else what the file's suffix says: "
        + ", ".join(suffix for suffix in report.FORMATS.values() if suffix),
    )


def judging(parser: argparse.ArgumentParser) -> None:
    """What counts."""
    parser.add_argument(
        "--fail-on",
        choices=("note", "warning", "error", "never"),
        help="the lowest level of finding that makes the exit status 1; default: error",
    )
    parser.add_argument(
        "--fail-on-possible",
        action="store_const",
        const=True,
        help="let findings count that requirements allow but do not force",
    )
    parser.add_argument(
        "--strict", action="store_const", const=True, help="what could not be read counts as a finding"
    )
    parser.add_argument(
        "--ignore", metavar="ID", action="append", default=[], help="pass over this advisory (may be repeated)"
    )
    parser.add_argument("--baseline", metavar="FILE", help="pass over the findings that this file has")


def run(args: argparse.Namespace) -> int:
    """Check; exit status 1 with findings at or above ``--fail-on``."""
    status = _run(args)
    return cli.CLEAN if status == cli.NOTHING and args.allow_empty else status


def _run(args: argparse.Namespace) -> int:
    if args.paths or args.recursive:
        return _files(args)
    found = options.analysis(args, to_solve=False)
    options.not_checked(found.inventory)
    ignores = args.ignore or options.settings(args) is not None
    if found.findings or ignores or args.format or args.baseline or args.write_baseline:
        from compatshim.cli import judge

        # A solution needs all of the catalog, and so does what is said of ignores.
        if ignores or any(one.level == "error" for one in found.findings):
            from compatshim import compiled

            found = found._replace(catalog=compiled.whole(found.catalog))
        return judge.run(args, [found])
    # Most environments are healthy, and most of the time that is all there is to say.
    if options.nothing_read(found.inventory):
        return cli.NOTHING
    from compatshim.report import text

    page = text.Page(sys.stdout)
    page.line(text.summary(found))
    sys.stdout.write(page.render())
    failed = args.strict and found.inventory.unread
    return cli.FINDINGS if failed and not args.exit_zero else cli.CLEAN


def _files(args: argparse.Namespace) -> int:
    """Check files; what of them is broken is an error, however good the others are."""
    from compatshim.cli import judge, manifests

    if args.recursive:
        from compatshim.cli import tree

        return tree.run(args)
    found = manifests.read(args)
    for one in found.analyses:
        options.not_checked(one.inventory)
    status = judge.run(args, found.analyses) if found.analyses else cli.NOTHING
    return cli.ERROR if found.broken else status
