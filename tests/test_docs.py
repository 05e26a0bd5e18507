"""Every command line in the documentation is one that the command line understands."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from compatshim.cli import arguments, run
from compatshim.kb import parsers, reference

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

if not PAGES[0].exists():
    pytest.skip("no documentation beside these tests: not run", allow_module_level=True)

_START = re.compile(r"(?:[A-Z_]+=\S+ )*(?:python3? -m )?compatshim (?=[a-z-])")
"""At the beginning of a command: settings, then the program."""
_COMMAND = re.compile(rf"{_START.pattern}.*")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(message)


def blocks(text: str) -> Iterator[Tuple[int, str]]:
    """Lines of code, in fences or indented, each with its number."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line.strip()


def spans(text: str) -> Iterator[Tuple[int, str]]:
    """Code within a line or two of prose, each with its number."""
    prose = re.sub(r"(?ms)^```.*?^```", lambda found: "\n" * found[0].count("\n"), text)
    for found in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose):
        yield prose.count("\n", 0, found.start()) + 1, " ".join(found[1].split())


def commands(text: str) -> Iterator[Tuple[int, str]]:
    """What of a page starts compatshim, and where."""
    for number, code in blocks(text):
        for part in re.split(r"&& |\$\(", code):
            found = _COMMAND.match(part.strip())
            if found:
                # What follows is for the shell, or for the reader.
                yield number, re.split(r"\s{2,}|\s#\s|\s>>?\s|\s\|\s|\)\"?$|\s&&", found[0])[0]
    for number, code in spans(text):
        for part in re.split(r"&& |\$\(", code):
            found = _COMMAND.match(part.strip())
            if found:
                yield number, re.split(r"\s>>?\s|\s\|\s|\)\"?$|\s&&", found[0])[0]


def every_command() -> List[object]:
    return [
        pytest.param(code, id=f"{page.name}:{number}")
        for page in PAGES
        for number, code in commands(page.read_text(encoding="utf-8"))
    ]


_MAY = re.compile(r"\[(--[a-z-]+)[^]]*\] ?")
"""An option that is spoken of, as in a usage."""


def parse(code: str) -> None:
    """Raises :exc:`ValueError` with what the parser has against it."""
    text = _START.sub("", code, count=1)
    argv = shlex.split(_MAY.sub("", text))
    if argv[0] == "COMMAND":
        return
    if argv == ["--version"]:
        return
    words = [word for word in argv if word != "--help"]
    if argv[0] == "run":
        words = ["run", *run.split(argv[1:])[0]]
    # Where only a command is named, as `kb lint`, it is spoken of, too.
    named = len(words) < len(argv) or len(words) <= (2 if words[0] == "kb" else 1)
    parser = arguments.parser()
    for command in every_parser(parser):
        command.__class__ = _Parser
        for action in command._actions:
            action.required = action.required and not named
    parser.parse_args(words)
    known = {
        name
        for one in every_parser(arguments.parser(words))
        for action in one._actions
        for name in action.option_strings
    }
    for name in _MAY.findall(text):
        if name not in known:
            raise ValueError(f"unrecognized: {name}")


def every_parser(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for _, _, command in parsers.commands(parser):
        yield from every_parser(command)


@pytest.mark.parametrize("code", every_command())
def test_a_command_of_the_documentation(code: str) -> None:
    parse(code)


def test_commands_are_found() -> None:
    page = (
        "Say `compatshim explain\nCSA-2026-0001`, or `compatshim-autoload`.\n\n"
        "    A=1 python -m compatshim check --python x   # and so on\n\n"
        "```\npip install . && python -m compatshim demo\npython -m compatshim pin > c.txt\ncompatshim.status()\n"
        'eval "$(compatshim completion bash)"\n```\n'
    )
    assert list(commands(page)) == [
        (4, "A=1 python -m compatshim check --python x"),
        (7, "python -m compatshim demo"),
        (8, "python -m compatshim pin"),
        (10, "compatshim completion bash"),
        (1, "compatshim explain CSA-2026-0001"),
    ]
    assert len(every_command()) >= 30


@pytest.mark.parametrize(
    "code",
    [
        "compatshim check --no-such",
        "compatshim chek",
        "compatshim check --format yaml",
        "python -m compatshim kb lnt",
        "compatshim explain CSA-2026-0001 more",
        "compatshim enable [--pyhton PATH]",
    ],
)
def test_a_wrong_one_is_seen(code: str) -> None:
    with pytest.raises(ValueError, match=r"invalid choice|unrecognized"):
        parse(code)


class TestReference:
    def test_has_every_command_and_option(self) -> None:
        page = reference.page(arguments.parser())
        for command in every_parser(arguments.parser()):
            assert command.prog == "compatshim" or f"`{command.prog}`" in page
            for action in command._actions:
                for name in action.option_strings:
                    assert name in ("-h", "--help", "--version") or f"`{name}" in page

    def test_is_fresh(self) -> None:
        """As `kb compile` writes it, under this Python as under any."""
        page = Path(__file__).parents[1] / "docs" / os.path.basename(reference.PAGE)
        assert page.read_text(encoding="utf-8") == reference.page(arguments.parser())
