"""What runs inside the user's process once an advisory may match. Standard library only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence


def arm(versions: Mapping[str, Sequence[str]]) -> None:
    """Hook the modules of every shim that the installed versions call for.

    Errors are the caller's to report: see ``compatshim.__init__``.
    """
    from compatshim.startup import hook, match

    hook.install(*match.armed(versions))
