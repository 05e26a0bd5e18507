"""The catalog: TOML advisories read strictly into :class:`~compatshim.model.Advisory` values.

An unknown key, a wrong type or a word outside a closed list is an error that names the file, the line and the
key; nothing is guessed and nothing is dropped. A file of a newer minor schema may carry keys this version does
not know: those are ignored.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from datetime import date, datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from compatshim.model import (
    OUTCOMES,
    REFERENCE_TYPES,
    REMEDY_KINDS,
    SEVERITIES,
    SYMPTOMS,
    Advisory,
    Catalog,
    CatalogError,
    Detect,
    Interval,
    Reference,
    Remedy,
    Reproducer,
    Term,
    Verified,
    canonical,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMA_VERSION = "1.0"
BUNDLED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "advisories")

__all__ = ["BUNDLED", "SCHEMA_VERSION", "Catalog", "CatalogError", "load", "parse"]

_ID = re.compile(r"CSA-\d{4}-\d{4,}")


def load(folder: str = BUNDLED) -> Catalog:
    """Read every ``*.toml`` of a folder. Raises :exc:`CatalogError`."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".toml"))
    except OSError as error:
        raise CatalogError(f"{folder}: cannot list the advisories: {error.strerror}") from error
    digest = hashlib.sha256()
    advisories = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise CatalogError(f"{path}: cannot read the advisory: {error.strerror}") from error
        # Line ends are the checkout's business, not the catalog's.
        content = content.replace(b"\r\n", b"\n")
        digest.update(content)
        advisories.append(parse(content, path))  # in order of id, which is the file's name
    if not advisories:
        raise CatalogError(f"{folder}: holds no advisory (*.toml)")
    proven = {
        (project, str(version))
        for advisory in advisories
        for row in advisory.verified
        if row.outcome == "good"
        for project, version in row.versions
    }
    return Catalog(tuple(advisories), digest.hexdigest()[:12], frozenset(proven))


def parse(content: bytes, path: str) -> Advisory:
    """Read one advisory. ``path`` is for messages. Raises :exc:`CatalogError`."""
    try:
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CatalogError(f"{path}:{line}: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found.group(1)) if found else len(text.splitlines())  # "at end of document"
        raise CatalogError(f"{path}:{line}: not TOML: {error}") from error
    return _Reader(text, path, data).advisory()


class _Reader:
    """Turns the tables of one file into values, remembering where it is for messages."""

    def __init__(self, text: str, path: str, data: Mapping[str, Any]) -> None:
        # What looks like a key inside a long string is none.
        self.lines = re.sub('"""[^\\0]*?"""', lambda found: "\n" * found[0].count("\n"), text).split("\n")
        self.path = path
        self.data = data
        self.lenient = False

    def error(self, where: str, message: str) -> CatalogError:
        return CatalogError(f"{self.path}:{self._line(where)}: {where}: {message}")

    def _line(self, where: str) -> int:
        """The line of a key such as ``terms[1].ranges``: as deep as table headers and keys lead to it."""
        line, header = 0, ""
        for part in where.split("."):
            name, _, count = part.rstrip("]").partition("[")
            header = f"{header}.{name}" if header else name
            found = self._headers(header, line)[int(count or 0) :] or self._keys(name, line)
            if not found:
                break
            line = found[0]
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
        known = set(required.split()) | set(optional.split())
        prefix = f"{where}." if where else ""
        for key in table:
            if key not in known and not self.lenient:
                raise self.error(f"{prefix}{key}", f"unknown key (known here: {', '.join(sorted(known))})")
        for key in required.split():
            if key not in table:
                raise self.error(f"{prefix}{key}", "missing")

    def string(self, table: Mapping[str, Any], where: str, key: str, default: Optional[str] = None) -> str:
        value = table.get(key, default)
        full = f"{where}.{key}" if where else key
        if not isinstance(value, str) or not (value.strip() or default is not None):
            raise self.error(full, f"a non-empty string is wanted, not {value!r}")
        return value.strip()

    def word(self, table: Mapping[str, Any], where: str, key: str, words: Sequence[str]) -> str:
        value = self.string(table, where, key)
        if value not in words:
            full = f"{where}.{key}" if where else key
            raise self.error(full, f"{value!r} is not one of {', '.join(words)}")
        return value

    def strings(self, table: Mapping[str, Any], where: str, key: str) -> Tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(f"{where}.{key}", f"a list of strings is wanted, not {value!r}")
        return tuple(value)

    def requirements(self, table: Mapping[str, Any], where: str, key: str) -> Tuple[str, ...]:
        texts = self.strings(table, where, key)
        for text in texts:
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                raise self.error(f"{where}.{key}", f"{text!r} is not a requirement") from error
            self.project(requirement.name, f"{where}.{key}")
        return texts

    def tables(self, table: Mapping[str, Any], key: str, where: str = "") -> List[Tuple[str, Dict[str, Any]]]:
        value = table.get(key, [])
        full = f"{where}.{key}" if where else key
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(full, "a list of tables is wanted")
        return [(f"{full}[{number}]", item) for number, item in enumerate(value)]

    def table(self, table: Mapping[str, Any], key: str, where: str = "") -> Tuple[str, Dict[str, Any]]:
        value = table.get(key)
        full = f"{where}.{key}" if where else key
        if not isinstance(value, dict):
            raise self.error(full, "a table is wanted")
        return full, value

    def version(self, value: object, where: str) -> Version:
        if not isinstance(value, str):  # a number would have lost the zero of 3.10
            raise self.error(where, f"a version in quotes is wanted, not {value!r}")
        try:
            return Version(value)
        except InvalidVersion as error:
            raise self.error(where, f"{value!r} is not a version") from error

    def project(self, value: str, where: str) -> str:
        if canonical(value) != value:
            raise self.error(where, f"write the normalised name, {canonical(value)!r}")
        return value

    def advisory(self) -> Advisory:
        data = self.data
        schema = self.string(data, "", "schema_version")
        if schema.split(".")[0] != SCHEMA_VERSION.split(".", maxsplit=1)[0]:
            raise self.error("schema_version", f"{schema} cannot be read; this compatshim reads {SCHEMA_VERSION}")
        self.lenient = schema != SCHEMA_VERSION
        self.check_keys(
            data,
            "",
            "schema_version id title symptom severity root_cause terms remedies reproducer references",
            "detect verified",
        )
        identifier = self.string(data, "", "id")
        if not _ID.fullmatch(identifier):
            raise self.error("id", f"{identifier!r} does not read CSA-YYYY-NNNN")
        if os.path.basename(self.path) != f"{identifier}.toml":
            raise self.error("id", f"{identifier} belongs in a file {identifier}.toml")
        title = self.string(data, "", "title")
        if len(title) > 120:  # noqa: PLR2004
            raise self.error("title", "longer than 120 characters")
        terms = tuple(self._term(where, table) for where, table in self.tables(data, "terms"))
        remedies = tuple(self._remedy(where, table) for where, table in self.tables(data, "remedies"))
        references = tuple(self._reference(where, table) for where, table in self.tables(data, "references"))
        if not terms:
            raise self.error("terms", "at least one is wanted")
        if not remedies:
            raise self.error("remedies", "at least one is wanted")
        if len({term.project for term in terms}) != len(terms):
            raise self.error("terms", "one term per project")
        return Advisory(
            id=identifier,
            title=title,
            symptom=self.word(data, "", "symptom", SYMPTOMS),
            severity=self.word(data, "", "severity", SEVERITIES),
            root_cause=self.string(data, "", "root_cause"),
            terms=terms,
            remedies=remedies,
            reproducer=self._reproducer(*self.table(data, "reproducer")),
            detect=tuple(self._detect(where, table) for where, table in self.tables(data, "detect")),
            verified=tuple(self._verified(where, table) for where, table in self.tables(data, "verified")),
            references=references,
        )

    def _term(self, where: str, table: Dict[str, Any]) -> Term:
        self.check_keys(table, where, "project ranges", "imports")
        project = self.project(self.string(table, where, "project"), f"{where}.project")
        ranges = tuple(self._interval(place, item) for place, item in self.tables(table, "ranges", where))
        if not ranges:
            raise self.error(f"{where}.ranges", "at least one is wanted")
        for before, after in zip(ranges, ranges[1:]):
            if before.fixed is None or before.fixed > after.introduced:
                raise self.error(f"{where}.ranges", "ranges must be in order and must not overlap")
        return Term(project, ranges, self.strings(table, where, "imports"))

    def _interval(self, where: str, table: Dict[str, Any]) -> Interval:
        self.check_keys(table, where, "introduced", "fixed last_checked")
        found = {key: self.version(value, f"{where}.{key}") for key, value in table.items()}
        if ("fixed" in found) == ("last_checked" in found):
            raise self.error(where, "exactly one of fixed and last_checked is wanted: no range is left open")
        start, fixed = found["introduced"], found.get("fixed")
        if (start >= fixed) if fixed is not None else (start > found["last_checked"]):
            raise self.error(where, "ends before it begins")
        return Interval(start, fixed, found.get("last_checked"))

    def _remedy(self, where: str, table: Dict[str, Any]) -> Remedy:
        kind = self.word(table, where, "kind", REMEDY_KINDS)
        impact = self.string(table, where, "impact", "")
        if kind == "shim":
            self.check_keys(table, where, "kind shim", "impact")
            return Remedy(kind, shim=self.string(table, where, "shim"), impact=impact)
        self.check_keys(table, where, "kind constraints", "impact")
        constraints = self.requirements(table, where, "constraints")
        if not constraints:
            raise self.error(f"{where}.constraints", "at least one is wanted")
        return Remedy(kind, constraints, impact=impact)

    def _detect(self, where: str, table: Dict[str, Any]) -> Detect:
        self.check_keys(table, where, "exception message")
        return Detect(self.string(table, where, "exception"), self.string(table, where, "message"))

    def _reproducer(self, where: str, table: Dict[str, Any]) -> Reproducer:
        self.check_keys(table, where, "id", "requires timeout")
        timeout = table.get("timeout", 120)
        if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout <= 0:
            raise self.error(f"{where}.timeout", "a positive number of seconds is wanted")
        return Reproducer(self.string(table, where, "id"), self.requirements(table, where, "requires"), timeout)

    def _reference(self, where: str, table: Dict[str, Any]) -> Reference:
        self.check_keys(table, where, "type url")
        url = self.string(table, where, "url")
        if not url.startswith("https://"):
            raise self.error(f"{where}.url", "an https address is wanted")
        return Reference(self.word(table, where, "type", REFERENCE_TYPES), url)

    def _verified(self, where: str, table: Dict[str, Any]) -> Verified:
        self.check_keys(table, where, "outcome on with")
        _, on = self.table(table, "on", where)
        self.check_keys(on, f"{where}.on", "python platform date")
        _, versions = self.table(table, "with", where)
        day = on["date"]
        if not isinstance(day, date) or isinstance(day, datetime):
            raise self.error(f"{where}.on.date", "a date without quotes is wanted")
        return Verified(
            outcome=self.word(table, where, "outcome", OUTCOMES),
            python=self.string(on, f"{where}.on", "python"),
            platform=self.string(on, f"{where}.on", "platform"),
            date=day.isoformat(),
            versions=tuple(
                sorted(
                    (self.project(name, f"{where}.with.{name}"), self.version(value, f"{where}.with.{name}"))
                    for name, value in versions.items()
                )
            ),
        )
