"""An answer as a piece of ``pyproject.toml`` for uv: constraints, and overrides for what is declared otherwise."""

from __future__ import annotations

import json
from itertools import groupby
from typing import List, Sequence

from compatshim.constraints import ConstraintFile, Override


def render(made: ConstraintFile, overrides: Sequence[Override]) -> str:
    """The ``[tool.uv]`` table. Overrides are scoped to the project whose requirement is not met."""
    lines = [*made.header, "[tool.uv]", *_array("constraint-dependencies", _constraints(made))]
    if overrides:
        lines += ["# Read by uv 0.11.25 and later.", *_array("override-dependencies", _overrides(overrides))]
    return "".join(f"{line}\n" for line in lines)


def _constraints(made: ConstraintFile) -> List[str]:
    return [f"{_string(line.requirement)},  # {line.comment}" for line in made.lines]


def _overrides(overrides: Sequence[Override]) -> List[str]:
    found = []
    for (project, version), several in groupby(overrides, key=lambda one: (one.project, one.version)):
        group = list(several)
        instead = ", ".join(_string(text) for text in dict.fromkeys(one.replacement for one in group))
        scope = f"{{ name = {_string(project)}, version = {_string(str(version))} }}"
        declared = " and ".join(one.requirement for one in group)
        found.append(f"{{ package = {scope}, dependencies = [{instead}] }},  # declares {declared}")
    return found


def _array(name: str, items: Sequence[str]) -> List[str]:
    return [f"{name} = [", *(f"    {item}" for item in items), "]"] if items else [f"{name} = []"]


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # every JSON string is a TOML string
