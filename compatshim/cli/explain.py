"""Tell all that is known about an advisory, or find the advisory behind a traceback."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Tuple

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    from compatshim.model import Advisory, Catalog

HELP = "tell about an advisory (as CSA-2026-0001), or about the traceback on standard input (-)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("what", metavar="ID|-", help="an advisory's id, or - to read a traceback")
    options.catalogs(parser)
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Explain; exit status 1 when no advisory fits the traceback."""
    from compatshim.report import data, text

    known = options.catalog(args, rows=True)
    found = _recognise(known) if args.what == "-" else (options.named(known, args.what),)
    if args.format == "json":
        listed = [{**data.advisory(item), "verified": data.evidence(item)} for item in found]
        sys.stdout.write(data.render("explain", known, {"advisories": listed}))
    else:
        page = text.Page(sys.stdout)
        for number, item in enumerate(found):
            if number:
                page.line("")
            text.advisory(page, item)
        sys.stdout.write(page.render())
    if not found:
        options.say("no advisory fits that text; it may be a fault that is not known here yet")
    return cli.CLEAN if found else cli.FINDINGS


def _recognise(known: Catalog) -> Tuple[Advisory, ...]:
    from compatshim.recognise import recognise

    # A log may hold bytes of any encoding; only its ASCII matters, which UTF-16 (PowerShell's) fills with zeros.
    raw = sys.stdin.buffer.read().replace(b"\0", b"")
    return recognise(raw.decode("utf-8", "replace"), known)
