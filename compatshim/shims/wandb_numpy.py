"""Give wandb before 0.17.2 the numpy types ``float_`` and ``complex_`` that numpy 2.0 removed.

They stood for ``float64`` and ``complex128``. wandb names them while it is imported, on the module that its own
``get_module`` finds. The replacement of that function finds a copy of numpy that knows the two names.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("wandb.util",)
CHANGES = (
    (
        "get_module",
        "finds numpy as it is, which has no float_ and complex_ since 2.0: AttributeError",
        "finds numpy with these names for float64 and complex128; every other module as it is",
    ),
)
LIMITS = "np.NaN and np.in1d, which the importer of other runs and the confusion matrix of wandb.sklearn say."


def probe(module: ModuleType) -> bool:
    """Whether wandb looks for numpy in this way and finds one without the names."""
    return _lacks(module.get_module("numpy"))


def _lacks(numpy: Any) -> bool:
    return hasattr(numpy, "float64") and not hasattr(numpy, "float_")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A function that finds another numpy."""
    original = module.get_module

    def get_module(name: str, *args: Any, **kwargs: Any) -> Any:
        """Return a module or None."""
        found = original(name, *args, **kwargs)
        if name != "numpy" or not _lacks(found):
            return found
        return guard.copied(found, mark, float_=found.float64, complex_=found.complex128)

    mended = guard.instead(original, get_module)
    mark = mended.__compatshim__
    return [(module, "get_module", mended)]
