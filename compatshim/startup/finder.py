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

    def __init__(
        self, names: FrozenSet[str], callback: Callable[[str, ModuleType], None], *, strict: bool = False
    ) -> None:
        self.names = names
        self.callback = callback
        self.strict = strict
        self._busy: Set[Tuple[int, str]] = set()

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """The spec of the other finders, with a loader that calls back after execution."""
        try:
            if fullname in self.names:
                return self._wrapped(fullname, path, target)
            if sys.meta_path[0] is not self:
                self._to_front()
        except Exception as error:
            _failed(fullname, error)
        return None  # the import system goes on without us

    def _to_front(self) -> None:
        """Come before a finder that was put in front of us: what it finds by itself we should never see."""
        for place, finder in enumerate(sys.meta_path):
            if finder is self:
                # At once, and nothing behind us moves: another thread may be on its way through the list.
                sys.meta_path[: place + 1] = [self, *sys.meta_path[:place]]
                return

    def _wrapped(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType]
    ) -> Optional[ModuleSpec]:
        key = (get_ident(), fullname)
        finders = list(sys.meta_path)  # another thread may change it
        # Another finder asks the import system in turn, or holds on to us after we were removed.
        if key in self._busy or not any(finder is self for finder in finders):
            return None
        self._busy.add(key)
        try:
            spec = _ask(finders, self, fullname, path, target)
            # A loader of the old protocol (load_module) cannot be wrapped this way: left as it is.
            if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = _Loader(fullname, spec.loader, self)  # type: ignore[assignment]  # one in all but name
            return spec
        finally:
            self._busy.discard(key)


def _ask(finders: Sequence[Any], ours: Finder, *arguments: Any) -> Optional[ModuleSpec]:
    """The first spec of the finders behind ours; None when one of them raises."""
    behind = False
    for finder in finders:
        # Those in front of us have been asked; one that asks on its own behalf must not be asked by us again.
        find = getattr(finder, "find_spec", None) if behind else None
        behind = behind or finder is ours
        if find is not None:
            try:
                spec: Optional[ModuleSpec] = find(*arguments)
            except Exception:
                return None  # the import system asks it again, and it speaks for itself
            if spec is not None:
                return spec
    return None


class _Loader:
    """The real loader, followed by the callback."""

    def __init__(self, name: str, loader: Any, finder: Finder) -> None:
        self._name = name
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:  # create_module among them
        return getattr(object.__getattribute__(self, "_loader"), name)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as the real loader does, then call back."""
        try:
            self._step_aside(module)
        except Exception as error:
            _failed(self._name, error)
        self._loader.exec_module(module)
        try:
            self._finder.callback(self._name, module)
        except Exception as error:
            if self._finder.strict:
                raise
            _failed(self._name, error)

    def _step_aside(self, module: ModuleType) -> None:
        """Let the module see its own loader."""
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader


_said: Set[str] = set()


def _failed(name: str, error: Exception) -> None:
    """Say so once, if that is possible: the user's import goes on in any case."""
    try:
        from compatshim.startup import guard

        guard.failed(f"{name} is imported as without compatshim", error)
    except Exception:
        try:
            if not _said and sys.stderr is not None:
                _said.add(name)
                sys.stderr.write(f"compatshim failed at {name}; reinstall compatshim, or set COMPATSHIM=off.\n")
        except Exception:
            pass


def install(names: FrozenSet[str], callback: Callable[[str, ModuleType], None], *, strict: bool = False) -> Finder:
    """Put a finder in front of the others, in place of one that an earlier call installed.

    What the callback raises is said and goes no further, unless ``strict``.
    """
    remove()
    finder = Finder(names, callback, strict=strict)
    sys.meta_path.insert(0, finder)
    return finder


def remove() -> None:
    """Take our finder out again."""
    for finder in list(sys.meta_path):  # in place: other threads may change it, too
        if isinstance(finder, Finder):
            sys.meta_path.remove(finder)
