"""Print the script by which a shell completes `compatshim`: commands, options, and files where they are wanted.

`eval "$(compatshim completion bash)"` in ~/.bashrc is all that bash needs. For zsh, write it to a file named
_compatshim in a folder of $fpath; for fish, to ~/.config/fish/completions/compatshim.fish.
"""

from __future__ import annotations

import argparse
import sys

from compatshim import cli

HELP = "print the script by which a shell completes `compatshim`"

SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")


def run(args: argparse.Namespace) -> int:
    """Print what `kb compile` made."""
    from compatshim import files

    sys.stdout.write(files.packaged("completion", f"compatshim.{args.shell}").decode("utf-8"))
    return cli.CLEAN
