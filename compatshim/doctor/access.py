"""Who may do what with a file, as the system tells it: names, and access control lists without their tools."""

from __future__ import annotations

import errno
import os
import struct
import sys
from typing import Callable, Dict, List, Tuple

from compatshim.doctor.facts import Acl

_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_KINDS = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}
_NAMED = (0x02, 0x08)
_VERSION = 2
_RICH = ("system.nfs4_acl", "system.nfs4acl", "system.richacl")
"""Attributes that hold lists of another kind."""


class UnreadableError(Exception):
    """A list is there, or may be, and cannot be read here; the message says why."""


def acl(path: str) -> Acl:
    """The lists of a file or folder. Raises :exc:`UnreadableError`."""
    if sys.platform != "linux":
        raise UnreadableError(f"access control lists are not read on {sys.platform}")
    try:
        names = os.listxattr(path)
        rich = [name for name in _RICH if name in names]
        if rich:
            raise UnreadableError(f"it has a list of another kind ({rich[0]})")
        return Acl(*(_list(path, name, names) for name in ("access", "default")))
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error


def _list(path: str, name: str, names: List[str]) -> Tuple[str, ...]:
    attribute = f"system.posix_acl_{name}"
    if sys.platform != "linux" or attribute not in names:
        return ()
    return entries(os.getxattr(path, attribute))


def entries(data: bytes) -> Tuple[str, ...]:
    """The entries of a list as the kernel hands it out. Raises :exc:`UnreadableError`."""
    entries_at = _HEAD.size
    if len(data) < entries_at or (len(data) - entries_at) % _ENTRY.size or _HEAD.unpack_from(data)[0] != _VERSION:
        raise UnreadableError("its list has a form that is not known here")
    found = []
    for tag, rights, number in _ENTRY.iter_unpack(data[entries_at:]):
        if tag not in _KINDS:
            raise UnreadableError(f"its list has an entry of unknown kind {tag}")
        who = str(number) if tag in _NAMED else ""
        allowed = "".join(letter if rights & bit else "-" for letter, bit in zip("rwx", (4, 2, 1)))
        found.append(f"{_KINDS[tag]}:{who}:{allowed}")
    return tuple(found)


def user(number: int) -> str:
    """The name of a user, or the number where it has none."""
    return _name(number, "pwd", lambda module: str(module.getpwuid(number).pw_name))


def group(number: int) -> str:
    """The name of a group, or the number where it has none."""
    return _name(number, "grp", lambda module: str(module.getgrgid(number).gr_name))


_names: Dict[Tuple[str, int], str] = {}


def _name(number: int, library: str, look: Callable[..., str]) -> str:
    import importlib

    key = (library, number)
    if key not in _names:
        try:
            _names[key] = look(importlib.import_module(library))
        except (ImportError, KeyError, OSError, OverflowError):  # Windows; no such entry; the directory is away
            _names[key] = str(number)
    return _names[key]


def allowed(path: str, mode: int) -> bool:
    """Whether this process may, by the user that it acts as."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def code(error: OSError) -> str:
    """The name of an error, as ``ENOLCK``."""
    return errno.errorcode.get(error.errno or 0, str(error))
