"""Make version combinations that install but do not work, work.

``import compatshim`` at the start of a program looks at what is installed and, only when a known-bad
combination is there, mends its code paths as the modules are imported. :func:`status` tells what was done
and what was left alone, and why; :func:`revert` undoes it.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["CompatshimWarning", "__version__", "revert", "status"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from compatshim.startup.ledger import CompatshimWarning as CompatshimWarning
    from compatshim.startup.ledger import status as status
    from compatshim.startup.patch import revert as revert


def __getattr__(name: str) -> object:
    """Load the public functions on first use: a program that never asks does not pay for them."""
    if name in ("CompatshimWarning", "status"):
        from compatshim.startup import ledger

        return getattr(ledger, name)
    if name == "revert":
        from compatshim.startup import patch

        return patch.revert
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _start() -> None:
    """Arm the shims; whatever goes wrong, the user's import succeeds."""
    try:
        from compatshim import startup

        startup.arm()
    except Exception as error:
        import os

        if os.environ.get("COMPATSHIM") == "strict":
            raise
        # Parts of compatshim may be damaged, so this says its one sentence with the standard library alone.
        import sys
        import warnings

        message = (
            f"compatshim could not start ({type(error).__name__}: {error}); the program runs as if it were "
            "absent. Reinstall compatshim, or set COMPATSHIM=off."
        )
        try:
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        except Exception:  # noqa: BLE001  `-W error` must not turn a notice into a failing import
            if sys.stderr is not None:  # a program without a console
                sys.stderr.write(message + "\n")


_start()
