"""What a check comes to, and its writing: everything that a healthy environment does not need."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from compatshim import baseline, cli, config, files, gate, report
from compatshim.cli import options
from compatshim.cli.check import File
from compatshim.config import Config
from compatshim.ignores import ALL, Ignore
from compatshim.report.document import Document, remarks
from compatshim.startup import project

if TYPE_CHECKING:
    import argparse

    from compatshim.analysis import Analysis
    from compatshim.answer import Answer

STDOUT = "-"
SUMMARY = "GITHUB_STEP_SUMMARY"
_ROOM = 1_000_000
"""Bytes that GitHub takes as the summary of a step, less a little."""


def run(args: argparse.Namespace, analyses: Sequence[Analysis], ignored: Sequence[str] = ()) -> int:
    """Judge what was found, write it in the formats that are wanted, and return the exit status.

    ``ignored`` are files that were passed over because git ignores them.
    """
    wanted = outputs(args.format)
    policy = _policy(args)
    judgement = gate.judge(analyses, policy)
    if args.write_baseline:
        text = baseline.dump(judgement.entries)
        _write(args.write_baseline, text, "--write-baseline")
        options.say(f"{args.write_baseline}: written ({len(judgement.entries)} findings)")
        judgement = gate.judge(analyses, policy._replace(baseline=judgement.entries))
    # Of many files it is told which were not checked, and how many.
    nothing = [
        not one.inventory.was_read if args.recursive else options.nothing_read(one.inventory) for one in analyses
    ]
    document = Document(
        judgement, _answers(args, judgement), args.python, _manifest(policy), args.recursive, tuple(ignored)
    )
    for name, path in sorted(wanted, key=lambda output: not output[1]):  # the terminal last
        # To a person it has been said; programs want their file whatever is in it.
        if all(nothing) and name in ("text", "concise"):
            continue
        _deliver(name, path, document)
    for line in remarks(judgement):
        options.say(line)
    return cli.CLEAN if args.exit_zero and judgement.status == cli.FINDINGS else judgement.status


def outputs(words: Sequence[str]) -> List[Tuple[str, str]]:
    """Formats, and the files that they go to; empty for standard output. Raises :exc:`~cli.UsageError`.

    ``words`` are formats and files (:class:`~compatshim.cli.check.File`) as they were given. A file takes the
    format right before it, or the one that its suffix stands for.
    """
    found: List[Tuple[str, str]] = []
    for word in words:
        if not isinstance(word, File):
            found.append((word, ""))
        elif found and not found[-1][1]:
            found[-1] = (found[-1][0], word)
        else:
            found.append((_told(word), word))
    found = [(name, "" if path == STDOUT else path) for name, path in found] or [("text", "")]
    paths = [path for _, path in found]
    for name, path in found:
        if paths.count(path) > 1:
            where = f"--output {path}" if path else "standard output"
            raise cli.UsageError(f"{where}: takes one format; {name} needs an --output FILE of its own behind it")
    return found


def _told(path: str) -> str:
    """The format that the suffix of a file stands for."""
    suffix = os.path.splitext(path)[1].lower()
    for name, own in report.FORMATS.items():
        if own and own == suffix:
            return name
    raise cli.UsageError(
        f"--output {path}: its suffix tells no format: put --format {'|'.join(report.FORMATS)} in front of it"
    )


def _deliver(name: str, path: str, document: Document) -> None:
    if path:
        _write(path, report.render(name, document), "--output")
    elif name == "text":
        from compatshim.report import text

        page = text.Page(sys.stdout)
        text.check(page, document)
        sys.stdout.write(page.render())
    else:
        sys.stdout.write(report.render(name, document))
    if name == "github" and os.environ.get(SUMMARY):
        from compatshim.report import markdown

        content = markdown.render_check(document)
        if len(content.encode("utf-8", "backslashreplace")) > _ROOM:
            content = markdown.brief(document)
        with open(os.environ[SUMMARY], "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)


def _write(path: str, text: str, option: str) -> None:
    """Write a file, whole or not at all. What is no file, such as a pipe, is written to as it is."""
    content = text.encode("utf-8", "backslashreplace")
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                file.write(content)
        else:
            files.write_atomically(target, content)
    except OSError as error:
        raise cli.UsageError(f"{option} {path}: cannot be written: {error.strerror or error}") from error


def _answers(args: argparse.Namespace, judgement: gate.Judgement) -> Tuple[Optional[Answer], ...]:
    """What cures the errors of each environment that is installed, where some count."""
    found: List[Optional[Answer]] = []
    wanted = {one.number for one in judgement.counted if one.finding.level == "error" and not one.path}
    for number, one in enumerate(judgement.analyses):
        answer = None
        if number in wanted:
            from compatshim.solve.search import OutOfBudgetError

            try:
                answer = options.answer(args, one, "least-change")
            except OutOfBudgetError:
                options.say("the search for the smallest fix was given up; the findings stand")
        found.append(answer)
    return tuple(found)


def effective(args: argparse.Namespace) -> Tuple[Optional[str], config.Effective]:
    """The project's file, and what holds for a check."""
    path, found = options.settings(args) or (None, Config())
    given = {
        "fail-on": args.fail_on,
        "fail-on-possible": args.fail_on_possible,
        "strict": args.strict,
        "baseline": args.baseline,
        "ignore": tuple(map(_ignore, args.ignore)),
    }
    return path, config.effective(given, path, found)


def _ignore(identifier: str) -> Ignore:
    word = identifier.upper()
    if not config.names(word) or word == ALL:
        raise cli.UsageError(f"--ignore {identifier}: is no advisory (as CSA-2026-0001)")
    return Ignore(word, "told by --ignore", "--ignore")


def _policy(args: argparse.Namespace) -> gate.Policy:
    _, settings = effective(args)
    path = settings["baseline"].value
    here = os.getcwd()
    return gate.Policy(
        fail_on=str(settings["fail-on"].value),
        possible=settings["fail-on-possible"].value is True,
        strict=settings["strict"].value is True,
        ignores=ignores(settings),
        baseline=None if path is None or args.write_baseline else _baseline(str(path)),
        today=dt.date.today().isoformat(),  # noqa: DTZ011  a day as the user's calendar has it
        root=root(here),
        here=here,
    )


def ignores(settings: config.Effective) -> Tuple[Ignore, ...]:
    """What is to be passed over."""
    found = settings["ignore"].value
    return tuple(one for one in found if isinstance(one, Ignore)) if isinstance(found, tuple) else ()


def _baseline(path: str) -> Tuple[baseline.Entry, ...]:
    try:
        with open(path, "rb") as file:
            return baseline.load(file.read(), path)
    except FileNotFoundError:
        raise cli.UsageError(f"--baseline {path}: there is no such file: write it with --write-baseline") from None


def root(here: str) -> str:
    """The folder that paths are told relative to: that of the repository, else of the project, else ``here``."""
    found = files.repository(here)
    if found is None:
        path = project.nearest()
        found = os.path.dirname(path) if path else here
    return found


def _manifest(policy: gate.Policy) -> str:
    path = project.nearest()
    return gate.relative(path, policy.root, policy.here) if path else ""
