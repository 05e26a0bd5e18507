"""Make version combinations that install but do not work, work.

``import compatshim`` at the start of a program looks at what is installed and, only when a known-bad
combination is there, mends its code paths as the modules are imported. :func:`status` tells what was done
and what was left alone, and why; :func:`revert` undoes it.

PYTEST_DONT_REWRITE: pytest rewrites the packages of its plugins, and complains where one is imported already.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["CompatshimWarning", "Entry", "Status", "__version__", "revert", "status"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from compatshim.startup.ledger import Entry as Entry
    from compatshim.startup.notices import CompatshimWarning as CompatshimWarning
    from compatshim.startup.patch import revert as revert
    from compatshim.startup.status import Status as Status
    from compatshim.startup.status import status as status


def __getattr__(name: str) -> object:
    """Load the public functions on first use: a program that never asks does not pay for them."""
    places = {
        "CompatshimWarning": "notices",
        "Entry": "ledger",
        "Status": "status",
        "revert": "patch",
        "status": "status",
    }
    if name in places:
        import importlib

        return getattr(importlib.import_module(f"compatshim.startup.{places[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _start() -> None:
    """Arm the shims; whatever goes wrong, the user's import succeeds."""
    try:
        from compatshim import startup

        startup.arm()
    except Exception as error:
        import os
        import sys

        # Strict by the environment, or by a file that was read before this went wrong.
        settings = getattr(sys.modules.get("compatshim.startup.policy"), "_current", None)
        if os.environ.get("COMPATSHIM") == "strict" or getattr(settings, "mode", "") == "strict":
            raise
        # Parts of compatshim may be damaged, so this says its one sentence with the standard library alone.
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
