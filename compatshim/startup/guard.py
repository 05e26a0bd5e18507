"""Stand in for other people's functions so that a failure of ours never becomes theirs.

A replacement is made by :func:`before`, :func:`after`, :func:`instead` or :func:`either`. Whatever goes wrong in
our part, the original is called as if compatshim were absent, and one warning says so; what the original raises
passes as it is, and a replacement that was taken back does what the original does, wherever somebody still holds
it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple


class Mark:
    """What a replacement carries as ``__compatshim__``: whose it is, and whether it still acts."""

    # Wrappers that others make copy the reference, so all of them see it go out.
    __slots__ = ("active", "advisory", "shim")

    def __init__(self) -> None:
        self.active = False
        self.advisory = self.shim = ""

    def __str__(self) -> str:
        return self.advisory


def before(
    original: Callable[..., Any],
    adjust: Callable[..., Tuple[Tuple[Any, ...], Dict[str, Any]]],
    shared: Optional[Mark] = None,
) -> Any:
    """``original``, called with the arguments that ``adjust`` makes of those given.

    ``adjust`` returns positional and keyword arguments, and changes nothing. What is replaced together may have a
    ``shared`` mark.
    """
    from functools import wraps  # not before there is something to wrap: it loads five more

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            adjusted = adjust(*args, **kwargs) if mark.active else (args, kwargs)
        except Exception as error:
            ours = error
        else:
            return original(*adjusted[0], **adjusted[1])
        return _without_us(original, args, kwargs, ours)

    mark = call.__compatshim__ = shared or Mark()  # type: ignore[attr-defined]  # functions take any
    return call


def instead(original: Callable[..., Any], function: Callable[..., Any]) -> Any:
    """``function``, with ``original`` to fall back on.

    ``function`` leaves nothing half done when it raises: the original starts from the beginning.
    """
    from functools import wraps  # not before there is something to wrap: it loads five more

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if mark.active:
                return function(*args, **kwargs)
        except Exception as error:
            ours = error
        else:
            return original(*args, **kwargs)
        return _without_us(original, args, kwargs, ours)

    mark = call.__compatshim__ = Mark()  # type: ignore[attr-defined]  # functions take any
    return call


def either(original: Callable[..., Any], choose: Callable[..., Optional[Callable[[], Any]]]) -> Any:
    """``original``, or what ``choose`` gives for the same arguments, called without any.

    ``choose`` changes nothing, and None stands for the original. What it gave speaks for itself: its errors pass
    as they are, for it may have got too far for the original to begin.
    """
    from functools import wraps  # not before there is something to wrap: it loads five more

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            chosen = choose(*args, **kwargs) if mark.active else None
        except Exception as error:
            ours = error
        else:
            return original(*args, **kwargs) if chosen is None else chosen()
        return _without_us(original, args, kwargs, ours)

    mark = call.__compatshim__ = Mark()  # type: ignore[attr-defined]  # functions take any
    return call


def after(original: Callable[..., Any], follow: Callable[..., None]) -> Any:
    """``original``, and when it has returned ``follow``, called with the same arguments."""
    from functools import wraps  # not before there is something to wrap: it loads five more

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        try:
            if mark.active:
                follow(*args, **kwargs)
        except Exception as error:
            _report(original, error, None)
        return result

    mark = call.__compatshim__ = Mark()  # type: ignore[attr-defined]  # functions take any
    return call


def _without_us(original: Callable[..., Any], args: Any, kwargs: Any, ours: Exception) -> Any:
    """Call the original after a failure of ours, outside of any handler: its traceback shows nothing of that."""
    try:
        result = original(*args, **kwargs)
    except BaseException as theirs:
        _report(original, ours, theirs)
        raise
    _report(original, ours, None)
    return result


def _report(original: Any, ours: Exception, theirs: Optional[BaseException]) -> None:
    """Tell of a failure of ours. What the original fails of, too, needs no word from us."""
    try:
        if type(theirs) is not type(ours):
            name = f"{getattr(original, '__module__', '?')}.{getattr(original, '__qualname__', '?')}"
            failed(f"{name} runs without its mend", ours)
    except Exception:
        pass


def copied(module: ModuleType, mark: Mark, **changes: Any) -> Any:
    """A copy of a module in which some names stand for something else, marked as a replacement."""
    mended: Any = type(sys)(module.__name__)
    vars(mended).update(vars(module), **changes)
    mended.__compatshim__ = mark
    return mended


def marks(value: Any) -> List[Mark]:
    """The marks that a replacement carries itself: a function, property, method, or a class with such functions."""
    found: Iterator[Any] = (getattr(part, "__dict__", {}).get("__compatshim__") for part in parts(value))
    # By name: another copy of this module (somebody emptied sys.modules) has a class of its own.
    return [mark for mark in found if type(mark).__name__ == "Mark"]


def parts(value: Any) -> List[Any]:
    """What of a replacement can carry a mark, the thing itself first."""
    if isinstance(value, type):
        return [value, *(own for own in vars(value).values() if callable(own) and not isinstance(own, type))]
    inner = [getattr(value, name, None) for name in ("__func__", "fget", "fset", "fdel")]
    return [item for item in inner if item is not None] or [value]


def standing(value: Any, shim: str) -> bool:
    """Whether a replacement of this shim acts here, be it below wrappers of others."""
    for item in parts(value):
        wrapped, depth = item, 0
        while wrapped is not None and depth < 100:  # noqa: PLR2004  somebody's ring of wrappers
            if any(mark.active and mark.shim == shim for mark in marks(wrapped)):
                return True
            wrapped, depth = getattr(wrapped, "__dict__", {}).get("__wrapped__"), depth + 1
    return False


_said: List[str] = []


def failed(what: str, error: Optional[BaseException]) -> None:
    """Say once that compatshim itself failed, without ever raising: whatever else is broken, even the ledger."""
    try:
        from compatshim.startup import notices

        notices.warn(f"failed: {what} ({describe(error)}).", describe(error))
    except Exception:
        try:
            text = f"compatshim failed: {what} ({describe(error)}).\n"
            if not _said and sys.stderr is not None:
                _said.append(text)
                sys.stderr.write(text)
        except Exception:
            pass


def describe(error: object) -> str:
    """Type and text of an exception, whose ``__str__`` may fail, too."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
