"""Commands and phrases that several checks use."""

from __future__ import annotations

import os
from typing import Iterable, List

from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.findings import shell
from compatshim.terminal import visible

_VARIABLES = {
    "hub": "HF_HUB_CACHE", "datasets": "HF_DATASETS_CACHE", "metrics": "HF_METRICS_CACHE",
    "evaluate": "HF_EVALUATE_CACHE", "modules": "HF_MODULES_CACHE",
}  # fmt: skip
_STRONG = {
    *_VARIABLES.values(), "TRANSFORMERS_CACHE", "HF_DATASETS_DOWNLOADED_DATASETS_PATH",
    "HF_DATASETS_DOWNLOADED_EVALUATE_PATH",
}  # fmt: skip
"""No other variable moves a cache that one of these has set."""
_ERRORS = {
    "EACCES": "permission denied", "EPERM": "not permitted", "EROFS": "read-only file system",
    "ENOENT": "not there",
    "ENOSPC": "no space left", "EDQUOT": "quota exceeded", "ENOTDIR": "not a folder", "ELOOP": "links in a circle",
    "ESTALE": "stale file handle", "EIO": "input/output error", "ENOLCK": "no locks available",
    "ENOSYS": "function not implemented", "EOPNOTSUPP": "operation not supported", "ENAMETOOLONG": "name too long",
}  # fmt: skip


def error(code: str) -> str:
    """An error's name, with what it means where that is known."""
    return f"{_ERRORS[code]} ({code})" if code in _ERRORS else code


def elsewhere(folder: Folder, *, local: bool = False) -> str:
    """The command that gives a job its own cache in place of this one; ``local``: on the node's own disk."""
    kind = folder.name.partition("-")[0]
    variable = folder.told if folder.told in _STRONG else _VARIABLES.get(kind, "HF_HOME")
    home = os.path.expanduser("~")
    default = os.path.join(home, ".cache", "huggingface", kind)
    # The home is no better where it is the file system that is at fault.
    at_home = folder.path == default or (
        folder.path.startswith(os.path.join(home, "")) and folder.refused not in ("EACCES", "EPERM")
    )
    base = "${TMPDIR:-/tmp}/huggingface-$(id -un)" if local or at_home else "$HOME/.cache/huggingface"
    return f'export {variable}="{base}"' if variable == "HF_HOME" else f'export {variable}="{base}/{kind}"'


def owner(folder: Folder, process: Process) -> str:
    """Whose a command is that the owner of a folder must give; empty for the user himself."""
    return "" if process.uid in (folder.uid, 0) else folder.owner


def within(folder: Folder, *words: str) -> str:
    """``find`` in a folder."""
    return shell("find", folder.real, *words)


def clean(folder: Folder) -> str:
    """The command that removes what dead runs left in a folder."""
    return shell("python", "-m", "compatshim", "clean", "--cache", folder.path)


def some(paths: Iterable[str], folder: Folder, most: int = 3) -> str:
    """A few of many paths, as they are called within the folder."""
    listed: List[str] = sorted(paths)
    shown = ", ".join(visible(os.path.relpath(path, folder.real)) for path in listed[:most])
    return shown + (f" and {len(listed) - most} more" if len(listed) > most else "")


_NEXT = 1024  # of a unit, in the one above it


def size(number: int) -> str:
    """Bytes as people say them."""
    amount = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < _NEXT:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _NEXT
    return f"{amount:.1f} TiB"
