"""What compatshim reaches: each way of starting Python work, and who is mended by which way of asking for it.

This table is measured cell by cell in ``test_reach.py``, and ``docs/reach.md`` is made of it:
``python -m tests.e2e.reach_page > docs/reach.md``.
"""

from __future__ import annotations

import json
from typing import Dict, List, NamedTuple, Tuple

COLUMNS = ("import", "guard", "run", "enable")
"""Ways to ask for it: the import at the module level of the main script, the import under
``if __name__ == "__main__":``, ``python -m compatshim run``, ``python -m compatshim enable``."""

NOTHING = "nothing"
"""The control: without any of them the worker fails."""

FUNCTION = "function"
"""An import inside the function that is sent to the worker."""

PAIR = ("huggingface_hub==1.4.1", "filelock==3.9.0")
"""CSA-2026-0004: a download takes a lock, and taking it raises TypeError."""

ENVIRONMENTS = {
    "pair": ((), "3.11"),
    "other": ((), "3.12"),
    "workers": (
        (
            "dask==2026.8.0",
            "distributed==2026.8.0",
            "ipykernel==7.4.0",
            "ipython==9.18.1",
            "joblib==1.6.0",
            "nbclient==0.11.0",
            "pytest==9.2.0",
            "pytest-xdist==3.8.0",
            "ray==2.60.0",
        ),
        "3.11",
    ),
    "torch": (("torch==2.13.0+cpu", "numpy<3"), "3.11"),
}
"""What is installed beside the pair, and for which Python."""

NOTES = {
    "main": (
        ("guard",),
        "A process started by spawn or forkserver imports the main script again, under another name: what stands "
        "at its module level happens there, too; what is guarded does not.",
    ),
    "apart": (("import", "guard"), "It is a program of its own; nothing of the main script runs in it."),
    "value": (
        ("import", "guard"),
        "The function is sent by value (cloudpickle); the worker does not import the script that it comes from.",
    ),
    "variable": (("run",), "`run` is handed on by PYTHONPATH, which that process does not get, or ignores."),
    "elsewhere": (("run",), "Workers have the environment of whoever started them; start those under `run`."),
    "site": (
        ("run", "enable"),
        "Without `site` Python reads neither a sitecustomize nor a .pth file; import compatshim in that program.",
    ),
    "other": (("enable",), "`enable` is for one environment; enable it in that one, too."),
    "conftest": (("import",), "In conftest.py; there is no main script, and no guard."),
    "cell": (("import", "guard"), "In a cell of the notebook."),
}
"""The columns that a note is about, and what it says."""

COMMON = """
import os, tempfile
from huggingface_hub.utils import WeakFileLock

def work(*_):
    {inside}
    path = os.path.join(tempfile.mkdtemp(dir=os.environ["REACH"]), "x.lock")
    try:
        with WeakFileLock(path):
            return "mended"
    except TypeError as error:
        if "'mode'" not in str(error):
            raise
        return "broken"

def tell(answer):
    with open(os.path.join(os.environ["REACH"], "answers.txt"), "a") as file:
        file.write(answer + "\\n")
"""

SCRIPT = """{top}
import subprocess, sys
{common}
{defines}
if __name__ == "__main__":
    {guarded}
    {starts}
"""


class Row(NamedTuple):
    """One way to start work."""

    id: str
    title: str
    reached: str
    """A letter for each column: y, n, or - where there is no such thing."""
    starts: str
    """What the main script does under its guard."""
    defines: str = ""
    """What it defines at module level."""
    notes: Tuple[str, ...] = ()
    where: str = "pair"
    """The environment: a key of :data:`ENVIRONMENTS`."""
    command: Tuple[str, ...] = ("main.py",)
    quick: str = ""
    """The cells that are tested every time, by the first letters of their columns; the others are of the matrix."""
    kind: str = "script"
    """What the main script is: script, notebook or tests."""


def _child(method: str) -> str:
    return f"multiprocessing.get_context({method!r}).Process(target=child).start()"


_CHILD = "import multiprocessing\ndef child():\n    tell(work())"
_POOL = "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing"
_JOBLIB = "from joblib import Parallel, delayed"
_RAY = "import ray"
_RAY_INIT = "ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=os.environ['SHORT'])"
_DASK = "from distributed import Client, LocalCluster"
_LOADER = """
import torch.utils.data
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 1
    def __getitem__(self, index):
        return work()
"""
_DASK_COMMANDS = """
def cluster(env):
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "dask"]
    port = address.rpartition(":")[2]
    scheduler = subprocess.Popen([*dask, "scheduler", "--no-dashboard", "--port", port], env=env)
    worker = subprocess.Popen([*dask, "worker", "--no-dashboard", "--nworkers", "1", address], env=env)
    try:
        with Client(address, timeout=60) as client:
            tell(client.submit(work).result(60))
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait(30)

def free_port():
    import socket
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
"""
_RAY_COMMANDS = """
def cluster(env):
    ray_script = os.path.join(os.path.dirname(sys.executable), "ray")
    options = ["--head", "--block", "--node-ip-address=127.0.0.1", "--port=0", "--num-cpus=1", "--temp-dir"]
    head = subprocess.Popen([ray_script, "start", *options, os.environ["SHORT"]], env=env)
    try:
        place = os.path.join(os.environ["SHORT"], "ray_current_cluster")
        while not os.path.exists(place):
            if head.poll() is not None:
                raise SystemExit("ray start ended")
            time.sleep(0.2)
        ray.init(open(place).read().strip(), log_to_driver=False)
        tell(ray.get(ray.remote(work).remote()))
        ray.shutdown()
    finally:
        head.terminate()
        head.wait(30)
"""
_CLEAN = "{name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}"


def _sub(*flags: str, env: str = "None") -> str:
    words = ", ".join(["sys.executable", *map(repr, flags), "'worker.py'"])
    return f"subprocess.run([{words}], env={env}, check=True)"


ROWS: Tuple[Row, ...] = (
    Row("thread", "threads", "yyyy", "with ThreadPoolExecutor(1) as pool: tell(pool.submit(work).result())",
        "from concurrent.futures import ThreadPoolExecutor", quick="i"),
    Row("fork", "multiprocessing, fork", "yyyy", _child("fork"), _CHILD, quick="nigre"),
    Row("spawn", "multiprocessing, spawn", "ynyy", _child("spawn"), _CHILD, ("main",), quick="igre"),
    Row("forkserver", "multiprocessing, forkserver", "ynyy", _child("forkserver"), _CHILD, ("main",), quick="igre"),
    Row("start-method", '`set_start_method("spawn")`, then a Pool', "ynyy",
        "multiprocessing.set_start_method('spawn')\n"
        "    with multiprocessing.Pool(1) as pool: tell(pool.apply(work))",
        "import multiprocessing", ("main",)),
    Row("executor-fork", "ProcessPoolExecutor, fork (the default on Linux before Python 3.14)", "yyyy",
        "with ProcessPoolExecutor(1) as pool: tell(pool.submit(work).result())", _POOL, quick="i"),
    Row("executor-forkserver", "ProcessPoolExecutor, forkserver (the default on Linux from 3.14 on)", "ynyy",
        "with ProcessPoolExecutor(1, multiprocessing.get_context('forkserver')) as pool: "
        "tell(pool.submit(work).result())", _POOL, ("main",)),
    Row("executor-spawn", "ProcessPoolExecutor, spawn (the default on Windows and macOS)", "ynyy",
        "with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool: "
        "tell(pool.submit(work).result())", _POOL, ("main",), quick="ig"),
    Row("subprocess", "subprocess, `sys.executable script.py`", "nnyy", _sub(), "", ("apart",), quick="igre"),
    Row("subprocess-P", "subprocess with `-P`", "nnyy", _sub("-P"), "", ("apart",)),
    Row("subprocess-I", "subprocess with `-I`", "nnny", _sub("-I"), "", ("apart", "variable"), quick="re"),
    Row("subprocess-E", "subprocess with `-E`", "nnny", _sub("-E"), "", ("apart", "variable")),
    Row("subprocess-S", "subprocess with `-S`, which puts site-packages on its path itself", "nnnn", _sub("-S"), "",
        ("apart", "site"), quick="re"),
    Row("subprocess-clean", "subprocess with an environment of its own (`env={}`)", "nnny",
        _sub(env="{'REACH': os.environ['REACH']}"), "", ("apart", "variable")),
    Row("subprocess-other", "subprocess of another environment's Python, without compatshim there", "nnyn",
        "subprocess.run([os.environ['OTHER'], 'worker.py'], check=True)", "", ("apart", "other"), quick="re"),
    Row("loky", "joblib, loky", "nnyy", "tell(Parallel(n_jobs=2)(delayed(work)(n) for n in range(2))[1])", _JOBLIB,
        ("value",), "workers", quick="iref"),
    Row("joblib-multiprocessing", "joblib, multiprocessing (fork)", "yyyy",
        "tell(Parallel(n_jobs=2, backend='multiprocessing')(delayed(work)(n) for n in range(2))[1])", _JOBLIB, (),
        "workers"),
    Row("joblib-threading", "joblib, threading", "yyyy",
        "tell(Parallel(n_jobs=2, backend='threading')(delayed(work)(n) for n in range(2))[1])", _JOBLIB, (),
        "workers"),
    Row("loader-fork", "torch DataLoader workers (fork, the default on Linux)", "yyyy",
        "for item in torch.utils.data.DataLoader(Data(), batch_size=None, num_workers=1): tell(item)", _LOADER, (),
        "torch", quick="i"),
    Row("loader-spawn", "torch DataLoader workers, spawn", "ynyy",
        "for item in torch.utils.data.DataLoader(Data(), batch_size=None, num_workers=1, "
        "multiprocessing_context='spawn'): tell(item)", _LOADER, ("main",), "torch", quick="g"),
    Row("torchrun", "`torchrun script.py`, every rank", "yyyy", "tell(work())", "", (), "torch",
        ("torchrun", "--standalone", "--nproc-per-node=2", "main.py"), quick="nr"),
    Row("ray-task", "Ray task", "nnyy",
        f"{_RAY_INIT}\n    tell(ray.get(ray.remote(work).remote()))", _RAY, ("value",), "workers", quick="i"),
    Row("ray-actor", "Ray actor", "nnyy",
        f"{_RAY_INIT}\n    tell(ray.get(ray.remote(Actor).remote().work.remote()))",
        f"{_RAY}\nclass Actor:\n    def work(self):\n        return work()", ("value",), "workers"),
    Row("ray-elsewhere", "Ray, on a cluster that was started elsewhere", "nnny", f"cluster({_CLEAN})",
        f"{_RAY}, time\n{_RAY_COMMANDS}", ("value", "elsewhere"), "workers"),
    Row("dask-processes", "Dask LocalCluster, processes under nannies", "ynyy",
        "with LocalCluster(1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client: "
        "tell(client.submit(work).result())", _DASK, ("main",), "workers", quick="igr"),
    Row("dask-threads", "Dask LocalCluster, threads (`processes=False`)", "yyyy",
        "with LocalCluster(1, processes=False, dashboard_address=None) as cluster, Client(cluster) as client: "
        "tell(client.submit(work).result())", _DASK, (), "workers"),
    Row("dask-command", "`dask worker` that the program starts", "nnyy",
        "cluster(None)", f"{_DASK}\n{_DASK_COMMANDS}", ("value",), "workers"),
    Row("dask-elsewhere", "`dask worker` that was started elsewhere", "nnny", f"cluster({_CLEAN})",
        f"{_DASK}\n{_DASK_COMMANDS}", ("value", "elsewhere"), "workers"),
    Row("notebook", "Jupyter kernel (`jupyter execute notebook.ipynb`)", "yyyy", "tell(work())", "", ("cell",),
        "workers", ("jupyter", "execute", "main.ipynb"), quick="ir", kind="notebook"),
    Row("nbclient", "Jupyter kernel of a notebook that the program executes (nbclient)", "nnyy",
        "nbclient.NotebookClient(nbformat.read('main.ipynb', 4)).execute()", "import nbclient, nbformat",
        ("apart",), "workers"),
    Row("ipython", "`ipython script.py`", "yyyy", "tell(work())", "", (), "workers", ("ipython", "main.py")),
    Row("pytest", "pytest", "y-yy", "tell(work())", "", ("conftest",), "workers", ("pytest", "-q"), kind="tests"),
    Row("xdist", "pytest-xdist workers", "y-yy", "tell(work())", "", ("conftest",), "workers",
        ("pytest", "-q", "-n", "2"), quick="nir", kind="tests"),
)  # fmt: skip


def cells(row: Row) -> Dict[str, bool]:
    """Whether each way of asking for it reaches the worker; the control and the function's own import included."""
    found = {column: letter == "y" for column, letter in zip(COLUMNS, row.reached) if letter != "-"}
    return {NOTHING: False, **found, **({FUNCTION: True} if "value" in row.notes else {})}


def files(row: Row, column: str) -> Dict[str, str]:
    """The program that asks for compatshim in one way, by file name."""
    top = "import compatshim" if column == "import" else ""
    guarded = "import compatshim" if column == "guard" else "pass"
    common = COMMON.format(inside="import compatshim" if column == FUNCTION else "pass")
    main = SCRIPT.format(top=top, common=common, defines=row.defines, guarded=guarded, starts=row.starts)
    cells = [main] if row.kind == "notebook" else [f"{common}\ntell(work())"]
    made = {
        "main.py": main,
        # Without `site`, what is installed is found by those who put it on their path.
        "worker.py": f"import sys\nif sys.flags.no_site:\n    sys.path.append({PURELIB})\n{common}\ntell(work())\n",
        "main.ipynb": json.dumps(_notebook(cells)),
    }
    if row.kind == "tests":
        made = {"conftest.py": top, "test_work.py": f"{common}\ndef test_work():\n    tell(work())\n"}
    return made


PURELIB = "__import__('os').environ['PURELIB']"


def _notebook(cells: List[str]) -> Dict[str, object]:
    return {
        "cells": [
            {"cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {}, "outputs": [],
             "source": source}
            for number, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip
