"""Real virtual environments, built once and kept on disk, and programs run in them.

A virtual environment cannot be moved, so each is built where it stays, in a directory named after what was
asked for. A marker file written last says that it is whole; one without it is removed and built again. Several
processes may ask for the same environment: one builds, the others wait.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from packaging.utils import canonicalize_name

from compatshim import files
from compatshim.errors import CompatshimError
from compatshim.installer import UNREACHABLE, UNRESOLVABLE, uv

MARKER = "compatshim-environment.json"
MINORS = tuple(f"3.{minor}" for minor in range(8, 15))

_INSTALL_TIMEOUT = 1800
_WINDOWS = os.name == "nt"
_running: Set[subprocess.Popen[str]] = set()
_stopped: Set[subprocess.Popen[str]] = set()
_GRACE = 600  # seconds after its last use for which nobody removes an environment
_GONE = ".gone"  # at the end of the name of an environment that is being removed
_SIZE = "compatshim-size"  # a file in an environment: how many bytes it holds
_SHOWN_LINES = 15
_IDENTIFY = (
    "import platform, sys; print(sys.implementation.name + getattr(sys, 'abiflags', ''), platform.python_version())"
)


class BuildError(CompatshimError):
    """An environment could not be built. The message ends with the installer's last lines."""


class Unresolvable(BuildError):  # noqa: N818  it says what the requirements are
    """No set of wheels for that Python satisfies the requirements: trying again will not help."""


class Stopped(Exception):  # noqa: N818  nothing is wrong with it
    """:func:`stop` ended what was running: nothing is known of it."""


@dataclass(frozen=True)
class Spec:
    """What an environment should hold."""

    python: str
    """Path of an interpreter."""
    requirements: Tuple[str, ...]
    """PEP 508. Only wheels are installed: nothing is compiled, and no code of a project runs."""
    constraints: Tuple[str, ...] = ()
    options: Tuple[str, ...] = ()
    """Further ones for the installer, as ``--no-deps``."""

    @property
    def key(self) -> str:
        """Twenty hexadecimal digits that stand for everything asked. Raises :exc:`BuildError`."""
        version = identify(self.python)
        if version is None:
            raise BuildError(f"{self.python}: not a Python that can be run")
        asked = [self.python, version, sorted(set(self.requirements)), sorted(set(self.constraints)), self.options]
        return hashlib.sha256(json.dumps(asked).encode("utf-8")).hexdigest()[:20]


@dataclass(frozen=True)
class Environment:
    """A finished virtual environment."""

    prefix: str

    @property
    def python(self) -> str:
        """Path of its interpreter."""
        return os.path.join(self.prefix, *(("Scripts", "python.exe") if _WINDOWS else ("bin", "python")))

    def installed(self) -> Dict[str, str]:
        """Version by normalised project name."""
        library = ("Lib",) if _WINDOWS else ("lib", "python*")
        pattern = os.path.join(glob.escape(self.prefix), *library, "site-packages", "*.dist-info")
        names = (os.path.basename(path)[: -len(".dist-info")].rsplit("-", 1) for path in glob.iglob(pattern))
        return {canonicalize_name(name): version for name, version in sorted(names)}


@dataclass(frozen=True)
class Completed:
    """How a program ended."""

    returncode: Optional[int]
    """None when it was killed because its time was up."""
    stdout: str
    stderr: str
    seconds: float


def build(spec: Spec, *, cache: Optional[str] = None, since: float = 0.0) -> Environment:
    """Return the environment of ``spec``, which takes a moment the first time and nothing afterwards.

    One that was built before ``since`` (seconds since the epoch) is built again. Raises :exc:`Unresolvable` when
    the requirements contradict each other or have no wheels for this Python, and :exc:`BuildError` when something
    else went wrong.
    """
    folder = cache or cache_directory()
    environment = Environment(os.path.join(folder, spec.key))
    marker = os.path.join(environment.prefix, MARKER)
    if _whole(marker, since):
        return environment
    os.makedirs(folder, exist_ok=True)
    with files.locked(f"{environment.prefix}.lock"):
        if _whole(marker, since):
            return environment
        shutil.rmtree(environment.prefix, ignore_errors=True)
        try:
            _install(spec, environment, folder)
        except BaseException:
            shutil.rmtree(environment.prefix, ignore_errors=True)
            raise
        asked = {"requirements": spec.requirements, "constraints": spec.constraints}
        files.write_atomically(marker, json.dumps(asked))
    return environment


def _whole(marker: str, since: float) -> bool:
    """Whether there is an environment, built after ``since``. It is used now, which the marker remembers."""
    try:
        # The time of access says when it was used last, that of modification when it was built. The system does
        # not keep the former on every disk, so it is set here.
        built = os.stat(marker).st_mtime
        if built < since:
            return False
        os.utime(marker, (time.time(), built))
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def use(spec: Spec, *, cache: Optional[str] = None, since: float = 0.0) -> Iterator[Environment]:
    """:func:`build`, and keep others from removing the environment meanwhile."""
    while True:
        environment = build(spec, cache=cache, since=since)
        with files.locked(f"{environment.prefix}.lock", shared=True):
            if os.path.exists(os.path.join(environment.prefix, MARKER)):
                yield environment
                return


class Pruned(NamedTuple):
    """What :func:`prune` left and took."""

    kept: int
    """Bytes, counted as if no two environments (nor the installer's own cache) shared a file."""
    removed: Tuple[str, ...]
    """The names of the environments that are gone."""


def prune(limit: float, *, cache: Optional[str] = None) -> Pruned:
    """Remove the environments that were used least recently until the others hold at most ``limit`` bytes.

    Those that are in use, or were a few minutes ago, stay.
    """
    folder = cache or cache_directory()
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name.endswith(_GONE):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        marker = os.path.join(folder, name, MARKER)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found.append((os.stat(marker).st_atime, name, _size(os.path.join(folder, name))))
    kept, removed = sum(size for _, _, size in found), []
    for used, name, size in sorted(found):
        if kept <= limit or used > time.time() - _GRACE:
            break
        if _remove(os.path.join(folder, name)):
            kept -= size
            removed.append(name)
    return Pruned(kept, tuple(removed))


def _size(prefix: str) -> int:
    """The bytes of all files of an environment; measured once."""
    note = os.path.join(prefix, _SIZE)
    text = files.read_text(note)
    if text is not None and text.isdigit():
        return int(text)
    size = 0
    for parent, _, names in os.walk(prefix):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_size
    with contextlib.suppress(OSError):
        files.write_atomically(note, str(size))
    return size


def _remove(prefix: str) -> bool:
    """Remove an environment that nobody uses; False when somebody does."""
    try:
        with files.locked(f"{prefix}.lock", wait=False):
            # However far the removal gets, there is no environment of that name any more.
            os.rename(prefix, f"{prefix}{_GONE}")
            shutil.rmtree(f"{prefix}{_GONE}", ignore_errors=True)
    except OSError:
        return False
    return True


def install(environment: Environment, arguments: Sequence[str], *, installer: str = "") -> None:
    """Change an environment in place, as a user does: ``arguments`` follow ``install``.

    ``installer`` is ``pip`` (the environment's own, or else that of this interpreter), ``uv``, or empty for uv
    where there is one. Raises :exc:`Unresolvable` and :exc:`BuildError`. The environment is no longer what its
    specification says: build it in a cache of its own.
    """
    _installer([*_command(environment, installer, "install"), *arguments], environment.prefix)


def unmet(environment: Environment, *, installer: str = "") -> str:
    """The declared requirements that are not met, in the words of the ``installer``; empty when all are."""
    done = execute(_command(environment, installer, "check"), environment.prefix, timeout=_INSTALL_TIMEOUT)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def _command(environment: Environment, installer: str, verb: str) -> Tuple[str, ...]:
    """How to run an installer on an environment."""
    if installer != "pip" and uv():
        return (*uv(), "pip", verb, "--python", environment.python)
    if installer == "uv":
        raise BuildError("uv is not installed")
    if "pip" in environment.installed():
        return (environment.python, "-m", "pip", verb, "--disable-pip-version-check")
    return (sys.executable, "-m", "pip", "--python", environment.python, verb, "--disable-pip-version-check")


def run(
    environment: Environment,
    program_path: str,
    *args: str,
    timeout: float,
    env: Optional[Mapping[str, str]] = None,
    shim_from: Optional[str] = None,
) -> Completed:
    """Run a program with the environment's interpreter, in an empty directory that goes away with it.

    The variables that would let another installation or compatshim's settings in are taken out; ``env`` is added.
    ``shim_from`` is the directory of a compatshim package, which becomes importable and nothing beside it does.
    When ``timeout`` seconds are over, the program is killed with all the processes it started.
    """
    scratch = tempfile.mkdtemp(prefix="compatshim-")
    try:
        variables = {**_clean_environment(), "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
        if shim_from is not None:
            variables["PYTHONPATH"] = os.path.join(scratch, "path")
            _expose(shim_from, variables["PYTHONPATH"])
        variables.update(env or {})
        command = [environment.python, os.path.abspath(program_path), *args]
        return _execute(command, variables, scratch, timeout)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def interpreters() -> Dict[str, str]:
    """The interpreters of this machine that environments can be made from: path by ``major.minor``.

    ``COMPATSHIM_PYTHONS``, a list of paths, is all that is looked at when it is set.
    """
    listed = os.environ.get("COMPATSHIM_PYTHONS")
    found: Dict[str, str] = {}
    for path in listed.split(os.pathsep) if listed else _likely_interpreters():
        version = identify(path) or ""
        found.setdefault(".".join(version.split(".")[:2]), path)
    return {minor: found[minor] for minor in MINORS if minor in found}


def cache_directory() -> str:
    """Where environments are kept: ``COMPATSHIM_ENV_CACHE``, or a folder in the user's cache."""
    chosen = os.environ.get("COMPATSHIM_ENV_CACHE")
    if chosen:
        return os.path.abspath(chosen)
    return files.cache_directory("environments")


def _install(spec: Spec, environment: Environment, folder: str) -> None:
    if uv():
        _installer([*uv(), "venv", "--python", spec.python, environment.prefix], folder)
    else:
        _installer([spec.python, "-m", "venv", environment.prefix], folder)
    if spec.requirements:
        constraints = os.path.join(environment.prefix, "constraints.txt")
        with open(constraints, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in spec.constraints)
        command = [*_command(environment, "", "install"), "--only-binary", ":all:", "-c", constraints]
        _installer([*command, *spec.options, *spec.requirements], folder)


def _installer(command: Sequence[str], folder: str) -> None:
    done = execute(command, folder, timeout=_INSTALL_TIMEOUT)
    if done.returncode == 0:
        return
    output = done.stderr + done.stdout
    ended = "ran out of time" if done.returncode is None else f"failed with status {done.returncode}"
    tail = "\n".join(output.strip().splitlines()[-_SHOWN_LINES:])
    unresolvable = UNRESOLVABLE.search(output) and not UNREACHABLE.search(output)
    raise (Unresolvable if unresolvable else BuildError)(f"{' '.join(command[:4])} … {ended}:\n{tail}")


def execute(command: Sequence[str], folder: str, *, timeout: float) -> Completed:
    """Run a command in ``folder``, without what would let another installation or compatshim's settings in."""
    return _execute(command, _clean_environment(), folder, timeout)


def stop() -> None:
    """Kill what other threads have running here, each command with all the processes it started.

    They get :exc:`Stopped`.
    """
    for process in tuple(_running):
        _stopped.add(process)
        _kill(process)


def _execute(command: Sequence[str], env: Mapping[str, str], cwd: str, timeout: float) -> Completed:
    """Run a command as the head of its own group of processes; the group dies when its time is up."""
    start = time.monotonic()
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=env,
        cwd=cwd,
        start_new_session=not _WINDOWS,
        creationflags=flags,
    ) as process:
        _running.add(process)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
            returncode: Optional[int] = process.returncode
        except subprocess.TimeoutExpired:
            _kill(process)
            stdout, stderr = process.communicate()
            returncode = None
        except BaseException:
            _kill(process)
            raise
        finally:
            _running.discard(process)
    if process in _stopped:
        _stopped.discard(process)
        raise Stopped(" ".join(command[:2]))
    return Completed(returncode, stdout, stderr, time.monotonic() - start)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the process and whatever it started."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _clean_environment() -> Dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV") and not name.startswith("COMPATSHIM")
    }


def _expose(package: str, folder: str) -> None:
    """Make a folder in which the package is the only thing to import."""
    os.mkdir(folder)
    target = os.path.join(folder, "compatshim")
    try:
        os.symlink(os.path.abspath(package), target, target_is_directory=True)
    except OSError:  # Windows wants a privilege for it
        shutil.copytree(package, target)


@functools.lru_cache(maxsize=None)
def identify(python: str) -> Optional[str]:
    """The version of a CPython with the usual ABI; None for anything else."""
    try:
        done = execute([python, "-I", "-c", _IDENTIFY], os.getcwd(), timeout=30)
    except OSError:
        return None
    name, _, version = done.stdout.strip().partition(" ")
    return version if done.returncode == 0 and name == "cpython" else None


def _likely_interpreters() -> Iterator[str]:
    """Paths that may be interpreters, the preferred first. A version manager's shims are never among them."""
    home = os.path.expanduser("~")
    setting = os.environ.get
    if _WINDOWS:
        pyenv, data = f"{home}/.pyenv/pyenv-win", setting("APPDATA", home)
        inside, elsewhere = "python.exe", [f"{setting('LOCALAPPDATA')}/Programs/Python/Python3*/python.exe"]
    else:
        pyenv, data = f"{home}/.pyenv", setting("XDG_DATA_HOME") or f"{home}/.local/share"
        folders = [*setting("PATH", "").split(os.pathsep), "/usr/local/bin", "/usr/bin"]
        inside = "bin/python"
        elsewhere = [f"{folder}/python3.[0-9]*" for folder in folders if os.path.basename(folder) != "shims"]
        elsewhere.append("/Library/Frameworks/Python.framework/Versions/3.*/bin/python3")
    patterns = (
        f"{setting('PYENV_ROOT') or pyenv}/versions/3.*/{inside}",
        f"{setting('UV_PYTHON_INSTALL_DIR') or f'{data}/uv/python'}/cpython-3*/{inside}",
        *elsewhere,
    )
    for pattern in patterns:
        paths = [path for path in glob.glob(pattern) if re.search(r"python(3(\.\d+)?)?(\.exe)?$", path)]
        yield from sorted(paths, key=_numbers, reverse=True)
    yield getattr(sys, "_base_executable", sys.executable)


def _numbers(path: str) -> List[int]:
    return [int(digits) for digits in re.findall(r"\d+", path)]
