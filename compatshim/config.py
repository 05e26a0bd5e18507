"""``[tool.compatshim]`` of a ``pyproject.toml``, read strictly: start-up is forgiving, the command line is not."""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from compatshim.errors import CompatshimError
from compatshim.ignores import ALL, Ignore
from compatshim.model import canonical
from compatshim.strict import Reader

MODES = ("off", "observe", "apply", "strict")
FAIL_ON = ("note", "warning", "error", "never")
_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{4}-[0-9]{4,}")


class Key(NamedTuple):
    """A key of the table."""

    name: str
    default: object
    """Its value where nobody says anything."""
    about: str
    variable: str = ""
    """The environment variable that says the same."""
    option: str = ""
    """The option of the command line that says the same."""
    startup: bool = False
    """Whether `import compatshim` goes by it, too."""


KEYS = (
    Key("mode", "apply", "what `import compatshim` does", variable="COMPATSHIM", startup=True),
    Key("disable", (), "advisories whose shims stay away", variable="COMPATSHIM_DISABLE", startup=True),
    Key("catalogs", (), "folders of further advisories", variable="COMPATSHIM_CATALOG", option="--catalog"),
    Key("fail-on", "error", "the lowest level of finding that fails a check", option="--fail-on"),
    Key(
        "fail-on-possible",
        False,
        "whether what requirements allow but do not force fails a check",
        option="--fail-on-possible",
    ),
    Key("strict", False, "whether what could not be read fails a check", option="--strict"),
    Key("baseline", None, "a file of findings that are known", option="--baseline"),
    Key("ignore", (), "findings to pass over, and why", option="--ignore"),
)
"""All of them, in the order in which they are explained."""


class ConfigError(CompatshimError):
    """The file cannot be used; the message names the file, the line and the key."""


class Config(NamedTuple):
    """What a project says; None and nothing where it does not."""

    mode: Optional[str] = None
    disable: Tuple[str, ...] = ()
    """Ids of advisories in capitals, or ``*``."""
    catalogs: Tuple[str, ...] = ()
    """Folders of advisories, relative to the file."""
    fail_on: Optional[str] = None
    fail_on_possible: Optional[bool] = None
    strict: Optional[bool] = None
    baseline: Optional[str] = None
    """Absolute path."""
    ignore: Tuple[Ignore, ...] = ()
    lines: Mapping[str, int] = MappingProxyType({})
    """The line of each key that is there."""


class _Reader(Reader):
    wrong = ConfigError


def read(path: str) -> Config:
    """The table of one file. Raises :exc:`ConfigError`, and :exc:`OSError` when the file cannot be read."""
    with open(path, "rb") as file:
        return parse(file.read(), path)


def parse(content: bytes, path: str) -> Config:
    """The table in the text of a file. Raises :exc:`ConfigError`."""
    reader = _Reader(content, path)
    tool = reader.table(reader.data, "tool")[1] if "tool" in reader.data else {}
    if "compatshim" not in tool:
        return Config()
    where, table = reader.table(tool, "compatshim", "tool")
    reader.check_keys(table, where, "", " ".join(key.name for key in KEYS))
    folder = os.path.dirname(os.path.abspath(path))
    return Config(
        mode=reader.word(table, where, "mode", MODES) if "mode" in table else None,
        disable=_disable(reader, table, where),
        catalogs=reader.strings(table, where, "catalogs"),
        fail_on=reader.word(table, where, "fail-on", FAIL_ON) if "fail-on" in table else None,
        fail_on_possible=reader.truth(table, where, "fail-on-possible") if "fail-on-possible" in table else None,
        strict=reader.truth(table, where, "strict") if "strict" in table else None,
        baseline=os.path.join(folder, reader.string(table, where, "baseline")) if "baseline" in table else None,
        ignore=_ignores(reader, table, where, folder),
        lines={key: reader.line(f"{where}.{key}") for key in table},
    )


def _disable(reader: Reader, table: Mapping[str, Any], where: str) -> Tuple[str, ...]:
    if table.get("disable") == ALL:
        return (ALL,)
    found = tuple(word.upper() for word in reader.strings(table, where, "disable"))
    for word in found:
        if not names(word):
            raise reader.error(f"{where}.disable", f"{word!r} is no advisory (as CSA-2026-0001), and not *")
    return found


def names(word: str) -> bool:
    """Whether a word, in capitals, has the shape of an id, or stands for all."""
    return word == ALL or bool(_ID.fullmatch(word))


def _ignores(reader: Reader, table: Mapping[str, Any], where: str, folder: str) -> Tuple[Ignore, ...]:
    found: List[Ignore] = []
    for place, one in reader.tables(table, "ignore", where):
        reader.check_keys(one, place, "id reason", "expires paths projects")
        identifier = reader.string(one, place, "id").upper()
        if not names(identifier):
            raise reader.error(f"{place}.id", f"{identifier!r} is no advisory (as CSA-2026-0001), and not *")
        line = _line(reader, place, one["id"], sum(other.id == identifier for other in found))
        found.append(
            Ignore(
                identifier,
                " ".join(reader.string(one, place, "reason").split()),
                f"{os.path.basename(reader.path)}:{line}",
                reader.day(one, place, "expires") if "expires" in one else "",
                reader.strings(one, place, "paths"),
                tuple(canonical(name) for name in reader.strings(one, place, "projects")),
                folder,
            )
        )
    return tuple(found)


def _line(reader: Reader, place: str, identifier: str, before: int) -> int:
    """The line of an ignore, ``before`` others of the same advisory. In a list within brackets its id tells."""
    start = reader.line(place)
    if "[[" in reader.lines[start - 1]:
        return start
    written = re.compile(rf"\bid[\"']?\s*=\s*[\"']{re.escape(identifier)}[\"']", re.IGNORECASE)
    lines = (at for at, text in enumerate(reader.lines, start=1) if at >= start and written.search(text))
    for _ in range(before):
        next(lines, None)
    return next(lines, start)


class Setting(NamedTuple):
    """A key's value, and who says so."""

    key: str
    value: object
    source: str
    """``default``, an option, an environment variable, or a file and line."""


Effective = Mapping[str, Setting]
"""Settings by key."""


def effective(options: Mapping[str, object], path: Optional[str], found: Config) -> Effective:
    """What holds for a check, by key. ``options`` are those that were given; ``path`` is the file of ``found``.

    An option wins over the file, but ignores of both hold. The keys of start-up and the catalogs, which have ways
    of their own, are not among them.
    """
    settings = {}
    for key in KEYS:
        if key.startup or key.name == "catalogs":
            continue
        value, source = getattr(found, key.name.replace("-", "_")), "default"
        if key.name in found.lines:
            source = f"{path}:{found.lines[key.name]}"
        given = options.get(key.name)
        if key.name == "ignore" and isinstance(given, tuple) and given:
            value, source = (*value, *given), key.option if source == "default" else f"{source}, {key.option}"
        elif given is not None and key.name != "ignore":
            value, source = given, key.option
        settings[key.name] = Setting(key.name, key.default if value is None else value, source)
    return settings
