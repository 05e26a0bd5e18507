"""Work on the knowledge base: the start-up index, the snapshot, the verified rows and the constraint sets."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Dict, List, Sequence

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    from compatshim.kb.sets.stacks import Job

HELP = "work on the knowledge base (for developers of compatshim)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    commands = parser.add_subparsers(dest="kb", metavar="COMMAND", required=True)
    compile_ = commands.add_parser("compile", help="write what is made from the advisories and the snapshot")
    compile_.add_argument("--check", action="store_true", help="only say whether it is fresh (exit status 1: no)")
    compile_.add_argument(
        "--catalog", metavar="DIR", help="the start-up index of an organisation's catalog, into its shims' package"
    )
    commands.add_parser("snapshot", help="rebuild the bundled index metadata from the network")
    for name, module in _modules().items():
        module.configure(commands.add_parser(name, help=module.HELP, description=module.__doc__))
    replay = commands.add_parser("replay", help="work out again the answer that an installer did not agree with")
    replay.add_argument("dump", metavar="FILE", help="as --verify wrote it")
    sets = commands.add_parser("sets", help="make the constraint sets, and install and run each")
    sets.add_argument("stack", nargs="*", metavar="STACK", help="default: all")
    sets.add_argument(
        "--on", metavar="3.X", action="append", default=[], help="only for this Python (may be repeated)"
    )
    sets.add_argument("--check", action="store_true", help="only say whether they are fresh (exit status 1: no)")
    sets.add_argument("--readme", action="store_true", help="only write the README")
    sets.add_argument("--folder", metavar="DIR", default="constraints", help="default: %(default)s")
    sets.add_argument("--tests", metavar="DIR", default="tests", help="default: %(default)s")


def _modules() -> Dict[str, ModuleType]:
    """The sub-commands that have a module of their own."""
    names = ("new", "lint", "verify", "bisect", "matrix", "map", "export", "import")
    return {name: importlib.import_module(f"compatshim.cli.kb_{name}") for name in names}


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    commands = {
        "compile": _compile,
        "snapshot": _snapshot,
        "sets": _sets,
        "replay": _replay,
    }
    status: int = (_modules()[args.kb].run if args.kb in _modules() else commands[args.kb])(args)
    return status


def _compile(args: argparse.Namespace) -> int:
    from compatshim import catalog, files
    from compatshim.kb import compile as compiler
    from compatshim.metadata.snapshot import Snapshot

    known, snapshot = catalog.load(), Snapshot.bundled()
    if args.catalog is None:
        texts = {**compiler.compiled(known, snapshot), **_of_the_parser()}
    else:
        from compatshim.kb import foreign

        known = foreign.load(args.catalog, known)
        texts = foreign.compiled(args.catalog, known, snapshot)
        if not texts:
            options.say(f"{args.catalog}: no advisory has a shim: start-up has nothing to know of it")
    if args.check:
        stale = [path for path, text in texts.items() if files.read_text(path) != text]
        for path in stale:
            again = f" --catalog {args.catalog}" if args.catalog else ""
            options.say(f"{path}: is not what the advisories say: run `python -m compatshim kb compile{again}`")
        return cli.FINDINGS if stale else cli.CLEAN
    for path in compiler.write(texts):
        options.say(f"{path}: written ({len(known.advisories)} advisories)")
    return cli.CLEAN


def _of_the_parser() -> Dict[str, str]:
    """What is made from the command line's own parser: the page of commands, and the scripts for shells."""
    from compatshim.cli import arguments
    from compatshim.cli import completion as command
    from compatshim.kb import completion, reference

    parser = arguments.parser()
    made = {reference.PAGE: reference.page(parser)} if os.path.isdir(os.path.dirname(reference.PAGE)) else {}
    try:
        made.update(completion.scripts(parser, command.SHELLS))
    except ImportError as error:
        options.say(f"the completion of shells is left as it is: {error}")
    return made


def _snapshot(args: argparse.Namespace) -> int:
    del args
    from compatshim.kb import snapshot
    from compatshim.metadata import snapshot as reader
    from compatshim.metadata.failures import DamagedError, UnavailableError

    place = os.path.join(os.path.dirname(os.path.abspath(reader.__file__)), "data", "snapshot.zip")
    try:
        built = snapshot.build(snapshot.NEIGHBOURHOOD, place, report=options.say)
    except UnavailableError as error:
        raise cli.UsageError(
            f"the index at {error.host} did not answer ({error}): run it again to go on"
        ) from error
    except DamagedError as error:
        raise cli.UsageError(str(error)) from error
    number = sum(map(len, built.releases.values()))
    options.say(f"{place}: written ({len(built.releases)} projects, {number} releases, {built.size:,} bytes)")
    return cli.CLEAN


def _replay(args: argparse.Namespace) -> int:
    from compatshim import compiled, verify
    from compatshim.analysis import analyse
    from compatshim.answer import answer
    from compatshim.metadata.snapshot import Snapshot
    from compatshim.solve.explain import describe

    try:
        with open(args.dump, encoding="utf-8") as file:
            dump = verify.load(file.read())
    except ValueError as error:
        raise cli.UsageError(f"{args.dump}: {error}") from error
    known, snapshot = compiled.load(), Snapshot.bundled()
    for what, then, now in (
        ("catalog", dump.catalog, known.digest),
        ("metadata", dump.metadata, snapshot.description),
    ):
        if then != now:
            options.say(f"the {what} was {then} then and is {now} now")
    found = answer(analyse(dump.inventory, known), snapshot, name=dump.objective, wishes=dump.wishes)
    for change in found.changes:
        sys.stdout.write(f"{describe(change)}\n")
    sys.stdout.write(f"This is {'the' if dump.same(found) else 'not the'} answer of then.\n")
    for item in dump.differences:
        sys.stdout.write(f"The installer: {item}.\n")
    return cli.CLEAN if dump.same(found) else cli.FINDINGS


def _sets(args: argparse.Namespace) -> int:
    from compatshim import catalog
    from compatshim.kb import environments
    from compatshim.kb.sets import check, make, stacks
    from compatshim.metadata.snapshot import Snapshot

    known = catalog.load()
    if args.check:
        problems = check.stale(args.folder, known)
        for item in problems or check.unrun(args.folder, known):
            options.say(item)
        return cli.FINDINGS if problems else cli.CLEAN
    if args.readme:
        make.write_readme(args.folder)
        return cli.CLEAN
    wanted = _jobs(stacks.jobs(args.folder), args.stack, args.on)
    maker = make.Maker(known, Snapshot.bundled(), args.tests)
    outcomes = []
    try:
        for made in make.make(args.folder, wanted, maker, interpreters=environments.interpreters()):
            sys.stdout.write(f"{made}\n")
            sys.stdout.flush()
            outcomes.append(made.outcome)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what was finished stays ({len(outcomes)} of {len(wanted)} sets)") from None
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in make.OUTCOMES)
    options.say(f"{len(outcomes)} sets: {counts}")
    if make.REFUTED in outcomes:
        return cli.FINDINGS
    return cli.NOTHING if {*outcomes} == {make.SKIPPED} else cli.CLEAN


def _jobs(asked: Sequence[Job], names: Sequence[str], pythons: Sequence[str]) -> List[Job]:
    """The jobs that the user named; all of them by default."""
    for option, words, known in (
        ("STACK", names, [job.stack.name for job in asked]),
        ("--on", pythons, [job.minor for job in asked]),
    ):
        for word in words:
            if word not in known:
                raise cli.UsageError(
                    f"{option} {word}: is not in sets.toml; known are {', '.join(dict.fromkeys(known))}"
                )
    return [
        job for job in asked if (not names or job.stack.name in names) and (not pythons or job.minor in pythons)
    ]
