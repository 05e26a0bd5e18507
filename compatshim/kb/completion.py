"""The scripts by which shells complete `compatshim`, made by shtab from the parser of the command line."""

from __future__ import annotations

import argparse
import os
from typing import Dict, Sequence

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
    _name_files(parser, shtab)
    return {path(shell): shtab.complete(parser, shell).rstrip() + "\n" for shell in shells}


def path(shell: str) -> str:
    """Where the script of a shell is."""
    return os.path.join(FOLDER, f"compatshim.{shell}")


def _name_files(parser: argparse.ArgumentParser, shtab: object) -> None:
    """Say which options take files and folders; their metavars tell."""
    for action in parser._actions:  # noqa: SLF001  argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in dict.fromkeys(action.choices.values()):
                _name_files(command, shtab)
        elif action.metavar in _FILES:
            action.complete = getattr(shtab, "FILE")  # type: ignore[attr-defined]  # noqa: B009
        elif action.metavar in _FOLDERS:
            action.complete = getattr(shtab, "DIRECTORY")  # type: ignore[attr-defined]  # noqa: B009
