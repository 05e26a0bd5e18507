"""``clean`` beside real releases of filelock and evaluate, alive and killed, and beside what they say of caches."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set, Tuple

import pytest

from compatshim import cli
from compatshim.caches import where
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests.e2e import support

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who uses a file: not run"),
]

LOCKING = os.path.join(support.PROGRAMS, "locking.py")
ROUNDS = os.path.join(support.PROGRAMS, "rounds.py")
FILELOCKS = ("3.9.0", "3.13.1", "3.20.3", "3.25.2", "3.29.7", "4.2.11")
# 3.13.2 to 3.20.3 do not survive that a lock file is unlinked when they are about to open it.
UNLINKABLE = ("3.9.0", "3.13.1", "3.25.2", "3.29.7", "4.2.11")
OFTEN = ("3.9.0", "3.20.3", "4.2.11")
"""These are run every time, the others by who has the time."""
CLEAN = "import sys; from compatshim.__main__ import main; sys.exit(main(['clean', *sys.argv[1:]]))"
LOOP = """
import contextlib, io, os, sys
from compatshim import cli
from compatshim.caches import locks
locks._GRACE = 0.003  # as often as can be
times, out = 0, io.StringIO()
while os.getppid() == int(sys.argv[1]) and not os.path.exists(sys.argv[2]):
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = cli.main(["clean", "--yes", "--older-than", "0s", "--cache", *sys.argv[3:]])
    times += 1
    if code not in (0, 1):
        sys.exit(out.getvalue())
text = out.getvalue()
print(times, sum(int(line.split()[0]) for line in text.splitlines() if " removed, " in line), text.count("in use"))
"""


def selected(versions: Sequence[str]) -> List[object]:
    """Versions as parameters."""
    return [pytest.param(one, marks=() if one in OFTEN else pytest.mark.matrix) for one in versions]


def with_filelock(version: str) -> Environment:
    return environments.build(Spec(support.python("3.11"), (f"filelock=={version}",)))


def clean(folder: Path, *options: str) -> Tuple[int, str]:
    """The command, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CLEAN, "--yes", "--older-than", "0s", "--cache", str(folder), *options],
        capture_output=True, text=True, timeout=60, check=False, env=variables(),
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


def variables() -> Dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "NO_COLOR": "1"}


@contextlib.contextmanager
def started(environment: Environment, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A program, with the processes that it starts; all are killed in the end."""
    with subprocess.Popen(
        [environment.python, "-I", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def cleaning(folder: Path, *options: str) -> Iterator[List[int]]:
    """The command again and again; afterwards, how often it ran, removed and let be."""
    stop = folder.with_name("stop")
    counted: List[int] = []
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(os.getpid()), str(stop), str(folder), *options],
        stdout=subprocess.PIPE, text=True, env=variables(),
    )  # fmt: skip
    try:
        yield counted
        stop.touch()
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        counted += map(int, out.split())
    finally:
        process.kill()
        process.wait()


def metrics(tmp_path: Path) -> Path:
    """A folder of evaluate's within a cache, with data of a run of one process."""
    folder = tmp_path / "hf" / "metrics" / "sum" / "default"
    folder.mkdir(parents=True)
    (folder / "e-1-0.arrow").write_text("data")
    return folder


@pytest.mark.parametrize("version", selected(FILELOCKS))
class TestHolders:
    @pytest.mark.parametrize("kind", ["FileLock", "SoftFileLock"])
    def test_alive_and_killed(self, version: str, kind: str, tmp_path: Path) -> None:
        folder = metrics(tmp_path)
        data, lock = folder / "e-1-0.arrow", folder / "e-1-0.arrow.lock"
        with started(with_filelock(version), LOCKING, "hold", str(lock), kind) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            code, out = clean(tmp_path / "hf", "--lock-files")
            assert code == cli.CLEAN
            assert data.exists()
            assert lock.exists()
            assert "left" in out
            process.kill()
            process.wait()
            assert lock.exists()
            code, out = clean(tmp_path / "hf")
        assert code == cli.CLEAN
        assert not data.exists(), out
        # Only what is a lock as long as it exists goes by itself; before 3.22 it said of whom it was.
        assert lock.exists() is not (kind == "SoftFileLock" and lock_says_who(version))

    def test_mutual_exclusion(self, version: str, tmp_path: Path) -> None:
        """Three processes, whose data are made anew all the time, and the command all the time."""
        folder = metrics(tmp_path)
        environment = with_filelock(version)
        with contextlib.ExitStack() as stack:
            counted = stack.enter_context(cleaning(tmp_path / "hf"))
            processes = [
                stack.enter_context(started(environment, LOCKING, "contend", str(folder), "4")) for _ in range(3)
            ]
            while processes[0].poll() is None:
                (folder / "e-1-0.arrow").write_text("data")
                time.sleep(0.02)
            found = [process.communicate(timeout=60)[0].split() for process in processes]
        assert all(process.returncode == 0 for process in processes)
        assert sum(int(both) for _, both in found) == 0
        assert sum(int(times) for times, _ in found) > 500
        assert counted[1] > 5, "nothing was removed meanwhile: nothing was tried"


def lock_says_who(version: str) -> bool:
    return tuple(map(int, version.split("."))) >= (3, 22)


@pytest.mark.parametrize("version", selected(UNLINKABLE))
def test_mutual_exclusion_while_lock_files_go(version: str, tmp_path: Path) -> None:
    folder = metrics(tmp_path)
    environment = with_filelock(version)
    with contextlib.ExitStack() as stack:
        counted = stack.enter_context(cleaning(tmp_path / "hf", "--lock-files"))
        processes = [
            stack.enter_context(started(environment, LOCKING, "contend", str(folder), "5")) for _ in range(3)
        ]
        found = [process.communicate(timeout=60)[0].split() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert sum(int(both) for _, both in found) == 0
    assert counted[1] > 5, "no lock file was removed meanwhile: nothing was tried"


EVALUATES = [
    ({"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.9.0"}, support.PERIOD),
    ({"evaluate": "0.4.6", "datasets": "5.2.0", "filelock": "4.2.11"}, ()),
]


@pytest.mark.parametrize(("versions", "around"), EVALUATES)
class TestEvaluate:
    def test_a_live_job_is_not_touched(
        self, versions: Dict[str, str], around: Tuple[str, ...], tmp_path: Path
    ) -> None:
        """The command all the time, for whatever age: every round gives the right number."""
        environment = support.build(versions, around=around)
        folder = tmp_path / "hf" / "metrics"
        folder.mkdir(parents=True)
        with cleaning(tmp_path / "hf") as counted, started(environment, ROUNDS, str(folder), "8") as process:
            out, _ = process.communicate(timeout=250)
        told = [line.split(" ", 2) for line in out.splitlines()]
        assert [problem for _, _, problem in told if problem] == []
        assert {int(rounds) for _, rounds, _ in told} == {int(told[0][1])}
        assert int(told[0][1]) > 10
        assert counted[0] > 10

    def test_a_killed_job(self, versions: Dict[str, str], around: Tuple[str, ...], tmp_path: Path) -> None:
        environment = support.build(versions, around=around)
        folder = tmp_path / "hf" / "metrics"
        folder.mkdir(parents=True)
        with started(environment, ROUNDS, str(folder), "killed") as process:
            assert process.stdout is not None
            assert {process.stdout.readline() for _ in range(2)} == {"0 0 ready\n", "1 0 ready\n"}
            assert "in use" in clean(tmp_path / "hf")[1]
            assert len(list(folder.rglob("*.arrow"))) == 2
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        code, out = clean(tmp_path / "hf")
        assert code == cli.CLEAN
        assert "run         sum/default/e0-2  5 files" in out
        assert list(folder.rglob("*.arrow")) == []
        assert len(list(folder.rglob("*.lock"))) == 3
        assert clean(tmp_path / "hf", "--lock-files")[0] == cli.CLEAN
        assert list(folder.rglob("*.lock")) == []

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"XDG_CACHE_HOME": "~/x"},
            {"HF_HOME": "/h/$USER"},
            {"HF_HOME": "~/h", "HF_HUB_CACHE": "~/hub", "HF_DATASETS_CACHE": "/d", "HF_METRICS_CACHE": "/m"},
            {"HUGGINGFACE_HUB_CACHE": "/old", "HF_EVALUATE_CACHE": "/e", "HF_MODULES_CACHE": "/mod"},
            {"HF_DATASETS_DOWNLOADED_DATASETS_PATH": "/down"},
        ],
    )
    def test_where_the_libraries_have_their_caches(
        self, versions: Dict[str, str], around: Tuple[str, ...], said: Dict[str, str], tmp_path: Path
    ) -> None:
        environment = support.build(versions, around=around)
        code = (
            "import json, os, datasets.config as d, evaluate.config as e, huggingface_hub.constants as h\n"
            "own = {'datasets': d.HF_DATASETS_CACHE, 'metrics': e.HF_METRICS_CACHE, 'hub': h.HF_HUB_CACHE,\n"
            "       'evaluate': e.HF_EVALUATE_CACHE, 'modules': d.HF_MODULES_CACHE,\n"
            "       'downloads': d.DOWNLOADED_DATASETS_PATH}\n"
            "print(json.dumps({kind: os.path.abspath(os.path.expanduser(path)) for kind, path in own.items()}))\n"
        )
        environ = {"HOME": str(tmp_path), "USER": "me", "PATH": os.environ["PATH"], **said}
        done = subprocess.run(
            [environment.python, "-c", code],
            env=environ, capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        theirs = json.loads(done.stdout)
        ours: Dict[str, Set[str]] = {}
        for cache in where.caches(environ):
            ours.setdefault(cache.kind, set()).add(cache.path)
        for kind, path in theirs.items():
            assert path in ours.get(kind, {path} if kind == "downloads" else ())
        assert all(len(paths) == 1 for kind, paths in ours.items() if kind != "hub" or "$" not in str(said))
