"""What counts, what does not, and why; and what stays the same when nothing that matters changes."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compatshim import baseline, config, errors, gate
from compatshim.baseline import BaselineError, Entry
from compatshim.gate import judge, relative
from compatshim.ignores import ALL
from compatshim.model import Unread
from tests import manifests
from tests.manifests import ROOT, STORY, file, ignore, installed, policy

ERRORS, NOTE, WARNING = ["CSA-2026-0001", "CSA-2026-0002"], "CSA-2026-0006", "CSA-2026-0007"
PINS = {"filelock": ("3.12.0", 4)}
"""Of these, the only finding is a warning."""


def ids(judgement: gate.Judgement, kind: Optional[str] = None) -> List[str]:
    found = judgement.counted if kind is None else [one for one, _ in judgement.excused(kind)]
    return [one.finding.advisory.id for one in found]


def test_the_story_has_every_level() -> None:
    found = judge([file()], policy())
    assert ids(found) == [*ERRORS, NOTE, WARNING]
    assert [one.level for one in found.findings] == ["error", "error", "note", "warning"]


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [("error", ERRORS), ("warning", [*ERRORS, WARNING]), ("note", [*ERRORS, NOTE, WARNING]), ("never", [])],
)
def test_what_fails(fail_on: str, failing: List[str]) -> None:
    found = judge([file()], policy(fail_on=fail_on))
    assert [one.finding.advisory.id for one in found.findings if one.fails] == failing
    assert found.status == (errors.FINDINGS if failing else errors.CLEAN)


@pytest.mark.parametrize(("counts", "status"), [(False, errors.CLEAN), (True, errors.FINDINGS)])
def test_what_is_only_possible_fails_when_that_is_wanted(counts: bool, status: int) -> None:
    found = judge([file(possible=True)], policy(possible=counts))
    assert found.status == status
    levels = [one.level for one in found.findings]
    assert levels == (["error", "error", "note", "note"] if counts else ["warning", "warning", "note", "note"])


def test_what_was_not_read_fails_when_that_is_wanted() -> None:
    found = file({"filelock": ("4.0.0", 1)}, unread=[Unread("x", "is odd")])
    assert judge([found], policy()).status == errors.CLEAN
    assert judge([found], policy(strict=True)).status == errors.FINDINGS


def test_nothing_that_could_be_checked() -> None:
    broken = file({}, unread=[Unread("x", "is odd")])
    assert judge([broken, installed({})], policy()).status == errors.NOTHING
    assert judge([broken, file({"filelock": ("4.0.0", 1)}, "b.txt")], policy()).status == errors.CLEAN
    assert judge([file({})], policy()).status == errors.CLEAN  # it names nothing


def test_levels_are_those_of_the_settings() -> None:
    assert (*gate.LEVELS, gate.NEVER) == config.FAIL_ON


class TestIgnores:
    def test_passes_over_and_says_who_told(self) -> None:
        found = judge([file()], policy(*map(ignore, ERRORS)))
        assert ids(found) == [NOTE, WARNING]
        assert found.status == errors.CLEAN
        assert {why for _, why in found.excused("ignore")} == {gate.Excuse("ignore", "we know", "pyproject.toml:7")}
        assert (found.expired, found.unused) == ((), ())

    @pytest.mark.parametrize(("expires", "passed"), [("2026-11-26", 2), ("2026-11-25", 0), ("2020-01-01", 0)])
    def test_expires(self, expires: str, passed: int) -> None:
        ignores = [ignore(one, expires=expires) for one in ERRORS]
        found = judge([file()], policy(*ignores))
        assert len(found.excused("ignore")) == passed
        assert found.expired == (() if passed else tuple(ignores))
        assert found.unused == ()
        assert found.status == (errors.CLEAN if passed else errors.FINDINGS)

    def test_says_what_is_not_used(self) -> None:
        idle = ignore("CSA-2026-0003"), ignore("CSA-2026-0099", expires="2020-01-01")
        assert judge([file()], policy(*idle)).unused == idle

    def test_says_nothing_about_files_that_were_not_checked(self) -> None:
        found = judge([file()], policy(ignore("CSA-2026-0003", paths=("other.txt",))))
        assert found.unused == ()

    @pytest.mark.parametrize(
        ("patterns", "passed"),
        [
            (["requirements.txt"], False),
            (["lib/requirements.txt"], True),
            (["lib/*.txt"], True),
            (["*.txt"], True),
            (["lib"], True),
            (["lib/"], True),
            (["li"], False),
            (["lib/*.lock", "lib/r*"], True),
        ],
    )
    def test_paths(self, patterns: List[str], passed: bool) -> None:
        where = ignore(WARNING, paths=tuple(patterns))
        found = judge([file(PINS, "lib/requirements.txt")], policy(where))
        assert ids(found, "ignore") == ([WARNING] if passed else [])

    def test_paths_are_of_the_file_that_says_so_and_never_what_is_installed(self) -> None:
        where = ignore(WARNING, paths=("requirements.txt",))._replace(base=f"{ROOT}/lib")
        assert ids(judge([file(PINS, "lib/requirements.txt")], policy(where)), "ignore") == [WARNING]
        assert ids(judge([file(PINS, "requirements.txt")], policy(where)), "ignore") == []
        below = file(PINS, "requirements.txt")
        assert ids(judge([below], policy(where, here=f"{ROOT}/lib")), "ignore") == [WARNING]
        everywhere = ignore(WARNING, paths=("*",))
        assert ids(judge([installed({"filelock": "3.12.0"})], policy(everywhere)), "ignore") == []

    @pytest.mark.parametrize(
        ("projects", "passed"),
        [
            (["evaluate"], ["CSA-2026-0001"]),
            (["datasets"], [*ERRORS, NOTE]),
            (["numpy"], []),
            (["numpy", "evaluate"], ["CSA-2026-0001"]),
        ],
    )
    def test_projects(self, projects: List[str], passed: List[str]) -> None:
        found = judge([file()], policy(ignore(ALL, projects=tuple(projects))))
        assert ids(found, "ignore") == passed


class TestPlaces:
    def test_the_project_to_change_comes_first(self) -> None:
        (first, *_) = judge([file()], policy()).findings
        assert [(str(place.location), place.project) for place in first.places] == [
            ("requirements.txt:3", "evaluate"),
            ("requirements.txt:9", "filelock"),
            ("requirements.txt:5", "datasets"),
        ]

    def test_a_file_that_tells_no_lines(self) -> None:
        (first, *_) = judge(
            [file({name: (version, None) for name, (version, _) in STORY.items()})], policy()
        ).findings
        assert [str(place.location) for place in first.places] == ["requirements.txt"]

    def test_what_is_installed_is_in_no_file(self) -> None:
        assert {one.places for one in judge([installed()], policy()).findings} == {()}

    @pytest.mark.parametrize(
        ("path", "here", "wanted"),
        [
            ("a.txt", ROOT, "a.txt"),
            ("a.txt", f"{ROOT}/lib", "lib/a.txt"),
            ("../a.txt", f"{ROOT}/lib", "a.txt"),
            ("./x/../a.txt", ROOT, "a.txt"),
            (f"{ROOT}/a.txt", "/", "a.txt"),
            ("../other/a.txt", ROOT, "/home/me/other/a.txt"),
            ("..a.txt", ROOT, "..a.txt"),
        ],
    )
    @pytest.mark.skipif(os.name == "nt", reason="POSIX paths: not run")
    def test_relative(self, path: str, here: str, wanted: str) -> None:
        assert relative(path, ROOT, here) == wanted


class TestEnvironments:
    def test_what_they_share_is_one_finding(self) -> None:
        old = file(environment="python_version < '3.9'")
        new = file(environment="python_version >= '3.9'")
        found = judge([old, new], policy()).findings
        assert len(found) == 4
        assert {one.environments for one in found} == {("python_version < '3.9'", "python_version >= '3.9'")}

    def test_other_versions_are_another_finding_with_another_fingerprint(self) -> None:
        one = file(PINS, environment="a")
        other = file({"filelock": ("3.13.1", 5)}, environment="b")
        found = judge([one, other], policy()).findings
        assert [item.environments for item in found] == [("a",), ("b",)]
        assert len({item.fingerprint for item in found}) == 2
        # The order of the file does not matter.
        again = judge([other, one], policy()).findings
        assert {item.fingerprint: item.finding.versions for item in found} == {
            item.fingerprint: item.finding.versions for item in again
        }

    def test_the_same_in_two_files_is_two(self) -> None:
        found = judge([file(PINS), file(PINS, "b.txt")], policy()).findings
        assert [one.path for one in found] == ["requirements.txt", "b.txt"]
        assert len({one.fingerprint for one in found}) == 2


class TestBaseline:
    def prints(self, pins: manifests.Pins, path: str = "requirements.txt", **where: object) -> Dict[str, str]:
        found = judge([file(pins, path)], policy(**where)).findings
        return {one.finding.advisory.id: one.fingerprint for one in found}

    @given(lines=st.permutations(range(1, 4)), patch=st.sampled_from(["3.12.0", "3.12.2", "3.13.1"]))
    def test_fingerprints_know_no_lines_and_no_versions(self, lines: Tuple[int, ...], patch: str) -> None:
        pins = {
            "filelock": (patch, lines[0]),
            "evaluate": ("0.4.1", lines[1]),
            "datasets": ("2.16.0", lines[2]),
            "numpy": ("1.26.0", None),
        }
        assert self.prints(pins) == self.prints(STORY)

    def test_fingerprints_know_the_file_wherever_the_project_lies(self) -> None:
        here = self.prints(STORY)
        assert self.prints(STORY, "/srv/ci/requirements.txt", root="/srv/ci", here="/") == here
        assert self.prints(STORY, "../requirements.txt", here=f"{ROOT}/deep") == here
        assert self.prints(STORY, "other.txt") != here

    def test_what_is_known_does_not_count(self) -> None:
        known = judge([file()], policy()).entries
        found = judge([file()], policy(baseline=known))
        assert (found.status, found.counted) == (errors.CLEAN, ())
        assert {one.new for one in found.findings} == {False}
        assert found.gone == ()

    def test_what_is_new_counts(self) -> None:
        known = judge([file(PINS)], policy()).entries
        found = judge([file()], policy(baseline=known))
        assert ids(found) == [*ERRORS, NOTE]
        assert [one.new for one in found.findings] == [True, True, True, False]
        assert found.status == errors.FINDINGS

    def test_a_second_version_of_it_counts(self) -> None:
        known = judge([file(PINS, environment="a")], policy()).entries
        both = [file(PINS, environment="a"), file({"filelock": ("3.13.1", 5)}, environment="b")]
        assert len(judge(both, policy(baseline=known)).counted) == 1

    def test_an_ignored_finding_is_not_written(self) -> None:
        entries = judge([file()], policy(*map(ignore, ERRORS))).entries
        assert [entry.id for entry in entries] == [NOTE, WARNING]

    def test_written_again_it_is_the_same(self) -> None:
        known = judge([file()], policy()).entries
        assert judge([file()], policy(baseline=known)).entries == known

    def test_says_what_is_gone_in_the_files_that_were_checked(self) -> None:
        known = judge([file(), file(path="b.txt")], policy()).entries
        found = judge([file({"filelock": ("4.0.0", 1)})], policy(baseline=known))
        assert {entry.path for entry in found.gone} == {"requirements.txt"}
        assert len(found.gone) == 4

    def test_round_trip(self) -> None:
        entries = judge([file(), installed()], policy()).entries
        text = baseline.dump(entries)
        assert baseline.load(text.encode(), "b") == tuple(sorted(entries))
        assert baseline.dump(reversed(entries)) == text
        assert "3.12.0" not in text

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\xff", "b.json: not JSON: "),
            (b"", "b.json: not JSON: "),
            (b"[" * 100_000, "b.json: not JSON: "),
            (b"[]", "b.json: not a baseline: write one with --write-baseline"),
            (b'{"kind": "check"}', "b.json: not a baseline"),
            (b'{"kind": "baseline", "schema_version": "2.0"}', "b.json: schema_version '2.0' cannot be read"),
            (b'{"kind": "baseline", "schema_version": 1}', "b.json: schema_version 1 cannot be read"),
            (b'{"kind": "baseline", "schema_version": "1.7"}', "b.json: findings: a list is wanted"),
            (b'{"kind": "baseline", "schema_version": "1.0", "findings": [1]}', "b.json: findings[0]: an object"),
            (
                b'{"kind": "baseline", "schema_version": "1.0", "findings": [{"path": "a", "id": 1}]}',
                "b.json: findings[0].id: a string is wanted, not 1",
            ),
            (
                b'{"kind": "baseline", "schema_version": "1.0", "findings": '
                b'[{"path": "a", "id": "b", "fingerprint": "c", "projects": "d"}]}',
                "b.json: findings[0].projects: a list of strings is wanted, not 'd'",
            ),
        ],
    )
    def test_what_is_no_baseline(self, content: bytes, message: str) -> None:
        with pytest.raises(BaselineError) as raised:
            baseline.load(content, "b.json")
        assert str(raised.value).startswith(message)

    def test_a_later_minor_version_may_say_more(self) -> None:
        content = (
            b'{"kind": "baseline", "schema_version": "1.9", "more": 1, "findings": '
            b'[{"path": "a", "id": "b", "fingerprint": "c", "projects": [], "more": 1}]}'
        )
        assert baseline.load(content, "b.json") == (Entry("a", "b", (), "c"),)
