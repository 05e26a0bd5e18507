"""Put shims where they belong: at once for modules already imported, on import for the others."""

from __future__ import annotations

import sys

from compatshim.startup import finder, guard, ledger, patch, policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Dict, Iterable, List, Mapping, Tuple


def install(armed: Iterable[Tuple[str, str, Tuple[str, ...]]], unknown: Mapping[str, Tuple[str, ...]]) -> None:
    """Arm the given (advisory, shim, modules) triples and record versions that nobody could judge."""
    settings = policy.settle()
    for project, versions in unknown.items():
        shown = ", ".join(versions) or "no version"
        ledger.record(ledger.Entry("", "", project, "skipped", reason="version-unknown", detail=shown))
    wanted = _wanted(armed, settings)
    if not wanted:
        return

    def mend(name: str, module: ModuleType) -> None:
        for advisory, shim in wanted[name]:
            patch.act(advisory, shim, name, module)

    strict = settings.mode == "strict"
    finder.install(frozenset(wanted), mend, strict=strict)
    for name in wanted:
        try:
            present = sys.modules.get(name)
            # A module that is being imported right now is not whole yet; a reload of it would be caught.
            if present is not None and not getattr(getattr(present, "__spec__", None), "_initializing", False):
                mend(name, present)
        except Exception as error:  # noqa: PERF203  one module's trouble is not the next one's
            if strict:
                raise
            guard.failed(f"{name} stays as it is", error)


def _wanted(
    armed: Iterable[Tuple[str, str, Tuple[str, ...]]], settings: policy.Settings
) -> Dict[str, List[Tuple[str, str]]]:
    """Advisories and shims by module, less what the user switched off; the ledger knows of all."""
    wanted: Dict[str, List[Tuple[str, str]]] = {}
    for advisory, shim, modules in armed:
        off = f"mode-{settings.mode}" if settings.mode in ("off", "observe") else ""
        if settings.disables(advisory):
            off = "disabled-by-id"
        for module in modules:
            ledger.record(ledger.Entry(advisory, shim, module, "skipped" if off else "armed", reason=off))
            if not off:
                wanted.setdefault(module, []).append((advisory, shim))
    return wanted
