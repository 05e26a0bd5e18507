"""What an index said, on disk, for any number of processes at once.

Every entry is written beside its place and then moved there, and begins with a digest of the rest, so that one
that is damaged or half there counts as absent and is fetched again. Names are digests too, and entries hold no
addresses and no headers: with some services these are secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import Any, Tuple

from compatshim.files import write_atomically


class Cache:
    """JSON values by kind and key in a folder; where that cannot be written nothing is kept."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        with contextlib.suppress(OSError):  # a read-only home: the network does it alone
            os.makedirs(folder, mode=0o700, exist_ok=True)

    def read(self, kind: str, *key: str) -> Any:
        """The value, or None when there is none or it is damaged."""
        try:
            with open(self._path(kind, key), "rb") as file:
                digest, _, text = file.read().partition(b"\n")
            return json.loads(text) if digest == _digest(text) else None
        except (OSError, ValueError):
            return None

    def write(self, kind: str, *key: str, value: object) -> None:
        """Keep a value."""
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        with contextlib.suppress(OSError):  # see above; a full disk is no reason to stop either
            write_atomically(self._path(kind, key), _digest(text) + b"\n" + text)

    def _path(self, kind: str, key: Tuple[str, ...]) -> str:
        return os.path.join(self._folder, f"{kind}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()}")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode("ascii")
