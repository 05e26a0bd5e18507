"""Apply a shim to a module and take it back: probe, replace the smallest thing, keep the original.

A shim is a module below :mod:`compatshim.shims` with three names:

``MODULES``
    the modules it mends, as Python imports them;
``probe(module)``
    whether this module really has the fault (behaviour or signature, never a version);
``replacements(module)``
    the (owner, attribute, new value) triples that mend it.
"""

from __future__ import annotations

import sys

from compatshim.startup import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List

_ABSENT = object()


class Patch:
    """One replaced attribute."""

    def __init__(self, entry: ledger.Entry, owner: Any, attribute: str, new: Any) -> None:
        self.entry = entry
        self.owner = owner
        self.attribute = attribute
        self.new = new
        # The raw value of the owner itself: not bound, and not what a base class says.
        self.original = vars(owner).get(attribute, _ABSENT)

    def apply(self) -> None:
        """Put the new value in place, marked with the advisory's id."""
        function = getattr(self.new, "__func__", None) or getattr(self.new, "fget", None) or self.new
        try:
            function.__compatshim__ = self.entry.advisory
        except (AttributeError, TypeError):
            pass  # a mark is a courtesy to whoever debugs
        setattr(self.owner, self.attribute, self.new)

    @property
    def in_place(self) -> bool:
        """Whether the attribute is still ours."""
        return vars(self.owner).get(self.attribute, _ABSENT) is self.new

    def revert(self) -> None:
        """Put the original back."""
        if self.original is _ABSENT:
            delattr(self.owner, self.attribute)
        else:
            setattr(self.owner, self.attribute, self.original)


_patches: List[Patch] = []


def act(advisory: str, shim: str, module: ModuleType) -> None:
    """Probe ``module`` and mend it; whatever goes wrong is recorded and said once, and the module stays as it was.

    Under ``COMPATSHIM=strict`` the error is raised instead.
    """
    entry = ledger.Entry(advisory, shim, module.__name__, "skipped", "error")
    done: List[Patch] = []
    try:
        if any(
            patch.in_place
            for patch in _patches
            if patch.entry.shim == shim and patch.entry.module == module.__name__
        ):
            entry.action, entry.reason = "applied", "already-applied"
        else:
            name = f"compatshim.shims.{shim}"
            __import__(name)
            code = sys.modules[name]
            if _probe(code, module, entry):
                for owner, attribute, new in code.replacements(module):
                    patch = Patch(entry, owner, attribute, new)
                    patch.apply()
                    done.append(patch)
                _patches.extend(done)
                entry.action, entry.reason = "applied", ""
                ledger.inform(f"{advisory}: applied {shim} to {module.__name__}")
    except Exception as error:
        for patch in reversed(done):
            patch.revert()
        entry.action, entry.detail = "skipped", f"{type(error).__name__}: {error}"
    ledger.record(entry)
    if entry.action == "skipped" and entry.reason in ("error", "shape-unknown"):
        message = f"{advisory}: {module.__name__} was not mended: {ledger.REASONS[entry.reason]}"
        if ledger.mode() == "strict":
            raise RuntimeError(f"compatshim {message} ({entry.detail})")
        ledger.warn(f"{message} ({entry.detail}). `python -m compatshim explain {advisory}` has other remedies.")


def _probe(code: Any, module: ModuleType, entry: ledger.Entry) -> bool:
    """The shim's verdict; what it cannot recognise is left alone and recorded as such."""
    try:
        faulty: bool = code.probe(module)
    except Exception as error:
        entry.reason, entry.detail = "shape-unknown", f"{type(error).__name__}: {error}"
        return False
    if not faulty:
        entry.reason = "probe-negative"
    return faulty


def revert() -> None:
    """Undo every shim of this process that nobody has patched over since, and stop mending later imports."""
    from compatshim.startup import finder

    finder.remove()
    for patch in reversed(_patches):
        entry = patch.entry
        if patch.in_place:
            patch.revert()
            entry.action, entry.reason = "reverted", ""
        else:
            entry.reason = "replaced-since"
        ledger.record(entry)
    _patches.clear()
