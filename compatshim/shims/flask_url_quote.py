"""Give Werkzeug 3 the function ``url_quote`` that Flask 2.0 to 2.2.3 import.

Flask calls it for one thing, the anchor of ``url_for``. The replacement is ``urllib.parse.quote``, which is told to
leave the characters that Werkzeug 2.3 leaves; Flask 2.2.4 does the same.
"""

from __future__ import annotations

import urllib.parse

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("werkzeug.urls",)
CHANGES = (
    (
        "url_quote",
        "is missing, and Flask before 2.2.4 imports it: ImportError",
        "is urllib.parse.quote, and quotes as Werkzeug 2.3 did",
    ),
)
LIMITS = (
    "The argument unsafe, with which Flask does not call it. Flask's test client also wants url_parse and, with "
    "Werkzeug 3.1, werkzeug.__version__."
)


def probe(module: ModuleType) -> bool:
    """Whether the function is missing."""
    return not hasattr(module, "url_quote")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The function, as far as Flask calls it."""
    return [(module, "url_quote", guard.before(urllib.parse.quote, spoken))]


def spoken(
    string: Any, charset: str = "utf-8", errors: str = "strict", safe: str = "/:"
) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of ``urllib.parse.quote`` for those of ``url_quote``."""
    safe += "$!'()*+,;"  # those delimiters of RFC 3986 that delimit nothing within a query
    if isinstance(string, (bytes, bytearray)):
        return (bytes(string), safe), {}
    return (str(string), safe, charset, errors), {}
