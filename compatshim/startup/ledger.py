"""What compatshim did in this process, and what it left alone and why."""

from __future__ import annotations

import os

from compatshim.startup.notices import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple

REASONS = {
    "": "",
    "mode-off": "switched off",
    "mode-observe": "the mode observe looks and does not touch",
    "disabled-by-id": "its id is disabled",
    "setting-ignored": "a setting that cannot be used",
    "version-unknown": "the installed version could not be judged",
    "probe-negative": "the installed code does not have the fault",
    "shape-unknown": "the installed code has a shape this shim does not know",
    "not-allowed": "it is another catalog's, and its package is not among COMPATSHIM_SHIMS",
    "catalog-clash": "another catalog has it",
    "already-applied": "the same shim already mends it",
    "replaced-since": "other code patched over it since",
    "error": "compatshim failed",
}


class Entry:
    """One line of the ledger: what was done about one advisory in one module.

    ``action`` is ``armed`` (the module is not imported yet), ``applied``, ``skipped`` or ``reverted``; ``reason``
    is a key of :data:`REASONS`. An entry about a project or a setting has neither advisory nor shim, and its
    ``module`` names that.
    """

    __slots__ = ("action", "advisory", "detail", "module", "reason", "shim")

    def __init__(
        self, advisory: str, shim: str, module: str, action: str, *, reason: str = "", detail: str = ""
    ) -> None:
        self.advisory = advisory
        self.shim = shim
        self.module = module
        self.action = action
        self.reason = reason
        self.detail = detail

    def as_dict(self) -> Dict[str, str]:
        """The entry as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        line = f"{self.action}: {self.module}"
        if self.advisory:
            line = f"{self.advisory} {self.action}: {self.shim} on {self.module}"
        why = "; ".join(part for part in (REASONS.get(self.reason, self.reason), self.detail) if part)
        return f"{line} ({why})" if why else line


_entries: Dict[Tuple[str, str, str], Entry] = {}


def record(entry: Entry) -> None:
    """Note what happened to one shim and module; the newest word on them replaces an older one."""
    key = (entry.advisory, entry.shim, entry.module)
    known = _entries.get(key)
    _entries[key] = entry
    if os.environ.get("COMPATSHIM_LOG"):
        try:
            if known is None or known.as_dict() != entry.as_dict():
                from compatshim.startup import joblog

                joblog.append(entry)
        except Exception as error:
            from compatshim.startup import guard

            warn(f"COMPATSHIM_LOG: nothing is written ({guard.describe(error)}).", "COMPATSHIM_LOG")


def entries() -> Tuple[Entry, ...]:
    """The ledger as it is now."""
    return tuple(_entries.values())
