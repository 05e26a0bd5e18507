"""An edited file in the place of the old one: whole or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from typing import NamedTuple, Optional

from compatshim import files, git
from compatshim.edit.moves import EditError
from compatshim.inventory import documents


class Original(NamedTuple):
    """A file as it was read."""

    path: str
    """As the user named it."""
    data: bytes
    mark: bytes
    encoding: str
    text: str

    def encoded(self, text: str) -> bytes:
        """A text as the file is written: with its byte order mark, if it has one."""
        return self.mark + text.encode(self.encoding)


def read(path: str) -> Original:
    """Read a file, byte for byte. Raises :exc:`OSError` and ``ManifestError``."""
    with open(path, "rb") as file:
        data = file.read()
    mark, encoding = documents.encoding(data)
    return Original(path, data, mark, encoding, documents.decoded(path, data))


def why_not(original: Original, *, dirty: bool) -> Optional[str]:
    """Why a file must not be replaced; None when it may be. ``dirty`` is whether what is not committed may be."""
    target = os.path.realpath(original.path)
    folder = os.path.dirname(target)
    found = os.stat(target)
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file"
    if not os.access(target, os.W_OK):
        return "may not be written by you"
    if not os.access(folder, os.W_OK):
        return f"cannot be replaced: no file can be made in {folder}"
    if found.st_nlink > 1:
        return "has other names (hard links), which would go on to hold the old text"
    return None if dirty else _uncommitted(target, folder)


def _uncommitted(target: str, folder: str) -> Optional[str]:
    """What git says against an edit. A file that no repository has is its owner's own business."""
    if files.repository(folder) is None:
        return None
    asked = "; commit or stash them, or say --allow-dirty"
    try:
        said = git.ask(folder, "status", "--porcelain", "-z", "--", os.path.basename(target))
    except git.GitError as error:
        return f"may have changes that are not committed: {error}{asked}"
    if said.startswith(b"??"):
        return "is not in git yet, so the old text would be lost; add and commit it, or say --allow-dirty"
    return f"has changes that are not committed{asked}" if said else None


def replace(original: Original, text: str) -> None:
    """Put a new text in the place of a file: its mode, owner and attributes stay, a link goes on to lead to it.

    Until the very end the old file is there as it was, and then the new one is. Raises :exc:`EditError` when the
    file is no longer what was read, and :exc:`OSError`.
    """
    target = os.path.realpath(original.path)
    folder, name = os.path.split(target)
    before = os.stat(target)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".compatshim", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(original.encoded(text))
            file.flush()
            _like(original.path, target, temporary, before)
            os.fsync(file.fileno())
        _unchanged(target, original)
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C and a full disk leave nothing behind
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _settle(folder)


def _like(path: str, target: str, temporary: str, before: os.stat_result) -> None:
    """Give a new file what the old one has, but for its time. Raises :exc:`EditError` where one may not."""
    own = os.stat(temporary)
    owner = (before.st_uid, before.st_gid)
    if hasattr(os, "chown") and (own.st_uid, own.st_gid) != owner:
        try:
            os.chown(temporary, *owner)
        except PermissionError:
            who = "{}:{}".format(*owner)
            raise EditError(f"{path}: belongs to {who}, and a new file of yours would not") from None
    shutil.copystat(target, temporary)
    os.utime(temporary)


def _unchanged(target: str, original: Original) -> None:
    """Raise :exc:`EditError` when a file is not what was read."""
    try:
        with open(target, "rb") as file:
            same = file.read() == original.data
    except FileNotFoundError:
        same = False
    if not same:
        raise EditError(f"{original.path}: was changed by somebody else meanwhile; nothing was written")


def _settle(folder: str) -> None:
    """Let the folder reach the disk as well, where that can be asked for."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
