"""Where the toolbox keeps what it made or fetched, and how it writes so that nothing is ever half there."""

from __future__ import annotations

import contextlib
import os
import sys
from _thread import get_ident
from typing import Any, Iterator, Optional, Union


def cache_directory(name: str) -> str:
    """The folder ``name`` in compatshim's part of the user's cache."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", os.path.expanduser("~"))
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "compatshim", name)


def packaged(*parts: str) -> bytes:
    """The content of a file of this package, also within an archive. Raises :exc:`OSError`.

    ``importlib.resources`` changed its form after 3.8, and ``pkgutil`` loads the import system to say the same.
    """
    import compatshim

    spec: Any = compatshim.__spec__
    content: bytes = spec.loader.get_data(os.path.join(os.path.dirname(spec.origin), *parts))
    return content


def read_text(path: str) -> Optional[str]:
    """A file's text, whatever line ends the checkout gave it; None when there is no such file.

    What is not UTF-8 is replaced: the text is compared, and then differs.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_atomically(path: str, content: Union[str, bytes]) -> None:
    """Replace a file by its new content, as it is: no line end is translated. Several writers may do so at once."""
    temporary = f"{path}.{os.getpid()}.{get_ident()}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C and a full disk leave nothing behind
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def locked(path: str, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock file. The system lets go of it when its holder dies, so a stale one never blocks.

    Several may hold it ``shared``, but on Windows, where it is not held at all then: there, a running interpreter
    keeps its own folder from being removed. Raises :exc:`BlockingIOError` or :exc:`PermissionError` when another
    holds it and one is not to ``wait``.
    """
    with open(path, "ab") as file:
        if sys.platform == "win32":
            import msvcrt

            held = shared
            if not wait and not held:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                held = True
            while not held:
                with contextlib.suppress(OSError):  # it waits for ten seconds at a time
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    held = True
        else:
            import fcntl

            mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file, mode if wait else mode | fcntl.LOCK_NB)
        yield


def repository(folder: str) -> Optional[str]:
    """The nearest folder at or above an absolute one that holds a ``.git``."""
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
