"""What runs inside the user's process: scan, match, and hook only what matched.

Standard library only. A healthy environment imports this module, :mod:`.installed`, :mod:`.match` and the
generated index, and nothing stays behind; everything else is loaded after a match.
"""

from __future__ import annotations

import os


def arm() -> None:
    """Look at what is installed and hook the modules of every matching shim.

    Does nothing under ``COMPATSHIM=off``. Errors are the caller's to report: see ``compatshim.__init__``.
    """
    if os.environ.get("COMPATSHIM") == "off":
        return
    from compatshim.startup import _index, installed, match

    versions = installed.scan(_index.TERMS)
    armed, unknown = match.armed(versions)
    if not armed and not unknown:
        return
    from compatshim.startup import hook

    hook.install(armed, unknown)
