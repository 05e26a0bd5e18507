"""``[tool.compatshim]`` of a ``pyproject.toml``, read strictly: start-up is forgiving, the command line is not."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Optional, Tuple

from compatshim.errors import CompatshimError
from compatshim.strict import Reader

MODES = ("off", "observe", "apply", "strict")
_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{4}-[0-9]{4,}")


class ConfigError(CompatshimError):
    """The file cannot be used; the message names the file, the line and the key."""


class Config(NamedTuple):
    """What a project says; None and nothing where it does not."""

    mode: Optional[str] = None
    disable: Tuple[str, ...] = ()
    """Ids of advisories in capitals, or ``*``."""
    catalogs: Tuple[str, ...] = ()
    """Folders of advisories, relative to the file."""


class _Reader(Reader):
    wrong = ConfigError


def read(path: str) -> Config:
    """The table of one file. Raises :exc:`ConfigError`, and :exc:`OSError` when the file cannot be read."""
    with open(path, "rb") as file:
        reader = _Reader(file.read(), path)
    tool = reader.table(reader.data, "tool")[1] if "tool" in reader.data else {}
    if "compatshim" not in tool:
        return Config()
    where, table = reader.table(tool, "compatshim", "tool")
    reader.check_keys(table, where, "", "mode disable catalogs")
    mode = reader.word(table, where, "mode", MODES) if "mode" in table else None
    return Config(mode, _disable(reader, table, where), reader.strings(table, where, "catalogs"))


def _disable(reader: Reader, table: Mapping[str, Any], where: str) -> Tuple[str, ...]:
    if table.get("disable") == "*":
        return ("*",)
    found = tuple(word.upper() for word in reader.strings(table, where, "disable"))
    for word in found:
        if word != "*" and not _ID.fullmatch(word):
            raise reader.error(f"{where}.disable", f"{word!r} is no advisory (as CSA-2026-0001), and not *")
    return found
