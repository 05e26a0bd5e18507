"""Which package index to ask, and how: the settings of whichever installer the user has set up.

uv's settings count where they name an index, else pip's, else those of PyPI. There is no option for an address on
our own command line: it would be written into the header of constraint files, with the password that it may hold.
``PIP_INDEX_URL=… python -m compatshim pin --index`` does it.

Passwords come from the address, from uv's variables or from ``netrc``; keyrings are not asked. None is ever shown:
what is said of an index is its host alone, because some services put the secret into the path.
"""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import pathname2url

PYPI = "https://pypi.org/simple/"
NONE = "none:"
"""Stands for an address that cannot be used, so that it fails when it is asked."""

Login = Tuple[str, Optional[str]]
"""User and password; without a password ``netrc`` is asked for it."""


@dataclass(frozen=True)
class Settings:
    """Indexes in the order in which they are asked, and how to reach them."""

    indexes: Tuple[str, ...] = (PYPI,)
    """Addresses without user and password: ``https``, ``http`` or ``file``."""
    merged: bool = True
    """Whether a project's files come from all indexes together, as with pip; uv stops at the first that has any."""
    folders: Tuple[str, ...] = ()
    """Local folders of wheels (``find-links``); they come before the indexes."""
    logins: Mapping[str, Login] = field(default_factory=dict, repr=False)
    """By address of an index."""
    certificate: str = ""
    """Path of a bundle of authorities; empty for the usual ones."""
    client_certificate: str = ""
    proxy: str = field(default="", repr=False)
    trusted: FrozenSet[str] = frozenset()
    """``host`` or ``host:port`` whose certificate is not looked at."""
    timeout: float = 15.0
    """Seconds that a server may be silent."""
    remarks: Tuple[str, ...] = ()
    """What of the configuration is not used here, in sentences."""

    def login(self, address: str) -> Optional[Login]:
        """The user and password for an address: those of the index on its host that it has most in common with."""
        same = [index for index in self.logins if _origin(index) == _origin(address)]
        if not same:
            return None
        return self.logins[max(same, key=lambda index: _shared(index, address))]

    def trusts(self, address: str) -> bool:
        """Whether certificates of an address are taken without a look."""
        parts = urlsplit(address)
        return parts.hostname in self.trusted or parts.netloc.rpartition("@")[2] in self.trusted


def read(python: str) -> Settings:
    """The settings that hold for an interpreter in the current directory."""
    from compatshim.metadata import pip_settings, uv_settings

    return uv_settings.read(os.environ) or pip_settings.read(python, os.environ)


def split(address: str, base: str = "") -> Tuple[str, Optional[Login]]:
    """An address without user and password, and these; a local path, relative to ``base``, becomes an address.

    What is none that can be used becomes :data:`NONE`.
    """
    if "://" not in address and not address.startswith("file:"):
        address = "file://" + pathname2url(os.path.abspath(os.path.join(base, os.path.expanduser(address))))
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https", "file") and parts.port != 0
        (parts.hostname or "").encode("idna")  # which no name can be that is too long
    except ValueError:
        usable = False
    if not usable:
        return NONE, None
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    bare = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/", parts.query, ""))
    return bare, ((unquote(name), unquote(password) if colon else None) if at else None)


def gathered(addresses: Iterable[Tuple[str, Optional[Login]]]) -> Tuple[Tuple[str, ...], Dict[str, Login]]:
    """The distinct addresses in order, and the logins among what :func:`split` returned."""
    order: Dict[str, None] = {}
    logins: Dict[str, Login] = {}
    for address, login in addresses:
        order.setdefault(address)
        if login is not None:
            logins.setdefault(address, login)
    return tuple(order), logins


def local_folders(places: Iterable[str], base: str = "") -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """The folders among ``find-links`` entries, and a remark about entries that are none: pages are not read."""
    from urllib.request import url2pathname

    folders: List[str] = []
    others = 0
    for place in places:
        address, _ = split(place, base)
        path = url2pathname(urlsplit(address).path.rstrip("/"))
        if address.startswith("file:") and not path.endswith((".html", ".whl")):
            folders.append(path)
        else:
            others += 1
    remark = f"{others} find-links {'entry is' if others == 1 else 'entries are'} no local folder: not read"
    return tuple(folders), ((remark,) if others else ())


def host(address: str) -> str:
    """What may be said of an address: its host, or that it is on this machine."""
    if address == NONE:
        return "an address that is none"
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2] or "a local folder"


def _shared(one: str, other: str) -> int:
    return len(posixpath.commonpath([urlsplit(one).path or "/", urlsplit(other).path or "/"]))


def _origin(address: str) -> Tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.rpartition("@")[2]
