"""Advisories are read strictly: what is wrong is told with file, line and key."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from packaging.version import Version

from compatshim import catalog
from compatshim.catalog import CatalogError
from compatshim.kb import environments
from compatshim.model import Advisory, Catalog, Interval
from tests import support

GOOD = """\
schema_version = "1.0"
id = "CSA-2026-9999"
title = "A title"
symptom = "hang"
severity = "high"
root_cause = \"\"\"
title = "not a key"
The cause.
\"\"\"

[[terms]]
project = "a"
imports = ["a.b"]
ranges = [
    { introduced = "0", fixed = "1.10" },
    { introduced = "2", last_checked = "3" },
]

[[terms]]
project = "b"
ranges = [{ introduced = "0", fixed = "2" }]

[[detect]]
exception = "ValueError"
message = "wrong"

[[remedies]]
kind = "upgrade"
constraints = ["a>=1.10,<2", "b"]

[[remedies]]
kind = "shim"
shim = "some_shim"

[reproducer]
id = "some_program"
requires = ["c<2"]
timeout = 9

[[verified]]
outcome = "bad"
on = { python = "3.11", platform = "linux_x86_64", date = 2026-01-31 }
with = { a = "1.0", b = "1" }

[[references]]
type = "REPORT"
url = "https://example.org/1"
"""
NAME = "CSA-2026-9999.toml"


def load(folder: Path, text: str | bytes, name: str = NAME) -> Catalog:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return catalog.load(str(folder))


def test_good(tmp_path: Path) -> None:
    (advisory,) = load(tmp_path, GOOD).advisories
    assert (advisory.id, advisory.title, advisory.level) == ("CSA-2026-9999", "A title", "error")
    assert advisory.root_cause == 'title = "not a key"\nThe cause.'
    assert advisory.term("a").ranges == (
        Interval(Version("0"), Version("1.10")),
        Interval(Version("2"), last_checked=Version("3")),
    )
    assert advisory.shims == ("some_shim",)
    assert advisory.verified[0].versions == (("a", Version("1.0")), ("b", Version("1")))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_digest_depends_on_content_alone(newline: str, tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("1", "2", "3"))
    for folder in (first, second, other):
        folder.mkdir()
    digest = load(first, GOOD).digest
    assert re.fullmatch("[0-9a-f]{12}", digest)
    assert load(second, GOOD.replace("\n", newline)).digest == digest
    assert load(other, GOOD.replace("A title", "B title")).digest != digest


def test_other_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not TOML")
    assert len(load(tmp_path, GOOD).advisories) == 1


def line_of(text: str, part: str) -> int:
    """The first line that holds ``part``."""
    return text[: text.index(part)].count("\n") + 1


# what to replace, by what, the text on the line that must be named, the message after it
MALFORMED: Dict[str, Tuple[str, str, str, str]] = {
    "not TOML": ('symptom = "hang"', "symptom = hang", "symptom = hang", "not TOML: Invalid value"),
    "not TOML at the end": ("9\n", '9\nopen = """\n', "url =", "not TOML: "),
    "unknown key": (
        'severity = "high"',
        'severity = "high"\nextra = 1',
        "extra",
        "extra: unknown key (known here: ",
    ),
    "unknown table": ("[reproducer]", "[extra]\n[reproducer]", "[extra]", "extra: unknown key"),
    "unknown key in a term": ('project = "b"', 'project = "b"\nx = 1', "x = 1", "terms[1].x: unknown key"),
    "unknown key in a range": ('"2" }]', '"2", x = 1 }]', '"2", x', "terms[1].ranges[0].x: unknown key"),
    "unknown key in a remedy": ('"some_shim"', '"some_shim"\nx = 1', "x = 1", "remedies[1].x: unknown key"),
    "constraints of a shim": (
        'shim = "some_shim"',
        'shim = "some_shim"\nconstraints = ["a"]',
        'constraints = ["a"]',
        "remedies[1].constraints: unknown key (known here: impact, kind, shim)",
    ),
    "unknown key in detect": ('"wrong"', '"wrong"\nx = 1', "x = 1", "detect[0].x: unknown key"),
    "unknown key in the reproducer": ("timeout = 9", "x = 9", "x = 9", "reproducer.x: unknown key"),
    "unknown key in a reference": ('"REPORT"', '"REPORT"\nx = 1', "x = 1", "references[0].x: unknown key"),
    "unknown key in a row": ('"bad"', '"bad"\nx = 1', "x = 1", "verified[0].x: unknown key"),
    "unknown key in on": (
        '{ python = "3.11"',
        '{ x = 1, python = "3.11"',
        "on = {",
        "verified[0].on.x: unknown key",
    ),
    "missing at the top": ('title = "A title"\n', "", "schema_version", "title: missing"),
    "missing in a term": (
        'ranges = [{ introduced = "0", fixed = "2" }]\n',
        "",
        '[[terms]]\nproject = "b"',
        "terms[1].ranges: missing",
    ),
    "missing in a range": ('introduced = "2", ', "", "ranges", "terms[0].ranges[1].introduced: missing"),
    "missing in a remedy": ('shim = "some_shim"\n', "", '[[remedies]]\nkind = "shim"', "remedies[1].shim: missing"),
    "missing in on": ('platform = "linux_x86_64", ', "", "on = {", "verified[0].on.platform: missing"),
    "no schema version": ('schema_version = "1.0"', "", "", "schema_version: a non-empty string is wanted"),
    "another schema": (
        '"1.0"',
        '"2.0"',
        "schema_version",
        "schema_version: 2.0 cannot be read; this compatshim reads",
    ),
    "schema of a wrong type": ('"1.0"', "1.0", "schema_version", "schema_version: a non-empty string is wanted"),
    "title of a wrong type": ('"A title"', "3", "title", "title: a non-empty string is wanted, not 3"),
    "empty title": ('"A title"', '" "', "title", "title: a non-empty string is wanted, not ' '"),
    "long title": ("A title", "A" * 121, "title", "title: longer than 120 characters"),
    "symptom": ('"hang"', '"sad"', "symptom", "symptom: 'sad' is not one of import-error, "),
    "severity": ('"high"', '"High"', "severity", "severity: 'High' is not one of low, moderate, high"),
    "kind": ('kind = "upgrade"', 'kind = "pray"', "kind", "remedies[0].kind: 'pray' is not one of upgrade"),
    "outcome": ('"bad"', '"ugly"', "outcome", "verified[0].outcome: 'ugly' is not one of bad, good, shimmed"),
    "reference": ('"REPORT"', '"BLOG"', "type =", "references[0].type: 'BLOG' is not one of REPORT"),
    "http": ("https://example", "http://example", "url", "references[0].url: an https address is wanted"),
    "id": ('"CSA-2026-9999"', '"X-1"', "id", "id: 'X-1' does not read CSA-YYYY-NNNN"),
    "id of another file": (
        "CSA-2026-9999",
        "CSA-2026-9998",
        "id",
        "id: CSA-2026-9998 belongs in a file CSA-2026-9998",
    ),
    "terms of a wrong type": ("[[terms]]\nproject", "[terms]\nproject", "", "not TOML"),
    "no terms": ("[[terms]]", "[[detect]]", "", "detect"),
    "term is no table": ("[[detect]]\n", "[[x]]\n", "[[x]]", "x: unknown key"),
    "detect is a table": ("[[detect]]", "[detect]", "[detect]", "detect: a list of tables is wanted"),
    "reproducer is a list": ("[reproducer]", "[[reproducer]]", "[[repro", "reproducer: a table is wanted"),
    "one term per project": ('project = "b"', 'project = "a"', "[[terms]]", "terms: one term per project"),
    "name": ('project = "b"', 'project = "B_c"', '"B_c"', "terms[1].project: write the normalised name, 'b-c'"),
    "imports": ('["a.b"]', '"a.b"', "imports", "terms[0].imports: a list of strings is wanted, not 'a.b'"),
    "no ranges": (
        '[{ introduced = "0", fixed = "2" }]',
        "[]",
        "ranges = []",
        "terms[1].ranges: at least one is wanted",
    ),
    "bad version": ('fixed = "2"', 'fixed = "two"', '"two"', "terms[1].ranges[0].fixed: 'two' is not a version"),
    "version without quotes": (
        'fixed = "1.10"',
        "fixed = 1.10",
        "ranges",
        "terms[0].ranges[0].fixed: a version in quotes is wanted, not 1.1",
    ),
    "both ends": (
        'fixed = "2"',
        'fixed = "2", last_checked = "1"',
        'fixed = "2"',
        "terms[1].ranges[0]: exactly one of",
    ),
    "neither end": (', fixed = "2"', "", '[{ introduced = "0" }', "terms[1].ranges[0]: exactly one of"),
    "ends before it begins": (
        '"2", last_checked = "3"',
        '"2", last_checked = "1"',
        "ranges",
        "terms[0].ranges[1]: ends",
    ),
    "empty range": (
        '"0", fixed = "2"',
        '"2", fixed = "2"',
        '"2", fixed',
        "terms[1].ranges[0]: ends before it begins",
    ),
    "overlap": ('introduced = "2"', 'introduced = "1.9"', "ranges", "terms[0].ranges: ranges must be in order"),
    "open range before another": (
        'fixed = "1.10"',
        'last_checked = "1"',
        "ranges",
        "terms[0].ranges: ranges must be",
    ),
    "no constraints": (
        '["a>=1.10,<2", "b"]',
        "[]",
        "constraints",
        "remedies[0].constraints: at least one is wanted",
    ),
    "requirement": ('"b"]', '"b =="]', "constraints", "remedies[0].constraints: 'b ==' is not a requirement"),
    "requirement's name": (
        '"b"]',
        '"B.c"]',
        "constraints",
        "remedies[0].constraints: write the normalised name, 'b-c'",
    ),
    "reproducer's requirement": ('"c<2"', '"c<"', "requires", "reproducer.requires: 'c<' is not a requirement"),
    "timeout": ("timeout = 9", "timeout = 0", "timeout", "reproducer.timeout: a positive number of seconds"),
    "timeout that is true": ("timeout = 9", "timeout = true", "timeout", "reproducer.timeout: a positive number"),
    "date": ("2026-01-31", '"2026-01-31"', "on = {", "verified[0].on.date: a date without quotes is wanted"),
    "time": ("2026-01-31", "2026-01-31T10:00:00", "on = {", "verified[0].on.date: a date without quotes is wanted"),
    "row's version": ('with = { a = "1.0"', 'with = { a = "x"', "with", "verified[0].with.a: 'x' is not a version"),
    "row's project": (
        'with = { a = "1.0"',
        'with = { A = "1"',
        "with",
        "verified[0].with.A: write the normalised name",
    ),
    "on is no table": (
        '{ python = "3.11", platform = "linux_x86_64", date = 2026-01-31 }',
        "1",
        "on = 1",
        "verified[0].on: a",
    ),
}


@pytest.mark.parametrize(("old", "new", "line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(old: str, new: str, line: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(CatalogError) as caught:
        load(tmp_path, text)
    where = f"{tmp_path / NAME}:{line_of(text, line)}: "
    if message.startswith(("not TOML", "detect")) and not line:  # the parser's own line
        where = f"{tmp_path / NAME}:"
    assert str(caught.value).startswith(where)
    assert message in str(caught.value)


def test_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=rf"{re.escape(str(tmp_path / NAME))}:3: not UTF-8"):
        load(tmp_path, GOOD.encode().replace(b"A title", b"A t\xeftle"))


def test_one_id_in_two_files(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    with pytest.raises(
        CatalogError, match=r"copy\.toml:2: id: CSA-2026-9999 belongs in a file CSA-2026-9999\.toml"
    ):
        load(tmp_path, GOOD, "copy.toml")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere: cannot list the advisories: "):
        catalog.load(str(tmp_path / "nowhere"))
    with pytest.raises(CatalogError, match=re.escape(f"{tmp_path}: holds no advisory (*.toml)")):
        catalog.load(str(tmp_path))


def test_unreadable(public: Path) -> None:
    load(public, GOOD)
    with support.denied(public / NAME), pytest.raises(CatalogError, match="cannot read the advisory: Permission"):
        catalog.load(str(public))


class TestNewerSchema:
    """A newer minor schema may say more; what it says more is ignored."""

    def test_unknown_keys_are_ignored(self, tmp_path: Path) -> None:
        text = GOOD.replace('"1.0"', '"1.1"', 1).replace('project = "b"', 'project = "b"\nx = 1')
        assert load(tmp_path, f"{text}\n[extra]\n").advisories[0].id == "CSA-2026-9999"

    def test_the_rest_is_still_strict(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogError, match="'sad' is not one of"):
            load(tmp_path, GOOD.replace('"1.0"', '"1.1"', 1).replace('"hang"', '"sad"'))


BUNDLED = catalog.load()


class TestBundled:
    def test_lookup(self) -> None:
        assert BUNDLED.advisory("csa-2026-0001") is BUNDLED.advisories[0]
        with pytest.raises(KeyError):
            BUNDLED.advisory("CSA-1999-0001")

    @pytest.mark.parametrize("advisory", BUNDLED.advisories, ids=lambda advisory: advisory.id)
    def test_what_it_names_exists(self, advisory: Advisory) -> None:
        for shim in advisory.shims:
            assert os.path.isfile(os.path.join(support.PACKAGE, "shims", f"{shim}.py")), shim
        program = os.path.join(os.path.dirname(__file__), "reproducers", f"{advisory.reproducer.id}.py")
        assert os.path.isfile(program)
        assert len({remedy.constraints or remedy.shim for remedy in advisory.remedies}) == len(advisory.remedies)

    @pytest.mark.parametrize("advisory", BUNDLED.advisories, ids=lambda advisory: advisory.id)
    def test_rows_agree_with_the_ranges(self, advisory: Advisory) -> None:
        for row in advisory.verified:
            assert row.python in environments.MINORS
            inside = all(
                project in advisory.projects and advisory.term(project).contains(version) is not None
                for project, version in row.versions
            )
            assert inside == (row.outcome != "good"), row

    def test_in_order_of_id(self) -> None:
        ids: List[str] = [advisory.id for advisory in BUNDLED.advisories]
        assert ids == sorted(ids)

    def test_every_shim_is_named(self) -> None:
        named = {shim for advisory in BUNDLED.advisories for shim in advisory.shims}
        files = {name[:-3] for name in os.listdir(os.path.join(support.PACKAGE, "shims")) if name.endswith(".py")}
        assert named == files - {"__init__"}
