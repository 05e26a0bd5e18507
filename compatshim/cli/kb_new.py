"""Start an advisory: a numbered file with what is known, and gaps that `kb lint` tells of.

Nothing is fetched: a link is only recorded, and a traceback is read for its last line.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Tuple

from compatshim import cli
from compatshim.cli import UsageError, options
from compatshim.model import Interval, Reference, Term, canonical

HELP = "start an advisory from a traceback, links and versions"

_SYMPTOMS = {
    "ImportError": "import-error",
    "ModuleNotFoundError": "import-error",
    "AttributeError": "attribute-error",
    "TypeError": "type-error",
    "PermissionError": "permission",
}
_LINKS = (("/issues/", "REPORT"), ("/pull/", "FIX"), ("/discussions/", "DISCUSSION"))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--with",
        dest="versions",
        metavar="REQUIREMENT",
        action="append",
        required=True,
        help='a version that is bad with the others, as "evaluate==0.4.1", or a range: "evaluate>=0.4,<0.4.2" '
        "(repeat it for each project)",
    )
    parser.add_argument("--traceback", metavar="FILE", help="what was seen; - reads standard input")
    parser.add_argument(
        "--link", metavar="URL", action="append", default=[], help="a page about it (may be repeated)"
    )
    parser.add_argument("--title", default="", help="what happens, in a line")
    parser.add_argument("--reproducer", metavar="NAME", default="", help="the program that shows it")
    parser.add_argument("--advisories", metavar="DIR", help="default: those that are part of compatshim")


def run(args: argparse.Namespace) -> int:
    """Write the file."""
    from compatshim import catalog, files
    from compatshim.catalog import CatalogError
    from compatshim.kb import draft

    folder = args.advisories or catalog.BUNDLED
    os.makedirs(folder, exist_ok=True)
    detect = draft.detected(_read(args.traceback)) if args.traceback else ()
    if args.traceback and not detect:
        options.say(f"{args.traceback}: no line looks like the end of a traceback")
    identifier = draft.number(folder)
    path = os.path.join(folder, f"{identifier}.toml")
    text = draft.text(
        identifier,
        terms=[_term(one) for one in args.versions],
        detect=detect,
        references=[Reference(_type(url), url) for url in args.link],
        reproducer=args.reproducer,
        title=args.title,
        symptom=_SYMPTOMS.get(detect[0].exception, "") if detect else "",
    )
    try:
        catalog.parse(text.encode("utf-8"), path)
    except CatalogError as error:
        raise UsageError(f"what was given makes no advisory: {error}") from error
    files.write_atomically(path, text)
    sys.stdout.write(f"{path}\n")
    options.say(f"`python -m compatshim kb lint {identifier}` says what is missing")
    return cli.CLEAN


def _read(path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _type(url: str) -> str:
    return next((kind for part, kind in _LINKS if part in url), "WEB")


def _term(text: str) -> Term:
    """One version, or a range with a beginning and perhaps an end."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import Version

    try:
        requirement = Requirement(text)
        clauses: List[Tuple[str, str]] = [(one.operator, one.version) for one in requirement.specifier]
        found = {operator: Version(version) for operator, version in clauses}
    except ValueError as error:  # of a requirement, or of a version with a star
        kind = "requirement" if isinstance(error, InvalidRequirement) else "version"
        raise UsageError(f"--with {text}: is not a {kind}") from error
    name = canonical(requirement.name)
    if [*found] == ["=="]:
        return Term(name, (Interval(found["=="], last_checked=found["=="]),))
    if len(found) == len(clauses) and {*found} == {">=", "<"}:
        return Term(name, (Interval(found[">="], fixed=found["<"]),))
    if [*found] == ["<"]:
        return Term(name, (Interval(Version("0"), fixed=found["<"]),))
    raise UsageError(f"--with {text}: one version (==) or a range (>=,<) is wanted")
