"""What users of ``mypy --strict`` can write: checked as a part of this repository, and on the installed package.

Nothing here is run. A line that mypy must refuse says so, and fails the check when mypy does not.
"""

from __future__ import annotations

import json
import warnings
from typing import Any, Dict, Tuple

import compatshim
from compatshim import CompatshimWarning, Entry, Status, revert, status

version: str = compatshim.__version__
state: Status = compatshim.status()
mode: str = state.mode
sources: Tuple[str, str] = (state.mode_source, state.disable_source)
disabled: Tuple[str, ...] = state.disable
applied: Tuple[str, ...] = state.applied
entries: Tuple[Entry, ...] = state.entries
data: Dict[str, Any] = state.as_dict()


def shown(entry: Entry) -> str:
    fields: Tuple[str, ...] = (entry.advisory, entry.shim, entry.module, entry.action, entry.reason, entry.detail)
    plain: Dict[str, str] = entry.as_dict()
    return f"{entry} {fields} {json.dumps(plain)} {status()}"


def main() -> None:
    warnings.simplefilter("error", CompatshimWarning)
    revert()
    compatshim.revert(1)  # type: ignore[call-arg]
    compatshim.nothing()  # type: ignore[operator]
    state.entries.append(1)  # type: ignore[attr-defined]
    number: int = state.mode  # type: ignore[assignment]
    del number
