"""Show the founding story in a throwaway environment: it fails, then works with the import, then with the pin."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from compatshim import cli

if TYPE_CHECKING:
    from rich.status import Status

    from compatshim.kb.environments import Completed, Environment

HELP = "show the founding story: it fails, then works with the import, then with the pin"

STORY = ("evaluate==0.4.1", "datasets==2.16.0", "filelock==3.13.1")
PERIOD = ("pyarrow<20", "numpy<2", "pandas<3", "huggingface_hub<0.26")

PROGRAM = r"""import multiprocessing, os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
import datasets, evaluate


class Count(evaluate.Metric):
    def _info(self):
        number = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(self, predictions, references):
        return {"n": len(predictions), "s": sum(p == r for p, r in zip(predictions, references))}


def work(rank, folder):
    metric = Count(num_process=3, process_id=rank, experiment_id="exp", cache_dir=folder, timeout=5)
    try:
        metric.add_batch(predictions=[1, 2, 3], references=[1, 2, 3])
        answer = str(metric.compute())
    except ValueError as error:
        answer = f"{type(error).__name__}: {error}".replace(folder, "…")
    sys.stdout.write(f"rank {rank}: {answer}\n")
    sys.exit("Error" in answer)


if __name__ == "__main__":
    os.umask(0)
    ranks = [multiprocessing.Process(target=work, args=(rank, sys.argv[1])) for rank in range(3)]
    [rank.start() for rank in ranks]
    [rank.join() for rank in ranks]
    files = [os.path.join(where, name) for where, _, names in os.walk(sys.argv[1]) for name in names]
    modes = sorted({f"{os.stat(path).st_mode & 0o777:04o}" for path in files if path.endswith(".lock")})
    print("lock files:", ", ".join(modes) or "none")
    sys.exit(any(rank.exitcode for rank in ranks))
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--python", metavar="PATH", help="the Python to build the environment with (3.8 to 3.12)")


def run(args: argparse.Namespace) -> int:
    """Run the story; exit status 0 when it fails without compatshim and works with it, 1 otherwise."""
    from rich.console import Console

    folder = tempfile.mkdtemp(prefix="compatshim-demo-")
    console = Console(stderr=True, highlight=False)
    try:
        with console.status("starting") as status:
            return _Story(folder, args.python or _python(), status).tell()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _python() -> str:
    """The newest interpreter that the story's versions install on."""
    from compatshim.kb import environments

    if sys.version_info < (3, 13):
        return sys.executable
    found = environments.interpreters()
    for version in ("3.12", "3.11", "3.10", "3.9", "3.8"):
        if version in found:
            return found[version]
    raise cli.UsageError("demo: the story needs a Python from 3.8 to 3.12; name one with --python")


class _Story:
    def __init__(self, folder: str, python: str, status: Status) -> None:
        self.folder = folder
        self.python = python
        self.status = status
        self.started = time.monotonic()

    def tell(self) -> int:
        from compatshim.kb import environments

        self.status.update(f"building a throwaway environment: {' '.join(STORY)}")
        spec = environments.Spec(self.python, (*STORY, *PERIOD))
        environment = environments.build(spec, cache=os.path.join(self.folder, "environments"))
        plain = self._write("program.py", PROGRAM)
        mended = self._write("mended.py", f"import compatshim\n{PROGRAM}")

        self.status.update("running three processes on one metric; they give up after 5 s")
        bad = self._act("1. The program as it is", environment, plain)
        self.status.update("running it with `import compatshim`")
        shimmed = self._act("2. With `import compatshim` as its first line", environment, mended, shim=True)
        self.status.update("python -m compatshim pin > constraints.txt")
        constraints = self._pin(environment)
        self.status.update("pip install -c constraints.txt evaluate datasets filelock")
        environments.install(environment, ["-c", constraints, "evaluate", "datasets", "filelock"])
        self.status.update("running the unchanged program")
        good = self._act("4. The unchanged program, after `pip install -c constraints.txt …`", environment, plain)

        worked = [done.returncode == 0 for done in (bad, shimmed, good)]
        self._print(
            f"{'As promised' if worked == [False, True, True] else 'NOT as promised'}: "
            f"it should be bad, good, good; it was {', '.join('good' if one else 'bad' for one in worked)} "
            f"({time.monotonic() - self.started:.0f} s)."
        )
        return cli.CLEAN if worked == [False, True, True] else cli.FINDINGS

    def _pin(self, environment: Environment) -> str:
        """The constraint file for the environment, made as a user makes it."""
        command = [sys.executable, "-m", "compatshim", "pin", "--python", environment.python]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise cli.UsageError(f"demo: `compatshim pin` found no answer: {done.stderr.strip()}")
        self._print("3. python -m compatshim pin > constraints.txt", *done.stdout.splitlines()[2:])
        return self._write("constraints.txt", done.stdout)

    def _write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _act(self, title: str, environment: Environment, program: str, *, shim: bool = False) -> Completed:
        from compatshim.kb import environments

        cache = tempfile.mkdtemp(dir=self.folder)
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        done = environments.run(environment, program, cache, timeout=120, shim_from=package if shim else None)
        self._print(title, *(done.stdout or done.stderr).splitlines())
        return done

    @staticmethod
    def _print(title: str, *lines: str) -> None:
        sys.stdout.write("\n".join([title, *(f"     {line}" for line in lines)]) + "\n")
        sys.stdout.flush()
