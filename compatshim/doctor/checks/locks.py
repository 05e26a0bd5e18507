"""Whether a lock keeps other processes out: measured on this node, and as the mount says it for others."""

from __future__ import annotations

from typing import List, Optional

from packaging.version import Version

from compatshim.doctor import flock
from compatshim.doctor.checks.versions import number
from compatshim.doctor.checks.words import elsewhere, error
from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.findings import Finding, Said, of_folder, shell

_BAD = {
    flock.SHARES: "a lock that one process holds is given to a second one: locks exclude nobody here",
    flock.STUCK: "a lock that nobody holds is refused: whoever needs one waits for ever",
    flock.SILENT: f"the file system did not answer a lock within {flock.TIMEOUT:.0f} s: whoever needs one waits",
}
_SOFT_WORKS = Version("4.1.0")


@of_folder("CACHE-FLOCK", "Does a lock of one process keep another one out? (Measured with two.)")
def excludes(seen: Folder, process: Process) -> Said:
    """With flock, as filelock takes it; without it, filelock's releases do different things."""
    if seen.flock in ("", flock.EXCLUDES):
        return
    if seen.flock in _BAD:
        yield Finding("error", _BAD[seen.flock], elsewhere(seen, local=True))
        return
    version = number(process.versions.get("filelock", ""))
    what = f"flock fails: {error(seen.flock)}"
    if seen.flock != "ENOSYS":
        then = (
            "what filelock before 3.20.4 takes for a held lock, and waits for ever; later ones raise OSError"
            if version is None
            else f"filelock {version} takes that for a held lock, and waits for ever"
            if version < Version("3.20.4")
            else f"filelock {version} raises OSError"
        )
        yield Finding("error", f"{what}; {then}", elsewhere(seen, local=True))
    elif version is not None and version >= _SOFT_WORKS:
        yield Finding(
            "warning",
            f"{what}; filelock {version} uses soft locks instead, which a process that is killed leaves behind",
            elsewhere(seen, local=True),
        )
    else:
        yield Finding("error", f"{what}; {_without_flock(version)}", shell(
            process.python, "-m", "pip", "install", f"filelock>={_SOFT_WORKS}"
        ))  # fmt: skip


def _without_flock(version: Optional[Version]) -> str:
    if version is None:
        return "filelock before 4.1.0 waits for ever, raises NotImplementedError or excludes nobody then"
    if version >= Version("3.24.0"):
        return f"filelock {version} uses soft locks instead, and removes those of others: they exclude nobody"
    if version >= Version("3.10.5"):
        return f"filelock {version} raises NotImplementedError, and huggingface_hub waits for ever"
    return f"filelock {version} takes that for a held lock, and waits for ever"


@of_folder("CACHE-MOUNT", "Is it mounted so that locks reach other nodes?")
def mount(seen: Folder, process: Process) -> Said:
    """Options that keep locks on this node."""
    if seen.mount is None:
        return
    found = seen.mount
    local = [option for option in found.options if _keeps(found.type, option)]
    if not local:
        return
    kept: List[str] = [
        one for one in found.options if one not in local and not one.startswith(("addr=", "clientaddr="))
    ]
    wanted = ",".join([*dict.fromkeys(kept), "flock" if found.type == "lustre" else "local_lock=none"])
    remount = shell("mount", "-t", found.type, "-o", wanted, found.source, found.point)
    yield Finding(
        "warning",
        f"{found.point} is mounted with {', '.join(local)}: a lock keeps out processes of this node only",
        f"{shell('umount', found.point)} && {remount}",
        "root",
    )


def _keeps(kind: str, option: str) -> bool:
    if kind.startswith("nfs"):
        return option in ("nolock", "local_lock=flock", "local_lock=all")
    return kind == "lustre" and option in ("localflock", "noflock")
