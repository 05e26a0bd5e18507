"""A meta-path finder that runs a callback after a listed module has been executed, and only then.

It finds nothing itself: it asks the finders behind it, and wraps the loader they give. The module sees its
own loader again before it executes. The finder stays, so that a reload is mended too.
"""

from __future__ import annotations

import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable, FrozenSet, Optional, Sequence, Set, Tuple


class Finder:
    """Answers None at once for every name nobody asked about."""

    def __init__(self, names: FrozenSet[str], callback: Callable[[str, ModuleType], None]) -> None:
        self.names = names
        self.callback = callback
        self._busy: Set[Tuple[int, str]] = set()

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """The spec of the other finders, with a loader that calls back after execution."""
        if fullname not in self.names:
            return None
        key = (get_ident(), fullname)
        finders = list(sys.meta_path)  # another thread may change it
        # Another finder asks the import system in turn, or holds on to us after we were removed.
        if key in self._busy or self not in finders:
            return None
        self._busy.add(key)
        try:
            # Those in front of us have been asked; one that asks on its own behalf must not be asked by us again.
            for finder in finders[finders.index(self) + 1 :]:
                find = getattr(finder, "find_spec", None)
                spec: Optional[ModuleSpec] = None if find is None else find(fullname, path, target)
                if spec is not None:
                    # A loader of the old protocol (load_module) cannot be wrapped this way: left as it is.
                    if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                        spec.loader = _Loader(fullname, spec.loader, self.callback)  # type: ignore[assignment]  # one in all but name
                    return spec
            return None
        finally:
            self._busy.discard(key)


class _Loader:
    """The real loader, followed by the callback."""

    def __init__(self, name: str, loader: Any, callback: Callable[[str, ModuleType], None]) -> None:
        self._name = name
        self._loader = loader
        self._callback = callback

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        create = getattr(self._loader, "create_module", None)
        module: Optional[ModuleType] = None if create is None else create(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._callback(self._name, module)


def install(names: FrozenSet[str], callback: Callable[[str, ModuleType], None]) -> Finder:
    """Put a finder in front of the others, in place of one that an earlier call installed."""
    remove()
    finder = Finder(names, callback)
    sys.meta_path.insert(0, finder)
    return finder


def remove() -> None:
    """Take our finder out again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
