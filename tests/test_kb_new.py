"""Drafts, the JSON schema and the pages: what is made of advisories, or becomes one."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from packaging.version import Version

from compatshim import catalog, cli
from compatshim.kb import compile as compiler
from compatshim.kb import draft, pages, schema
from compatshim.model import Advisory, Detect, Interval, Reference, Term
from tests.kb_support import HEAD, ON

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUNDLED = catalog.load()
TRACEBACK = """\
Traceback (most recent call last):
  File "program.py", line 3, in <module>
    import datasets
TypeError: acquire() got an unexpected keyword argument 'poll_interval'
"""


class TestDraft:
    def test_numbers(self, tmp_path: Path) -> None:
        assert draft.number(str(tmp_path), "2026") == "CSA-2026-0001"
        for name in ("CSA-2026-0007.toml", "CSA-2025-0100.toml", "notes.txt", "CSA-2026-0009.bak"):
            (tmp_path / name).touch()
        assert draft.number(str(tmp_path), "2026") == "CSA-2026-0008"
        assert re.fullmatch(r"CSA-\d{4}-0001", draft.number(str(tmp_path))) or draft.number(str(tmp_path))

    @pytest.mark.parametrize("awkward", ['a "quoted" \\ word', "tab\tand\nnewline", "naïve 𝄞", "'", '"""', "\x7f"])
    def test_what_is_written_is_read(self, awkward: str) -> None:
        terms = (
            Term("a", (Interval(Version("1"), Version("2")), Interval(Version("3"), last_checked=Version("4")))),
            Term("b", (Interval(Version("0"), Version("1!2.0rc1")),)),
        )
        detect = Detect("ValueError", awkward)
        links = [Reference("FIX", "https://example.org/")]
        text = draft.text("CSA-2026-0003", terms=terms, detect=[detect], references=links, title=awkward)
        read = catalog.parse(text.encode("utf-8"), "CSA-2026-0003.toml")
        assert [(term.project, term.ranges) for term in read.terms] == [
            (term.project, term.ranges) for term in terms
        ]
        assert (read.title, read.detect) == (awkward.strip(), (detect._replace(message=awkward.strip()),))
        assert read.references == tuple(links)
        assert read.remedies[0].constraints == ("a>=2",) or read.remedies[0].constraints == ("b>=1!2.0rc1",)

    @pytest.mark.parametrize(
        ("text", "exception", "message"),
        [
            (TRACEBACK, "TypeError", "acquire() got an unexpected keyword argument 'poll_interval'"),
            ("[rank1]: datasets.exceptions.DatasetError: no\n", "DatasetError", "no"),
            ("KeyboardInterrupt\n", "KeyboardInterrupt", draft.GAP),
            ("filelock._error.Timeout: The file lock 'x' could not be acquired.\ndone: 3\n", "Timeout", "The file"),
        ],
    )
    def test_tracebacks(self, text: str, exception: str, message: str) -> None:
        (found,) = draft.detected(text)
        assert found.exception == exception
        assert found.message.startswith(message)

    @pytest.mark.parametrize("text", ["", "all is well\n", "Note: nothing\n"])
    def test_no_traceback(self, text: str) -> None:
        assert draft.detected(text) == ()


class TestNew:
    def new(self, folder: Path, *more: str) -> int:
        return cli.main(["kb", "new", "--advisories", str(folder), *more])

    def test_a_draft(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "traceback").write_text(TRACEBACK, encoding="utf-8")
        status = self.new(
            tmp_path / "advisories",
            *("--with", "evaluate==0.4.2", "--with", "Datasets>=2.0,<2.16", "--with", "filelock<3.4"),
            *("--traceback", str(tmp_path / "traceback")),
            *("--link", "https://github.com/a/b/issues/1", "--link", "https://github.com/a/b/pull/2"),
        )
        path = capsys.readouterr().out.strip()
        (read,) = catalog.load(os.path.dirname(path)).advisories
        assert (status, f"{read.id}.toml") == (0, os.path.basename(path))
        assert list(map(str, read.terms)) == ["evaluate >=0.4.2", "datasets >=2.0,<2.16", "filelock <3.4"]
        assert read.terms[0].ranges[0].last_checked == Version("0.4.2")
        assert (read.symptom, read.detect[0].exception) == ("type-error", "TypeError")
        assert [reference.type for reference in read.references] == ["REPORT", "FIX"]
        assert self.lint(read, tmp_path) == 1

    def lint(self, read: Advisory, folder: Path) -> int:
        (folder / "program.py").touch()
        how = ["--advisories", str(folder / "advisories"), "--reproducers", str(folder)]
        return cli.main(["kb", "lint", *how, read.id])

    def test_the_next_number(self, tmp_path: Path) -> None:
        for _ in range(2):
            assert self.new(tmp_path, "--with", "a==1") == 0
        assert len(catalog.load(str(tmp_path)).advisories) == 2

    @pytest.mark.parametrize(
        ("what", "message"),
        [
            ("a", "one version (==) or a range (>=,<) is wanted"),
            ("a>=1", "one version"),
            ("a==1.*", "is not a version"),
            ("==", "is not a requirement"),
            ("a>=1,>=2,<3", "one version"),
            ("a>=2,<1", "makes no advisory: "),
        ],
    )
    def test_what_cannot_be(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, message: str
    ) -> None:
        assert self.new(tmp_path, "--with", what) == 2
        assert message in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_nothing_to_read_in_a_traceback(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "log").write_text("fine", encoding="utf-8")
        assert self.new(tmp_path / "x", "--with", "a==1", "--traceback", str(tmp_path / "log")) == 0
        assert "no line looks like the end of a traceback" in capsys.readouterr().err


class TestSchema:
    """The schema and the reader say the same of what one of them refuses for its form."""

    @pytest.fixture
    def validator(self) -> Any:
        jsonschema = pytest.importorskip("jsonschema")
        made = schema.schema()
        jsonschema.Draft202012Validator.check_schema(made)
        return jsonschema.Draft202012Validator(made)

    def data(self, text: str) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(json.dumps(tomllib.loads(text), default=str))
        return found

    @pytest.mark.parametrize("advisory", BUNDLED.advisories, ids=lambda advisory: advisory.id)
    def test_bundled(self, validator: Any, advisory: Advisory) -> None:
        text = Path(catalog.BUNDLED, f"{advisory.id}.toml").read_text(encoding="utf-8")
        assert [error.message for error in validator.iter_errors(self.data(text))] == []

    ON = f'on = {{ python = "3.11", platform = "{ON[1]}", date = 2026-11-25 }}'
    ROW = f'\n[[verified]]\noutcome = "bad"\n{ON}\nwith = {{}}\n'

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('symptom = "hang"', 'symptom = "sad"'),
            ('severity = "high"', "severity = 3"),
            ("title =", "headline ="),
            ("[[terms]]", "[[words]]"),
            ('project = "b"', 'project = "B_c"'),
            (', fixed = "1.2"', ""),
            ('fixed = "1.2"', 'fixed = "1.2", last_checked = "1.1"'),
            ('kind = "upgrade"', 'kind = "shim"'),
            ('constraints = ["b>=1.2", "c<3"]', "constraints = []"),
            ("timeout = 7", "timeout = 0"),
            ('type = "WEB"', 'type = "BLOG"'),
            ("https://", "http://"),
            ('id = "CSA-2026-0001"', 'id = "CSA-26-1"'),
            ('outcome = "bad"', 'outcome = "fine"'),
            ("with = {}", "x = {}"),
        ],
    )
    def test_both_refuse(self, validator: Any, old: str, new: str) -> None:
        text = HEAD + self.ROW
        assert validator.is_valid(self.data(text))
        catalog.parse(text.encode(), "CSA-2026-0001.toml")
        assert old in text
        text = text.replace(old, new)
        assert not validator.is_valid(self.data(text))
        with pytest.raises(catalog.CatalogError):
            catalog.parse(text.encode(), "CSA-2026-0001.toml")

    def test_it_is_compiled(self) -> None:
        assert Path(compiler.SCHEMA).read_text(encoding="utf-8") == schema.text()


class TestPages:
    @pytest.mark.parametrize("advisory", BUNDLED.advisories, ids=lambda advisory: advisory.id)
    def test_all_is_told(self, advisory: Advisory) -> None:
        page = pages.page(advisory)
        told: List[str] = [advisory.title, *(f"`{term}`" for term in advisory.terms)]
        told += [reference.url for reference in advisory.references]
        told += [constraint for remedy in advisory.remedies for constraint in remedy.constraints]
        told += [f"[`{shim}`](../shims.md#{shim})" for shim in advisory.shims]
        assert [item for item in told if item not in page] == []
        rows = [line for line in page.splitlines() if re.match(r"\| (bad|good|shimmed) \|", line)]
        assert len(rows) == len(advisory.verified)
        assert len({line.count("|") for line in page.splitlines() if line.startswith("|")}) == 1

    def test_a_draft_has_a_page(self) -> None:
        read = catalog.parse(HEAD.encode(), "CSA-2026-0001.toml")
        assert "Nothing yet." in pages.page(read)

    def test_the_list(self) -> None:
        made = pages.pages(BUNDLED)
        assert set(made) == {"README.md", *(f"{advisory.id}.md" for advisory in BUNDLED.advisories)}
        for advisory in BUNDLED.advisories:
            assert f"[{advisory.id}]({advisory.id}.md)" in made["README.md"]
