"""Let datasets make numpy arrays with numpy 2.

``np.array(array, copy=False)`` meant "copy if you must" before numpy 2.0, and means "raise if you must" since. The
replacement gives the formatter a numpy of its own whose ``array`` has the old meaning.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("datasets.formatting.formatting",)
CHANGES = (
    (
        "np",
        "is numpy, whose array(copy=False) raises ValueError when a copy is needed",
        "is numpy with an array(copy=False) that copies when it must, for this module's code only",
    ),
)
LIMITS = "The formatters for torch and jax in datasets before 2.10 say copy=False themselves."


def probe(module: ModuleType) -> bool:
    """Whether the extractor says ``copy=`` to a numpy that takes it at its word."""
    methods = vars(module.NumpyArrowExtractor).values()
    constants = [item for method in methods if hasattr(method, "__code__") for item in method.__code__.co_consts]
    # Among the keywords of a call, or alone in front of ``**kwargs``.
    if not any(item == "copy" or (isinstance(item, tuple) and "copy" in item) for item in constants):
        return False
    try:
        module.np.array([0], copy=False)
    except ValueError:
        return True
    return False


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A copy of the module numpy, for this module only."""
    numpy = module.np

    def copying(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
        """The arguments of ``array()``, with the old meaning of ``copy=False``."""
        return args, {**kwargs, "copy": None} if kwargs.get("copy") is False else kwargs

    array = guard.before(numpy.array, copying)
    return [(module, "np", guard.copied(numpy, array.__compatshim__, array=array))]
