"""uv's index configuration: its environment variables and its ``uv.toml`` and ``pyproject.toml`` files.

uv has no command that tells it. Read are, the first that says something counting most: the variables, the project's
file (the nearest ``uv.toml`` or ``pyproject.toml`` with a ``[tool.uv]`` at or above the current directory), the
user's and the system's. In a file the ``[pip]`` table goes before the rest, as for ``uv pip``. Indexes that are
``explicit`` serve only projects bound to them, and such bindings (``sources``) are not read.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from compatshim.metadata.settings import PYPI, Login, Settings, gathered, local_folders, split

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FIRST = "first-index"
_YES = ("1", "true", "yes", "on")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)=(?P<url>.+)", re.DOTALL)

_Address = Tuple[str, Optional[Login]]


@dataclass
class _Found:
    """What the variables and files say, in the order in which they were read."""

    indexes: List[_Address] = field(default_factory=list)
    extra: List[_Address] = field(default_factory=list)
    default: Optional[_Address] = None
    folders: List[str] = field(default_factory=list)
    strategy: str = ""
    trusted: List[str] = field(default_factory=list)
    no_index: bool = False
    remarks: List[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.indexes or self.extra or self.default or self.folders or self.no_index)


def read(environment: Mapping[str, str]) -> Optional[Settings]:
    """The settings, or None where uv's configuration says nothing of an index."""
    found = _Found()
    _variables(found, environment)
    for path, table in _tables(environment, found.remarks):
        _table(found, table, os.path.dirname(path), environment)
    if found.nothing:
        return None
    indexes, logins = gathered([*found.indexes, *found.extra, found.default or (PYPI, None)])
    seconds = environment.get("UV_HTTP_TIMEOUT", "")
    return Settings(
        indexes=() if found.no_index else indexes,
        merged=(found.strategy or _FIRST) != _FIRST,
        folders=tuple(dict.fromkeys(found.folders)),
        logins=logins,
        certificate=environment.get("SSL_CERT_FILE", ""),
        client_certificate=environment.get("SSL_CLIENT_CERT", ""),
        trusted=frozenset(found.trusted),
        timeout=float(seconds) if seconds.isdigit() and int(seconds) else 30.0,
        remarks=tuple(dict.fromkeys(found.remarks)),
    )


def _variables(found: _Found, environment: Mapping[str, str]) -> None:
    for text in environment.get("UV_INDEX", "").split():
        named = _NAMED.fullmatch(text) if not re.match(r"\w+://", text) else None
        name, url = (named["name"], named["url"]) if named else ("", text)
        found.indexes.append(_login(split(url), name, environment))
    found.extra += map(split, environment.get("UV_EXTRA_INDEX_URL", "").split())
    default = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    if default:
        named = _NAMED.fullmatch(default) if not re.match(r"\w+://", default) else None
        name, url = (named["name"], named["url"]) if named else ("", default)
        found.default = _login(split(url), name, environment)
    _links(found, re.split(r"[\s,]+", environment.get("UV_FIND_LINKS", "")), "")
    found.strategy = environment.get("UV_INDEX_STRATEGY", "")
    found.trusted += environment.get("UV_INSECURE_HOST", "").split()
    found.no_index = environment.get("UV_NO_INDEX", "").lower() in _YES


def _login(address: _Address, name: str, environment: Mapping[str, str]) -> _Address:
    """An address with the user and password that variables give an index of this name."""
    bare, login = address
    prefix = f"UV_INDEX_{re.sub('[^A-Z0-9]', '_', name.upper())}"
    user, password = environment.get(f"{prefix}_USERNAME"), environment.get(f"{prefix}_PASSWORD")
    return (bare, (user or "", password)) if name and (user or password) else (bare, login)


def _links(found: _Found, places: List[str], base: str) -> None:
    folders, remarks = local_folders([place for place in places if place], base)
    found.folders += folders
    found.remarks += remarks


def _table(found: _Found, table: Mapping[str, Any], base: str, environment: Mapping[str, str]) -> None:
    """Take in a file's settings; what was read before goes first or stands."""
    pip = table.get("pip")
    table = {**table, **(pip if isinstance(pip, dict) else {})}
    for index in _dicts(table.get("index")):
        url, name = str(index.get("url", "")), str(index.get("name", ""))
        if not url or index.get("explicit") is True:
            continue
        if index.get("format") == "flat":
            _links(found, [url], base)
        elif index.get("default") is True:
            found.default = found.default or _login(split(url, base), name, environment)
        else:
            found.indexes.append(_login(split(url, base), name, environment))
    found.extra += [split(url, base) for url in _strings(table.get("extra-index-url"))]
    if found.default is None and isinstance(table.get("index-url"), str):
        found.default = split(table["index-url"], base)
    _links(found, _strings(table.get("find-links")), base)
    found.strategy = found.strategy or str(table.get("index-strategy", ""))
    found.trusted += _strings(table.get("allow-insecure-host"))
    found.no_index = found.no_index or table.get("no-index") is True


def _dicts(value: object) -> List[Dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _strings(value: object) -> List[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


_File = Tuple[str, Mapping[str, Any]]
"""Its path, and what uv takes of it."""


def _tables(environment: Mapping[str, str], remarks: List[str]) -> Iterator[_File]:
    """The files that are there and say something to uv, the one that counts most first."""
    named = environment.get("UV_CONFIG_FILE")
    if named:
        yield from _read(named, remarks)
        return
    if environment.get("UV_NO_CONFIG", "").lower() in _YES:
        return
    yield from _project(os.getcwd(), remarks)
    for path in _places(environment):
        yield from _read(path, remarks)


def _project(folder: str, remarks: List[str]) -> Iterator[_File]:
    while True:
        for name in ("uv.toml", "pyproject.toml"):
            found = list(_read(os.path.join(folder, name), remarks))
            if found:
                yield from found
                return
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _places(environment: Mapping[str, str]) -> Iterator[str]:
    """The user's file and the system's."""
    if sys.platform == "win32":
        folders = [environment.get("APPDATA", ""), environment.get("PROGRAMDATA", "")]
    else:
        user = environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        folders = [user, *(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep), "/etc"]
    for folder in folders:
        if folder:
            yield os.path.join(folder, "uv", "uv.toml")


def _read(path: str, remarks: List[str]) -> Iterator[_File]:
    try:
        with open(path, "rb") as file:
            content: Mapping[str, Any] = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        # What the parser says may quote the line, and that may hold a password.
        remarks.append(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'it is no TOML'}): not used")
        return
    table: Any = content
    if os.path.basename(path) == "pyproject.toml":
        tool = content.get("tool")
        table = tool.get("uv") if isinstance(tool, dict) else None
    if isinstance(table, dict):
        yield path, table
