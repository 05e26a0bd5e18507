"""``python -m compatshim``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; without its libraries, say what is missing."""
    try:
        from compatshim.cli import main as command_line  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"compatshim: the command line needs {error.name}, which is not installed here "
            "(was compatshim installed with --no-deps?): pip install compatshim\n"
        )
        return 2
    return command_line()


if __name__ == "__main__":
    sys.exit(main())
