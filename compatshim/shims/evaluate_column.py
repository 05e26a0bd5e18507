"""Hand metrics lists, as they were written for, where datasets 4 gives lazy columns.

Before evaluate 0.4.5, ``EvaluationModule.compute`` hands ``self.data[name]`` to the metric. Up to datasets 3 that
is a list (or an array); datasets 4 returns a ``Column``, and ``predictions == references`` of two columns is plain
``False``. The replacement gives evaluate data sets whose columns are read whole, as evaluate 0.4.5 reads them.
"""

from __future__ import annotations

import dis
import importlib

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("evaluate.module",)
CHANGES = (
    (
        "Dataset",
        "is the class of datasets, whose columns are lazy objects, which metrics take for one value",
        "is a class of evaluate's own data, whose columns are read whole when they are asked for",
    ),
)
LIMITS = "Columns that a program takes from a dataset itself stay lazy."


def probe(module: ModuleType) -> bool:
    """Whether columns are lazy, and ``compute`` hands them on as they are."""
    lazy = hasattr(importlib.import_module("datasets.arrow_dataset"), "Column")
    return lazy and not _slices(module.EvaluationModule.compute.__code__)


def _slices(code: Any) -> bool:
    """Whether code, or a comprehension inside it, makes the slice ``[:]``."""
    # Before Python 3.14 it is an instruction of its own, later a constant.
    made = {"BUILD_SLICE", "BINARY_SLICE"}
    return any(
        isinstance(constant, slice) or (hasattr(constant, "co_code") and _slices(constant))
        for constant in code.co_consts
    ) or any(instruction.opname in made for instruction in dis.get_instructions(code))


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A class for the data of evaluate alone."""
    original = module.Dataset
    column = importlib.import_module("datasets.arrow_dataset").Column

    def whole(self: Any, key: Any) -> Any:
        """What is asked for; a column from its first row to its last."""
        value = original.__getitem__(self, key)
        return value[:] if isinstance(value, column) else value

    class Dataset(original):  # type: ignore[misc, valid-type]  # a class that is known at run time
        """The installed class, with columns that are read at once."""

        __getitem__ = guard.instead(original.__getitem__, whole)

    Dataset.__qualname__ = original.__qualname__
    return [(module, "Dataset", Dataset)]
