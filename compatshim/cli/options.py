"""Options that several commands share, and what is read because of them."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from compatshim.cli import DisagreementError, UsageError

if TYPE_CHECKING:
    import argparse

    from compatshim.analysis import Analysis
    from compatshim.answer import Answer
    from compatshim.config import Config
    from compatshim.model import Advisory, Catalog, Distribution, Inventory
    from compatshim.solve.problem import Bound, Wishes
    from compatshim.solve.requirements import Wanted
    from compatshim.verify import Verdict


def environment(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """Which environment, and in which format to answer."""
    interpreter(parser)
    catalogs(parser)
    output(parser, formats)


def interpreter(parser: argparse.ArgumentParser) -> None:
    """Which environment."""
    parser.add_argument(
        "--python", metavar="PATH", help="look at the environment of this interpreter instead of the own one"
    )


def inputs(parser: argparse.ArgumentParser) -> None:
    """Files to look at instead of an environment, and other environments without an interpreter."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="look at lock files, requirements and the like, or the folders they are in; - for standard input",
    )
    parser.add_argument("--kind", choices=KINDS, help="what kind of file it is, whatever its name and content say")
    parser.add_argument("--path", metavar="SITE", help="look at the distributions in this site-packages folder")


KINDS = (
    "requirements", "pyproject", "script", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock",
    "environment.yml", "conda-lock", "pixi.lock", "conda-meta", "cyclonedx", "spdx",
)  # fmt: skip
"""Of files; named here because what reads them is loaded only for them. A test holds the two against each other."""


def catalogs(parser: argparse.ArgumentParser) -> None:
    """Whose advisories count, besides the bundled ones."""
    parser.add_argument(
        "--catalog",
        metavar="DIR",
        action="append",
        default=[],
        help="read the advisories in this folder, too (may be repeated)",
    )


def output(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """In which format to answer."""
    parser.add_argument("--format", choices=formats, default=formats[0], help="default: %(default)s")


def solving(parser: argparse.ArgumentParser, objective: str) -> None:
    """What the solver may do, and whether an installer is asked about it."""
    bounds(parser, objective)
    parser.add_argument(
        "--verify", action="store_true", help="ask the real installer (uv, else pip) for a dry run of the answer"
    )


def bounds(parser: argparse.ArgumentParser, objective: str) -> None:
    """What the solver may do."""
    index(parser)
    parser.add_argument(
        "--hold",
        metavar="NAME",
        action="append",
        default=[],
        help="keep this project as it is (may be repeated)",
    )
    parser.add_argument(
        "--require",
        metavar="REQUIREMENT",
        action="append",
        default=[],
        help='what the answer must satisfy, as "datasets>=3" (may be repeated)',
    )
    parser.add_argument(
        "-c",
        "--constraint",
        metavar="FILE",
        action="append",
        default=[],
        help="what the answer must satisfy where it has the project at all (may be repeated)",
    )
    parser.add_argument(
        "--allow-level",
        metavar="[NAME:]LEVEL",
        action="append",
        default=[],
        help="how far a project (or all others) may move: none, patch, minor, major (may be repeated)",
    )
    parser.add_argument("--no-downgrade", action="store_true", help="let no project go back")
    parser.add_argument(
        "--override",
        metavar="NAME",
        action="append",
        default=[],
        help="let this project be at versions that others say they do not work with (may be repeated)",
    )
    parser.add_argument(
        "--objective",
        choices=("least-change", "recommended"),
        default=objective,
        help="least-change makes it work today, recommended gets out of the hole; default: %(default)s",
    )


def index(parser: argparse.ArgumentParser) -> None:
    """Where versions and their requirements come from."""
    parser.add_argument(
        "--index",
        action="store_true",
        help="ask the package index that uv or pip is configured for, not the bundled snapshot alone",
    )


def inventory(args: argparse.Namespace) -> Inventory:
    """The environment that the options name."""
    from compatshim.inventory import environment as reader

    if getattr(args, "path", None) is not None:
        return reader.at(args.path, args.python)
    return reader.this() if args.python is None else reader.of(args.python)


def catalog(
    args: argparse.Namespace, *, rows: bool = False, installed: Optional[Mapping[str, Distribution]] = None
) -> Catalog:
    """The bundled catalog and those that are added to it; of the bundled one, the rows that were run if wanted.

    Where it is told what is ``installed``, advisories that cannot hold there may be left out.
    """
    from compatshim import catalogs, compiled

    project = settings(args)
    told = None if project is None else (project[0], project[1].catalogs)
    found = catalogs.sources(args.catalog, os.environ, told, sys.path)
    if not found and not rows:
        return compiled.load(installed)
    from compatshim import catalog as reader
    from compatshim.startup import foreign

    others = [(source, reader.load(source.folder, private=True)) for source in found]
    return catalogs.merged(reader.load() if rows else compiled.load(), others, foreign.allowed())


def settings(args: argparse.Namespace) -> Optional[Tuple[str, Config]]:
    """The project's file and what it says; None where it has no ``[tool.compatshim]``. Read once for a command."""
    if not hasattr(args, "settings"):
        args.settings = _settings()
    found: Optional[Tuple[str, Config]] = args.settings
    return found


def _settings() -> Optional[Tuple[str, Config]]:
    from compatshim.startup.project import nearest

    path = nearest()
    if path is None:
        return None
    with open(path, "rb") as file:
        content = file.read()
    # To parse it takes as long as a check: only where there may be such a table.
    table = rb"(?m)^\s*\[?\s*tool\s*(\.\s*[\"']?compatshim|\])"
    if b"compatshim" not in content or not re.search(table, content):
        return None
    from compatshim.config import parse

    found = parse(content, path)
    return (path, found) if found.lines else None


def analysis(args: argparse.Namespace, *, to_solve: bool = True) -> Analysis:
    """The environment or the file that the options name, matched against the catalogs.

    When it is not ``to_solve`` the catalog of an environment may lack what cannot hold there. A solution needs all
    of it, so as not to run into the rest.
    """
    if getattr(args, "kind", None) is not None and not args.paths:
        raise UsageError(f"--kind {args.kind}: is about a file; name it, or - for standard input")
    if getattr(args, "paths", None):
        from compatshim.cli import manifests

        return manifests.one(args)
    from compatshim.analysis import analyse

    here = inventory(args)
    return analyse(here, catalog(args, installed=None if to_solve else here.distributions))


def answer(
    args: argparse.Namespace,
    found: Analysis,
    name: str,
    wishes: Optional[Wishes] = None,
    alternatives: int = 0,
) -> Answer:
    """The solver's answer under the objective ``name``, with so many others, on the metadata that are wanted."""
    from compatshim import answer as answers
    from compatshim.cli import source

    with source.opened(args, found.inventory, wishes) as metadata:
        return answers.answer(found, metadata, name=name, wishes=wishes, alternatives=alternatives)


def solved(args: argparse.Namespace, alternatives: int = 0) -> Optional[Answer]:
    """The solver's answer to the environment; None, and a word about it, when nothing could be read."""
    found = analysis(args)
    not_checked(found.inventory)
    if nothing_read(found.inventory):
        return None
    return answer(args, found, args.objective, wishes(args, found.inventory), alternatives)


def verified(args: argparse.Namespace, found: Answer) -> Optional[Verdict]:
    """What the real installer says of an answer, if that is wanted and there is one.

    Raises :exc:`DisagreementError` when it would do something else.
    """
    if not args.verify or found.solution is None:
        return None
    from compatshim import verify

    verdict = verify.verify(found, args.python or sys.executable)
    if verdict.run.unreachable or not verdict.differences:
        return verdict
    import tempfile

    text = verify.dump(found, verdict)
    descriptor, path = tempfile.mkstemp(prefix="compatshim-disagreement-", suffix=".json")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    raise DisagreementError(
        f"internal error: {verdict.run.installer} does not agree: {'; '.join(verdict.differences)}. Versions are "
        f"those of the {found.metadata}. All of it is in {path}; please report it with that file"
    )


def impossible(args: argparse.Namespace, kind: str, found: Answer) -> None:
    """Say why there is no answer, and what would give one."""
    from compatshim.report import data, text

    if args.format == "json":
        sys.stdout.write(data.render(kind, found.analysis.catalog, data.outcome(found)))
    elif found.impossible is not None:
        page = text.Page(sys.stderr)
        text.impossible(page, found.impossible)
        sys.stderr.write(page.render())
        tell(found, None)


def tell(found: Answer, verdict: Optional[Verdict]) -> None:
    """Say on standard error what an answer rests on, and what it leaves as it is."""
    for line in found.remarks:
        say(line)
    if verdict is not None:
        say(verdict.sentence)


def _names(option: str, asked: Sequence[str], found: Inventory) -> FrozenSet[str]:
    from compatshim.model import canonical

    names = [canonical(name) for name in asked]
    for name in names:
        if name not in found.distributions:
            raise UsageError(f"{option} {name}: is not installed in {found.source}")
    return frozenset(names)


def _levels(args: argparse.Namespace) -> Dict[str, str]:
    from compatshim.model import canonical
    from compatshim.solve.problem import LEVELS

    found: Dict[str, str] = {}
    for text in args.allow_level:
        name, _, level = text.rpartition(":")
        if level not in LEVELS:
            raise UsageError(f"--allow-level {text}: is not [NAME:]{'|'.join(LEVELS)}")
        found[canonical(name)] = level
    return found


def wishes(args: argparse.Namespace, found: Inventory) -> Wishes:
    """What the options ask of an answer."""
    from compatshim.solve.problem import Wishes

    return Wishes(
        hold=_names("--hold", args.hold, found),
        require=tuple(_requirements(args)),
        constraints=tuple(bound for path in args.constraint for bound in _constraints(path)),
        levels=_levels(args),
        downgrades=not args.no_downgrade,
        override=_names("--override", args.override, found),
    )


def _requirements(args: argparse.Namespace) -> List[Wanted]:
    from compatshim.solve.requirements import parse

    wanted = []
    for text in args.require:
        wish = parse(text)
        if wish is None:
            raise UsageError(f'--require {text}: is not a requirement such as "datasets>=3"')
        wanted.append(wish)
    return wanted


def _constraints(path: str) -> List[Bound]:
    """The lines of a constraint file that the user has."""
    from compatshim.solve.problem import Bound
    from compatshim.solve.requirements import parse

    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"--constraint {path}: is not UTF-8 ({error.reason} at byte {error.start})") from error
    found = []
    for number, line in enumerate(lines, start=1):
        text = re.sub(r"(^|\s+)#.*", "", line).strip()
        if not text:
            continue
        wanted = parse(text)
        if wanted is None or "@" in text.partition(";")[0]:
            raise UsageError(
                f"--constraint {path}:{number}: {text!r} is not a line such as name>=1,<2; "
                "options, includes and addresses are not read here"
            )
        found.append(Bound(wanted, f"{path}:{number}", f"--constraint {path}"))
    return found


def named(known: Catalog, identifier: str) -> Advisory:
    """The advisory with an id that the user wrote."""
    try:
        return known.advisory(identifier)
    except KeyError:
        ids = ", ".join(item.id for item in known.advisories)
        raise UsageError(f"{identifier}: there is no such advisory; known are {ids}") from None


def say(text: str) -> None:
    """A message for the person at the terminal: standard error."""
    sys.stderr.write(f"compatshim: {text}\n")


def nothing_read(found: Inventory) -> bool:
    """Whether nothing could be checked at all; says so."""
    if found.was_read:
        return False
    say(f"no distribution could be read in {found.source}: nothing was checked")
    return True


def not_checked(found: Inventory) -> None:
    """Say on standard error what could not be read."""
    if not found.unread:
        return
    from compatshim.report import text

    page = text.Page(sys.stderr)
    text.unread(page, found)
    sys.stderr.write(page.render())
