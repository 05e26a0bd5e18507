"""Plain words are read as argparse reads them, or left to it."""

from __future__ import annotations

import argparse
import functools
import itertools
from typing import Any, Dict, List, Optional

import pytest

from compatshim import cli
from compatshim.cli import arguments, check, pin, plan
from compatshim.cli.words import Words

MODULES: Dict[str, Any] = {"check": check, "pin": pin, "plan": plan}


def read(name: str, given: List[str]) -> Optional[Dict[str, Any]]:
    words = Words({"command": name, "run": MODULES[name].run})
    MODULES[name].configure(words)
    found = words.read(given)
    return None if found is None else vars(found)


@functools.lru_cache(maxsize=None)
def parser(name: str) -> argparse.ArgumentParser:
    return arguments.parser([name])


def parsed(name: str, given: List[str]) -> Optional[Dict[str, Any]]:
    try:
        return vars(parser(name).parse_args([name, *given]))
    except SystemExit:
        return None


PIECES = (
    ["--python", "p"], ["--python", ""], ["--python", "-p"], ["--python=p"], ["--python"], ["--pyth", "p"],
    ["--format", "json"], ["--format", "yaml"], ["--catalog", "a b"], ["--catalog", "c"], ["--index"],
    ["--fail-on", "never"], ["--exit-zero"], ["--strict"], ["--hold", "x"], ["-c", "file"], ["-cfile"],
    ["--format", "sarif"], ["--output", "x.json"], ["--fail-on-possible"], ["--ignore", "CSA-2026-0001"],
    ["--baseline", "b"], ["--write-baseline", "b"], ["--allowed"], ["--path", "site"], ["--kind", "script"],
    ["--no-downgrade"], ["--objective", "recommended"], ["--full"], ["--only-changes"], ["--alternatives", "2"],
    ["--alternatives", "x"], ["--help"], ["word"], ["--"], [""], ["-"],
)  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_words_are_read_as_argparse_reads_them(name: str) -> None:
    plain = 0
    for pieces in [(), *((piece,) for piece in PIECES), *itertools.permutations(PIECES, 2)]:
        given = [word for piece in pieces for word in piece]
        found = read(name, given)
        if found is not None:
            plain += 1
            assert found == parsed(name, given), given
    assert plain > 2 * len(PIECES)


@pytest.mark.parametrize("name", MODULES)
def test_the_plainest_words_are_read(name: str) -> None:
    assert read(name, []) == parsed(name, [])
    assert read(name, ["--python", "p", "--catalog", "a", "--catalog", "b"]) is not None


def test_lists_are_not_shared() -> None:
    words = Words({})
    MODULES["check"].configure(words)
    once, again = words.read(["--catalog", "a"]), words.read(["--catalog", "b"])
    assert once is not None
    assert again is not None
    assert (once.catalog, again.catalog) == (["a"], ["b"])


def test_what_is_not_plain_is_said_by_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--format", "yaml"]) == cli.ERROR
    assert "argument --format: invalid choice: 'yaml'" in capsys.readouterr().err
