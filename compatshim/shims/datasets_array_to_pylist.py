"""Let arrays of datasets' own types take the argument that pyarrow 20 passes to ``to_pylist``.

``ArrayExtensionArray.to_pylist`` takes no arguments, and pyarrow 20 and later call it with ``maps_as_pydicts``.
There are no maps in such an array: datasets 3.6 takes the argument and leaves it.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("datasets.features.features",)
CHANGES = (
    (
        "ArrayExtensionArray.to_pylist",
        "takes no argument, and pyarrow 20 and later pass maps_as_pydicts: TypeError",
        "takes maps_as_pydicts, which says nothing about arrays",
    ),
)
LIMITS = "Nothing else of pyarrow 20 and later is looked at."


def probe(module: ModuleType) -> bool:
    """Whether pyarrow's own ``to_pylist`` has the argument and the method of datasets has not."""
    if "maps_as_pydicts" in inspect.signature(module.ArrayExtensionArray.to_pylist).parameters:
        return False
    # pyarrow's methods tell of their arguments in the first line of their documentation only.
    return "maps_as_pydicts" in (module.pa.Array.to_pylist.__doc__ or "")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The method with the argument."""
    array = module.ArrayExtensionArray
    return [(array, "to_pylist", guard.before(array.to_pylist, without_maps))]


def without_maps(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of ``to_pylist()``, less what is said of maps."""
    kwargs.pop("maps_as_pydicts", None)
    return args, kwargs
