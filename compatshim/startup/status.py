"""The state of compatshim in this process, for people and for programs."""

from __future__ import annotations

from compatshim.startup import ledger, policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple


class Status:
    """What is allowed here and what was done. ``str()`` of it is meant to be read.

    ``mode`` is off, observe, apply or strict; ``disable`` holds the ids that are switched off (``*``: all); the
    ``*_source`` say who decided that: ``default``, the name of an environment variable, or a file.
    """

    __slots__ = ("disable", "disable_source", "entries", "mode", "mode_source")

    def __init__(self, settings: policy.Settings, entries: Tuple[ledger.Entry, ...]) -> None:
        self.mode = settings.mode
        self.mode_source = settings.mode_source
        self.disable = settings.disable
        self.disable_source = settings.disable_source
        self.entries = entries

    @property
    def applied(self) -> Tuple[str, ...]:
        """Ids of the advisories whose shim is in place now."""
        return tuple(dict.fromkeys(entry.advisory for entry in self.entries if entry.action == "applied"))

    def as_dict(self) -> Dict[str, Any]:
        """All of it as plain data: strings, and lists and dictionaries of them."""
        return {
            "mode": self.mode,
            "mode_source": self.mode_source,
            "disable": list(self.disable),
            "disable_source": self.disable_source,
            "applied": list(self.applied),
            "entries": [entry.as_dict() for entry in self.entries],
        }

    def __str__(self) -> str:
        head = f"compatshim ({self.mode}"
        if self.mode_source != policy.DEFAULT:
            head += f" by {self.mode_source}"
        if self.disable:
            head += f"; without {', '.join(self.disable)} by {self.disable_source}"
        if not self.entries:
            return f"{head}): {'switched off' if self.mode == 'off' else 'nothing to do here'}."
        return "\n".join([f"{head}):", *(f"  {entry}" for entry in self.entries)])


def status() -> Status:
    """What compatshim applied, armed and left alone in this process, and why."""
    settings = policy.current()  # may add to the ledger
    if settings.mode != "off":
        try:
            from compatshim.startup import foreign

            foreign.note()
        except Exception as error:
            from compatshim.startup import guard

            guard.failed("what other catalogs offer is not listed", error)
    return Status(settings, ledger.entries())
