"""Leave out the options that the installed ``pandas.read_csv`` does not take.

datasets passes every option of its ``CsvConfig`` on. ``mangle_dupe_cols`` (default True) went in pandas 2.0,
``verbose`` (default False) in 3.0. An option that still has its default says nothing, and is left out; one that the
user has set is passed on, so that pandas says what it thinks of it.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, FrozenSet, List, Tuple

MODULES = ("datasets.packaged_modules.csv.csv",)
CHANGES = (
    (
        "CsvConfig.pd_read_csv_kwargs",
        "holds options that pandas.read_csv does not take (mangle_dupe_cols, verbose): TypeError",
        "holds them only when the user has set them",
    ),
    (
        "CsvConfig.read_csv_kwargs",
        "is what datasets before 2.5 calls it",
        "is mended in the same way where it is there",
    ),
)
LIMITS = "Text that pandas 3 reads becomes large_string in Arrow where pandas 2 made it string."


# Until datasets 2.5 the property has the first name.
_NAMES = ("read_csv_kwargs", "pd_read_csv_kwargs")


def _property(module: ModuleType) -> str:
    """The name of the property that holds the options."""
    (name,) = (name for name in _NAMES if isinstance(vars(module.CsvConfig).get(name), property))
    return name


def _unknown(module: ModuleType) -> FrozenSet[str]:
    """Options with their defaults that ``read_csv`` would not take."""
    known = inspect.signature(module.pd.read_csv).parameters
    return frozenset(name for name in getattr(module.CsvConfig(), _property(module)) if name not in known)


def probe(module: ModuleType) -> bool:
    """Whether a plain ``CsvConfig()`` names an option that ``read_csv`` does not take."""
    return bool(_unknown(module))


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A property that leaves those options out while they have their defaults."""
    name, unknown, default = _property(module), _unknown(module), module.CsvConfig()
    original = vars(module.CsvConfig)[name].fget

    def options(self: Any) -> Dict[str, Any]:
        """The options for ``pandas.read_csv``."""
        return {
            option: value
            for option, value in original(self).items()
            if option not in unknown or value != getattr(default, option)
        }

    return [(module.CsvConfig, name, property(guard.instead(original, options)))]
