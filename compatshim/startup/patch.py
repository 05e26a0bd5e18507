"""Apply a shim to a module and take it back: probe, replace the smallest thing, keep the original.

A shim is a module below :mod:`compatshim.shims` with these names:

``MODULES``
    the modules it mends, as Python imports them;
``CHANGES``, ``LIMITS``
    what it replaces, as (attribute path within the module, behaviour before, behaviour after), and what it does not
    mend: the words of docs/shims.md;
``probe(module)``
    whether this module really has the fault (behaviour or signature, never a version);
``replacements(module)``
    the (owner, attribute, new value) triples that mend it.
"""

from __future__ import annotations

import sys

from compatshim.startup import ledger, policy
from compatshim.startup.notices import inform, warn

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

    def is_older(self, other: Patch) -> bool:
        """Whether the same shim put the other patch where this one was."""
        same = self.owner is other.owner and self.attribute == other.attribute
        return same and self.entry.shim == other.entry.shim

    def mends(self, shim: str, module: str) -> bool:
        """Whether this is how the shim mends the module now."""
        return (self.entry.shim, self.entry.module) == (shim, module) and self.in_place

    def revert(self) -> None:
        """Put the original back."""
        if self.original is _ABSENT:
            delattr(self.owner, self.attribute)
        else:
            setattr(self.owner, self.attribute, self.original)


_patches: List[Patch] = []


def act(advisory: str, shim: str, name: str, module: ModuleType) -> None:
    """Probe the module imported as ``name`` and mend it.

    Whatever goes wrong is recorded and said once, and the module stays as it was. Under ``COMPATSHIM=strict`` the
    error is raised instead.
    """
    entry = ledger.Entry(advisory, shim, name, "skipped", reason="error")
    done: List[Patch] = []
    try:
        place = f"compatshim.shims.{shim}"
        __import__(place)
        code = sys.modules[place]
        # The probe comes first: after a reload the module has new classes, and our patches are on the old ones.
        if _probe(code, module, entry):
            for owner, attribute, new in code.replacements(module):
                patch = Patch(entry, owner, attribute, new)
                patch.apply()
                done.append(patch)
            # A reload undoes what is in the module itself.
            _patches[:] = [*(patch for patch in _patches if not any(map(patch.is_older, done))), *done]
            entry.action, entry.reason = "applied", ""
            inform(f"{advisory}: applied {shim} to {name}")
        elif entry.reason == "probe-negative" and any(patch.mends(shim, name) for patch in _patches):
            entry.action, entry.reason = "applied", "already-applied"
    except Exception as error:
        for patch in reversed(done):
            patch.revert()
        entry.action, entry.detail = "skipped", f"{type(error).__name__}: {error}"
    ledger.record(entry)
    if entry.action == "skipped" and entry.reason in ("error", "shape-unknown"):
        message = f"{advisory}: {name} was not mended: {ledger.REASONS[entry.reason]}"
        if policy.current().mode == "strict":
            raise RuntimeError(f"compatshim {message} ({entry.detail})")
        advice = f"`python -m compatshim explain {advisory}` has other remedies."
        # A broken compatshim breaks several shims the same way; a shape is unknown once per module.
        cause = entry.detail if entry.reason == "error" else f"{shim} {name}"
        warn(f"{message} ({entry.detail}). {advice}", cause)


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
    kept = set()
    for patch in reversed(_patches):
        if patch.in_place:
            patch.revert()
        else:
            kept.add((patch.entry.shim, patch.entry.module))
    _patches.clear()
    # One patch may serve several advisories, and what was only armed will not be applied any more.
    for entry in ledger.entries():
        if (entry.shim, entry.module) in kept:
            action, reason = entry.action, "replaced-since"
        elif entry.action in ("applied", "armed"):
            action, reason = "reverted", ""
        else:
            continue
        ledger.record(ledger.Entry(entry.advisory, entry.shim, entry.module, action, reason=reason))
