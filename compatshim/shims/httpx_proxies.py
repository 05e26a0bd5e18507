"""Let openai before 1.55.3 and anthropic before 0.40 make their clients with httpx 0.28.

Both pass ``proxies`` to httpx, None unless the user has set it, and httpx 0.28.0 does not take it any more. The
replacement leaves None out, which was the default of httpx, and passes one proxy for everything on as ``proxy``, as
httpx calls it since 0.26.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("openai._base_client", "anthropic._base_client")
CHANGES = (
    (
        "SyncHttpxClientWrapper.__init__",
        "is that of httpx.Client, which does not take proxies: TypeError",
        "leaves out proxies=None, and passes one proxy on as proxy",
    ),
    ("AsyncHttpxClientWrapper.__init__", "is that of httpx.AsyncClient", "is mended in the same way"),
    (
        "httpx",
        "is httpx, whose Client and AsyncClient the oldest releases make directly: TypeError",
        "is httpx with two clients that are mended in the same way, for this module's code only",
    ),
)
LIMITS = (
    "A dictionary of proxies, or one given to httpx itself or to DefaultHttpxClient: these raise the TypeError of "
    "httpx as before."
)

_CLIENTS = (("SyncHttpxClientWrapper", "Client"), ("AsyncHttpxClientWrapper", "AsyncClient"))


def probe(module: ModuleType) -> bool:
    """Whether a client is made with ``proxies=``, which the installed httpx does not take."""
    groups = [names for names in module.SyncAPIClient.__init__.__code__.co_consts if isinstance(names, tuple)]
    # The module's own base class takes it, too: that call has max_retries beside it.
    passed = any("proxies" in names and "max_retries" not in names for names in groups)
    return passed and "proxies" not in inspect.signature(module.httpx.Client.__init__).parameters


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The first methods of the module's own clients; where it has none, a copy of httpx for this module only."""
    if hasattr(module, _CLIENTS[0][0]):
        owners = [getattr(module, name) for name, _ in _CLIENTS]
        return [(owner, "__init__", guard.before(owner.__init__, spoken)) for owner in owners]
    mark = guard.Mark()
    clients = {name: _client(getattr(module.httpx, name), mark) for _, name in _CLIENTS}
    return [(module, "httpx", guard.copied(module.httpx, mark, **clients))]


def _client(original: Any, mark: guard.Mark) -> Any:
    methods = {"__init__": guard.before(original.__init__, spoken, mark), "__module__": original.__module__}
    return type(original.__name__, (original,), methods)


def spoken(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of a client as httpx 0.28 spells them; a proxy for each scheme it cannot be told."""
    if not kwargs.get("proxies"):
        kwargs.pop("proxies", None)
    elif not isinstance(kwargs["proxies"], dict):
        kwargs["proxy"] = kwargs.pop("proxies")
    return args, kwargs
