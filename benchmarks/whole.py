"""Whole programs on a real environment of some 300 distributions, with what people would compare them to."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Dict, List, Mapping, NamedTuple, Sequence

from benchmarks import place, timing
from compatshim import constraints

ANSWER = ("evaluate==0.4.6", "filelock==3.30.0")
"""What ``pin`` gives for the environment; a change of the catalog or the snapshot may change it."""

NOTHING, BARE = "python -c pass", "python -I -S -c pass"
COMPILE, UV_CHECK, PIP_CHECK = "uv pip compile --offline", "uv pip check", "pip check"


class Row(NamedTuple):
    """One program against another."""

    name: str
    ratios: timing.Spread
    peer: str
    target: str


def run(rounds: int) -> List[Row]:
    """Time all programs in turn. Raises :exc:`AssertionError` when one of them does not do its work."""
    here = place.prepare(ANSWER)
    commands = _commands(here)
    _prove(here, commands)
    found = timing.programs(commands, rounds)
    rows = [
        Row(name, timing.ratio(found[name], found[peer]), peer, target)
        for name in commands
        for command, peer, target in _TARGETS
        if name.startswith(command)
    ]
    return rows + [
        Row(name, timing.ratio(found[name], found[NOTHING]), NOTHING, "") for name in (COMPILE, UV_CHECK, PIP_CHECK)
    ]


_TARGETS = (
    ("pin", COMPILE, "1.00, better 0.50"),
    ("check", UV_CHECK, "1.00"),
    ("check", PIP_CHECK, "0.04"),
    ("pin", NOTHING, ""),
    ("check", NOTHING, ""),
    ("python", UV_CHECK, ""),
)


def _commands(here: place.Place) -> Dict[str, Sequence[str]]:
    inside = here.inside.python
    ours = (inside, "-m", "compatshim")
    beside = (here.outside.python, "-m", "compatshim")
    return {
        NOTHING: (here.outside.python, "-c", "pass"),
        BARE: (here.outside.python, "-I", "-S", "-c", "pass"),
        "pin, from inside": (*ours, "pin"),
        "pin, from another environment": (*beside, "pin", "--python", inside),
        "check, from inside": (*ours, "check"),
        "check, from another environment": (*beside, "check", "--python", inside),
        "check, after the cure, from inside": (here.cured.python, "-m", "compatshim", "check"),
        COMPILE: place.compile_command(here),
        UV_CHECK: (*place.uv(), "pip", "check", "--python", inside),
        PIP_CHECK: (inside, "-m", "pip", "--disable-pip-version-check", "check"),
    }


def _prove(here: place.Place, commands: Mapping[str, Sequence[str]]) -> None:
    """Every program does what it is timed for."""
    number = len(here.pins)
    answers = set()
    for name, command in commands.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = f"{name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        if name.startswith("pin"):
            made = constraints.parse(done.stdout)
            pinned = tuple(f"{line.project}{line.specifier}" for line in made.lines if "==" in line.specifier)
            assert (done.returncode, pinned) == (0, ANSWER), said
            answers.add(made.lines)
        elif name.startswith("check"):
            checked = re.search(r"(\d+) distributions checked, 0 not checked\.\n$", done.stdout)
            assert done.returncode == (0 if "cure" in name else 1), said
            assert checked is not None, said
            assert int(checked[1]) >= number, said
        elif name == COMPILE:
            assert done.returncode == 0, said
            assert set(here.pins) <= {line.split(" ")[0] for line in place.compiled()}, said
        else:
            assert done.returncode in (0, 1), said
    assert len(answers) == 1, answers
    sys.stderr.write(f"{number} distributions; all programs do their work\n")
