"""How many instructions a program takes, counted by valgrind: the same in every run, however busy the machine is.

What the kernel does for the program is not counted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from typing import Sequence

VALGRIND = shutil.which("valgrind")


def count(command: Sequence[str]) -> int:
    """Instructions of a program and of those that it starts or becomes, after a run that warms up its caches.

    Raises :exc:`RuntimeError` when the program fails, with or without valgrind.
    """
    assert VALGRIND is not None
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COMPATSHIM"))}
    variables["PYTHONHASHSEED"] = "0"  # the order of sets, and with it the number of comparisons
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        counted = (
            VALGRIND, "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes",
            f"--cachegrind-out-file={folder}/%p", f"--log-file={folder}/%p.log",
        )  # fmt: skip
        for words in (command, [*counted, *command]):
            done = subprocess.run(
                words,
                env=variables,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        found = 0
        for name in os.listdir(folder):
            if name.endswith(".log"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text = file.read()
                found += sum(int(number.replace(",", "")) for number in re.findall(r"I\s+refs:\s+([\d,]+)", text))
    return found
