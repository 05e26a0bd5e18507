"""Give urllib3 2 the module ``contrib.appengine`` that requests-toolbelt before 1.0 imports.

It is for Google App Engine, whose URLFetch it uses. Anywhere else its ``AppEngineManager`` raised
``AppEnginePlatformError`` as soon as one was made; this is all that the replacement does.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("urllib3.contrib",)
CHANGES = (
    (
        "appengine",
        "is missing, and requests-toolbelt before 1.0 imports it: ImportError",
        "is a module whose AppEngineManager says that there is no URLFetch, as it did outside of App Engine",
    ),
)
LIMITS = (
    "App Engine itself. urllib3.contrib.appengine is an attribute only: an import of it by its whole name fails as "
    "before."
)


def probe(module: ModuleType) -> bool:
    """Whether the package is without it."""
    return not hasattr(module, "appengine") and importlib.util.find_spec(f"{module.__name__}.appengine") is None


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The module, as far as it was of use outside of App Engine."""
    base = importlib.import_module("urllib3.exceptions").HTTPError

    class AppEnginePlatformError(base):  # type: ignore[misc, valid-type]  # a class that is known at run time
        """There is no URLFetch."""

    class AppEngineManager:
        """What can be made in App Engine only."""

        def __init__(self, *_: Any, **__: Any) -> None:
            raise AppEnginePlatformError("URLFetch is not available in this environment.")

    appengine: Any = type(sys)("urllib3.contrib.appengine")
    appengine.AppEnginePlatformError, appengine.AppEngineManager = AppEnginePlatformError, AppEngineManager
    appengine.__compatshim__ = guard.Mark()
    return [(module, "appengine", appengine)]
