"""``docs/reach.md``, made of the table that is measured: ``python -m tests.e2e.reach_page > docs/reach.md``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

from tests.e2e import reach
from tests.e2e.reach import COLUMNS, NOTES, ROWS, Row

PATH = Path(__file__).resolve().parents[2] / "docs" / "reach.md"

HEAD = """\
# What is reached

A program does its work in more processes than one. This page says in which of them compatshim mends anything, for
each way to ask for it:

- **import**: `import compatshim` at the module level of the main script, before or after the libraries it is about;
- **guarded**: the same line under `if __name__ == "__main__":`;
- **run**: `python -m compatshim run script.py ...`, and nothing in the program;
- **enable**: `python -m compatshim enable` once for the environment, and nothing in the program.

Each cell is measured by the tests: a real worker takes the lock of huggingface_hub 1.4.1 on filelock 3.9.0
(CSA-2026-0004), which raises TypeError unless compatshim is at work in that very process. Without any of the four
it fails in every row.

"""

TAIL = """\

Where functions are sent by value (joblib's loky, Ray, Dask), the import reaches the worker when it stands *inside*
the function, or at the top of a module of yours that the function comes from; the tests measure the former, too.

## run

    python -m compatshim run [--mode MODE] [--disable CSA-...] [--] script.py ...
    python -m compatshim run -m module ...
    python -m compatshim run torchrun --nproc-per-node 2 script.py
    python -m compatshim run python -X dev script.py

The command puts a folder of compatshim's in front of PYTHONPATH and becomes the program, so that signals, streams
and the exit status are the program's own. Every Python started from there on, by whatever way that hands on the
environment, finds a `sitecustomize` in that folder. It takes the folder off `sys.path` again, arms compatshim, and
imports the `sitecustomize` that Python would have found without it; that one's errors are told as ever. PYTHONPATH
keeps the folder for processes further down. It does so in Pythons of other environments, too, which get compatshim
alone and nothing that is installed beside it; a Python older than 3.8 starts as if nothing were there.

Not reached are processes that ignore PYTHONPATH (`-I`, `-E`), do without `site` (`-S`), or get an environment of
their own.

## enable

    python -m compatshim enable [--python PATH]
    python -m compatshim disable [--python PATH]

`enable` writes `compatshim_enabled.pth` beside the installed libraries of one environment. It is a single guarded
line: without compatshim, or with one that is broken, Python starts in silence. For Python 3.15 and later it writes
`compatshim_enabled.start` (PEP 829) and the small module that it names instead; that version could not be run when
this was written, and is tested by its rules. The command then starts that Python once, and takes back what it wrote
unless compatshim is there. It refuses where it may not write, where a file of that name is somebody else's, where
compatshim is not installed, and where the system's package manager has claimed the environment (PEP 668;
`--break-system-packages` insists). `disable` removes what `enable` wrote and nothing else; `status` names the file;
`COMPATSHIM=off` overrules it. Nothing of all this is in the wheel: an installation enables nothing.

Not reached is `python -S`.

## Measured with

Linux, Python 3.11 (the other environment: 3.12); {versions}. Not measured: Windows and macOS, where fork does not
exist or is not the default, and clusters of more than one machine.
"""

MARKS = {"y": "yes", "n": "no", "-": "-"}


def render() -> str:
    """The whole page."""
    order = list(dict.fromkeys(note for row in ROWS for note in row.notes))
    lines = ["| work that is started by | import | guarded | run | enable |", "|---|---|---|---|---|"]
    lines += [f"| {row.title} | {' | '.join(_marks(row, order))} |" for row in ROWS]
    notes = [f"{number}. {NOTES[note][1]}" for number, note in enumerate(order, start=1)]
    versions = ", ".join(
        requirement.replace("==", " ")
        for extra, _ in reach.ENVIRONMENTS.values()
        for requirement in extra
        if "==" in requirement
    )
    return HEAD + "\n".join([*lines, "", *notes, ""]) + TAIL.format(versions=versions)


def _marks(row: Row, order: List[str]) -> List[str]:
    """The cells of a row, with the numbers of their notes."""
    cells = []
    for column, letter in zip(COLUMNS, row.reached):
        about = [order.index(note) + 1 for note in row.notes if column in NOTES[note][0]]
        numbers = ", ".join(map(str, about)) if letter != "-" else ""
        cells.append(MARKS[letter] + (f" <sup>{numbers}</sup>" if numbers else ""))
    return cells


if __name__ == "__main__":
    sys.stdout.write(render())
