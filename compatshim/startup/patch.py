"""Apply a shim to a module and take it back: probe, replace the smallest thing, keep the original.

A shim is a module below :mod:`compatshim.shims`, or in a package that the user allows (:mod:`.foreign`), with these
names:

``MODULES``
    the modules it mends, as Python imports them;
``CHANGES``, ``LIMITS``
    what it replaces, as (attribute path within the module, behaviour before, behaviour after), and what it does not
    mend: the words of docs/shims.md;
``probe(module)``
    whether this module really has the fault (behaviour or signature, never a version);
``replacements(module)``
    the (owner, attribute, new value) triples that mend it, made with :mod:`.guard`.

Who did ``from module import name`` before compatshim came is reached through the attributes of a class and the
globals of a module; not through a name of the module that is replaced, nor in a class that a reload left behind.
"""

from __future__ import annotations

import sys

from compatshim.startup import guard, ledger, policy
from compatshim.startup.notices import inform, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Set

_ABSENT = object()


class Patch:
    """One replaced attribute."""

    def __init__(self, entry: ledger.Entry, module: ModuleType, owner: Any, attribute: str, new: Any) -> None:
        self.entry = entry
        self.module = module
        # Each execution of a module, a reload too, has a spec of its own.
        self.spec = getattr(module, "__spec__", None)
        self.owner = owner
        self.attribute = attribute
        self.new = new
        # The raw value of the owner itself: not bound, and not what a base class says.
        self.original = self.value

    @property
    def value(self) -> Any:
        """What the owner itself has there now."""
        return vars(self.owner).get(self.attribute, _ABSENT)

    @property
    def in_place(self) -> bool:
        """Whether the attribute is still ours."""
        return self.value is self.new

    @property
    def current(self) -> bool:
        """Whether the module has not been executed again since."""
        return getattr(self.module, "__spec__", None) is self.spec

    def apply(self) -> None:
        """Put the new value in place, marked with the advisory's id."""
        for mark in guard.marks(self.new):
            mark.active, mark.advisory, mark.shim = True, self.entry.advisory, self.entry.shim
        setattr(self.owner, self.attribute, self.new)

    def revert(self) -> None:
        """Put the original back, unless somebody has patched over ours: then ours does what the original does."""
        for mark in guard.marks(self.new):
            mark.active = False
        if not self.in_place:
            return
        if self.original is _ABSENT:
            delattr(self.owner, self.attribute)
        else:
            setattr(self.owner, self.attribute, self.original)

    def mends(self, shim: str, name: str, module: ModuleType) -> bool:
        """Whether this is how the shim mends the module now, be it below what others put on top."""
        if (self.entry.shim, self.entry.module) != (shim, name) or self.module is not module:
            return False
        return self.current or (self.owner is module and self.in_place)


_patches: List[Patch] = []
_said: Set[str] = set()


def act(advisory: str, shim: str, name: str, module: ModuleType) -> None:
    """Probe the module imported as ``name`` and mend it.

    Whatever goes wrong is recorded and said once, and the module stays as it was. Under ``COMPATSHIM=strict`` the
    error is raised instead.
    """
    entry = ledger.Entry(advisory, shim, name, "skipped", reason="error")
    try:
        _mend(entry, module)
    except Exception as error:
        entry.action, entry.reason, entry.detail = "skipped", "error", guard.describe(error)
    if entry.reason == "":
        inform(f"{advisory}: applied {shim} to {name}")
    ledger.record(entry)
    if entry.action == "skipped" and entry.reason in ("error", "shape-unknown"):
        message = f"{advisory}: {name} was not mended: {ledger.REASONS[entry.reason]}"
        if policy.current().mode == "strict":
            raise RuntimeError(f"compatshim {message} ({entry.detail})")
        advice = f"`python -m compatshim explain {advisory}` has other remedies."
        # Once per cause, which may break several shims the same way, and once per module; the ledger has them all.
        causes = {entry.detail, f"{shim} {name}"}
        if not _said & causes:
            warn(f"{message} ({entry.detail}). {advice}", entry.detail)
        _said.update(causes)


def _mend(entry: ledger.Entry, module: ModuleType) -> None:
    """Load the shim, ask its probe, apply it; the entry says how that ended."""
    place = _place(entry.shim)
    __import__(place)
    code = sys.modules[place]
    if any(patch.mends(entry.shim, entry.module, module) for patch in _patches):
        entry.action, entry.reason = "applied", "already-applied"
    elif _probe(code, module, entry):
        patches = [Patch(entry, module, *triple) for triple in code.replacements(module)]
        # Another copy of compatshim (somebody emptied sys.modules) may have been here.
        if any(guard.standing(patch.value, entry.shim) for patch in patches):
            entry.action, entry.reason = "applied", "already-applied"
        else:
            _apply(patches)
            entry.action, entry.reason = "applied", ""


def _place(shim: str) -> str:
    """The module of a shim. Code of another catalog runs only while the user allows its package."""
    if "." not in shim:
        return f"compatshim.shims.{shim}"
    from compatshim.startup import foreign

    if shim.partition(".")[0] not in foreign.allowed():
        raise PermissionError(f"{foreign.VARIABLE} does not name the package of {shim}")
    return shim


def _apply(patches: List[Patch]) -> None:
    """All or none, even when the user interrupts."""
    try:
        for patch in patches:
            patch.apply()
        _patches.extend(patches)
    except BaseException:
        _patches[:] = [patch for patch in _patches if patch not in patches]
        for patch in reversed(patches):
            patch.revert()
        raise


def _probe(code: Any, module: ModuleType, entry: ledger.Entry) -> bool:
    """The shim's verdict; what it cannot recognise is left alone and recorded as such."""
    try:
        faulty: bool = code.probe(module)
    except Exception as error:
        entry.reason, entry.detail = "shape-unknown", guard.describe(error)
        return False
    if not faulty:
        entry.reason = "probe-negative"
    return faulty


def revert() -> None:
    """Undo every shim of this process, and stop mending later imports.

    What others have patched over since stays as they made it; our code below theirs does what the original does.
    """
    from compatshim.startup import finder

    finder.remove()
    covered = set()
    for patch in reversed(_patches):
        if patch.current and not patch.in_place:
            covered.add((patch.entry.shim, patch.entry.module))
        patch.revert()
    _patches.clear()
    # One patch may serve several advisories, and what was only armed will not be applied any more.
    for entry in ledger.entries():
        if entry.action in ("applied", "armed"):
            reason = "replaced-since" if (entry.shim, entry.module) in covered else ""
            ledger.record(ledger.Entry(entry.advisory, entry.shim, entry.module, "reverted", reason=reason))
