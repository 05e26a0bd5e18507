"""Edit the files that ask for a known-bad combination: their lines about versions, and nothing else in them.

Requirements, `pyproject.toml`, scripts and `environment.yml` are edited; of locks the command of their own tool is
told. Without a PATH it is the one file of that sort in the current directory. A new text is judged before it is
written, and written whole or not at all. An environment is not touched: `compatshim pin` is for that.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from typing import TYPE_CHECKING, List

from compatshim import cli
from compatshim.cli import UsageError, options
from compatshim.errors import CompatshimError

if TYPE_CHECKING:
    from compatshim.cli.mending import Outcome
    from compatshim.gate import Policy
    from compatshim.report import fixes

HELP = "edit the files that ask for a known-bad combination"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="files to edit, or the folders they are in; default: the one that the current directory has",
    )
    parser.add_argument(
        "--kind", choices=options.KINDS, help="what kind of file it is, whatever its name and content say"
    )
    parser.add_argument(
        "--python", metavar="PATH", help="mend for this interpreter instead of the one that runs compatshim"
    )
    options.catalogs(parser)
    options.output(parser)
    parser.add_argument("--diff", action="store_true", help="print what would be changed, and write nothing")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="edit also what has changes that are not committed in git"
    )
    parser.add_argument(
        "--ignore", metavar="ID", action="append", default=[], help="pass over this advisory (may be repeated)"
    )
    options.bounds(parser, "least-change")


def run(args: argparse.Namespace) -> int:
    """Mend the files; exit status 1 when something is left to do, or with ``--diff`` would be done."""
    done: List[str] = []
    try:
        return _run(args, done)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"written were {', '.join(done)}" if done else "nothing was written") from None


def _run(args: argparse.Namespace, done: List[str]) -> int:
    from compatshim.cli import manifests
    from compatshim.cli.mending import Mending
    from compatshim.inventory import files
    from compatshim.report import fixes

    args.path = None
    expanded = [manifests.tried(path, lambda path: files.expand(path, args.kind)) for path in _paths(args)]
    mending = Mending(args, _policy(args))
    found: List[fixes.Fixed] = []
    broken, nothing = expanded.count(None), 0
    for path in dict.fromkeys(path for several in expanded for path in several or ()):
        outcome = manifests.tried(path, mending.mended)
        if outcome is None:
            broken += 1
            continue
        nothing += outcome.nothing
        reason = "" if args.diff else _write(outcome, allow_dirty=args.allow_dirty, done=done)
        found.append(_fixed(outcome, reason, written=bool(outcome.texts) and not args.diff and not reason))
        if args.format == "text":
            _say(args, found[-1])
    if args.format == "json":
        sys.stdout.write(fixes.render(found, mending.catalog, dry=args.diff))
    if broken or any(one.error for one in found):
        return cli.ERROR
    if any(one.refused or (args.diff and one.texts) for one in found):
        return cli.FINDINGS
    return cli.NOTHING if nothing == len(found) else cli.CLEAN


def _paths(args: argparse.Namespace) -> List[str]:
    """The files that are named, or the one that is here. Raises :exc:`UsageError`."""
    from compatshim.inventory import detect

    if "-" in args.paths:
        raise UsageError("fix -: standard input cannot be edited; name a file")
    if args.paths:
        return list(args.paths)
    if args.kind is not None:
        raise UsageError(f"--kind {args.kind}: is about a file; name it")
    found = [os.path.normpath(path) for path in detect.directory(os.curdir) if os.path.isfile(path)]
    if len(found) == 1:
        return found
    if found:
        raise UsageError(f"fix: here are {len(found)} files, say which: {', '.join(found)}")
    raise UsageError(
        "fix: no file here is known by its name, say which; what is installed is not edited: "
        "`python -m compatshim pin > constraints.txt`, then `python -m pip install -c constraints.txt …`"
    )


def _policy(args: argparse.Namespace) -> Policy:
    """What counts: what a check would fail for, whatever a baseline has."""
    from compatshim import gate
    from compatshim.cli import judge

    args.fail_on = args.fail_on_possible = args.strict = args.baseline = None
    _, settings = judge.effective(args)
    here = os.getcwd()
    return gate.Policy(
        fail_on="warning" if args.objective == "recommended" else "error",
        ignores=judge.ignores(settings),
        today=dt.date.today().isoformat(),  # noqa: DTZ011  a day as the user's calendar has it
        root=judge.root(here),
        here=here,
    )


def _write(outcome: Outcome, *, allow_dirty: bool, done: List[str]) -> str:
    """Write the new texts of a file and of what it includes; why that was not done, or empty.

    All that can be asked beforehand is asked before the first is written.
    """
    from compatshim.edit import write

    own = {os.path.realpath(path) for path in done}
    for original, _ in outcome.texts:
        reason = write.why_not(original, dirty=allow_dirty or os.path.realpath(original.path) in own)
        if reason is not None:
            return f"{original.path}: {reason}"
    for number, (original, text) in enumerate(outcome.texts):
        try:
            write.replace(original, text)
        except (CompatshimError, OSError) as error:
            before = ", ".join(one.path for one, _ in outcome.texts[:number])
            reason = f"{original.path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            return f"{reason}{f' (written before: {before})' if before else ''}"
        done.append(original.path)
    return ""


def _fixed(outcome: Outcome, error: str, *, written: bool) -> fixes.Fixed:
    from compatshim.report import fixes

    texts = tuple((original.path, original.text, text) for original, text in outcome.texts)
    return fixes.Fixed(
        outcome.path,
        outcome.kind,
        outcome.before,
        outcome.remaining,
        outcome.edits,
        texts,
        outcome.commands,
        outcome.refused,
        written,
        error,
        outcome.answer,
    )


def _say(args: argparse.Namespace, one: fixes.Fixed) -> None:
    """Edits, or a diff, and commands that are the answer go to standard output, all else to standard error."""
    from compatshim.report import fixes

    if args.diff:
        sys.stdout.write(fixes.diff(one.texts))
    elif one.written:
        sys.stdout.write("".join(f"{line}\n" for line in fixes.edited(one.edits)))
    if one.answer is not None and one.answer.impossible is not None:
        options.impossible(args, "fix", one.answer)
    for line in [one.error] if one.error else fixes.said(one, dry=args.diff):
        options.say(line)
    for command in one.commands if not one.error else ():
        if one.refused:
            sys.stdout.write(f"{command}\n")
        else:
            options.say(f"then run: {command}")
