"""Let huggingface_hub 1.4 lock with a filelock that takes no ``mode``.

``WeakFileLock`` passes ``mode=0o664``; filelock before 3.10.0 has no such parameter and follows the umask.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Tuple

MODULES = ("huggingface_hub.utils._fixes",)
CHANGES = (
    (
        "FileLock",
        "is filelock's class, which before 3.10 takes no mode: WeakFileLock, and with it every download, raises "
        "TypeError",
        "is a subclass for this module alone that takes the mode and leaves it to the umask, as that filelock does",
    ),
)
LIMITS = "The lock files do not get the mode 0664 that huggingface_hub asks for; they follow the umask."


def probe(module: ModuleType) -> bool:
    """Whether ``WeakFileLock`` names a mode that the installed lock does not take."""
    function = inspect.unwrap(module.WeakFileLock)
    names = {name for group in function.__code__.co_consts if isinstance(group, tuple) for name in group}
    return "mode" in names and "mode" not in inspect.signature(module.FileLock.__init__).parameters


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A lock class for this module that accepts the mode and leaves it to the umask."""
    original = module.FileLock

    class FileLock(original):  # type: ignore[misc, valid-type]
        """The installed lock, with a ``mode`` that is not used."""

        __init__ = guard.before(original.__init__, without_mode)

    FileLock.__qualname__ = original.__qualname__
    return [(module, "FileLock", FileLock)]


def without_mode(*args: Any, **kwargs: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """The arguments of ``FileLock()``, less the mode."""
    kwargs.pop("mode", None)
    return args, kwargs
