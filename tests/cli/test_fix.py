"""``fix``: what it edits, what it leaves alone, what it says, and that a file is clean after it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatshim import cli
from compatshim.edit import write
from compatshim.inventory import documents
from compatshim.metadata.interface import release
from compatshim.metadata.snapshot import Snapshot
from tests.cli.conftest import Command
from tests.inventory.corpus import FOLDER

STORY = "evaluate==0.4.1\ndatasets==2.16.1\nfilelock==3.12.0\n"


def put(text: str, name: str = "requirements.txt") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def tree(folder: str = ".") -> Dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def versionless(out: str) -> List[str]:
    """Lines of standard output, whatever the newest versions are."""
    return re.sub(r"==[\d.]+", "==X", out).splitlines()


def mended(command: Command, path: Path) -> str:
    """The file's text after a fix, which is clean, and which a second fix leaves as it is."""
    code, out, err = command("fix", str(path))
    assert code == cli.CLEAN, out + err
    text = path.read_bytes().decode()
    code, out, err = command("check", str(path))
    assert code == cli.CLEAN, out + err
    assert command("fix", str(path))[0] == cli.CLEAN
    assert path.read_bytes().decode() == text
    return text


class TestRequirements:
    def test_pins_stay_pins(self, command: Command) -> None:
        path = put(f"# mine\n{STORY}tqdm  # bar".replace("\n", "\r\n"))
        text = mended(command, path)
        lines = text.split("\r\n")
        assert [line.split("==")[0] for line in lines[1:4]] == ["evaluate", "datasets", "filelock"]
        assert (lines[0], lines[4]) == ("# mine", "tqdm  # bar")
        assert "==2.16.1" not in text

    def test_it_says_what_it_did_and_for_what(self, command: Command) -> None:
        put(STORY)
        code, out, err = command("fix")
        assert code == cli.CLEAN
        first, *_ = out.splitlines()
        assert first.startswith("requirements.txt:1: evaluate==0.4.1 → evaluate==0.4.")
        assert "lines changed; judged again, nothing that counts is left" in err

    def test_a_range_is_cut_where_it_is_bad(self, command: Command) -> None:
        path = put("datasets>=2.14\nevaluate <0.4.2 ; python_version > '3'  # old\n")
        assert mended(command, path) == "datasets>=2.14\nevaluate >=0.4.5,<0.4.7 ; python_version > '3'  # old\n"

    def test_the_line_may_be_in_an_included_file(self, command: Command) -> None:
        top = put("-r sub/base.in\n-c sub/constraints.txt\nevaluate==0.4.1\n")
        base = put("datasets\n", "sub/base.in")
        bounds = put("datasets==2.16.1\nfilelock==3.12.0\n", "sub/constraints.txt")
        text = mended(command, top)
        assert text.startswith("-r sub/base.in\n-c sub/constraints.txt\nevaluate==")
        assert base.read_text() == "datasets\n"
        assert "datasets==2.16.1" not in bounds.read_text()

    def test_what_is_not_named_is_a_constraint(self, command: Command) -> None:
        path = put("evaluate==0.4.1\ndatasets==2.19.0\npandas<2.2\nnumpy<2\npyarrow<15\nfsspec<2024.4\n")
        command("fix", str(path), "--hold", "evaluate", "--hold", "datasets")
        text = path.read_text()
        assert text.startswith("evaluate==0.4.1\ndatasets==2.19.0\n")
        assert "\nfilelock<3.12.0  # compatshim: CSA-2026-0001" in text
        assert command("check", str(path))[0] == cli.CLEAN

    def test_with_a_constraints_file_it_goes_there(self, command: Command) -> None:
        path = put("-c constraints.txt\nevaluate==0.4.1\ndatasets==2.19.0\n")
        bounds = put("pandas<2.2\nnumpy<2\npyarrow<15\nfsspec<2024.4", "constraints.txt")
        before = path.read_text()
        assert command("fix", str(path), "--hold", "evaluate", "--hold", "datasets")[0] == cli.CLEAN
        assert path.read_text() == before
        lines = bounds.read_text().splitlines()
        assert lines[:4] == ["pandas<2.2", "numpy<2", "pyarrow<15", "fsspec<2024.4"]
        assert any(line.startswith("filelock==3.") and "CSA-2026-0001" in line for line in lines[4:])
        assert not bounds.read_text().endswith("\n")

    def test_hashes_are_for_the_tool_that_made_them(self, command: Command) -> None:
        for name in ("pip-tools/hashed.txt", "compiled/light.in"):
            shutil.copy(FOLDER / name, Path(name).name)
        before = tree()
        code, out, err = command("fix", "hashed.txt")
        assert code == cli.FINDINGS
        assert "hashed.txt:12: has hashes" in err
        assert versionless(out) == [
            "python -m compatshim fix light.in",
            "pip-compile --generate-hashes --output-file=hashed.txt --strip-extras light.in"
            ' --upgrade-package "typer==X"',
        ]
        assert tree() == before

    @pytest.mark.parametrize("name", ["compiled/story.txt", "compiled/universal.txt"])
    def test_files_of_real_tools(self, command: Command, name: str) -> None:
        path = Path(shutil.copy(FOLDER / name, "requirements.txt"))
        before = path.read_text(encoding="utf-8").splitlines()
        after = mended(command, path).splitlines()
        assert len(after) == len(before)
        assert all("==" in old and "==" in new for old, new in zip(before, after) if old != new)

    @pytest.mark.parametrize(
        "name",
        [
            "datasets-2.13.1",
            "datasets-2.14.4-pyarrow",
            "evaluate-0.3.0",
            "folklore",
            "sqlalchemy-1.4",
            "typer-0.12",
        ],
    )
    def test_pins_of_their_time(self, command: Command, name: str) -> None:
        path = Path(shutil.copy(FOLDER.parent / "old_pins" / f"{name}.txt", "requirements.txt"))
        before = path.read_text(encoding="utf-8").splitlines()
        edits = command.json("fix", "--diff")["files"][0]["edits"]
        after = mended(command, path).splitlines()
        assert edits
        changed = {edit["line"]: edit for edit in edits}
        for number, line in enumerate(after, start=1):
            if number not in changed:
                assert line == before[number - 1]
            else:
                assert line.partition("  #")[0] == changed[number]["after"]
                assert (number <= len(before)) == bool(changed[number]["before"])

    def test_a_mark_stays(self, command: Command) -> None:
        path = Path("requirements.txt")
        path.write_bytes(b"\xef\xbb\xbf" + STORY.encode())
        assert command("fix")[0] == cli.CLEAN
        assert path.read_bytes().startswith(b"\xef\xbb\xbfevaluate==0.4")

    def test_what_a_line_rules_out_is_not_chosen(self, command: Command) -> None:
        path = put("evaluate>=0.4,!=0.4.6\ndatasets==2.16.1\n")
        assert ",!=0.4.6" in mended(command, path)


PYPROJECT = """\
[project]
name = "mine"
version = "1"
requires-python = ">=3.10"
dependencies = [
    'evaluate [template] ==0.4.1',  # metrics
    "datasets>= 2.14, <3",
]
"""


class TestOthers:
    def test_pyproject(self, command: Command) -> None:
        text = mended(command, put(PYPROJECT, "pyproject.toml"))
        assert "    'evaluate [template] ==0.4.6',  # metrics\n" in text
        assert re.search(r'    "datasets>= [\d.]+, <\d+",\n', text)

    def test_the_lock_that_is_made_from_it_is_to_be_made_again(self, command: Command) -> None:
        path = put(PYPROJECT, "a b/pyproject.toml")
        for name in ("uv.lock", "pdm.lock"):
            put("", f"a b/{name}")
        _, _, err = command("fix", str(path))
        assert 'then run: uv lock --directory "a b"\n' in err
        assert 'then run: pdm lock --project "a b"\n' in err

    def test_poetry(self, command: Command) -> None:
        text = '[tool.poetry.dependencies]\npython = "^3.11"\nevaluate = "0.4.1"  # metrics\ndatasets = "^2.14"\n'
        after = mended(command, put(text, "pyproject.toml"))
        assert 'evaluate = "0.4.6"  # metrics\ndatasets = "^' in after
        assert "^2.14" not in after

    def test_a_script(self, command: Command) -> None:
        names = '"evaluate==0.4.1", "datasets==2.16.1"'
        text = f'# /// script\n# requires-python = ">=3.11"\n# dependencies = [{names}]\n# ///\nprint()\n'
        assert "evaluate==0.4.6" in mended(command, put(text, "s.py"))

    def test_environment_yml(self, command: Command) -> None:
        text = "dependencies:\n  - python=3.11\n  - datasets=2.16.1  # data\n  - pip:\n    - evaluate==0.4.1\n"
        after = mended(command, put(text, "environment.yml"))
        assert "    - evaluate==0.4.6\n" in after
        assert after.count("  # data") == 1

    def test_what_nobody_names_is_a_constraint_of_uvs(self, command: Command) -> None:
        names = '"evaluate==0.4.1", "datasets==2.19.0", "pandas<2.2", "numpy<2", "pyarrow<15", "fsspec<2024.4"'
        path = put(
            f'[project]\nname = "mine"\nrequires-python = ">=3.10"\ndependencies = [{names}]\n', "pyproject.toml"
        )
        put("", "uv.lock")
        code, _, err = command("fix", str(path), "--hold", "evaluate", "--hold", "datasets")
        assert code == cli.CLEAN, err
        assert (
            '[tool.uv]\nconstraint-dependencies = [\n    "filelock<3.12.0", # compatshim: CSA-2026-0001'
            in path.read_text()
        )
        assert "then run: uv lock" in err
        assert command("check", str(path))[0] == cli.CLEAN

    @pytest.mark.parametrize(
        ("path", "commands"),
        [
            ("uv/uv.lock", ['uv lock --directory uv --upgrade-package "typer==X"']),
            (
                "uv-script/script.py.lock",
                ['uv lock --script uv-script/script.py --upgrade-package "typer==X"'],
            ),
            ("poetry/poetry.lock", ["poetry update --lock --directory poetry typer"]),
            ("pip/pylock.toml", ["python -m compatshim pin pip/pylock.toml > constraints.txt"]),
            ("sbom/bom.cdx.json", ["python -m compatshim pin sbom/bom.cdx.json > constraints.txt"]),
            ("conda/pixi.lock", ['pixi add --manifest-path conda "filelock==X"']),
            ("conda/conda-meta", ["python -m compatshim pin conda/conda-meta > constraints.txt"]),
        ],
    )
    def test_locks_are_not_edited(self, command: Command, path: str, commands: list[str]) -> None:
        folder = Path(path).parts[0]
        shutil.copytree(FOLDER / folder, folder)
        before = tree()
        code, out, err = command("fix", "--diff", path)
        assert code == cli.FINDINGS
        assert f"{path}: is written by its own tool, and not edited" in err
        assert [line for line in versionless(out) if line in commands] == commands
        assert tree() == before

    def test_a_lock_needs_nothing_beside_it(self, command: Command) -> None:
        folder = Path("a b")
        folder.mkdir()
        shutil.copy(FOLDER / "uv" / "uv.lock", folder)
        for text in (None, "[tool.ruff]\n", "not TOML"):
            if text is not None:
                (folder / "pyproject.toml").write_text(text)
            code, out, _ = command("fix", "a b/uv.lock")
            assert code == cli.FINDINGS
            assert versionless(out) == ['uv lock --directory "a b" --upgrade-package "typer==X"']

    def test_what_a_lock_is_made_from_is_edited_where_it_is_in_the_way(self, command: Command) -> None:
        shutil.copytree(FOLDER / "uv", "uv")
        before = tree()
        assert command("fix", "uv/uv.lock")[0] == cli.FINDINGS
        after = tree()
        assert [name for name in before if before[name] != after[name]] == ["uv/pyproject.toml"]
        assert re.search(rb'"typer>=0\.12,<0\.\d+"', after["uv/pyproject.toml"])


class TestDiff:
    def test_nothing_is_written(self, command: Command) -> None:
        put(STORY)
        before = tree()
        code, out, _ = command("fix", "--diff")
        assert code == cli.FINDINGS
        assert tree() == before
        assert out.startswith("--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1,3 +1,3 @@\n-evaluate==0.4.1\n")

    @pytest.mark.parametrize("text", [STORY, STORY[:-1], STORY.replace("\n", "\r\n"), f"-r sub/a.txt\n{STORY}"])
    def test_git_takes_it(self, command: Command, text: str) -> None:
        path, inner = put(text), put("datasets==2.16.1", "sub/a.txt")
        _, out, _ = command("fix", "--diff")
        Path("x.diff").write_bytes(out.encode())
        subprocess.run(["git", "apply", "--whitespace=nowarn", "x.diff"], check=True)
        applied = (path.read_bytes(), inner.read_bytes())
        path.write_bytes(text.encode())
        inner.write_bytes(b"datasets==2.16.1")
        command("fix")
        assert (path.read_bytes(), inner.read_bytes()) == applied

    def test_what_is_clean_has_none(self, command: Command) -> None:
        put("evaluate\n")
        assert command("fix", "--diff") == (0, "", "compatshim: requirements.txt: nothing to fix\n")


class TestWhatHolds:
    def test_no_answer_is_no_edit(self, command: Command) -> None:
        path = put(STORY)
        code, out, err = command("fix", "--hold", "evaluate", "--hold", "datasets", "--hold", "filelock")
        assert (code, out) == (cli.FINDINGS, "")
        assert "No change of versions cures this" in err
        assert path.read_text() == STORY

    def test_levels_and_requirements(self, command: Command) -> None:
        path = put(STORY)
        assert command("fix", "--require", "datasets<4")[0] == cli.CLEAN
        assert command("check", str(path))[0] == cli.CLEAN
        assert "\ndatasets==3." in path.read_text() or "\ndatasets==2." in path.read_text()

    def test_a_wish_alone_is_a_reason(self, command: Command) -> None:
        path = put("datasets>=2.14\n")
        assert command("fix", "--require", "datasets<5")[0] == cli.CLEAN
        assert path.read_text().startswith("datasets==4.")

    def test_what_is_ignored_is_no_reason(self, command: Command) -> None:
        put(STORY)
        before = tree()
        found = command.json("check", "requirements.txt")
        ignored = [word for one in found["findings"] for word in ("--ignore", one["id"])]
        code, out, err = command("fix", *ignored)
        assert (code, out) == (cli.CLEAN, "")
        assert tree() == before
        assert "nothing to fix" in err
        lines = ", ".join(f'{{ id = "{one["id"]}", reason = "so" }}' for one in found["findings"])
        put(f"[tool.compatshim]\nignore = [{lines}]\n", "pyproject.toml")
        assert command("fix", "requirements.txt")[0] == cli.CLEAN
        assert Path("requirements.txt").read_text() == STORY


class TestPythons:
    """The oldest that a file admits counts as well: what the newest can have, it may not."""

    TEXT = '[project]\nname = "a"\nrequires-python = ">={}"\ndependencies = ["typer==0.12.5", "click>=8.2"]\n'

    @pytest.mark.parametrize("python", ["3.10", "3.11"])
    def test_the_oldest_can_have_what_is_written(self, command: Command, python: str) -> None:
        path = put(self.TEXT.format(python), "pyproject.toml")
        pin = re.search(r"typer==([\d.]+)", mended(command, path))
        assert pin is not None
        known = release(Snapshot.bundled(), "typer", Version(pin[1]))
        assert known is not None
        assert SpecifierSet(known.requires_python).contains(f"{python}.20")

    @pytest.mark.parametrize("name", ["pin", "plan"])
    @pytest.mark.skipif(sys.version_info < (3, 11), reason="has no versions that Python 3.10 cannot have")
    def test_so_it_is_where_nothing_is_edited(self, command: Command, name: str) -> None:
        def after(*argv: str) -> Version:
            found = command.json(name, "pyproject.toml", *argv)["changes"]
            return next(Version(one["after"]) for one in found if one["project"] == "typer")

        put(self.TEXT.format("3.10"), "pyproject.toml")
        oldest, own = after(), after("--python", sys.executable)
        assert oldest < own
        for version, python, fits in ((oldest, "3.10", True), (own, "3.10", False), (own, "3.11", True)):
            known = release(Snapshot.bundled(), "typer", version)
            assert known is not None
            assert SpecifierSet(known.requires_python).contains(f"{python}.20") is fits

    def test_where_only_a_newer_one_is_bad_it_is_answered_for_that(self, command: Command) -> None:
        text = self.TEXT.replace('"click>=8.2"', "\"click>=8.2; python_version >= '3.11'\"")
        put(text.format("3.10"), "pyproject.toml")
        assert "typer" in [one["project"] for one in command.json("pin", "pyproject.toml")["changes"]]

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="has no versions that Python 3.10 cannot have")
    def test_the_one_that_is_named_is_the_only_one(self, command: Command) -> None:
        newer = mended(command, put(self.TEXT.format("3.11"), "pyproject.toml"))
        path = put(self.TEXT.format("3.10"), "pyproject.toml")
        assert command("fix", "--python", sys.executable)[0] == cli.CLEAN
        assert path.read_text() == newer.replace("3.11", "3.10")


class TestPaths:
    def test_several(self, command: Command) -> None:
        put(STORY, "a.txt")
        put("evaluate\n", "b.txt")
        put(STORY, "c/requirements.txt")
        code, out, err = command("fix", "a.txt", "b.txt", "c", "missing.txt")
        assert code == cli.ERROR
        assert {line.partition(":")[0] for line in out.splitlines()} == {"a.txt", "c/requirements.txt"}
        assert "missing.txt: No such file" in err

    def test_the_one_that_is_here(self, command: Command) -> None:
        code, _, err = command("fix")
        assert (code, "say which" in err, "compatshim pin" in err) == (cli.ERROR, True, True)
        put(STORY)
        put(PYPROJECT, "pyproject.toml")
        code, _, err = command("fix")
        assert code == cli.ERROR
        assert "here are 2 files, say which: pyproject.toml, requirements.txt" in err
        Path("pyproject.toml").unlink()
        assert command("fix")[0] == cli.CLEAN

    def test_standard_input_is_no_file(self, command: Command) -> None:
        code, _, err = command("fix", "-")
        assert (code, err) == (cli.ERROR, "compatshim: fix -: standard input cannot be edited; name a file\n")

    def test_what_cannot_be_read(self, command: Command) -> None:
        put("-e .\n")
        assert command("fix")[0] == cli.NOTHING


def init() -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run(["git", *own, *words], check=True, capture_output=True)


class TestSafety:
    def test_uncommitted_work_is_not_written_over(self, command: Command) -> None:
        path = put("a\n")
        init()
        path.write_text(STORY)
        code, out, err = command("fix")
        assert (code, out) == (cli.ERROR, "")
        assert (
            "requirements.txt: has changes that are not committed; commit or stash them, or say --allow-dirty"
            in err
        )
        assert path.read_text() == STORY
        assert command("fix", "--diff")[0] == cli.FINDINGS
        assert command("fix", "--allow-dirty")[0] == cli.CLEAN
        assert path.read_text() != STORY

    def test_what_was_written_a_moment_ago_is_not_somebody_elses(self, command: Command) -> None:
        put("-r base.txt\nevaluate==0.4.1\n", "a.txt")
        put("-r base.txt\nevaluate==0.4.6\nfilelock==3.12.0\ndatasets<4\n", "b.txt")
        put("datasets==2.16.1\n", "base.txt")
        init()
        code, out, err = command("fix", "a.txt", "b.txt", "--require", "datasets<3")
        assert code == cli.CLEAN, err
        assert {line.partition(":")[0] for line in out.splitlines()} >= {"a.txt", "base.txt"}
        assert command("check", "a.txt", "b.txt")[0] == cli.CLEAN

    def test_one_that_may_not_keeps_all_of_a_file_from_being_written(self, command: Command) -> None:
        put("-r b.txt\nevaluate==0.4.1\nfilelock==3.12.0\n", "a.txt")
        inner = put("x\n", "b.txt")
        init()
        inner.write_text("datasets==2.16.1\n")
        before = tree()
        assert command("fix", "a.txt")[0] == cli.ERROR
        assert {name: text for name, text in tree().items() if ".git" not in name} == {
            name: text for name, text in before.items() if ".git" not in name
        }

    def test_somebody_else_was_quicker(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(STORY)
        own = write.why_not

        def slow(*args: Any, **kwargs: Any) -> Any:
            path.write_text("theirs==1\n")
            return own(*args, **kwargs)

        monkeypatch.setattr(write, "why_not", slow)
        code, out, err = command("fix")
        assert (code, out) == (cli.ERROR, "")
        assert "was changed by somebody else meanwhile" in err
        assert path.read_text() == "theirs==1\n"
        assert os.listdir() == ["requirements.txt"]

    def test_a_full_disk(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(STORY)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        code, out, err = command("fix")
        assert (code, out, err) == (cli.ERROR, "", "compatshim: requirements.txt: No space left on device\n")
        assert path.read_text() == STORY
        assert os.listdir() == ["requirements.txt"]

    def test_interrupted(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(STORY)

        def pressed(_: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", pressed)
        assert command("fix") == (130, "", "compatshim: interrupted; nothing was written\n")
        assert path.read_text() == STORY
        assert os.listdir() == ["requirements.txt"]


class TestJson:
    def test_a_file(self, command: Command) -> None:
        path = put("evaluate<0.4.2\ndatasets\n")
        found = command.json("fix", "--diff")
        assert (found["kind"], found["dry"]) == ("fix", True)
        (one,) = found["files"]
        assert (one["path"], one["kind"], one["written"], one["refused"], one["error"]) == (
            "requirements.txt",
            "requirements",
            False,
            None,
            None,
        )
        (edit,) = one["edits"]
        assert edit["before"] == "evaluate<0.4.2"
        assert edit["after"] == "evaluate>=0.4.5,<0.4.7"
        assert (edit["line"], edit["project"]) == (1, "evaluate")
        assert "CSA-2026-0001" in edit["via"]
        assert {item["id"] for item in one["findings"]} >= {"CSA-2026-0001"}
        assert one["fix"]["changes"]
        assert command.json("fix")["files"][0]["written"] is True
        assert path.read_text().startswith(edit["after"])

    def test_no_answer(self, command: Command) -> None:
        put(STORY)
        found = command.json("fix", "--hold", "evaluate", "--hold", "datasets", "--hold", "filelock")
        assert found["files"][0]["refused"] == "no change of versions cures it"
        assert found["files"][0]["fix"]["drop"]


def test_texts_stand_for_files(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("a")
    assert documents.load(str(path), instead={os.path.realpath(path): "b"}).text == "b"


def test_what_is_not_installed_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    put(PYPROJECT, "pyproject.toml")
    own = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tomlkit" else own(name))
    code, _, err = command("fix")
    assert code == cli.ERROR
    assert "pyproject.toml: cannot be edited without tomlkit, not installed here: python -m pip install" in err
    assert Path("pyproject.toml").read_text() == PYPROJECT
