"""Whether the releases of filelock that share a cache exclude each other, and make files that others may open."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from packaging.version import InvalidVersion, Version

from compatshim.doctor.checks.permissions import shared
from compatshim.doctor.facts import Folder, Job, Process
from compatshim.doctor.findings import Finding, Said, Unseen, of_folder, of_job, shell

LAST_PLAIN = Version("3.20.3")
"""The last that takes a lock whose file was removed between opening and locking for a lock."""
REMOVING = (Version("3.20.4"), Version("3.29.4"))
"""The first and the last that remove the file when they let go."""
_OWN_COPY, _BEFORE = Version("3.0.12"), Version("2.16.0")
"""What datasets brought along, and the release from which on it uses the one that is installed."""
_FIXED_MODE = (Version("3.10.0"), Version("3.24.0"))
"""From the first to before the last, lock files are 0644 whatever the umask is, unless a mode is asked for."""


def number(text: str) -> Optional[Version]:
    """A version; None where there is none, or it is not one."""
    try:
        return Version(text) if text else None
    except InvalidVersion:
        return None


def locks(versions: Mapping[str, str]) -> Iterator[Tuple[str, Version]]:
    """Each implementation of locks in an environment: how it is called, and its version."""
    datasets, filelock = number(versions.get("datasets", "")), number(versions.get("filelock", ""))
    if datasets is not None and datasets < _BEFORE:
        yield f"the filelock {_OWN_COPY} within datasets {datasets}", _OWN_COPY
    if filelock is not None:
        yield f"filelock {filelock}", filelock


@of_job("FILELOCK-MIXED", "Do all releases of filelock that share the caches exclude each other?")
def mixed(job: Job) -> Said:
    """Those of all ranks, and of the interpreters that --with names."""
    plain: Dict[str, List[str]] = {}
    removing: Dict[str, List[str]] = {}
    pythons: Dict[str, None] = {}
    nothing = True
    for where, python, versions in _environments(job):
        for name, version in locks(versions):
            nothing = False
            if version <= LAST_PLAIN:
                plain.setdefault(name, []).append(where)
            elif REMOVING[0] <= version <= REMOVING[1]:
                removing.setdefault(name, []).append(where)
                pythons[python] = None
    if nothing:
        yield Unseen("no filelock is installed in the environments that were looked at: name theirs with --with")
    if plain and removing:
        command = "; ".join(shell(one, "-m", "pip", "install", f"filelock>{REMOVING[1]}") for one in pythons)
        yield Finding(
            "error",
            f"{_listed(removing)} removes a lock file when it lets go of it, and {_listed(plain)} does not notice: "
            "two processes may hold one lock",
            command,
        )


def _environments(job: Job) -> Iterator[Tuple[str, str, Mapping[str, str]]]:
    """Each environment once a host: where it is, its interpreter, and its versions."""
    known = set()
    for process in job.processes:
        for python, versions in ((process.python, process.versions), *process.others.items()):
            where = python if len({one.host for one in job.processes}) == 1 else f"{python} on {process.host}"
            if where not in known:
                known.add(where)
                yield where, python, versions


def _listed(found: Mapping[str, List[str]]) -> str:
    return " and ".join(f"{name} ({', '.join(dict.fromkeys(where))})" for name, where in found.items())


@of_folder("FILELOCK-MODE", "Does filelock make lock files in a shared cache that others may open?")
def mode(seen: Folder, process: Process) -> Said:
    """Some of its releases pass over the umask, and some of its users ask for no mode."""
    filelock = number(process.versions.get("filelock", ""))
    if not shared(seen) or filelock is None or not _FIXED_MODE[0] <= filelock < _FIXED_MODE[1]:
        return
    hub, datasets = (number(process.versions.get(name, "")) for name in ("huggingface-hub", "datasets"))
    user = ""
    if seen.name.startswith("hub"):
        if hub is not None and hub < Version("1.4"):
            user = f"huggingface_hub {hub}"
    elif datasets is not None and _BEFORE <= datasets < Version("2.17"):
        user = f"datasets {datasets}"
    if user:
        again = "" if filelock < Version("3.10.2") else ", and takes the group's rights from those that are there"
        yield Finding(
            "warning",
            f"filelock {filelock} makes the lock files of {user} with the mode 0644, whatever the umask is{again}: "
            "other users cannot lock them",
            shell(process.python, "-m", "pip", "install", f"filelock>={_FIXED_MODE[1]}"),
        )
