"""Let imagefolder and audiofolder read ``metadata.csv`` with pandas 3.

The builders want ``file_name`` to be of Arrow's type ``string``. pandas 3 reads text into its own type ``str``,
which becomes ``large_string``. The replacement makes that text objects before it goes to Arrow, as it was with
pandas 2; it is the same text.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("datasets.packaged_modules.folder_based_builder.folder_based_builder",)
CHANGES = (
    (
        "pa",
        "is pyarrow, whose Table.from_pandas makes text of pandas 3 large_string, which the builder refuses",
        "is pyarrow with a Table.from_pandas that makes it string, for this module's code only",
    ),
)
LIMITS = "Text in other data that pandas 3 reads stays large_string."


def probe(module: ModuleType) -> bool:
    """Whether text from pandas becomes ``large_string`` and the builders know ``string`` alone."""
    arrow = module.pa.Table.from_pandas(module.pd.DataFrame({"file_name": ["x"]}))
    large = module.pa.types.is_large_string(arrow.schema.field("file_name").type)
    return bool(large) and not any(
        "large_string" in constants for constants in map(_constants, vars(module.FolderBasedBuilder).values())
    )


def _constants(function: Any) -> Tuple[Any, ...]:
    code = getattr(getattr(function, "__func__", function), "__code__", function)
    constants = tuple(getattr(code, "co_consts", ()))
    return (*constants, *(inner for one in constants if hasattr(one, "co_consts") for inner in _constants(one)))


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A copy of the module pyarrow, for this module only."""
    table = module.pa.Table

    class Table(table):  # type: ignore[misc, valid-type]  # a class that is known at run time
        """The installed class, with text from pandas as before."""

        from_pandas = staticmethod(guard.before(table.from_pandas, as_objects))

    Table.__qualname__ = table.__qualname__
    (mark,) = guard.marks(vars(Table)["from_pandas"])
    return [(module, "pa", guard.copied(module.pa, mark, Table=Table))]


def as_objects(frame: Any, *args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of ``from_pandas()``, with the frame's text as objects."""
    text = [name for name, kind in frame.dtypes.items() if str(kind) == "str"]
    return (frame.astype(dict.fromkeys(text, object)), *args), kwargs
