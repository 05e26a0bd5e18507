"""check, pin and plan on files: paths, folders, standard input, kinds; several environments; what is broken."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from compatshim.cli import options
from compatshim.inventory import kinds
from tests import support
from tests.cli.conftest import Command
from tests.inventory.corpus import FOLDER


def ids(found: Any) -> Dict[str, bool]:
    return {one["id"]: one["possible"] for one in found["findings"] if one["level"] == "error"}


STORY = b"evaluate==0.4.1\ndatasets==2.16.1\nfilelock==3.12.0\n"
TYPER = {"CSA-2026-0027": False}


def test_kinds_are_those_of_the_readers() -> None:
    assert set(options.KINDS) == set(kinds.BY_NAME)
    assert len(options.KINDS) == len(kinds.KINDS)
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in options.KINDS)


class TestCheck:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("uv/uv.lock", {"CSA-2026-0027"}),
            ("uv/requirements.txt", {"CSA-2026-0027"}),
            ("uv/pylock.light.toml", {"CSA-2026-0027"}),
            ("uv-workspace/uv.lock", {"CSA-2026-0027"}),
            ("uv-script/script.py.lock", {"CSA-2026-0027"}),
            ("poetry/poetry.lock", {"CSA-2026-0027"}),
            ("poetry-1/poetry.lock", set()),
            ("pdm/pdm.lock", set()),
            ("pip/pylock.toml", {"CSA-2026-0027"}),
            ("pip-tools/hashed.txt", {"CSA-2026-0027"}),
            ("pipenv/Pipfile.lock", {"CSA-2026-0027"}),
            ("sbom/bom.cdx.json", {"CSA-2026-0027"}),
            ("sbom/bom.spdx.json", {"CSA-2026-0027"}),
            ("compiled/story.txt", {"CSA-2026-0001", "CSA-2026-0002", "CSA-2026-0013"}),
            ("conda/conda-lock.yml", {"CSA-2026-0001", "CSA-2026-0002"}),
            ("conda/conda-linux-64.lock", {"CSA-2026-0001", "CSA-2026-0002"}),
            ("conda/conda-meta", {"CSA-2026-0001", "CSA-2026-0002"}),
            ("conda/pixi.lock", {"CSA-2026-0001", "CSA-2026-0002"}),
        ],
    )
    def test_locks(self, path: str, expected: List[str], command: Command) -> None:
        found = command.json("check", str(FOLDER / path))
        assert ids(found) == dict.fromkeys(expected, False)
        assert command("check", str(FOLDER / path))[0] == (1 if expected else 0)
        for one in found["findings"]:
            assert {place["project"] for place in one["locations"]} == set(one["versions"])

    def test_only_the_environments_that_are_bad_are_named(self, command: Command) -> None:
        found = command.json("check", str(FOLDER / "uv" / "uv.lock"))
        (where,) = [one["environments"] for one in found["findings"] if one["id"] == "CSA-2026-0027"]
        assert where == ["Python 3.10, 3.11", "Python 3.12 to 3.15"]
        assert [one["environment"] for one in found["inventories"]] == ["Python 3.9", *where]

    def test_text_tells_file_and_line(self, command: Command) -> None:
        (Path("requirements.txt")).write_bytes(STORY)
        code, out, _ = command("check", "requirements.txt")
        assert code == 1
        assert "  at         requirements.txt:1 (evaluate) · requirements.txt:" in out
        assert "  versions   evaluate 0.4.1 · datasets 2.16.1 · filelock 3.12.0\n" in out
        assert "installed" not in out.partition("cause")[0]

    def test_ranges(self, command: Command) -> None:
        found = command.json("check", "-", stdin=b"typer<0.13\nclick\n")
        assert ids(found) == {"CSA-2026-0027": True}
        (one,) = found["findings"]
        assert (one["fresh"], one["path"]) == (True, "<stdin>")
        assert command("check", "-", stdin=b"typer<0.13\nclick\n")[0] == 1
        assert ids(command.json("check", "-", stdin=b"typer<0.13\nclick>=8.2\n")) == TYPER
        clean = command.json("check", "-", stdin=b"typer\nclick\n")
        assert clean["findings"] == []
        assert [(one["checked"], one["not_checked"]) for one in clean["inventories"]] != [(0, [])]

    def test_what_older_versions_would_give_is_told_when_asked_and_does_not_fail(self, command: Command) -> None:
        assert command("check", "-", stdin=b"typer\nclick\n")[0] == 0
        found = command.json("check", "--allowed", "-", stdin=b"typer\nclick\n")
        assert [(one["id"], one["fresh"]) for one in found["findings"]] == [("CSA-2026-0027", False)]
        code, out, _ = command("check", "--allowed", "-", stdin=b"typer\nclick\n")
        assert code == 0
        assert "The requirements allow these versions; they do not force them." in out

    def test_an_incomplete_list_of_exact_versions_is_completed(self, command: Command) -> None:
        found = command.json("check", "-", stdin=b"typer==0.12.5\n")  # brings click
        assert ids(found) == {"CSA-2026-0027": True}
        assert {place["line"] for one in found["findings"] for place in one["locations"]} == {1}

    def test_and_judged_as_it_is_in_all_its_environments(self, command: Command) -> None:
        text = b"typer==0.12.5\nclick==8.3.0 ; python_version >= '3.12'\n-e .\n"
        found = command.json("check", "-", stdin=text)
        assert [(one["environments"], one["possible"]) for one in found["findings"]] == [
            ([], False),
            (["with what they bring"], True),
        ]
        assert [len(one["not_checked"]) for one in found["inventories"]].count(1) == 1

    def test_poetry_and_pep_735(self, command: Command) -> None:
        for name in ("uv", "poetry"):
            assert ids(command.json("check", str(FOLDER / name / "pyproject.toml"))) == {"CSA-2026-0027": True}

    def test_folders_and_several_files(self, command: Command) -> None:
        found = command.json("check", str(FOLDER / "uv"), str(FOLDER / "pip"), str(FOLDER / "pip" / "pylock.toml"))
        paths = [one["path"] for one in found["inventories"]]
        names = sorted({path[len(str(FOLDER)) + 1 :] for path in paths})
        assert names == [os.path.join(*path.split("/")) for path in (
            "pip/pylock.toml", "uv/pylock.light.toml", "uv/requirements.txt", "uv/uv.lock")]  # fmt: skip
        assert len([path for path in paths if path.endswith("pylock.toml")]) == 1
        _, out, _ = command("check", str(FOLDER / "uv"))
        assert "  where      Python 3.10, 3.11 or Python 3.12 to 3.15\n" in out

    def test_a_lock_that_is_named_speaks_for_the_project_beside_it(self, command: Command) -> None:
        Path("a").mkdir()
        for folder in (".", "a"):
            Path(folder, "pyproject.toml").write_text(
                '[project]\nname = "x"\nversion = "1"\ndependencies = ["typer==0.12.5", "click==8.3.0"]\n'
            )
        Path("pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "x"\n')
        found = command.json("check", "pyproject.toml", "./pylock.toml", "a/pyproject.toml")
        assert {one["path"] for one in found["inventories"]} == {"./pylock.toml", "a/pyproject.toml"}
        assert command("check", "pyproject.toml")[0] == 1

    def test_what_is_included_is_told_once_and_stays_in_the_baseline(self, command: Command) -> None:
        Path("base.txt").write_bytes(b"typer==0.12.5\nclick==8.3.0\n")
        Path("dev.txt").write_bytes(b"-r base.txt\nrich==14.0.0\n")
        for paths in (["base.txt", "dev.txt"], ["dev.txt", "base.txt"], ["dev.txt"]):
            found = command.json("check", *paths)
            errors = [one for one in found["findings"] if one["id"] == "CSA-2026-0027"]
            places = [(one["path"], one["locations"][0]["path"]) for one in errors]
            assert places == [("base.txt" if len(paths) == 2 else "dev.txt", "base.txt")]
        assert command("check", "base.txt", "dev.txt", "--write-baseline", "known.json")[0] == 0
        for paths in (["dev.txt"], ["base.txt"], ["dev.txt", "base.txt"]):
            assert command("check", *paths, "--baseline", "known.json")[::2] == (0, "")
        Path("dev.txt").write_bytes(b"-r base.txt\n-c old.txt\n")
        Path("old.txt").write_bytes(b"click==8.3.1\n")
        Path("base.txt").write_bytes(b"typer==0.12.5\n")
        found = command.json("check", "base.txt", "dev.txt")  # of two files, two things can be
        assert sorted(one["path"] for one in found["findings"] if one["id"] == "CSA-2026-0027") == [
            "base.txt",
            "dev.txt",
        ]

    def test_files_that_include_each_other(self, command: Command) -> None:
        Path("a.txt").write_bytes(b"-r b.txt\ntyper==0.12.5\nclick==8.3.0\n")
        Path("b.txt").write_bytes(b"-r a.txt\n")
        found = command.json("check", "a.txt", "b.txt")
        assert [one["path"] for one in found["findings"] if one["id"] == "CSA-2026-0027"] == ["a.txt"]
        Path("b.txt").write_bytes(b"-r a.txt\ntyper==0.12.5\nclick==8.3.0\n")
        found = command.json("check", "a.txt", "b.txt")
        assert {one["path"] for one in found["findings"] if one["id"] == "CSA-2026-0027"} == {"a.txt", "b.txt"}

    def test_nothing_to_check_may_be_allowed(self, command: Command) -> None:
        Path("pyproject.toml").write_text("[tool.ruff]\n")
        Path("requirements.txt").write_text("-e .\n")
        code, _, err = command("check", "pyproject.toml", "requirements.txt")
        assert code == 3
        assert "not checked: pyproject.toml has neither [project]" in err
        assert command("check", "--allow-empty", "pyproject.toml", "requirements.txt")[0] == 0
        assert command("check", "--allow-empty", "none.txt")[0] == 2
        assert command("check", "--allow-empty", "-", stdin=STORY)[0] == 1

    def test_a_kind_overrides_the_name(self, command: Command) -> None:
        Path("environment.yml").write_bytes(STORY)
        code, _, err = command("check", "environment.yml")
        assert (code, err) == (2, "compatshim: environment.yml:1: is not a YAML mapping\n")
        assert command("check", "--kind", "requirements", "environment.yml")[0] == 1

    def test_a_broken_file_does_not_hide_what_is_found_in_others(self, command: Command) -> None:
        Path("uv.lock").write_text("version = 1\n[[package")
        Path("empty").mkdir()
        Path("requirements.txt").write_bytes(STORY)
        code, out, err = command("check", "uv.lock", "empty", "requirements.txt", "none.txt", "nul\0.txt")
        assert code == 2
        assert "CSA-2026-0001" in out
        lines = err.splitlines()
        assert lines[0].startswith("compatshim: empty: is a folder with no manifest")
        assert lines[1].startswith("compatshim: uv.lock:2: is not TOML: ")
        assert lines[2] == "compatshim: none.txt: No such file or directory"
        assert "embedded null" in lines[3]
        assert len(lines) == 4

    @pytest.mark.parametrize(
        ("text", "options", "code", "out"),
        [
            (b"", [], 0, "No known-bad combination. 0 distributions in 1 file checked, 0 not checked.\n"),
            (
                b"# nothing\n",
                ["--strict"],
                0,
                "No known-bad combination. 0 distributions in 1 file checked, 0 not checked.\n",
            ),
            (
                b"cython>=3\n",
                ["--strict"],
                0,
                "No known-bad combination. 0 distributions in 1 file checked, 0 not checked.\n",
            ),
            (
                b"-e .\nfilelock==4.0.0\n",
                [],
                0,
                "No known-bad combination. 1 distribution in 1 file checked, 1 not checked.\n",
            ),
            (
                b"-e .\nfilelock==4.0.0\n",
                ["--strict"],
                1,
                "No known-bad combination. 1 distribution in 1 file checked, 1 not checked.\n",
            ),
            (b"-e .\n", [], 3, ""),
            (b"nothing >< 3\n", [], 3, ""),
        ],
    )
    def test_what_was_not_read_counts(
        self, text: bytes, options: List[str], code: int, out: str, command: Command
    ) -> None:
        assert command("check", "-", *options, stdin=text)[:2] == (code, out)

    def test_other_interpreters_judge_their_own_requirements(self, command: Command) -> None:
        own = "{}.{}".format(*sys.version_info)
        others = {
            version: path
            for version, path in support.interpreters().items()
            if version not in (own, "3.8", "3.9")  # which cannot have click 8.2
        }
        if not others or sys.version_info < (3, 10):
            pytest.skip("there are no two Pythons from 3.10 on")
        version, other = max(others.items())
        text = f"typer<0.13\nclick>=8.2 ; python_version != '{version}'\n".encode()
        assert ids(command.json("check", "-", "--python", sys.executable, stdin=text)) == TYPER
        assert ids(command.json("check", "-", "--python", other, stdin=text)) == {"CSA-2026-0027": True}

    def test_a_site_packages_folder(self, command: Command, tmp_path: Path) -> None:
        site = support.site(tmp_path, support.STORY)
        code, out, _ = command("check", "--path", site)
        assert code == 1
        assert "CSA-2026-0001" in out
        found = command.json("check", "--path", site)
        assert [one["source"] for one in found["inventories"]] == [site]

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (["--path", "none"], "--path none: is no folder; name a site-packages folder"),
            (
                ["--path", ".", "requirements.txt"],
                "--path .: is an environment; look at it or at files, not at both",
            ),
            (["--kind", "pylock"], "--kind pylock: is about a file; name it, or - for standard input"),
            (
                ["."],
                ".: is a folder with no manifest of a name that is known in it; "
                "name the file, and its --kind if need be",
            ),
        ],
    )
    def test_usage(self, argv: List[str], message: str, command: Command) -> None:
        assert command("check", *argv) == (2, "", f"compatshim: {message}\n")


class TestAnswers:
    def test_pin_of_a_lock(self, command: Command) -> None:
        code, out, err = command("pin", "--only-changes", str(FOLDER / "uv" / "uv.lock"))
        assert (code, err.count("not minimal")) == (0, 0)
        pins = [line for line in out.splitlines() if not line.startswith("#")]
        assert len(pins) == 1
        assert pins[0].startswith(("click==8.1.", "typer=="))

    def test_pin_of_what_a_fresh_installation_gets(self, command: Command) -> None:
        code, out, _ = command("pin", "--only-changes", "-", stdin=b"evaluate==0.4.1\ndatasets==2.16.1\n")
        assert code == 0
        assert "CSA-2026-0001" in out

    def test_plan(self, command: Command) -> None:
        found = command.json("plan", "-", stdin=STORY)
        assert found["solved"] is True
        assert {change["project"] for change in found["changes"]} & {"evaluate", "datasets", "filelock"}

    def test_the_answer_is_for_the_interpreter_that_is_asked_for(self, command: Command) -> None:
        text = (
            b"typer==0.12.5\nrich==14.0.0\nshellingham==1.5.4\ntyping-extensions==4.12.2\n"
            b"click==8.3.0 ; python_version >= '3.12'\nclick==8.1.8 ; python_version < '3.12'\n"
        )
        assert command.json("pin", "-", stdin=text)["changes"] == []  # on 3.11 all is well
        found = command.json("check", "-", stdin=text)
        assert [one["environments"] for one in found["findings"]] == [["Python 3.12 to 3.15"]]

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (["pin", "a.txt", "b.txt"], "pin takes one file; these are 2: a.txt, b.txt"),
            (
                ["plan", "a.txt", "--verify"],
                "--verify: an installer's dry run is of an environment; of a file there is none",
            ),
            (["pin", "none.txt"], "none.txt: No such file or directory"),
        ],
    )
    def test_usage(self, argv: List[str], message: str, command: Command) -> None:
        assert command(*argv) == (2, "", f"compatshim: {message}\n")
