"""Give datasets before 2.4 the alias ``np.object`` that numpy 1.24 removed.

It stood for the built-in ``object``. The replacement gives the modules that say it a numpy of their own that knows
it.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("datasets.formatting.formatting", "datasets.features.features")
CHANGES = (
    (
        "np",
        "is numpy, which has no attribute object since 1.24: AttributeError",
        "is numpy with object, the built-in class, for this module's code only",
    ),
)
LIMITS = "The formatters for torch, tensorflow and jax, which say np.object too."


def probe(module: ModuleType) -> bool:
    """Whether numpy lacks the alias and a function or method of this module takes it."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    own += [value for kind in own if isinstance(kind, type) for value in vars(kind).values()]
    return not hasattr(module.np, "object") and any(map(_takes_object, own))


def _takes_object(function: Any) -> bool:
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    inner = [constant for constant in getattr(code, "co_consts", ()) if hasattr(constant, "co_names")]
    return {"np", "object"} <= {name for one in (code, *inner) for name in getattr(one, "co_names", ())}


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A copy of the module numpy, for this module only."""
    return [(module, "np", guard.copied(module.np, guard.Mark(), object=object))]
