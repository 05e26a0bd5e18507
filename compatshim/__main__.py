"""``python -m compatshim``."""

from __future__ import annotations

import sys

from compatshim.cli import main

if __name__ == "__main__":
    sys.exit(main())
