"""Shorten long lock names the same way in every process.

A lock name longer than the file system allows is cut and completed with ``hash(name)``. Python salts the hash
of strings per process, so two processes lock two different files. The replacement hashes the bytes of the name.
"""

from __future__ import annotations

import inspect

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

# datasets up to 2.15 has its own copy of filelock; from 2.16 that module only re-exports the other one.
MODULES = ("datasets.utils._filelock", "datasets.utils.filelock")
CHANGES = (
    (
        "hash",
        "is Python's own, salted in each process: two processes shorten one long lock name to two names, and both "
        'hold "the" lock',
        "is a number made of the name alone (60 bits of SHA-256), for this module's code only",
    ),
)
LIMITS = "All processes that share a cache need the shim: one without it goes on with a name of its own."


def probe(module: ModuleType) -> bool:
    """Whether a lock class of this very module shortens names with the built-in ``hash``."""
    if inspect.unwrap(vars(module).get("hash", hash)) is not hash:
        return False
    return any(
        "hash" in function.__code__.co_names
        for function in map(_shortener, vars(module).values())
        if function is not None and function.__globals__ is vars(module)
    )


def _shortener(value: Any) -> Any:
    method = getattr(value, "hash_filename_if_too_long", None) if isinstance(value, type) else None
    return None if method is None else inspect.unwrap(getattr(method, "__func__", method))


def stable_hash(text: str) -> int:
    """A number of up to 60 bits that depends on the text alone."""
    import hashlib

    # surrogateescape: a file name need not be text.
    return int(hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:15], 16)


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A ``hash`` in the module's own namespace, in front of the built-in."""
    return [(module, "hash", guard.instead(vars(module).get("hash", hash), stable_hash))]
