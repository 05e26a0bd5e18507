"""What several test files share: fake environments, and fresh interpreters to run programs in.

A fake environment is a directory with ``name-version.dist-info`` and, where a test needs something to hook, small
modules under the real names. How the shims fare with the real packages is tested end to end, elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import pytest
from packaging.markers import default_environment
from packaging.version import Version

import compatshim
from compatshim.kb import environments
from compatshim.metadata.interface import Release
from compatshim.model import Distribution, Inventory, Unread

PACKAGE = os.path.dirname(os.path.abspath(compatshim.__file__))

STORY = {"evaluate": "0.4.1", "datasets": "2.16.1", "filelock": "3.12.0"}
"""Arms all that is fake below."""
GATHER = "CSA-2026-0051"
"""In every release of evaluate; of the fake ones its shim says that they do not have the fault."""
HEALTHY = {"huggingface-hub": "1.5.0", "filelock": "4.0.0", "numpy": "2.0.0"}

LOCK = '''
import contextlib


class Timeout(Exception):
    pass


class FileLock:
    def __init__(self, lock_file, timeout=-1):
        self.lock_file = lock_file

    def acquire(self, timeout=None, poll_interval=0.05):
        if self.lock_file == "/held":
            raise Timeout(self.lock_file)
        return contextlib.nullcontext()

    def release(self, force=False):
        """Nothing to do."""
'''

# The shape of evaluate 0.4.1 on filelock 3.12: what _acquire notes, is_locked does not see.
EVALUATE = (
    LOCK
    + """

class FileFreeLock(FileLock):
    def __init__(self, lock_file):
        self.filelock = FileLock(lock_file)
        super().__init__(lock_file)

    def _acquire(self):
        try:
            self.filelock.acquire(timeout=0.01, poll_interval=0.02)
        except Timeout:
            self._lock_file_fd = self.filelock.lock_file
        else:
            self.filelock.release()
            self._lock_file_fd = None

    def _release(self):
        self._lock_file_fd = None

    @property
    def is_locked(self):
        return False
"""
)

# The shape of datasets 2.16's module: no mode, and a salted hash.
DATASETS = """
class FileLock_:
    def __init__(self, lock_file, timeout=-1, mode=0o644):
        self.lock_file, self.mode = lock_file, mode


class FileLock(FileLock_):
    def __init__(self, lock_file, *args, **kwargs):
        super().__init__(self.hash_filename_if_too_long(lock_file), *args, **kwargs)

    @classmethod
    def hash_filename_if_too_long(cls, path):
        return path if len(path) < 255 else path[:200] + str(hash(path)) + ".lock"
"""

MODULES = {
    "evaluate/__init__.py": "",
    "evaluate/module.py": EVALUATE,
    "datasets/__init__.py": "",
    "datasets/utils/__init__.py": "",
    "datasets/utils/_filelock.py": DATASETS,
}

# Which modules are mended, by the mark that replacements carry.
MENDED = """
def mended():
    import sys
    marks = {
        "evaluate.module": lambda m: getattr(getattr(m, "FileFreeLock", None), "_acquire", None),
        "datasets.utils._filelock": lambda m: getattr(getattr(m, "FileLock", None), "__init__", None),
    }
    return sorted(
        name for name, mark in marks.items()
        if name in sys.modules and hasattr(mark(sys.modules[name]), "__compatshim__")
    )
"""


class Releases:
    """Index metadata with the versions that the founding story is about, and no more."""

    description = "made up"

    KNOWN: ClassVar[Mapping[str, Mapping[str, Tuple[str, ...]]]] = {
        "datasets": {"2.15.0": (), "2.16.1": ("filelock",), "2.17.0": ("filelock",), "5.2.0": ("filelock>=3.13",)},
        "evaluate": {"0.4.1": ("datasets>=2.0.0",), "0.4.6": ("datasets>=2.0.0",)},
        "filelock": {"3.9.0": (), "3.12.0": (), "3.24.0": (), "3.31.0": (), "4.0.0": ()},
        "huggingface-hub": {"1.3.0": ("filelock",), "1.4.1": ("filelock",), "1.5.0": ("filelock>=3.10.0",)},
    }

    def knows(self, project: str) -> bool:
        """Whether there is something to say of a project."""
        return project in self.KNOWN

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        """As a metadata source says it."""
        known = self.KNOWN.get(project)
        if known is None:
            return None
        return tuple(Release(project, Version(version), requires=requires) for version, requires in known.items())


def inventory(versions: Mapping[str, str], unread: Sequence[Unread] = ()) -> Inventory:
    """An environment with these versions, which declare what their releases do."""
    found = {
        project: Distribution(project, Version(version), Releases.KNOWN.get(project, {}).get(version, ()))
        for project, version in versions.items()
    }
    markers = {name: str(value) for name, value in default_environment().items()}
    return Inventory("the fake environment", found, tuple(unread), markers)


def site(
    folder: Path, versions: Optional[Mapping[str, str]] = None, modules: Optional[Mapping[str, str]] = None
) -> str:
    """Make a fake ``site-packages`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for project, version in (versions or {}).items():
        dist_info(folder, project, version)
    for name, text in (modules or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder)


def dist_info(folder: Path, project: str, version: str, *headers: str, metadata: Optional[bytes] = None) -> Path:
    """Make one ``.dist-info`` directory, with ``metadata`` instead of the usual text where it is given."""
    made = folder / f"{project.replace('-', '_')}-{version}.dist-info"
    made.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", *headers, "", "A description.", ""]
    made.joinpath("METADATA").write_bytes("\n".join(lines).encode() if metadata is None else metadata)
    return made


@dataclass(frozen=True)
class Completed:
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The value that :func:`run` was asked for."""
        assert self.code == 0, self.err
        return json.loads(self.out.splitlines()[-1])

    @property
    def notices(self) -> List[str]:
        """What compatshim said on standard error, a line each."""
        return notices(self.err)


def notices(err: str) -> List[str]:
    """What compatshim said, a line each."""
    return [line for line in err.splitlines() if re.search(r"(^|Warning: )compatshim ", line)]


def run(
    code: str,
    path: Sequence[object],
    *,
    value: str = "None",
    python: str = sys.executable,
    flags: Sequence[str] = ("-I", "-S"),
    env: Optional[Mapping[str, str]] = None,
    **options: Any,
) -> Completed:
    """Run ``code`` in a fresh interpreter with ``path`` in front of ``sys.path``; then print ``value`` as JSON.

    Isolated and without ``site`` unless ``flags`` say otherwise: nothing of this environment is importable.
    """
    entries = [item if isinstance(item, (str, bytes, int, type(None))) else str(item) for item in path]
    program = (
        f"import sys\nsys.path[:0] = {entries!r}\n{code}\nvalue = {value}\nimport json\nprint(json.dumps(value))\n"
    )
    return start([python, *flags, "-B", "-W", "default", "-c", program], env=env, **options)


def start(command: Sequence[str], env: Optional[Mapping[str, str]] = None, **options: Any) -> Completed:
    """Run a command in an environment without any setting that could reach compatshim."""
    done = subprocess.run(
        command,
        env=environment(**(env or {})),
        capture_output=True,
        check=False,
        **{"timeout": 120, **({} if "input" in options else {"stdin": subprocess.DEVNULL}), **options},
    )
    return Completed(
        done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )


def environment(**settings: str) -> Dict[str, str]:
    """The environment variables of a program that a test starts."""
    ours = ("COMPATSHIM", "PYTHON", "RANK", "SLURM", "OMPI", "PMI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **settings}


@lru_cache(maxsize=None)
def interpreters() -> Mapping[str, str]:
    """Interpreters by minor version, this one among them."""
    return {**environments.interpreters(), ".".join(map(str, sys.version_info[:2])): sys.executable}


def every_python() -> List[Any]:
    """Parameters: an interpreter of each supported version, skipped by name where it is missing."""
    return [
        pytest.param(interpreters()[minor], id=minor)
        if minor in interpreters()
        else pytest.param("", id=minor, marks=pytest.mark.skip(reason=f"no Python {minor} here: not run"))
        for minor in environments.MINORS
    ]


def oldest_and_newest() -> List[Any]:
    """The first and the last of :func:`every_python` that are here."""
    here = [parameter for parameter in every_python() if not parameter.marks]
    return here[:1] + here[-1:]


@contextlib.contextmanager
def denied(place: Path) -> Iterator[None]:
    """Take all permissions away from a file or directory, and ours to go past them."""
    mode, root = place.stat().st_mode, os.geteuid() == 0
    place.chmod(0)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        place.chmod(mode)


def copy_package(folder: Path) -> str:
    """A copy of the package alone, for interpreters that must see nothing else; returns what goes on the path."""
    shutil.copytree(PACKAGE, folder / "compatshim", ignore=shutil.ignore_patterns("__pycache__"))
    return str(folder)


def packaging_of(python: str, folder: Path) -> str:
    """A copy of a packaging that an interpreter can use: that of its pip. Returns what goes on the path."""
    code = "import os, pip; print(os.path.join(os.path.dirname(pip.__file__), '_vendor', 'packaging'))"
    done = start([python, "-I", "-c", code])
    if done.code:
        pytest.skip(f"{python} has no pip, and so no packaging: not run")
    shutil.copytree(
        done.out.strip(), folder / "library" / "packaging", ignore=shutil.ignore_patterns("__pycache__")
    )
    return str(folder / "library")


def copy_library(name: str, folder: Path) -> str:
    """A copy of one pure library of this environment; returns what goes on the path."""
    module = __import__(name)
    assert module.__file__ is not None
    shutil.copytree(os.path.dirname(module.__file__), folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return str(folder)
