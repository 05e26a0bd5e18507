"""What compatshim did in this process, and what it left alone and why."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

REASONS = {
    "": "",
    "mode-observe": "COMPATSHIM=observe looks and does not touch",
    "disabled-by-id": "named in COMPATSHIM_DISABLE",
    "version-unknown": "the installed version could not be judged",
    "probe-negative": "the installed code does not have the fault",
    "shape-unknown": "the installed code has a shape this shim does not know",
    "already-applied": "the same shim already mends it",
    "replaced-since": "other code patched over it since",
    "error": "compatshim failed",
}


class CompatshimWarning(UserWarning):
    """Something known to be bad could not be mended. Every message begins with ``compatshim``."""


class Entry:
    """One line of the ledger."""

    # action: armed, applied, skipped or reverted
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


class Status:
    """The state of compatshim in this process. ``str()`` of it is meant to be read."""

    def __init__(self, mode: str, entries: Tuple[Entry, ...]) -> None:
        self.mode = mode
        self.entries = entries

    @property
    def applied(self) -> Tuple[str, ...]:
        """Ids of the advisories whose shim is in place now."""
        return tuple(dict.fromkeys(entry.advisory for entry in self.entries if entry.action == "applied"))

    def __str__(self) -> str:
        if not self.entries:
            return f"compatshim ({self.mode}): nothing to do here."
        return "\n".join([f"compatshim ({self.mode}):", *(f"  {entry}" for entry in self.entries)])


_entries: List[Entry] = []
_warned: List[str] = []


def mode() -> str:
    """``off``, ``observe``, ``apply`` or ``strict``, from the environment variable COMPATSHIM."""
    value = os.environ.get("COMPATSHIM") or "apply"
    if value in ("off", "observe", "apply", "strict"):
        return value
    warn(f"COMPATSHIM={value!r} is not one of off, observe, apply, strict; taken as apply.")
    return "apply"


def disabled(advisory: str) -> bool:
    """Whether COMPATSHIM_DISABLE names the advisory (ids separated by commas; ``*`` for all)."""
    names = [name.strip() for name in os.environ.get("COMPATSHIM_DISABLE", "").split(",")]
    return "*" in names or advisory in map(str.upper, names)


def record(entry: Entry) -> None:
    """Note what happened to one shim and module; the newest word on them replaces an older one."""
    key = (entry.advisory, entry.shim, entry.module)
    for position, known in enumerate(_entries):
        if (known.advisory, known.shim, known.module) == key:
            _entries[position] = entry
            return
    _entries.append(entry)


def entries() -> Tuple[Entry, ...]:
    """The ledger as it is now."""
    return tuple(_entries)


def status() -> Status:
    """What compatshim applied, armed and left alone in this process, and why."""
    return Status(mode(), entries())


def inform(message: str) -> None:
    """Tell the log (level INFO) that a shim was applied."""
    import logging

    try:
        logging.getLogger("compatshim").info("compatshim %s", message)
    except Exception:  # a handler of the user's that fails
        pass


def warn(message: str, cause: str = "") -> None:
    """Warn once per cause (or message), on the first rank of a distributed job only, without ever raising."""
    if (cause or message) in _warned or not _first_rank():
        return
    _warned.append(cause or message)
    text = f"compatshim {message}"
    import warnings

    try:
        warnings.warn(text, CompatshimWarning, stacklevel=_outside())
    except Exception:  # `-W error`: the user's import comes first
        try:
            sys.stderr.write(text + "\n")
        except Exception:  # a program without a console
            pass


def _outside() -> int:
    """The stack level of the first frame that is not ours, seen from the caller: the user's import."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  inspect costs more than a notice is worth
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "compatshim":
        level, frame = level + 1, frame.f_back
    return level


def _first_rank() -> bool:
    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        rank = os.environ.get(name)
        if rank is not None:
            return rank in ("", "0")
    return True
