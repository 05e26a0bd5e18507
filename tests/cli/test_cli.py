"""The commands, on environments that the tests make up: the reader and the solver have tests of their own."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest
from packaging.version import Version

from compatshim import cli
from compatshim.inventory import environment
from compatshim.kb import environments
from compatshim.kb.sets.make import Maker
from compatshim.kb.sets.prove import Refuted
from compatshim.kb.sets.record import Entry
from compatshim.kb.sets.stacks import Job
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Unread
from tests import support
from tests.support import STORY
from tests.test_recognise import FOUNDING

WELL = {"filelock": "4.0.0"}
NOTE = {"datasets": "2.15.0", "filelock": "4.0.0"}  # only CSA-2026-0006, a note
WARNING = {"filelock": "3.12.0"}  # only CSA-2026-0007, a warning
UNREAD = (Unread("/site/bad-1.dist-info", "has no METADATA", "bad"),)

Command = Callable[..., "Answer"]


class Answer:
    """What one command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command on an environment with these versions."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COMPATSHIM", "COMPATSHIM_DISABLE", "COMPATSHIM_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*argv: str, on: Optional[Dict[str, str]] = None, unread: Sequence[Unread] = ()) -> Answer:
        inventory = support.inventory(on or {}, unread)
        monkeypatch.setattr(environment, "this", lambda: inventory)
        monkeypatch.setattr(Snapshot, "bundled", support.Releases)
        return Answer(cli.main(argv), *capsys.readouterr())

    return run


class TestCheck:
    @pytest.mark.parametrize(
        ("on", "options", "code"),
        [
            (WELL, [], 0),
            (STORY, [], 1),
            (STORY, ["--exit-zero"], 0),
            (STORY, ["--fail-on", "never"], 0),
            (NOTE, [], 0),
            (NOTE, ["--fail-on", "warning"], 0),
            (NOTE, ["--fail-on", "note"], 1),
            (WARNING, [], 0),
            (WARNING, ["--fail-on", "warning"], 1),
            (WARNING, ["--fail-on", "note"], 1),
            (WARNING, ["--fail-on", "note", "--exit-zero"], 0),
            ({}, [], 3),
        ],
    )
    @pytest.mark.parametrize("form", ["text", "json"])
    def test_exit_status(
        self, form: str, on: Dict[str, str], options: List[str], code: int, command: Command
    ) -> None:
        answer = command("check", "--format", form, *options, on=on)
        assert answer.code == code
        assert bool(answer.out) == (code != 3 or form == "json")

    @pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1), (["--strict", "--exit-zero"], 0)])
    def test_what_was_not_read(self, options: List[str], code: int, command: Command) -> None:
        answer = command("check", *options, on=WELL, unread=UNREAD)
        assert answer.code == code
        assert answer.out == "No known-bad combination. 1 distribution checked, 1 not checked.\n"
        assert answer.err == "not checked: bad: /site/bad-1.dist-info has no METADATA\n"

    def test_nothing_read(self, command: Command) -> None:
        answer = command("check", unread=UNREAD)
        assert (answer.code, answer.out) == (3, "")
        assert "no distribution could be read in the fake environment: nothing was checked" in answer.err

    def test_json(self, command: Command) -> None:
        answer = command("check", "--format", "json", on=STORY, unread=UNREAD)
        found = answer.json
        assert (found["schema_version"], found["kind"]) == ("1.0", "check")
        assert re.fullmatch("[0-9a-f]{12}", found["catalog"])
        (inventory,) = found["inventories"]
        assert (inventory["source"], found["checked"]) == ("the fake environment", 3)
        assert found["not_checked"] == [
            {"where": "/site/bad-1.dist-info", "project": "bad", "reason": "has no METADATA"}
        ]
        ids = [(item["id"], item["level"], item["certainty"]) for item in found["findings"]]
        assert ids[0] == ("CSA-2026-0001", "error", "verified")
        assert [level for _, level, _ in ids] == ["error", "error", "note", "warning", "note"]
        assert found["findings"][0]["versions"] == STORY
        assert inventory["fix"]["solved"] is True
        assert [change["project"] for change in inventory["fix"]["changes"]] == ["filelock"]

    def test_a_name_that_is_not_text(self, command: Command) -> None:
        answer = command("check", "--format", "json", on=WELL, unread=(Unread("/b\udcff-1", "has no METADATA"),))
        assert answer.json["not_checked"][0]["where"] == "/b\udcff-1"

    def test_the_search_that_was_given_up(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        from compatshim import answer as answers
        from compatshim.solve.search import OutOfBudgetError

        def give_up(*_: object, **__: object) -> None:
            raise OutOfBudgetError("20,000 nodes")

        monkeypatch.setattr(answers, "answer", give_up)
        answer = command("check", on=STORY)
        assert answer.code == 1
        assert "the search for the smallest fix was given up; the findings stand" in answer.err
        assert command("pin", on=STORY).err == (
            "compatshim: the search was given up (20,000 nodes); "
            "hold fewer projects, or ask for less with --require\n"
        )


class TestPinAndPlan:
    @pytest.mark.parametrize(
        ("argv", "on", "code"),
        [
            (["pin"], STORY, 0),
            (["pin"], WELL, 0),
            (["pin"], {}, 3),
            (["pin", "--hold", "filelock", "--hold", "evaluate", "--hold", "datasets"], STORY, 1),
            (["pin", "--objective", "recommended"], STORY, 0),
            (["pin", "--no-downgrade", "--allow-level", "minor", "--allow-level", "Datasets:none"], STORY, 0),
            (["pin", "--allow-level", "none"], STORY, 1),
            (["plan"], STORY, 0),
            (["plan"], WELL, 0),
            (["plan"], {}, 3),
            (["plan", "--hold", "filelock", "--hold", "evaluate", "--hold", "datasets"], STORY, 1),
        ],
    )
    def test_exit_status(self, argv: List[str], on: Dict[str, str], code: int, command: Command) -> None:
        text = command(*argv, on=on)
        assert text.code == code
        assert bool(text.out) == (code == 0)
        data = command(*argv, "--format", "json", on=on)
        assert data.code == code
        if code != 3:
            assert (data.json["schema_version"], data.json["kind"]) == ("1.0", argv[0])
            assert data.json["solved"] == (code == 0)

    def test_pin_is_a_constraint_file(self, command: Command) -> None:
        from compatshim import constraints

        answer = command("pin", on=STORY)
        made = constraints.parse(answer.out)
        assert made.command == "python -m compatshim pin"
        assert [line.project for line in made.lines if line.specifier.startswith("==")] == ["filelock"]
        assert all(line.startswith("compatshim: ") for line in answer.err.splitlines())
        only = constraints.parse(command("pin", "--only-changes", on=STORY).out)
        assert [line.project for line in only.lines] == ["filelock"]

    def test_impossible_says_what_would_help(self, command: Command) -> None:
        held = [word for project in STORY for word in ("--hold", project)]
        answer = command("pin", *held, on=STORY)
        assert "No change of versions cures this:" in answer.err
        assert "`import compatshim` mends" in answer.err

    @pytest.mark.parametrize("name", ["pin", "plan"])
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--hold", "Numpy"], "--hold numpy: is not installed in the fake environment"),
            (["--override", "Numpy"], "--override numpy: is not installed in the fake environment"),
            (
                ["--require", "none-such>=3"],
                "--require none-such>=3: none-such is neither installed nor known here",
            ),
            (
                ["--allow-level", "filelock:small"],
                "--allow-level filelock:small: is not [NAME:]none|patch|minor|major",
            ),
            (["--require", "filelock=3"], '--require filelock=3: is not a requirement such as "datasets>=3"'),
            (["--require", ""], '--require : is not a requirement such as "datasets>=3"'),
        ],
    )
    def test_usage(self, name: str, options: List[str], message: str, command: Command) -> None:
        answer = command(name, *options, on=STORY)
        assert (answer.code, answer.out, answer.err) == (2, "", f"compatshim: {message}\n")

    @pytest.mark.parametrize("form", ["text", "json"])
    def test_other_answers(self, form: str, command: Command) -> None:
        answer = command("plan", "--alternatives", "2", "--format", form, on=STORY)
        assert answer.code == 0
        if form == "json":
            assert len(answer.json["alternatives"]) == 2
            assert all(one["against_the_best"] for one in answer.json["alternatives"])
        else:
            assert "Other answers, the next best first:" in answer.out
        refused = command("plan", "--alternatives", "-1", on=STORY)
        assert (refused.code, refused.err) == (2, "compatshim: --alternatives -1: is not a number of answers\n")

    def test_full(self, command: Command) -> None:
        from compatshim import constraints

        made = constraints.parse(command("pin", "--full", on={**STORY, "numpy": "1.26.0"}).out)
        assert {line.project: line.specifier for line in made.lines} == {
            "datasets": "==2.16.1",
            "evaluate": "==0.4.1",
            "filelock": "==3.9.0",
            "numpy": "==1.26.0",
        }

    def test_for_uv(self, command: Command) -> None:
        answer = command("pin", "--format", "uv", on=STORY)
        assert answer.code == 0
        assert '[tool.uv]\nconstraint-dependencies = [\n    "filelock==3.9.0",  # via CSA-' in answer.out
        held = [word for project in STORY for word in ("--hold", project)]
        refused = command("pin", "--format", "uv", *held, on=STORY)
        assert (refused.code, refused.out) == (1, "")

    @pytest.mark.parametrize("argv", [["pin"], ["plan"], ["pin", *(f"--hold={project}" for project in STORY)]])
    def test_what_the_versions_are_by_is_said(self, argv: List[str], command: Command) -> None:
        said = "versions and their requirements are those of the made up"
        assert f"compatshim: {said}\n" in command(*argv, on=STORY).err
        assert said in command(*argv, "--format", "json", on=STORY).json["remarks"]

    def test_require(self, command: Command) -> None:
        answer = command("plan", "--require", "datasets>=3", "--format", "json", on=STORY)
        (moved,) = [one["after"] for one in answer.json["changes"] if one["project"] == "datasets"]
        assert Version(moved) >= Version("3")
        assert answer.json["steps"][-1]["errors_remaining"] == 0


@contextlib.contextmanager
def stdin(content: bytes) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(content))
    try:
        yield
    finally:
        sys.stdin = before


class TestExplain:
    @pytest.mark.parametrize("form", ["text", "json"])
    @pytest.mark.parametrize("identifier", ["CSA-2026-0001", "csa-2026-0001"])
    def test_id(self, identifier: str, form: str, command: Command) -> None:
        answer = command("explain", identifier, "--format", form)
        assert (answer.code, answer.err) == (0, "")
        if form == "json":
            assert answer.json["kind"] == "explain"
            (found,) = answer.json["advisories"]
            assert (found["id"], found["level"]) == ("CSA-2026-0001", "error")
            assert {row["outcome"] for row in found["verified"]} <= {"bad", "good", "shimmed"}
        else:
            assert answer.out.startswith("CSA-2026-0001  error  Distributed evaluate metrics fail")
            assert 'python -m pip install "evaluate>=0.4.2"' in answer.out

    @pytest.mark.parametrize("identifier", ["CSA-2026-9999", "nonsense", "", "--", "x y"])
    def test_unknown(self, identifier: str, command: Command) -> None:
        answer = command("explain", "--", identifier)
        assert answer.code == 2
        assert answer.err.startswith(
            f"compatshim: {identifier}: there is no such advisory; known are CSA-2026-0001, "
        )
        assert len(answer.err.splitlines()) == 1

    @pytest.mark.parametrize(
        "content",
        [
            FOUNDING.encode(),
            "".join(f"[default1]:{line}\n" for line in FOUNDING.splitlines()).encode(),
            b"\xff\xfe\x80 caf\xe9\n" + FOUNDING.encode() + b"\xff",
            FOUNDING.encode("utf-16"),
            b"\xef\xbb\xbf" + FOUNDING.replace("\n", "\r\n").encode(),
        ],
    )
    def test_traceback(self, content: bytes, command: Command) -> None:
        with stdin(content):
            answer = command("explain", "-")
        assert (answer.code, answer.out[:13]) == (0, "CSA-2026-0001")

    @pytest.mark.parametrize("content", [b"", b"Everything is fine.\n", b"\0\xff" * 1000])
    @pytest.mark.parametrize("form", ["text", "json"])
    def test_unrelated(self, form: str, content: bytes, command: Command) -> None:
        with stdin(content):
            answer = command("explain", "-", "--format", form)
        assert answer.code == 1
        assert "no advisory fits that text" in answer.err
        assert answer.json["advisories"] == [] if form == "json" else answer.out == ""


class TestStatus:
    """Reads paths itself, as start-up does."""

    @pytest.fixture
    def path(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(sys, "path", [support.site(tmp_path, STORY)])
        # What a command imports is imported before the path is gone.
        for name in ("catalog", "report.data", "report.text", "startup.ledger"):
            importlib.import_module(f"compatshim.{name}")
        return tmp_path

    def test_text(self, path: Path, command: Command) -> None:
        support.dist_info(path, "evaluate", "garbage")
        answer = command("status")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.splitlines() == [
            "mode apply (default)",
            "seen datasets 2.16.1, evaluate 0.4.1 and garbage, filelock 3.12.0",
            "CSA-2026-0001  would probe and mend evaluate.module (evaluate_filefreelock)",
            "CSA-2026-0002  would probe and mend datasets.utils._filelock (datasets_filelock_mode)",
            "CSA-2026-0006  would probe and mend datasets.utils._filelock, datasets.utils.filelock"
            " (datasets_lock_name)",
            "CSA-2026-0051  would probe and mend evaluate.module (evaluate_gather)",
            "left alone: evaluate garbage: not a version known here",
        ]

    @pytest.mark.usefixtures("path")
    @pytest.mark.parametrize(
        ("name", "value", "disabled"),
        [
            ("COMPATSHIM", "observe", [True] * 4),
            ("COMPATSHIM", "off", [True] * 4),
            ("COMPATSHIM", "strict", [False] * 4),
            ("COMPATSHIM_DISABLE", "CSA-2026-0002", [False, True, False, False]),
        ],
    )
    def test_json(
        self, name: str, value: str, disabled: List[bool], command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, value)
        found = command("status", "--format", "json").json
        assert (found["kind"], found["mode"]) == ("status", value if name == "COMPATSHIM" else "apply")
        assert found["installed"] == {project: [version] for project, version in STORY.items()}
        assert [shim["disabled"] for shim in found["shims"]] == disabled

    def test_nothing(self, monkeypatch: pytest.MonkeyPatch, path: Path, command: Command) -> None:
        monkeypatch.setattr(sys, "path", [str(path / "nowhere")])
        assert command("status").out == (
            "mode apply (default)\nseen none of the projects that advisories name\nNothing would be patched.\n"
        )

    def test_says_where_a_setting_came_from(
        self, path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = path / "pyproject.toml"
        file.write_text("[tool.compatshim]\nmode = 'strict'\ndisable = ['CSA-2026-0002']\n")
        monkeypatch.chdir(path)
        monkeypatch.setenv("COMPATSHIM", "apply")
        assert command("status").out.splitlines()[:2] == [
            "mode apply (COMPATSHIM)",
            f"disabled CSA-2026-0002 ({file})",
        ]
        found = command("status", "--format", "json").json
        assert (found["mode_source"], found["disable_source"]) == ("COMPATSHIM", str(file))
        assert [shim["disabled"] for shim in found["shims"]] == [False, True, False, False]

    @pytest.mark.usefixtures("path")
    def test_a_setting_that_cannot_be_used(
        self, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COMPATSHIM", "of")
        answer = command("status")
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("compatshim: COMPATSHIM='of' is not one of")
        monkeypatch.delenv("COMPATSHIM")
        file = tmp_path / "pyproject.toml"
        file.write_text("[tool.compatshim]\nmoed = 'off'\n")
        answer = command("status")
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith(f"compatshim: {file}:2: tool.compatshim.moed: unknown key")


class TestJob:
    """`status --job` on what real processes wrote."""

    @pytest.fixture
    def log(self, home: str, story: str, tmp_path: Path) -> str:
        """Two ranks of a job that were mended, one that was not."""
        (tmp_path / "log").mkdir()
        for rank, disable in enumerate(("", "", "CSA-2026-0001")):
            env = {
                "COMPATSHIM_LOG": str(tmp_path / "log"),
                "COMPATSHIM_DISABLE": disable,
                "RANK": str(rank),
                "SLURM_JOB_ID": "77",
            }
            support.run("import compatshim, evaluate.module", [home, story], env=env)
        return str(tmp_path / "log")

    def test_text(self, log: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        host = os.uname().nodename
        answer = command("status", "--job", log)
        assert (answer.code, answer.err) == (1, "")
        head, *rest = answer.out.splitlines()
        assert head.startswith(f"job 77  ranks 0-2 on {host}: -c, 20")
        assert rest[:2] == [
            f"  CSA-2026-0001 applied: evaluate_filefreelock on evaluate.module  ranks 0-1 on {host}",
            "  CSA-2026-0001 skipped: evaluate_filefreelock on evaluate.module (its id is disabled)"
            f"  rank 2 on {host}",
        ]
        monkeypatch.setenv("COMPATSHIM_LOG", log)
        assert command("status", "--job").out == answer.out

    def test_json(self, log: str, command: Command) -> None:
        Path(log, "torn.jsonl").write_text('{"time":"2026-11')
        answer = command("status", "--job", log, "--format", "json")
        assert answer.code == 1
        assert answer.err == f"compatshim: {log}: lines that were torn, and are left out: 1\n"
        found = answer.json
        assert (found["kind"], found["folder"], found["torn"]) == ("job", log, 1)
        (only,) = found["jobs"]
        assert [process["rank"] for process in only["processes"]] == [0, 1, 2]
        assert [one["reason"] for one in only["findings"]] == ["disabled-by-id"]

    def test_all_well(self, home: str, story: str, command: Command, tmp_path: Path) -> None:
        support.run("import compatshim", [home, story], env={"COMPATSHIM_LOG": str(tmp_path)})
        answer = command("status", "--job", str(tmp_path))
        assert (answer.code, answer.out[:12]) == (0, "no job known")

    def test_nothing_there(self, command: Command, tmp_path: Path) -> None:
        answer = command("status", "--job", str(tmp_path))
        assert (answer.code, answer.out) == (3, "")
        assert "no process wrote anything" in answer.err

    def test_usage(self, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("COMPATSHIM_LOG", raising=False)
        assert "name the directory" in command("status", "--job").err
        answer = command("status", "--job", str(tmp_path / "nowhere"))
        assert (answer.code, answer.out) == (2, "")
        assert answer.err == f"compatshim: {tmp_path / 'nowhere'}: No such file or directory\n"


class TestUsage:
    @pytest.mark.parametrize(
        "argv",
        [
            [],
            ["no-such-command"],
            ["check", "--no-such-option"],
            ["check", "--format", "xml"],
            ["check", "--kind", "no-such-kind", "x"],
            ["explain"],
            ["kb"],
            ["pin", "--hold"],
        ],
    )
    def test_is_2(self, argv: List[str], command: Command) -> None:
        answer = command(*argv)
        assert (answer.code, answer.out) == (2, "")
        assert "usage: compatshim" in answer.err

    @pytest.mark.parametrize("argv", [["--help"], ["--version"], *([name, "--help"] for name in cli.COMMANDS)])
    def test_help_is_0(self, argv: List[str], command: Command) -> None:
        answer = command(*argv)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out

    def test_an_unknown_advisory_to_verify(self, command: Command) -> None:
        answer = command("kb", "verify", "CSA-1")
        assert (answer.code, len(answer.err.splitlines())) == (2, 1)
        assert "CSA-1: there is no such advisory" in answer.err

    def test_a_stale_index_is_told(self, command: Command) -> None:
        answer = command("kb", "compile", "--check")  # it was made from more releases than these
        assert (answer.code, answer.out) == (1, "")
        assert "run `python -m compatshim kb compile`" in answer.err

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("evaluate-9",), "STACK evaluate-9: is not in sets.toml; known are old, new"),
            (("--on", "3.7"), "--on 3.7: is not in sets.toml; known are 3.8, 3.12"),
        ],
    )
    def test_sets_that_nobody_defined(self, command: Command, sets: str, argv: Sequence[str], message: str) -> None:
        answer = command("kb", "sets", *argv, "--folder", sets)
        assert (answer.code, answer.out, answer.err) == (2, "", f"compatshim: {message}\n")

    @pytest.mark.parametrize("option", ["--check", "--readme", "--tests=tests"])
    def test_a_folder_without_definitions(self, command: Command, tmp_path: Path, option: str) -> None:
        answer = command("kb", "sets", option, "--folder", str(tmp_path))
        assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
        assert f"{tmp_path}{os.sep}sets.toml: cannot read what sets to make: No such file" in answer.err

    def test_an_internal_error_is_one_line(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("compatshim.compiled.load", lambda _: 1 / 0)
        answer = command("check", on=WELL)
        assert answer.code == 2
        assert answer.err == (
            "compatshim: internal error: ZeroDivisionError: division by zero "
            "(COMPATSHIM_DEBUG=1 shows where; please report it)\n"
        )
        monkeypatch.setenv("COMPATSHIM_DEBUG", "1")
        assert "Traceback" in command("check", on=WELL).err

    def test_interrupted(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("compatshim.compiled.load", interrupt)
        answer = command("check", on=WELL)
        assert (answer.code, answer.err) == (130, "compatshim: interrupted; nothing was changed\n")


@pytest.fixture
def sets(tmp_path: Path) -> str:
    """A folder of sets, none of which was made."""
    stack = 'about = "x"\nrequirements = ["datasets"]\nbefore = 2026-11-22\n'
    text = 'schema_version = "1.0"\npythons = ["3.8", "3.12"]\n'
    text += "".join(f'[[stacks]]\nname = "{name}"\n{stack}' for name in ("old", "new"))
    (tmp_path / "sets.toml").write_text(text, encoding="utf-8")
    return str(tmp_path)


class TestSets:
    """``kb sets``, with nothing installed: what comes of a set is told, and counted."""

    @pytest.fixture(autouse=True)
    def makes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def make(_: Maker, job: Job, python: str) -> Tuple[None, Entry]:
            assert python == f"/python{job.minor}"
            if job.stack.name == "new":
                raise Refuted("it does not work")
            return None, Entry(list(job.stack.requirements), job.stack.before, reason="there are no wheels")

        monkeypatch.setattr(Maker, "make", make)
        monkeypatch.setattr(environments, "interpreters", lambda: {"3.8": "/python3.8"})

    def test_all(self, command: Command, sets: str) -> None:
        answer = command("kb", "sets", "--folder", sets)
        assert sorted(answer.out.splitlines()) == [
            "new/python3.12.txt: skipped: there is no Python 3.12 here",
            "new/python3.8.txt: refuted: it does not work",
            "old/python3.12.txt: skipped: there is no Python 3.12 here",
            "old/python3.8.txt: impossible: there are no wheels",
        ]
        assert answer.code == 1
        assert answer.err == "compatshim: 4 sets: 0 verified, 1 impossible, 1 refuted, 2 skipped\n"

    @pytest.mark.parametrize(
        ("argv", "code", "count"), [(("old",), 0, 2), (("--on", "3.12"), 3, 2), (("old", "--on", "3.8"), 0, 1)]
    )
    def test_some(self, command: Command, sets: str, argv: Sequence[str], code: int, count: int) -> None:
        answer = command("kb", "sets", *argv, "--folder", sets)
        assert (answer.code, len(answer.out.splitlines())) == (code, count)

    def test_interrupted(self, command: Command, sets: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def make(*_: object) -> Tuple[None, Entry]:
            raise KeyboardInterrupt

        monkeypatch.setattr(Maker, "make", make)
        answer = command("kb", "sets", "--folder", sets)
        assert answer.code == 130
        assert answer.err == "compatshim: interrupted; what was finished stays (2 of 4 sets)\n"

    def test_check(self, command: Command, sets: str) -> None:
        command("kb", "sets", "old", "--folder", sets)
        answer = command("kb", "sets", "--check", "--folder", sets)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.splitlines() == [
            "compatshim: old/python3.12.txt: was not made: run `python -m compatshim kb sets old --on 3.12`",
            "compatshim: new/python3.8.txt: was not made: run `python -m compatshim kb sets new --on 3.8`",
            "compatshim: new/python3.12.txt: was not made: run `python -m compatshim kb sets new --on 3.12`",
        ]

    def test_readme(self, command: Command, sets: str) -> None:
        command("kb", "sets", "old", "--folder", sets)
        made = Path(sets, "README.md").read_bytes()
        Path(sets, "README.md").unlink()
        assert command("kb", "sets", "--readme", "--folder", sets).code == 0
        assert Path(sets, "README.md").read_bytes() == made


class TestColour:
    @pytest.mark.parametrize(
        ("settings", "coloured"),
        [
            ({}, False),
            ({"FORCE_COLOR": "1"}, True),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
            ({"FORCE_COLOR": ""}, False),
        ],
    )
    def test_where_wanted(
        self, settings: Dict[str, str], coloured: bool, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = command("explain", "CSA-2026-0001").out
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        out = command("explain", "CSA-2026-0001").out
        assert ("\x1b[" in out) == coloured
        assert re.sub(r"\x1b\[[\d;]*m", "", out) == plain
        assert "\x1b" not in command("explain", "CSA-2026-0001", "--format", "json").out


def program(*argv: str, **options: Any) -> support.Completed:
    """A real run of the installed package."""
    path = os.path.dirname(support.PACKAGE)
    env = {"PYTHONPATH": path, **options.pop("env", {})}
    return support.start([sys.executable, "-m", "compatshim", *argv], env=env, **options)


class TestProgram:
    def test_runs(self) -> None:
        done = program("check", "--format", "json", "--exit-zero")
        assert done.code == 0, done.err
        assert json.loads(done.out)["checked"] > 3

    def test_another_interpreter(self, tmp_path: Path) -> None:
        site = support.site(tmp_path, NOTE)
        code = (
            "import os, sys; os.environ['PYTHONPATH'] = sys.argv.pop(1); from compatshim.cli import main;"
            "sys.exit(main(['check', '--format', 'json', '--fail-on', 'note', '--python', sys.executable]))"
        )
        env = {"PYTHONPATH": os.path.dirname(support.PACKAGE)}
        done = support.start([sys.executable, "-c", code, site], env=env)
        assert done.code == 1, done.err
        assert json.loads(done.out)["findings"][0]["versions"] == {"datasets": "2.15.0"}

    @pytest.mark.parametrize("python", ["/no/such/python", "", "/bin/true"])
    def test_what_is_no_interpreter(self, python: str) -> None:
        for name in ("check", "pin", "plan", "status"):
            done = program(name, "--python", python)
            assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
            assert done.err.startswith(f"compatshim: --python {python}: ")

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here: not run")
    @pytest.mark.parametrize("argv", [["explain", "CSA-2026-0001"], ["--help"], ["check", "--format", "json"]])
    def test_a_full_disk(self, argv: List[str]) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "compatshim", *argv],
                stdout=full,
                stderr=subprocess.PIPE,
                env=support.environment(PYTHONPATH=os.path.dirname(support.PACKAGE)),
                check=False,
            )
        assert (done.returncode, done.stderr) == (2, b"compatshim: No space left on device\n")

    @pytest.mark.skipif(os.name != "posix", reason="needs a shell")
    @pytest.mark.parametrize("argv", ["explain CSA-2026-0001", "--help", "check --exit-zero --format json"])
    def test_a_closed_pipe(self, argv: str) -> None:
        command = f"{sys.executable} -m compatshim {argv} | true"
        done = support.start(["sh", "-c", command], env={"PYTHONPATH": os.path.dirname(support.PACKAGE)})
        assert (done.code, done.err) == (0, "")

    @pytest.mark.skipif(os.name != "posix", reason="needs a shell")
    @pytest.mark.parametrize("argv", ["explain CSA-2026-0001 >&-", "explain CSA-2026-0001 >&- 2>&-", "--help 2>&-"])
    def test_no_output_at_all(self, argv: str) -> None:
        done = support.start(
            ["sh", "-c", f"{sys.executable} -m compatshim {argv}"],
            env={"PYTHONPATH": os.path.dirname(support.PACKAGE)},
        )
        assert (done.code, done.err) == (0, "")

    @pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
    def test_encodings(self, encoding: str) -> None:
        done = program("explain", "CSA-2026-0001", env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
        assert (done.code, done.err) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="no SIGINT to send")
class TestControlC:
    """One line and status 130, whatever the command waits for."""

    def start(self, folder: Path, *argv: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "compatshim", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=support.environment(PYTHONPATH=os.path.dirname(support.PACKAGE), TMPDIR=str(folder)),
            start_new_session=True,
            # Where the tests are a background job of a shell, they inherit that SIGINT is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
        )

    def ends(self, running: subprocess.Popen[bytes], said: str = "nothing was changed") -> None:
        assert running.poll() is None, "it ended before it could be interrupted"
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out, err.decode()) == (130, b"", f"compatshim: interrupted; {said}\n")

    @pytest.mark.parametrize(
        "argv",
        ["check", "pin", "plan", "status", "enable", "disable", "doctor --alone --cache .", "demo", "run --"],
    )
    def test_an_interpreter_that_sleeps(self, tmp_path: Path, argv: str) -> None:
        waits = tmp_path / "python"
        waits.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 60\n")
        waits.chmod(0o755)
        command = argv.split()
        ours = command[0] != "run"
        running = self.start(tmp_path, *command, *(["--python"] if ours else []), str(waits))
        while not (tmp_path / "started").exists():
            assert running.poll() is None
        if ours:
            self.ends(running)
        else:  # the program has taken the place of the command: how it ends is its own
            os.killpg(running.pid, signal.SIGINT)
            assert running.communicate(timeout=60) == (b"", b"")
            assert running.returncode == -signal.SIGINT

    @pytest.mark.parametrize(
        "argv",
        [
            "check --kind requirements -",
            "pin --kind requirements -",
            "plan --kind requirements -",
            "explain -",
            "kb new --advisories . --with evaluate==0.4.1 --traceback -",
        ],
    )
    def test_a_standard_input_that_does_not_end(self, tmp_path: Path, argv: str) -> None:
        running = self.start(tmp_path, *argv.split())
        assert running.stdin is not None
        # More than a pipe holds: when it is written, it is being read.
        running.stdin.write(b"# more to come\n" * 20_000)
        self.ends(running)

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            ("check", "nothing was changed"),
            ("fix", "nothing was written"),
            ("kb import", "nothing was changed"),
            ("kb replay", "nothing was changed"),
        ],
    )
    def test_a_file_that_does_not_end(self, tmp_path: Path, argv: str, said: str) -> None:
        os.mkfifo(tmp_path / "requirements.txt")
        running = self.start(tmp_path, *argv.split(), "requirements.txt")
        with open(tmp_path / "requirements.txt", "wb"):  # which waits for a reader
            self.ends(running, said)


class TestDamage:
    """A damaged package: one line that names the file."""

    @pytest.fixture
    def damaged(self, home: str, tmp_path: Path) -> Path:
        shutil.copytree(home, tmp_path / "home")
        return tmp_path / "home" / "compatshim"

    def run(self, package: Path, *argv: str) -> support.Completed:
        site = support.site(package.parent / "site", STORY)
        env = {"PYTHONPATH": os.pathsep.join([str(package.parent), site])}
        return support.start([sys.executable, "-P", "-m", "compatshim", *argv], env=env)

    @pytest.mark.parametrize("name", ["check", "pin", "plan"])
    @pytest.mark.parametrize("content", [None, b"", b"PK not a zip file"])
    def test_snapshot(self, content: Optional[bytes], name: str, damaged: Path) -> None:
        snapshot = damaged / "metadata" / "data" / "snapshot.zip"
        snapshot.unlink()
        if content is not None:
            snapshot.write_bytes(content)
        done = self.run(damaged, name)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"compatshim: {snapshot}: ")
        assert len(done.err.splitlines()) == 1

    @pytest.mark.parametrize("name", ["check", "pin", "plan"])
    @pytest.mark.parametrize(
        "content", [None, b"", b"[]", b'{"digest": "", "proven": {}, "terms": [[]]}', b'{"id": 1}\n{}\n', b"\xff"]
    )
    def test_compiled_catalog(self, content: Optional[bytes], name: str, damaged: Path) -> None:
        compiled = damaged / "advisories" / "catalog.jsonl"
        compiled.unlink()
        if content is not None:
            compiled.write_bytes(content)
        done = self.run(damaged, name)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"compatshim: {compiled}: ")
        assert len(done.err.splitlines()) == 1

    def test_advisory(self, damaged: Path) -> None:
        advisory = damaged / "advisories" / "CSA-2026-0001.toml"
        advisory.write_text(advisory.read_text().replace('severity = "high"', 'severity = "hihg"'))
        done = self.run(damaged, "explain", "CSA-2026-0002")
        assert (done.code, done.out) == (2, "")
        said = f"{advisory}:5: severity: 'hihg' is not one of low, moderate, high; did you mean high?"
        assert done.err == f"compatshim: {said}\n"

    def test_no_advisories(self, damaged: Path) -> None:
        shutil.rmtree(damaged / "advisories")
        done = self.run(damaged, "explain", "CSA-2026-0002")
        assert done.code == 2
        assert done.err.startswith(f"compatshim: {damaged / 'advisories'}: cannot list the advisories: ")


class TestNoDeps:
    """Installed with ``--no-deps``: start-up works, the command line says what it needs."""

    @pytest.mark.parametrize("argv", [["check"], ["pin"], ["plan"], ["explain", "CSA-2026-0001"]])
    @pytest.mark.parametrize("python", support.every_python())
    def test_commands(self, python: str, argv: List[str], home: str) -> None:
        code = f"from compatshim.__main__ import main\nsys.exit(main({argv!r}))"
        done = support.run(code, [home], python=python)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert line.startswith("compatshim: this command needs ")
        assert "(was compatshim installed with --no-deps?): python -m pip install " in line

    @pytest.mark.parametrize("python", support.every_python())
    def test_import(self, python: str, home: str, story: str) -> None:
        code = f"import compatshim, evaluate.module\n{support.MENDED}"
        done = support.run(code, [home, story], value="mended()", python=python)
        assert (done.data, done.err) == (["evaluate.module"], "")
