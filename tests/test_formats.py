"""The formats of a check, each held against what reads it: schemas, parsers, and what other programs unescape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple
from xml.etree import ElementTree as ET

import html5lib
import jsonschema
import pytest

from compatshim import report
from compatshim.analysis import Analysis
from compatshim.gate import judge
from compatshim.model import Catalog, Location, Reference
from compatshim.report import FORMATS, data, github, gitlab, html, junit, markdown, sarif
from compatshim.report.document import Document, counts
from tests import manifests
from tests.manifests import NASTY, ROOT, document, everything, file, ignore, installed, policy

SCHEMA = Path(__file__).parent / "data" / "sarif" / "sarif-schema-2.1.0.json"
"""As it is in oasis-tcs/sarif-spec, ``sarif-2.1/schema``: SARIF 2.1.0 with errata 01."""

CLEAN = file({"filelock": ("4.0.0", 1)})
DOCUMENTS = {
    "everything": everything(),
    "clean": document(CLEAN),
    "nothing": document(file({}, unread=[manifests.unread("r.txt")]), installed({})),
    "environment": document(installed()),
}


def every_document() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("made", [pytest.param(one, id=name) for name, one in DOCUMENTS.items()])


@pytest.mark.parametrize("name", FORMATS)
class TestEvery:
    def test_the_same_document_gives_the_same_bytes(self, name: str) -> None:
        assert report.render(name, everything()) == report.render(name, everything())

    @every_document()
    def test_ends_with_one_newline(self, name: str, made: Document) -> None:
        text = report.render(name, made)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")

    def test_says_what_is_passed_over_or_leaves_it_out(self, name: str) -> None:
        shown = report.render(name, document(file(), by=policy(ignore("CSA-2026-0001"))))
        said = name in ("text", "json", "markdown", "sarif", "junit", "html")
        assert ("CSA-2026-0001" in shown) == said
        assert ("we know" in shown) == said

    def test_a_name_that_is_no_text(self, name: str) -> None:
        """It can be written as UTF-8, one way or the other."""
        shown = report.render(name, document(file(path="b\udcff.txt")))
        shown.encode("utf-8", "backslashreplace")


def test_suffixes_tell_one_format_each() -> None:
    suffixes = [suffix for suffix in FORMATS.values() if suffix]
    assert len(suffixes) == len(set(suffixes))


def test_counts() -> None:
    assert counts(everything()) == (
        "6 errors, 5 warnings, 1 note, 4 ignored, 1 in the baseline. "
        "13 distributions in 4 files checked, 2 not checked."
    )
    assert (
        counts(DOCUMENTS["clean"]) == "No known-bad combination. 1 distribution in 1 file checked, 0 not checked."
    )


def test_text_of_files() -> None:
    shown = report.render("text", everything())
    places = "requirements.txt:3:1 (evaluate) · requirements.txt:9:1 (filelock)"
    assert f"  at         {places} ·\n             requirements.txt:5:1 (datasets)\n" in shown
    assert "  versions   evaluate 0.4.1 · datasets 2.16.1 · filelock 3.12.0\n" in shown
    assert "  can be     evaluate 0.4.1 · datasets 2.16.1 · filelock 3.12.0\n" in shown
    assert "  where      python_version < '3.9' & \"<x>\"\n" in shown
    assert (
        "  fix        evaluate>=0.4.2, or filelock==3.9.0 and huggingface-hub<1.4, or `import compatshim`" in shown
    )
    assert "CSA-2026-0006  ignored  we know (pyproject.toml:7)\n" in shown


def test_concise() -> None:
    lines = report.render("concise", everything()).splitlines()
    assert lines[0] == (
        "requirements.txt:3:1: error CSA-2026-0001 Distributed evaluate metrics fail: every rank waits for a lock "
        "that is already held (evaluate 0.4.1, datasets 2.16.1, filelock 3.12.0)"
    )
    assert any(
        line.startswith("setup/possible.txt:3: warning CSA-2026-0001 ") and "(can be evaluate 0.4.1, " in line
        for line in lines
    )
    assert lines[-1] == counts(everything())
    assert len(lines) == 13


def test_json() -> None:
    found = json.loads(data.render_check(everything()))
    assert (found["kind"], found["status"], found["checked"]) == ("check", 1, 13)
    first = found["findings"][0]
    assert first["locations"][0] == {"project": "evaluate", "path": "requirements.txt", "line": 3, "column": 1}
    assert (first["fails"], first["new"], first["excused"], first["path"]) == (True, True, None, "requirements.txt")
    excused = [one["excused"] for one in found["findings"] if one["excused"]]
    assert {one["kind"] for one in excused} == {"ignore", "baseline"}
    assert [one["id"] for one in found["expired_ignores"]] == ["CSA-2026-0002"]
    assert [one["id"] for one in found["unused_ignores"]] == ["CSA-2026-0003"]
    assert [one["path"] for one in found["inventories"]][-1] is None


class TestSarif:
    @every_document()
    def test_is_as_the_schema_says(self, made: Document) -> None:
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        assert kind is jsonschema.Draft4Validator
        errors = list(
            kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(json.loads(sarif.render_check(made)))
        )
        assert errors == []

    def run(self, made: Document) -> Dict[str, Any]:
        (run,) = json.loads(sarif.render_check(made))["runs"]
        found: Dict[str, Any] = run
        return found

    def test_levels_rules_and_places(self) -> None:
        run = self.run(everything())
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == [
            "CSA-2026-0001",
            "CSA-2026-0002",
            "CSA-2026-0006",
            "CSA-2026-0007",
        ]
        assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "error", "note", "warning"]
        for rule in rules:
            assert rule["helpUri"].startswith("https://")
            assert "Known bad" in rule["help"]["text"]
            assert "Known bad" in rule["help"]["markdown"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        first = run["results"][0]
        assert first["level"] == "error"
        assert first["locations"][0]["physicalLocation"] == {
            "artifactLocation": {"uri": "requirements.txt", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 3, "startColumn": 1},
        }
        related = [
            (one["message"]["text"], one["physicalLocation"]["region"]["startLine"])
            for one in first["relatedLocations"]
        ]
        assert related == [("filelock 3.12.0", 9), ("datasets 2.16.1", 5)]

    def test_addresses_are_relative_and_escaped(self) -> None:
        uris = {
            one["physicalLocation"]["artifactLocation"]["uri"]
            for result in self.run(everything())["results"]
            for one in result["locations"]
        }
        assert "deep%20%3Cb%3E%26%22%27%20%25%3A%2C%7C%60%C3%A9%07/r.txt" in uris
        assert "pyproject.toml" in uris  # what is installed
        assert all(re.fullmatch(r"[A-Za-z0-9%._/-]+", uri) and not uri.startswith("/") for uri in uris)

    def test_a_file_outside_of_the_root(self) -> None:
        (result, *_) = self.run(document(file(path="/other/r.txt")))["results"]
        artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert artifact == {"uri": "file:///other/r.txt"}

    def test_the_same_project_elsewhere_gives_the_same_bytes(self) -> None:
        here = sarif.render_check(document(file()))
        moved = document(file(path="/srv/ci/requirements.txt"), by=policy(root="/srv/ci", here="/"))
        assert sarif.render_check(moved) == here
        assert ROOT not in here

    def test_of_more_than_github_takes_the_worst_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each of 70 files has two errors, a warning that is ignored in 10 of them, and a note."""
        assert sarif.RESULTS == 25_000
        monkeypatch.setattr(sarif, "RESULTS", 250)
        one = file()
        inventories = [one.inventory._replace(path=f"p{number % 7}/{number}.txt") for number in range(70)]
        made = document(
            *(one._replace(inventory=inventory) for inventory in inventories),
            by=policy(ignore("CSA-2026-0007", paths=("p0",))),
        )
        run = self.run(made)
        kept = run["results"]
        assert [result["level"] for result in kept] == ["error"] * 140 + ["warning"] * 60 + ["note"] * 50
        assert not any("suppressions" in result for result in kept)
        assert len({result["partialFingerprints"]["compatshim/v1"] for result in kept}) == 250
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in kept)
        (said,) = run["invocations"][0]["toolExecutionNotifications"]
        assert said["descriptor"]["id"] == run["tool"]["driver"]["notifications"][said["descriptor"]["index"]]["id"]
        assert said["message"]["text"] == (
            "left out, since GitHub takes 250 results and the worst are here: 20 notes, 10 passed over; "
            "JSON has all"
        )

    def test_as_many_as_github_takes_are_all_there_in_their_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = everything()
        before = sarif.render_check(made)
        monkeypatch.setattr(sarif, "RESULTS", len(made.judgement.findings))
        assert sarif.render_check(made) == before
        monkeypatch.setattr(sarif, "RESULTS", len(made.judgement.findings) - 1)
        self.test_is_as_the_schema_says(made)
        assert len(self.run(made)["results"]) == len(made.judgement.findings) - 1

    def test_no_more_places_than_github_takes(self) -> None:
        one = file()
        known = one.inventory.distributions["filelock"]
        several = known._replace(locations=tuple(Location("requirements.txt", line) for line in range(1, 1_500)))
        inventory = one.inventory._replace(distributions={**one.inventory.distributions, "filelock": several})
        results = self.run(document(one._replace(inventory=inventory)))["results"]
        assert max(len(result["locations"] + result.get("relatedLocations", [])) for result in results) == 1_000

    def test_what_is_passed_over(self) -> None:
        results = self.run(everything())["results"]
        suppressed = [one for one in results if "suppressions" in one]
        assert {one["ruleId"] for one in suppressed} == {"CSA-2026-0006"}
        assert suppressed[0]["suppressions"] == [
            {"kind": "external", "status": "accepted", "justification": "we know (pyproject.toml:7)"}
        ]
        unchanged = [one for one in results if one["baselineState"] == "unchanged"]
        assert [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in unchanged] == [4]
        assert all("baselineState" not in one for one in self.run(document(file()))["results"])

    def test_fingerprints(self) -> None:
        one, other = self.run(document(file())), self.run(everything())
        mark = [result["partialFingerprints"] for result in (one["results"][0], other["results"][0])]
        assert mark[0] == mark[1]
        marks = [result["partialFingerprints"]["compatshim/v1"] for result in other["results"]]
        assert len(marks) == len(set(marks))

    def test_what_could_not_be_checked(self) -> None:
        (invocation,) = self.run(everything())["invocations"]
        assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, True)
        first, second = invocation["toolExecutionNotifications"]
        assert first["message"]["text"].startswith("not checked: odd: requirements.txt:12 cannot be <read> & never")
        assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "requirements.txt"
        assert "locations" not in second
        assert len(invocation["toolConfigurationNotifications"]) == 2
        (nothing,) = self.run(DOCUMENTS["nothing"])["invocations"]
        assert (nothing["exitCode"], nothing["executionSuccessful"]) == (3, False)

    def test_an_advisory_without_references(self) -> None:
        bare = Catalog(tuple(one._replace(references=()) for one in manifests.CATALOG.advisories), "0")
        found = file()
        findings = tuple(one._replace(advisory=bare.advisory(one.advisory.id)) for one in found.findings)
        run = self.run(document(Analysis(found.inventory, bare, findings)))
        assert all("helpUri" not in rule for rule in run["tool"]["driver"]["rules"])


class TestGithub:
    """As the runner reads it: ``actions/runner``, ActionCommand."""

    def commands(self, text: str) -> List[Tuple[str, Dict[str, str], str]]:
        found = []
        for line in text.splitlines():
            matched = re.fullmatch(r"::(\w+) ([^:]*(?:=[^:]*)*?)::(.*)", line)
            if matched is None:
                continue
            properties = dict(part.split("=", 1) for part in matched[2].split(","))
            found.append(
                (matched[1], {key: self.read(value) for key, value in properties.items()}, self.read(matched[3]))
            )
        return found

    @staticmethod
    def read(text: str) -> str:
        for sign, escape in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
            text = text.replace(escape, sign)
        return text

    def test_every_finding_is_a_command(self) -> None:
        made = everything()
        text = github.render_check(made)
        found = self.commands(text)
        assert len(text.splitlines()) == len(found) + 1
        kinds = [name for name, _, _ in found]
        assert (kinds.count("error"), kinds.count("notice")) == (6, 1)
        assert kinds.count("warning") == 5 + 2 + 2  # findings, unread, settings
        first = found[0][1]
        assert (first["file"], first["line"], first["col"]) == ("requirements.txt", "3", "1")
        assert first["title"].startswith("CSA-2026-0001: Distributed")
        assert NASTY in {properties.get("file") for _, properties, _ in found}

    def test_what_was_read_cannot_make_commands(self) -> None:
        hostile = "x\n::error::boo\r\n%0A"
        text = github.render_check(document(file(path=hostile, unread=[manifests.unread(hostile)])))
        assert [line for line in text.splitlines() if "boo" in line and not line.startswith("::")] == []
        assert not any(line.startswith("::error::boo") for line in text.splitlines())
        assert hostile in {properties.get("file") for _, properties, _ in self.commands(text)}


class TestGitlab:
    def test_what_gitlab_needs(self) -> None:
        issues = json.loads(gitlab.render_check(everything()))
        # The ignored ones are left out; what a baseline has GitLab compares by itself.
        assert len(issues) == 13
        assert len({one["fingerprint"] for one in issues}) == len(issues)
        for one in issues:
            assert {*one} == {"description", "check_name", "fingerprint", "severity", "location"}
            assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
            assert one["location"]["lines"]["begin"] >= 1
            assert not one["location"]["path"].startswith(("/", "./"))
        assert issues[0]["location"] == {"path": "requirements.txt", "lines": {"begin": 3}}

    def test_without_findings(self) -> None:
        assert json.loads(gitlab.render_check(DOCUMENTS["clean"])) == []


class TestJunit:
    def read(self, made: Document) -> ET.Element:
        return ET.fromstring(junit.render_check(made).encode("utf-8"))  # noqa: S314  we wrote it

    @every_document()
    def test_counts_are_true(self, made: Document) -> None:
        root = self.read(made)
        for element in (root, *root):
            for kind, tag in (
                ("tests", "testcase"),
                ("failures", "failure"),
                ("skipped", "skipped"),
                ("errors", "error"),
            ):
                assert int(element.get(kind, "")) == sum(1 for _ in element.iter(tag)), kind
        assert len(root) == len(made.subjects)
        assert all(len(suite) for suite in root)

    def test_what_fails_is_a_failure(self) -> None:
        root = self.read(everything())
        failures = [case for case in root.iter("testcase") if case.find("failure") is not None]
        assert len(failures) == sum(one.fails for one in everything().judgement.findings) == 6
        assert (failures[0].get("file"), failures[0].get("line")) == ("requirements.txt", "3")
        skipped = {element.get("message") for element in root.iter("skipped")}
        assert "we know (pyproject.toml:7)" in skipped
        assert "it was there when the baseline was written" in skipped

    def test_a_place_is_told_from_the_root_of_the_project(self) -> None:
        cases = [
            case for case in self.read(document(file(path=f"{ROOT}/a/b.txt"))).iter("testcase") if case.get("file")
        ]
        assert {case.get("file") for case in cases} == {"a/b.txt"}

    def test_what_was_not_checked_is_an_error_when_that_is_wanted(self) -> None:
        found = file(unread=[manifests.unread("x.txt")])
        assert self.read(document(found)).get("errors") == "0"
        assert self.read(document(found, by=policy(strict=True))).get("errors") == "1"

    def test_what_xml_cannot_hold_is_escaped(self) -> None:
        text = junit.render_check(everything())
        assert r"\x07" in text
        assert "\x07" not in text


class TestMarkdown:
    def test_a_row_for_each_finding(self) -> None:
        rows = [line for line in markdown.render_check(everything()).splitlines() if line.startswith("| ")]
        assert len(rows) == 2 + len(everything().judgement.counted)
        # No cell is broken by what stands in it.
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}

    def test_what_was_read_is_text(self) -> None:
        text = markdown.render_check(everything())
        without = re.sub(r"(`+).+?\1", "", text)
        assert "<b>" not in without
        assert r"cannot be \<read\> & never will" in text

    @pytest.mark.parametrize(
        ("words", "wanted"),
        [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a``b`c", "```a``b`c```"), ("a|b", r"`a\|b`")],
    )
    def test_code(self, words: str, wanted: str) -> None:
        assert markdown.code(words) == wanted

    def test_brief_is_the_head(self) -> None:
        assert markdown.render_check(everything()).startswith(markdown.brief(everything())[:-1])


class TestHtml:
    def page(self, made: Document) -> ET.Element:
        """Strictly: what is not HTML is an error."""
        parser = html5lib.HTMLParser(
            strict=True, tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False
        )
        found: ET.Element = parser.parse(html.render_check(made).replace("\x07", ""))
        return found

    @every_document()
    def test_is_html_that_asks_for_nothing(self, made: Document) -> None:
        root = self.page(made)
        loading = [
            (element.tag, key)
            for element in root.iter()
            for key in ("src", "srcset", "data", "poster", "action", "background", "style")
            if element.get(key) is not None
        ]
        assert loading == []
        assert [
            element.tag for element in root.iter() if element.tag in ("script", "link", "iframe", "object", "img")
        ] == []
        assert "url(" not in html.render_check(made)
        assert "@import" not in html.render_check(made)
        policy_ = next(one.get("content", "") for one in root.iter("meta") if one.get("http-equiv"))
        assert policy_.startswith("default-src 'none'; style-src 'sha256-")

    def test_what_was_read_is_text(self) -> None:
        root = self.page(everything())
        assert not list(root.iter("b"))
        words = "".join(root.itertext())
        assert "deep <b>&\"' %:,|`é/r.txt" in words
        assert "cannot be <read> & never" in words

    def test_levels_are_told_by_word_and_sign(self) -> None:
        root = self.page(everything())
        labels = [span.text for span in root.iter("span") if span.get("class") == "level"]
        assert {*labels} == {f"{html.SIGNS[level]} {level}" for level in ("error", "warning", "note")}
        assert len(labels) == len(everything().judgement.counted)

    def test_ids_are_unique(self) -> None:
        found = [element.get("id") for element in self.page(everything()).iter() if element.get("id")]
        assert len(found) == len(set(found)) == len(everything().judgement.counted) + 4  # and what they are in

    def test_links_lead_somewhere(self) -> None:
        root = self.page(everything())
        targets = {element.get("id") for element in root.iter()}
        links = [href[1:] for href in (link.get("href", "") for link in root.iter("a")) if href.startswith("#")]
        assert len(links) == 4
        assert {*links} <= targets

    @every_document()
    def test_headings_are_in_order(self, made: Document) -> None:
        levels = [
            int(element.tag[1]) for element in self.page(made).iter() if re.fullmatch("h[1-6]", str(element.tag))
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))


def test_colours_can_be_read() -> None:
    """WCAG 1.4.3: words against what is behind them, light and dark."""
    style = report_style()
    for theme in (
        style.split("@media (prefers-color-scheme: dark)")[0],
        style.split("@media (prefers-color-scheme: dark)")[1],
    ):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme.split("@media")[0]))
        for level in ("error", "warning", "note"):
            assert contrast(colours[level], colours[f"{level}-back"]) >= 4.5, (level, colours)


def report_style() -> str:
    return (Path(report.__file__).parent / "report.css").read_text(encoding="utf-8")


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def test_every_reference_of_the_catalog_is_a_web_address() -> None:
    """They are links on the page and the help of rules."""
    found: List[Reference] = [one for item in manifests.CATALOG.advisories for one in item.references]
    assert found
    assert all(re.match("https?://", one.url) for one in found)


def test_the_judgement_of_everything_is_what_the_tests_count() -> None:
    made = everything().judgement
    assert judge(made.analyses, made.policy) == made
