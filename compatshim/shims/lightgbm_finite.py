"""Let lightgbm before 4.6 check its data with scikit-learn 1.8.

The estimators pass ``force_all_finite=False`` to scikit-learn's checks. scikit-learn 1.6 calls the argument
``ensure_all_finite``, with the same values, and 1.8.0 knows that name alone. The replacement passes it under that.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("lightgbm.sklearn",)
CHANGES = (
    (
        "_LGBMCheckXY",
        "is scikit-learn's check_X_y, which does not take force_all_finite: TypeError",
        "is the same check, which is told ensure_all_finite instead",
    ),
    ("_LGBMCheckArray", "is scikit-learn's check_array, likewise", "is mended in the same way"),
)
LIMITS = "What else scikit-learn 1.6 and later ask of an estimator, the tags among it."

_OLD, _NEW = "force_all_finite", "ensure_all_finite"
_NAMES = ("_LGBMCheckXY", "_LGBMCheckArray")


def probe(module: ModuleType) -> bool:
    """Whether an estimator says ``force_all_finite`` to a check that has only ``ensure_all_finite``."""
    codes = [getattr(part, "__code__", None) for part in vars(module.LGBMModel).values()]
    constants = [item for code in codes for item in getattr(code, "co_consts", ())]
    return any(isinstance(item, tuple) and _OLD in item for item in constants) and all(
        _NEW in known and _OLD not in known
        for known in (inspect.signature(getattr(module, name)).parameters for name in _NAMES)
    )


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The two checks, for this module only."""
    return [(module, name, guard.before(getattr(module, name), renamed)) for name in _NAMES]


def renamed(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of a check, with the name that scikit-learn gives one of them today."""
    if _OLD in kwargs:
        kwargs[_NEW] = kwargs.pop(_OLD)
    return args, kwargs
