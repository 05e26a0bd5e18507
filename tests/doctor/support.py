"""Facts that tests judge, folders as they are shared, and ranks that are processes."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import pytest

from compatshim.caches.mounts import Mount
from compatshim.caches.where import Cache
from compatshim.doctor import findings, look
from compatshim.doctor.facts import Acl, Folder, Job, Leftovers, Made, Process, Space
from compatshim.doctor.findings import Finding, Report
from compatshim.doctor.flock import Meter
from tests import support

posix = pytest.mark.skipif(os.name == "nt", reason="about POSIX permissions and flock: not run")
as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounts, and acts as other users: Linux and root: not run"
)

ANNE, BEN, TEAM = 61001, 61002, 61100
"""Two users and the group that they are in; without names."""

NOBODY = 0xFFFFFFFF
"""In an entry of an access control list that names nobody."""

HEALTHY = Folder(
    "datasets", "/cache", "HF_DATASETS_CACHE", "/cache", exists=True, mode=0o755, uid=ANNE, gid=ANNE,
    owner="anne", group="anne", acl=Acl(("user::rwx", "group::r-x", "other::r-x")),
    mount=Mount("/", "ext4", "/dev/sda", read_only=False), space=Space(1 << 40, 1 << 41, 10**8, 10**9, 255),
    made=Made(0o644, ANNE, ANNE, 0.0), flock="excludes", leftovers=Leftovers((), 0, complete=True, unshared=0),
)  # fmt: skip
SHARED = HEALTHY._replace(
    mode=0o2775, uid=BEN, gid=TEAM, owner="ben", group="team", made=Made(0o664, ANNE, TEAM, 0.0)
)
VERSIONS = {"filelock": "4.2.11", "datasets": "5.2.0", "evaluate": "0.4.6", "huggingface-hub": "2.4.0"}
ME = Process(
    0, 1, "one", 1, "/env/bin/python", "anne", ANNE, ANNE, (ANNE, TEAM), 0o022, VERSIONS, {},
    protected_regular=False, folders=(HEALTHY,),
)  # fmt: skip


def acl(*entries: Tuple[int, int, int]) -> bytes:
    """An access control list as the kernel takes it, of (tag, rights, number)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def judged(*folders: Folder, **changes: Any) -> Report:
    """What the checks say of these folders, seen by a process with these changes."""
    return findings.judge(Job((ME._replace(folders=folders or ME.folders, **changes),)))


def found(report: Report) -> List[Tuple[str, str]]:
    """Checks and severities."""
    return [(one.check, one.severity) for one in report.findings]


def only(report: Report) -> Finding:
    """The one finding."""
    assert len(report.findings) == 1, report.findings
    return report.findings[0]


def see(
    path: Path, name: str = "datasets", user: Sequence[int] = (), versions: Mapping[str, str] = VERSIONS
) -> Process:
    """This process with a real folder, acting as another user (with his groups) if there is one."""
    with contextlib.closing(Meter()) as meter, tempfile.NamedTemporaryFile() as file:
        assert (
            meter.measure(file.name) == "excludes"
        )  # its processes are there: others may not be able to start them
        with acting(*user) if user else contextlib.nullcontext():
            folder = look.folder(Cache(name, str(path), "--cache"), name, meter, survey=True)
            process = look.process([], rank=0, world=1, versions=versions, others={}, survey=True)
    return process._replace(folders=(folder,))


def told(path: Path, name: str = "datasets", user: Sequence[int] = ()) -> Dict[str, Finding]:
    """The findings of a real folder, by check."""
    report = findings.judge(Job((see(path, name, user),)))
    return {one.check: one for one in report.findings}


@contextlib.contextmanager
def acting(uid: int, gid: int, *groups: int) -> Iterator[None]:
    """Act as another user, as root only.

    Python itself may be where that user cannot read: what is imported late is imported before, and what the import
    system could not list is forgotten after.
    """
    for codec in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(codec)
    before = os.getgroups(), os.getegid()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.setgroups(before[0])
        importlib.invalidate_caches()


@contextlib.contextmanager
def umask(value: int) -> Iterator[None]:
    """With another umask."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def mounted(place: Path, *words: str) -> Iterator[Path]:
    """Something mounted at a place; the test is skipped where that cannot be."""
    place.mkdir(exist_ok=True)
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} here: not run")
    done = subprocess.run([*words, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(words)} does not work here ({done.stderr.strip()}): not run")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def port() -> int:
    """A port that is free, with free ones behind it, by all appearances."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return min(number, 65000)


def command(*words: str) -> List[str]:
    """The doctor of a fresh interpreter that has what this one has."""
    return [sys.executable, "-m", "compatshim", "doctor", *words]


def doctor(*words: str, before: Sequence[str] = (), **env: str) -> support.Completed:
    """Run it."""
    path = os.path.dirname(support.PACKAGE)
    return support.start([*before, *command(*words)], env={"PYTHONPATH": path, **env})


def job(
    ranks: Sequence[Mapping[str, str]], *words: str, before: Optional[Sequence[Sequence[str]]] = None
) -> List[support.Completed]:
    """Run it on several ranks at once, each with its variables (and a command in front)."""
    path = os.path.dirname(support.PACKAGE)
    running = [
        subprocess.Popen(
            [*(before[number] if before else ()), *command("--format", "json", *words)],
            env=support.environment(PYTHONPATH=path, **env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number, env in enumerate(ranks)
    ]  # fmt: skip
    ended = []
    for one in running:
        try:
            out, err = one.communicate(timeout=90)
        finally:
            one.kill()
        ended.append(support.Completed(one.returncode, out, err))
    return ended


def said(done: support.Completed) -> Any:
    """The JSON of a rank."""
    assert done.out, done.err
    return json.loads(done.out)


def checks(done: support.Completed) -> List[Tuple[str, str]]:
    """Checks and severities in it."""
    return [(one["check"], one["severity"]) for one in said(done)["findings"]]
