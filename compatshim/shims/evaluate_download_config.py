"""Give the ``DownloadConfig`` of datasets 3 the two attributes that evaluate 0.4.1 and 0.4.2 read.

``cached_path`` reads ``use_auth_token`` and ``ignore_url_params``; datasets 3.0 removed both. Since 2.14 it calls
the first one ``token`` itself.
"""

from __future__ import annotations

import operator

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("datasets.download.download_config",)
CHANGES = (
    (
        "DownloadConfig.use_auth_token",
        "is missing, and evaluate reads it: AttributeError",
        "is another name of token",
    ),
    (
        "DownloadConfig.ignore_url_params",
        "is missing, and evaluate reads it: AttributeError",
        "is False, as it was by default",
    ),
)
LIMITS = "The class still does not take the two as arguments: use token, as datasets has wanted since 2.14."


def probe(module: ModuleType) -> bool:
    """Whether the old name does not give the token."""
    return getattr(module.DownloadConfig(token="t"), "use_auth_token", None) != "t"  # noqa: S106  no password


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The old name, and what else is missing."""
    config = module.DownloadConfig

    def missing(self: Any) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute 'use_auth_token'")

    token = property(guard.instead(missing, operator.attrgetter("token")))
    others = [] if hasattr(config, "ignore_url_params") else [(config, "ignore_url_params", False)]
    return [(config, "use_auth_token", token), *others]
