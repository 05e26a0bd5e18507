"""What runs inside the user's process once an advisory may match. Standard library only."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence


def arm(versions: Mapping[str, Sequence[str]]) -> None:
    """Hook the modules of every shim that the installed versions call for.

    Errors are the caller's to report: see ``compatshim.__init__``.
    """
    from compatshim.startup import match

    rows, unknown = match.holding(match.own(), versions)
    if os.environ.get("COMPATSHIM_SHIMS"):
        from compatshim.startup import foreign

        rows, unknown = foreign.joined(rows, unknown)
    if rows or unknown:
        from compatshim.startup import hook

        hook.install(match.hooks(rows), unknown)
