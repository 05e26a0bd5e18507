"""The files with which other repositories run compatshim: hooks, an action of GitHub's, a component of GitLab's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import yaml

ROOT = Path(__file__).parent.parent
HOOKS, ACTION, COMPONENT = (
    ROOT / ".pre-commit-hooks.yaml",
    ROOT / "action.yml",
    ROOT / "templates" / "compatshim.yml",
)

GOOD, BAD = "typer\nclick\n", "typer==0.12.5\nclick==8.3.0\n"
"""Requirements without and with a known-bad combination."""
FOUND = "CSA-2026-0027"
"""What is found in the latter, besides notes."""


def hooks() -> Dict[str, Dict[str, Any]]:
    """The hooks by id."""
    return {one["id"]: one for one in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))}


def action() -> Dict[str, Any]:
    """The action."""
    found: Dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return found


def component() -> Tuple[Dict[str, Any], str]:
    """What the component asks for, and the text of what it then is."""
    head, _, body = COMPONENT.read_text(encoding="utf-8").partition("\n---\n")
    return yaml.safe_load(head)["spec"]["inputs"], body
