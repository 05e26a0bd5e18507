"""Show which settings hold here, and who says so: an option, an environment variable, a line of a file, or nobody.

Options of `check` may be given, to see what holds with them.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict, Iterator, Tuple

from compatshim import cli
from compatshim.cli import check, options

HELP = "show which settings hold here, and who says so"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--show", action="store_true", help="show them, which is done without it, too")
    options.catalogs(parser)
    check.judging(parser)
    options.output(parser)


def run(args: argparse.Namespace) -> int:
    """Show the settings; exit status 2 when some cannot be used."""
    from compatshim.report import data, text

    found = dict(_settings(args))
    path = (options.settings(args) or ("", None))[0]
    if args.format == "json":
        shown: Dict[str, Any] = {key: {"value": value, "source": source} for key, (value, source) in found.items()}
        sys.stdout.write(data.render("config", options.catalog(args), {"file": path or None, "settings": shown}))
        return cli.CLEAN
    page = text.Page(sys.stdout)
    page.line(("file ", "dim"), path or "none has [tool.compatshim] at or above this folder")
    for key, (value, source) in found.items():
        lines = [*_lines(value)]
        for number, line in enumerate(lines):
            # Each ignore says by itself where it is.
            said = f"  ({source})" if len(lines) == 1 and key != "ignore" else ""
            page.line((("" if number else key).ljust(18), "bold"), line, (said, "dim"))
    sys.stdout.write(page.render())
    return cli.CLEAN


def _settings(args: argparse.Namespace) -> Iterator[Tuple[str, Tuple[Any, str]]]:
    """Every key with its value, as JSON has it, and who says so."""
    from compatshim import catalogs, config
    from compatshim.cli import judge, status

    path, checks = judge.effective(args)
    _, project = options.settings(args) or ("", config.Config())
    startup = status.settings()

    def place(key: str, source: str) -> str:
        return f"{source}:{project.lines[key]}" if source == path and key in project.lines else source

    told = None if path is None else (path, project.catalogs)
    folders = catalogs.sources(args.catalog, os.environ, told, sys.path)
    for key in config.KEYS:
        if key.name == "mode":
            yield key.name, (startup.mode, place(key.name, startup.mode_source))
        elif key.name == "disable":
            yield key.name, (list(startup.disable), place(key.name, startup.disable_source))
        elif key.name == "catalogs":
            who = ", ".join(dict.fromkeys(place(key.name, one.told) for one in folders))
            yield key.name, ([one.folder for one in folders], who or "default")
        else:
            _, value, source = checks[key.name]
            if key.name == "ignore":
                value = [_ignore(one) for one in judge.ignores(checks)]
            yield key.name, (value, source)


def _ignore(one: Any) -> Dict[str, Any]:
    told = {name: value for name, value in one._asdict().items() if value and name != "base"}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def _lines(value: Any) -> Iterator[str]:
    """A value, or each of several on a line of its own."""
    if isinstance(value, list):
        yield from (_words(one) for one in value) if value else ("none",)
    else:
        yield {True: "true", False: "false", None: "none"}.get(value, str(value))


def _words(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    limits = [f"before {one['expires']}"] if "expires" in one else []
    limits += [f"in {', '.join(one[key])}" for key in ("paths", "projects") if key in one]
    return f"{' '.join([one['id'], *limits])}: {one['reason']} ({one['told']})"
