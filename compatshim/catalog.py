"""The catalog: TOML advisories read strictly into :class:`~compatshim.model.Advisory` values.

An unknown key, a wrong type or a word outside a closed list is an error that names the file, the line and the
key; nothing is guessed and nothing is dropped. A file of a newer minor schema may carry keys this version does
not know: those are ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, Dict

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
    Waiver,
)
from compatshim.strict import Reader

SCHEMA_VERSION = "1.0"
COMPILED = "catalog.jsonl"
BUNDLED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "advisories")

__all__ = ["BUNDLED", "SCHEMA_VERSION", "Catalog", "CatalogError", "load", "parse"]

_ID = re.compile(r"[A-Z][A-Z0-9]*-\d{4}-\d{4,}")
_OURS = "CSA-"
_CHECK = re.compile(r"KB(-[A-Z]+)+")


def load(folder: str = BUNDLED, *, private: bool = False) -> Catalog:
    """Read every ``*.toml`` of a folder; a private catalog has ids of its own. Raises :exc:`CatalogError`."""
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
        advisory = parse(content, path)
        if private:
            _private(advisory, path)
        advisories.append(advisory)  # in order of id, which is the file's name
    if not advisories:
        raise CatalogError(f"{folder}: holds no advisory (*.toml)")
    proven = {
        (project, str(version))
        for advisory in advisories
        for row in advisory.verified
        if row.outcome == "good"
        for project, version in row.versions
    }
    number = digest.hexdigest()[:12]
    return Catalog(tuple(advisories), number, frozenset(proven), _version(folder, number))


def _version(folder: str, digest: str) -> str:
    """The version that the advisories in a folder got when they were compiled; empty if they changed since."""
    try:
        with open(os.path.join(folder, COMPILED), encoding="utf-8") as file:
            known = json.loads(file.readline())
    except (OSError, ValueError):
        return ""
    return str(known.get("version", "")) if known.get("digest") == digest else ""


def _private(advisory: Advisory, path: str) -> None:
    if advisory.id.startswith(_OURS):
        raise CatalogError(f"{path}: ids that begin with {_OURS} are the bundled catalog's; use other letters")
    for shim in advisory.shims:
        if "." not in shim:
            raise CatalogError(f"{path}: write the shim {shim!r} with its package, as acme_shims.{shim}")


def parse(content: bytes, path: str) -> Advisory:
    """Read one advisory. ``path`` is for messages. Raises :exc:`CatalogError`."""
    return _Reader(content, path).advisory()


class _Reader(Reader):
    """Turns the tables of one advisory's file into values."""

    wrong = CatalogError

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
            "detect verified waivers",
        )
        identifier = self.string(data, "", "id")
        if not _ID.fullmatch(identifier):
            raise self.error("id", f"{identifier!r} does not read CSA-YYYY-NNNN, or ACME-YYYY-NNNN")
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
            waivers=tuple(self._waiver(where, table) for where, table in self.tables(data, "waivers")),
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

    def _waiver(self, where: str, table: Dict[str, Any]) -> Waiver:
        self.check_keys(table, where, "check reason", "subject")
        check = self.string(table, where, "check")
        if not _CHECK.fullmatch(check):
            raise self.error(f"{where}.check", f"{check!r} does not read KB-NAME")
        return Waiver(check, self.string(table, where, "reason"), self.string(table, where, "subject", ""))

    def _verified(self, where: str, table: Dict[str, Any]) -> Verified:
        self.check_keys(table, where, "outcome on with")
        _, on = self.table(table, "on", where)
        self.check_keys(on, f"{where}.on", "python platform date")
        _, versions = self.table(table, "with", where)
        return Verified(
            outcome=self.word(table, where, "outcome", OUTCOMES),
            python=self.string(on, f"{where}.on", "python"),
            platform=self.string(on, f"{where}.on", "platform"),
            date=self.day(on, f"{where}.on", "date"),
            versions=tuple(
                sorted(
                    (self.project(name, f"{where}.with.{name}"), self.version(value, f"{where}.with.{name}"))
                    for name, value in versions.items()
                )
            ),
        )
