"""Let evaluate 0.4.3 to 0.4.5 find the user's token in a huggingface_hub that has no ``HfFolder``.

``get_authentication_headers_for_url`` asks ``hf_api.HfFolder`` for the token; huggingface_hub 1.0 removed that
class. The replacement asks ``huggingface_hub.get_token``, which is what the class did.
"""

from __future__ import annotations

import importlib
import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("evaluate.utils.file_utils",)
CHANGES = (
    (
        "get_authentication_headers_for_url",
        "reads the token from hf_api.HfFolder, which huggingface_hub 1.0 does not have: AttributeError",
        "reads the token with huggingface_hub.get_token",
    ),
)
LIMITS = "Other code that asks huggingface_hub for HfFolder; the class itself does not come back."


def probe(module: ModuleType) -> bool:
    """Whether the headers want ``HfFolder`` without being asked to, and the installed hub has none."""
    hf_api = importlib.import_module("huggingface_hub.hf_api")
    code = inspect.unwrap(module.get_authentication_headers_for_url).__code__
    # Until 0.4.2 the argument has another name, and only those who pass it get as far as the class.
    return "HfFolder" in code.co_names and "token" in code.co_varnames[:2] and not hasattr(hf_api, "HfFolder")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The function of evaluate 0.4.5 with another source of the token."""

    def get_authentication_headers_for_url(url: str, token: Any = None) -> Dict[str, str]:
        """Handle the HF authentication."""
        if token is False or not url.startswith(module.config.HF_ENDPOINT):
            return {}
        found = token if isinstance(token, str) else importlib.import_module("huggingface_hub").get_token()
        return {"authorization": f"Bearer {found}"} if found else {}

    original = module.get_authentication_headers_for_url
    mended = guard.instead(original, get_authentication_headers_for_url)
    return [(module, "get_authentication_headers_for_url", mended)]
