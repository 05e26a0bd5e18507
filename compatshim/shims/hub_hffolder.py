"""Give huggingface_hub 1.0 and later the class ``HfFolder`` that old releases of its users import.

The class kept the user's token. Its one method that datasets, gradio and diffusers call, ``get_token``, is a
function of huggingface_hub today.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("huggingface_hub",)
CHANGES = (
    (
        "HfFolder",
        "is missing, and datasets 2.15.0, gradio before 5.7.1 and diffusers before 0.28 import it: ImportError",
        "is a class whose get_token is huggingface_hub.get_token",
    ),
)
LIMITS = "save_token and delete_token of the class, which none of them calls: use login and logout."


def probe(module: ModuleType) -> bool:
    """Whether the class is missing and there is something to put in its place."""
    return not hasattr(getattr(module, "HfFolder", None), "get_token") and hasattr(module, "get_token")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The class, as far as it only reads."""

    class HfFolder:
        """The token of the user who is logged in."""

        # Called on the class, as a rule, and on an instance.
        get_token = guard.before(module.get_token, nothing)

    return [(module, "HfFolder", HfFolder)]


def nothing(*_: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """No arguments at all."""
    return (), {}
