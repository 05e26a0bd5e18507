"""What `check` writes and where, what it passes over, and `config`, which says why."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import jsonschema
import pytest

from compatshim import cli
from compatshim.cli import arguments, judge
from compatshim.inventory import environment
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Unread
from compatshim.report import FORMATS
from tests import support
from tests.support import STORY
from tests.test_formats import SCHEMA

WELL = {"filelock": "4.0.0"}
WARNING = {"filelock": "3.12.0"}  # only CSA-2026-0007, a warning
IGNORES = """
ignore = [
    { id = "CSA-2026-0001", reason = "mended by the import" },
    { id = "csa-2026-0002", reason = "one user" },
]
"""


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Check = Callable[..., Done]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Check:
    """Run a command in an empty folder, on an environment with these versions."""
    for name in (*os.environ,):
        if name.startswith(("COMPATSHIM", "GITHUB", "NO_COLOR", "FORCE_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Snapshot, "bundled", support.Releases)

    def run(*argv: str, on: Dict[str, str] = STORY, unread: Sequence[Unread] = (), command: str = "check") -> Done:
        monkeypatch.setattr(environment, "this", lambda: support.inventory(on, unread))
        return Done(cli.main([command, *argv]), *capsys.readouterr())

    return run


def settings(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[project]\nname = 'x'\n\n[tool.compatshim]\n{text}", encoding="utf-8")


class TestOutputs:
    def test_several_formats_in_one_run(self, check: Check, tmp_path: Path) -> None:
        done = check(
            "--format", "sarif", "--output", "a.sarif", "--format", "text", "--format", "junit", "--output", "b.xml"
        )
        assert done.code == cli.FINDINGS
        assert done.out == check().out
        log = json.loads((tmp_path / "a.sarif").read_text(encoding="utf-8"))
        jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(log)
        assert "<testsuites" in (tmp_path / "b.xml").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("argv", "wanted"),
        [
            ([], [("text", "")]),
            (["--format", "json"], [("json", "")]),
            (["--output", "x.SARIF"], [("sarif", "x.SARIF")]),
            (["--output", "x.md", "--output", "x.html"], [("markdown", "x.md"), ("html", "x.html")]),
            (["--format", "github", "--output", "x.html"], [("github", "x.html")]),
            (["--format", "github", "--output", "-", "--output", "x.html"], [("github", ""), ("html", "x.html")]),
            (["--output", "x.txt", "--format", "concise"], [("text", "x.txt"), ("concise", "")]),
            (
                ["--format", "gitlab", "--output=x.json", "--format=json", "--output=y"],
                [("gitlab", "x.json"), ("json", "y")],
            ),
        ],
    )
    def test_which_goes_where(self, argv: List[str], wanted: List[object]) -> None:
        args = arguments.parser(["check"]).parse_args(["check", *argv])
        assert judge.outputs(args.format) == wanted

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (
                ["--format", "json", "--format", "text"],
                "standard output: takes one format; json needs an --output FILE",
            ),
            (
                ["--output", "report"],
                "--output report: its suffix tells no format: put --format text|concise|json|",
            ),
            (["--output", "report", "--format", "sarif"], "--output report: its suffix tells no format"),
            (["--output", "a.json", "--output", "a.json"], "--output a.json: takes one format"),
            (
                ["--output", "none/such.html"],
                "--output none/such.html: cannot be written: No such file or directory",
            ),
            (
                ["--write-baseline", "none/such.json"],
                "--write-baseline none/such.json: cannot be written: No such file",
            ),
            (["--baseline", "b.json"], "--baseline b.json: there is no such file: write it with --write-baseline"),
            (["--ignore", "CSA-1"], "--ignore CSA-1: is no advisory (as CSA-2026-0001)"),
            (["--ignore", "*"], "--ignore *: is no advisory"),
        ],
    )
    def test_what_cannot_be_done(self, argv: List[str], message: str, check: Check, tmp_path: Path) -> None:
        done = check(*argv)
        assert (done.code, done.out) == (cli.ERROR, "")
        assert done.err.startswith(f"compatshim: {message}")
        assert done.err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    def test_colour_is_for_the_terminal(
        self, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        shown = check("--format", "text", "--output", "a.txt", "--format", "text").out
        assert "\x1b[" in shown
        assert "\x1b[" not in (tmp_path / "a.txt").read_text(encoding="utf-8")

    def test_a_file_is_there_whole_or_as_it_was(
        self, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tmp_path / "a.json"
        place.write_text("before", encoding="utf-8")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        done = check("--output", "a.json")
        assert done.err == "compatshim: --output a.json: cannot be written: No space left on device\n"
        assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("a.json", "before")]

    @pytest.mark.skipif(os.name == "nt", reason="no such device: not run")
    def test_what_is_no_file_is_left_in_place(self, check: Check, tmp_path: Path) -> None:
        link = tmp_path / "link.html"
        (tmp_path / "real.html").write_text("", encoding="utf-8")
        link.symlink_to("real.html")
        assert check("--format", "json", "--output", os.devnull, "--output", "link.html").code == cli.FINDINGS
        assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
        assert link.is_symlink()
        assert (tmp_path / "real.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

    def test_nothing_could_be_checked(self, check: Check, tmp_path: Path) -> None:
        done = check("--output", "a.sarif", "--format", "text", on={})
        assert (done.code, done.out) == (cli.NOTHING, "")
        (run,) = json.loads((tmp_path / "a.sarif").read_text(encoding="utf-8"))["runs"]
        assert run["invocations"][0]["executionSuccessful"] is False

    def test_a_clean_one_in_every_format(self, check: Check) -> None:
        for name in FORMATS:
            assert check("--format", name, on=WELL).code == cli.CLEAN


class TestGithub:
    def test_a_summary_is_appended(self, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        summary = tmp_path / "summary.md"
        summary.write_text("# Before\n", encoding="utf-8")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        check()
        assert summary.read_text(encoding="utf-8") == "# Before\n"
        done = check("--format", "github")
        assert done.out.startswith("::error title=CSA-2026-0001%3A Distributed")
        text = summary.read_text(encoding="utf-8")
        assert text.startswith("# Before\n## compatshim: 2 errors")
        assert "### CSA-2026-0001" in text

    def test_a_summary_has_room(self, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
        monkeypatch.setattr(judge, "_ROOM", 2000)
        check("--format", "github")
        text = (tmp_path / "summary.md").read_text(encoding="utf-8")
        assert "| CSA-2026-0001 |" in text
        assert "###" not in text

    def test_what_is_installed_is_shown_at_the_project(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, "")
        assert check("--format", "github").out.startswith("::error file=pyproject.toml,title=")


class TestIgnores:
    def test_in_the_project(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, IGNORES)
        done = check()
        assert done.code == cli.CLEAN
        assert "CSA-2026-0001  ignored  mended by the import (pyproject.toml:7)\n" in done.out
        assert "CSA-2026-0002  ignored  one user (pyproject.toml:8)\n" in done.out
        assert done.out.endswith("1 warning, 2 notes, 2 ignored. 3 distributions checked, 0 not checked.\n")
        assert done.err == ""

    def test_as_tables(self, check: Check, tmp_path: Path) -> None:
        tables = "\n".join(
            f'[[tool.compatshim.ignore]]\nid = "{one}"\nreason = "r"' for one in ("CSA-2026-0001", "CSA-2026-0002")
        )
        settings(tmp_path, tables)
        assert "CSA-2026-0002  ignored  r (pyproject.toml:8)\n" in check().out

    def test_on_the_command_line(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, 'ignore = [{ id = "CSA-2026-0001", reason = "r" }]')
        assert check("--ignore", "csa-2026-0002").code == cli.CLEAN
        assert check().code == cli.FINDINGS

    def test_expired_unused_and_unknown_ones_are_told(self, check: Check, tmp_path: Path) -> None:
        settings(
            tmp_path,
            "ignore = [\n"
            '    { id = "CSA-2026-0001", reason = "r", expires = 2026-01-01 },\n'
            '    { id = "CSA-2026-0003", reason = "r" },\n'
            '    { id = "CSA-2026-9999", reason = "r" },\n'
            "]",
        )
        done = check()
        assert done.code == cli.FINDINGS
        assert done.err == (
            "compatshim: pyproject.toml:6: the ignore of CSA-2026-0001 expired on 2026-01-01 (r): "
            "its findings count again\n"
            "compatshim: pyproject.toml:7: the ignore of CSA-2026-0003 passes nothing over: remove it\n"
            "compatshim: pyproject.toml:8: the ignore of CSA-2026-9999 is of no advisory that is known here: "
            "remove it\n"
        )

    def test_an_unused_one_is_told_of_a_healthy_environment(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, 'ignore = [{ id = "CSA-2026-0001", reason = "r" }]')
        done = check(on=WELL)
        assert (done.code, done.out) == (
            cli.CLEAN,
            "No known-bad combination. 1 distribution checked, 0 not checked.\n",
        )
        assert "passes nothing over" in done.err


class TestSettings:
    @pytest.mark.parametrize(
        ("text", "argv", "code"),
        [
            ("", [], 0),
            ('fail-on = "warning"', [], 1),
            ('fail-on = "warning"', ["--fail-on", "error"], 0),
            ('fail-on = "warning"', ["--exit-zero"], 0),
            ("strict = true", [], 1),
        ],
    )
    def test_the_project_says_what_fails(
        self, text: str, argv: List[str], code: int, check: Check, tmp_path: Path
    ) -> None:
        settings(tmp_path, text)
        assert check(*argv, on=WARNING, unread=[Unread("x", "is odd")]).code == code

    @pytest.mark.parametrize("on", [WELL, STORY])
    def test_a_misspelt_key_is_told(self, on: Dict[str, str], check: Check, tmp_path: Path) -> None:
        settings(tmp_path, 'fail_on = "note"')
        done = check(on=on)
        assert (done.code, done.out) == (cli.ERROR, "")
        assert done.err.startswith(
            f"compatshim: {tmp_path / 'pyproject.toml'}:5: tool.compatshim.fail_on: unknown key"
        )
        assert done.err.endswith("did you mean fail-on?\n")


class TestBaseline:
    def test_only_what_is_new_counts(self, check: Check, tmp_path: Path) -> None:
        done = check("--write-baseline", "known.json", on=WARNING)
        assert done.code == cli.CLEAN
        assert "compatshim: known.json: written (1 findings)\n" in done.err
        assert check("--baseline", "known.json", "--fail-on", "note", on=WARNING).code == cli.CLEAN
        done = check("--baseline", "known.json")
        assert done.code == cli.FINDINGS
        assert "2 errors, 2 notes, 1 in the baseline." in done.out
        settings(tmp_path, 'baseline = "known.json"\nfail-on = "warning"')
        (tmp_path / "below").mkdir()
        os.chdir(tmp_path / "below")
        assert check(on=WARNING).code == cli.CLEAN

    def test_written_again_from_what_is_there(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, 'baseline = "known.json"')
        assert check("--write-baseline", "known.json").code == cli.CLEAN
        before = (tmp_path / "known.json").read_bytes()
        assert check("--write-baseline", "known.json").code == cli.CLEAN
        assert (tmp_path / "known.json").read_bytes() == before
        assert check().code == cli.CLEAN
        done = check(on=WARNING)
        assert done.code == cli.CLEAN
        assert "the baseline has what is no longer there: write it again" in done.err

    def test_ignored_findings_are_not_in_it(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, IGNORES)
        check("--write-baseline", "known.json")
        found = json.loads((tmp_path / "known.json").read_text(encoding="utf-8"))["findings"]
        assert [one["id"] for one in found] == ["CSA-2026-0006", "CSA-2026-0007", "CSA-2026-0051"]


class TestConfig:
    def test_says_who_says_so(self, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        settings(tmp_path, f'mode = "observe"\ncatalogs = ["house"]\nstrict = true\n{IGNORES}')
        monkeypatch.setenv("COMPATSHIM_DISABLE", "csa-2026-0006")
        (tmp_path / "house").mkdir()
        argv = ["--show", "--fail-on", "note", "--ignore", "CSA-2026-0003"]
        done = check(*argv, command="config")
        path = tmp_path / "pyproject.toml"
        assert (done.code, done.err) == (cli.CLEAN, "")
        assert done.out == (
            f"file {path}\n"
            f"mode              observe  ({path}:5)\n"
            "disable           CSA-2026-0006  (COMPATSHIM_DISABLE)\n"
            f"catalogs          {tmp_path / 'house'}  ({path}:6)\n"
            "fail-on           note  (--fail-on)\n"
            "fail-on-possible  false  (default)\n"
            f"strict            true  ({path}:7)\n"
            "baseline          none  (default)\n"
            "ignore            CSA-2026-0001: mended by the import (pyproject.toml:10)\n"
            "                  CSA-2026-0002: one user (pyproject.toml:11)\n"
            "                  CSA-2026-0003: told by --ignore (--ignore)\n"
        )

    def test_json(self, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, 'baseline = "b.json"\nignore = [{ id = "*", reason = "r", projects = ["NumPy"] }]')
        found = json.loads(check("--format", "json", command="config").out)
        path = str(tmp_path / "pyproject.toml")
        assert (found["kind"], found["file"]) == ("config", path)
        assert found["settings"]["baseline"] == {"value": str(tmp_path / "b.json"), "source": f"{path}:5"}
        assert found["settings"]["ignore"]["value"] == [
            {"id": "*", "reason": "r", "told": "pyproject.toml:6", "projects": ["numpy"]}
        ]
        assert found["settings"]["mode"] == {"value": "apply", "source": "default"}

    def test_without_a_file(self, check: Check) -> None:
        done = check("--show", command="config")
        assert done.code == cli.CLEAN
        assert done.out.startswith(
            "file none has [tool.compatshim] at or above this folder\nmode              apply"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [("mod = 1", "did you mean mode?"), ('mode = "obsreve"', "'obsreve' is not one of off, observe")],
    )
    def test_what_cannot_be_used(self, text: str, message: str, check: Check, tmp_path: Path) -> None:
        settings(tmp_path, text)
        done = check("--show", command="config")
        assert (done.code, done.out) == (cli.ERROR, "")
        assert message in done.err
