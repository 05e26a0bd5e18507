"""TOML read strictly: an unknown key or a wrong type is an error that names the file, the line and the key."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Type

from packaging.version import InvalidVersion, Version

from compatshim.model import canonical


def near(word: str, words: Iterable[str]) -> str:
    """The end of a message about a word that is none of ``words``: which of them was meant, if one is near."""
    import difflib

    found = difflib.get_close_matches(word, sorted(words), n=1)
    return f"; did you mean {found[0]}?" if found else ""


class Reader:
    """Gives the values of one file by key, remembering where it is for messages.

    A key's place is written as in ``terms[1].ranges``.
    """

    wrong: ClassVar[Type[Exception]]
    """What is raised when something is not as it should be."""

    def __init__(self, content: bytes, path: str) -> None:
        if sys.version_info >= (3, 11):  # a check without a file needs what is made from this class
            import tomllib
        else:
            import tomli as tomllib

        self.path = path
        self.lenient = False
        try:
            text = content.decode("utf-8")
            self.data: Mapping[str, Any] = tomllib.loads(text)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise self.wrong(f"{path}:{line}: not UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found.group(1)) if found else len(text.splitlines())  # "at end of document"
            raise self.wrong(f"{path}:{line}: not TOML: {error}") from error
        # What looks like a key inside a long string is none.
        self.lines = re.sub('"""[^\\0]*?"""', lambda found: "\n" * found[0].count("\n"), text).split("\n")

    def error(self, where: str, message: str) -> Exception:
        """What to raise about the value at ``where``."""
        return self.wrong(f"{self.path}:{self.line(where)}: {where}: {message}")

    def line(self, where: str) -> int:
        """The line of a key such as ``terms[1].ranges``: as deep as table headers and keys lead to it."""
        line, header, inside = 0, "", True
        for part in where.split("."):
            name, _, count = part.rstrip("]").partition("[")
            header = f"{header}.{name}" if header else name
            found = self._headers(header, line)[int(count or 0) :] or (self._keys(name, line) if inside else [])
            inside = bool(found)  # a table need not have a header of its own: [tool.x] alone
            line = found[0] if found else line
        return line + 1

    def _headers(self, name: str, start: int) -> List[int]:
        """Lines from ``start`` on that open a table."""
        header = re.compile(rf"\s*\[+\s*{re.escape(name)}\s*\]")
        return [number for number in range(start, len(self.lines)) if header.match(self.lines[number])]

    def _keys(self, name: str, start: int) -> List[int]:
        """Lines from ``start`` to the next table that set a key."""
        key = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]")
        found = []
        for number in range(start, len(self.lines)):
            if number > start and self.lines[number].startswith("["):
                break
            if key.match(self.lines[number]):
                found.append(number)
        return found

    def check_keys(self, table: Mapping[str, Any], where: str, required: str, optional: str = "") -> None:
        """Raise unless all ``required`` keys, and none but them and the ``optional`` ones, are there."""
        known = set(required.split()) | set(optional.split())
        prefix = f"{where}." if where else ""
        for key in table:
            if key not in known and not self.lenient:
                meant = near(key, known)
                raise self.error(f"{prefix}{key}", f"unknown key (known here: {', '.join(sorted(known))}){meant}")
        for key in required.split():
            if key not in table:
                raise self.error(f"{prefix}{key}", "missing")

    def string(self, table: Mapping[str, Any], where: str, key: str, default: Optional[str] = None) -> str:
        """A string without the space around it; not empty, unless there is a default."""
        value = table.get(key, default)
        full = f"{where}.{key}" if where else key
        if not isinstance(value, str) or not (value.strip() or default is not None):
            raise self.error(full, f"a non-empty string is wanted, not {value!r}")
        return value.strip()

    def word(self, table: Mapping[str, Any], where: str, key: str, words: Sequence[str]) -> str:
        """One of ``words``."""
        value = self.string(table, where, key)
        if value not in words:
            full = f"{where}.{key}" if where else key
            raise self.error(full, f"{value!r} is not one of {', '.join(words)}{near(value, words)}")
        return value

    def strings(self, table: Mapping[str, Any], where: str, key: str) -> Tuple[str, ...]:
        """A list of strings that are not empty."""
        value = table.get(key, [])
        full = f"{where}.{key}" if where else key
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(full, f"a list of strings is wanted, not {value!r}")
        return tuple(value)

    def truth(self, table: Mapping[str, Any], where: str, key: str) -> bool:
        """``true`` or ``false``."""
        value = table.get(key)
        if not isinstance(value, bool):
            raise self.error(f"{where}.{key}" if where else key, f"true or false is wanted, not {value!r}")
        return value

    def requirements(self, table: Mapping[str, Any], where: str, key: str) -> Tuple[str, ...]:
        """A list of PEP 508 requirements with normalised names."""
        from packaging.requirements import InvalidRequirement, Requirement  # takes longer than a check to load

        texts = self.strings(table, where, key)
        for text in texts:
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                raise self.error(f"{where}.{key}", f"{text!r} is not a requirement") from error
            self.project(requirement.name, f"{where}.{key}")
        return texts

    def tables(self, table: Mapping[str, Any], key: str, where: str = "") -> List[Tuple[str, Dict[str, Any]]]:
        """A list of tables, each with its place."""
        value = table.get(key, [])
        full = f"{where}.{key}" if where else key
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(full, "a list of tables is wanted")
        return [(f"{full}[{number}]", item) for number, item in enumerate(value)]

    def table(self, table: Mapping[str, Any], key: str, where: str = "") -> Tuple[str, Dict[str, Any]]:
        """A table with its place."""
        value = table.get(key)
        full = f"{where}.{key}" if where else key
        if not isinstance(value, dict):
            raise self.error(full, "a table is wanted")
        return full, value

    def version(self, value: object, where: str) -> Version:
        """A version, which stands in quotes."""
        if not isinstance(value, str):  # a number would have lost the zero of 3.10
            raise self.error(where, f"a version in quotes is wanted, not {value!r}")
        try:
            return Version(value)
        except InvalidVersion as error:
            raise self.error(where, f"{value!r} is not a version") from error

    def project(self, value: str, where: str) -> str:
        """A normalised project name."""
        if canonical(value) != value:
            raise self.error(where, f"write the normalised name, {canonical(value)!r}")
        return value

    def day(self, table: Mapping[str, Any], where: str, key: str) -> str:
        """An ISO date."""
        value = table.get(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.error(f"{where}.{key}", "a date without quotes is wanted")
        return value.isoformat()
