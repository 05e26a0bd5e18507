"""What the ``.pth`` file of ``python -m compatshim enable`` imports: compatshim, and once more when that was early.

Python reads such files while it still makes its module search path. Site directories that come later (those of the
system, for a virtual environment that sees them) hold distributions that the first look could not find. The last
thing Python does with the whole path is to import ``sitecustomize``; that is the moment for a second look.
"""

from __future__ import annotations

import sys

import compatshim


class Late:
    """Finds nothing; goes away when ``sitecustomize`` is looked for."""

    def __init__(self) -> None:
        self.path = list(sys.path)

    def find_spec(self, fullname: str, *_: object, **__: object) -> None:
        """None, always."""
        try:
            if fullname == "sitecustomize" and self in sys.meta_path:
                sys.meta_path.remove(self)
                if sys.path != self.path:
                    compatshim._start()  # noqa: SLF001  our own
        except Exception as error:
            sys.meta_path[:] = [one for one in sys.meta_path if one is not self]  # what follows is an import
            from compatshim.startup import guard

            guard.failed("no second look at the search path", error)


sys.meta_path.insert(0, Late())
