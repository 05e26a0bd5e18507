"""Give MarkupSafe 2.1 and later the name ``soft_unicode`` that Jinja2 before 3.0 imports.

MarkupSafe 2.0 renamed the function ``soft_str`` and kept the old name, which did the same.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("markupsafe",)
CHANGES = (
    (
        "soft_unicode",
        "is missing, and Jinja2 before 3.0 imports it: ImportError",
        "is soft_str, the same function under its new name",
    ),
)
LIMITS = "What else Jinja2 before 3.0 lacks: its blocks of {% trans %} and its sandbox are not looked at."


def probe(module: ModuleType) -> bool:
    """Whether the old name is missing and the new one is there."""
    return not hasattr(module, "soft_unicode") and hasattr(module, "soft_str")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The function under its old name."""
    return [(module, "soft_unicode", guard.before(module.soft_str, same))]


def same(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments as they are."""
    return args, kwargs
