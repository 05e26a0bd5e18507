"""The scripts by which shells complete `compatshim`, made by shtab from the parser of the command line."""

from __future__ import annotations

import argparse
import os
from typing import Dict, Sequence

from compatshim.kb import parsers

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "completion")
_FILES, _FOLDERS = ("FILE", "PATH"), ("DIR",)


def scripts(parser: argparse.ArgumentParser, shells: Sequence[str]) -> Dict[str, str]:
    """The text of each script, by its path.

    Raises :exc:`ImportError` where there is no shtab, or one that does not know all of the shells.
    """
    import shtab

    missing = [shell for shell in shells if shell not in shtab.SUPPORTED_SHELLS]
    if missing:
        raise ImportError(f"this shtab does not know {', '.join(missing)}", name="shtab")
    _name_files(parser)
    return {path(shell): shtab.complete(parser, shell).rstrip() + "\n" for shell in shells}


def path(shell: str) -> str:
    """Where the script of a shell is."""
    return os.path.join(FOLDER, f"compatshim.{shell}")


def _name_files(parser: argparse.ArgumentParser) -> None:
    """Say which options take files and folders; their metavars tell."""
    import shtab

    kinds = {**dict.fromkeys(_FILES, shtab.FILE), **dict.fromkeys(_FOLDERS, shtab.DIRECTORY)}
    for action in parsers.arguments(parser):
        if action.metavar in kinds:
            action.complete = kinds[action.metavar]  # type: ignore[attr-defined]  # shtab's own, which it looks for
    for _, _, command in parsers.commands(parser):
        _name_files(command)
