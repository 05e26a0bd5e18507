"""``python -m compatshim``."""

from __future__ import annotations

import gc
import sys
from typing import Optional, Sequence


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line in a process of its own."""
    # What a command makes lives until it ends: collecting garbage in between costs a tenth of its time for nothing.
    gc.disable()
    from compatshim import cli

    status = cli.main(argv)
    if hasattr(gc, "freeze"):  # nor does CPython go through all of it again as it ends
        gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(main())
