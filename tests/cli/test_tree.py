"""check --recursive: what is found, what is not looked into, hostile files, and what all formats make of many."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Tuple

import pytest

from compatshim import cli, errors, processes, report
from compatshim.cli import manifests
from compatshim.inventory import probe
from compatshim.inventory import tree as walker
from compatshim.inventory.files import Manifest
from tests import ci

Answer = Tuple[int, str, str]
LOCK = 'lock-version = "1.0"\ncreated-by = "tests"\n[[packages]]\nname = "typer"\nversion = "0.12.5"\n'


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    markers = {
        **probe.markers(),
        "python_version": "3.11",
        "python_full_version": "3.11.7",
        "sys_platform": "linux",
    }
    monkeypatch.setattr(probe, "markers", lambda: markers)
    for name in ("NO_COLOR", "FORCE_COLOR", "COMPATSHIM_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write(files: Dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def many(number: int) -> Dict[str, str]:
    """Projects, of which each fourth is bad, each in its own words but for another fourth."""
    texts = (ci.GOOD + "# {}\n", ci.BAD + "# {}\n", ci.GOOD, "rich==14.0.0\n# {}\n-e .\n")
    return {f"p{one:03}/requirements.txt": texts[one % 4].format(one) for one in range(number)}


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> Answer:
    code = cli.main(["check", "--recursive", *argv])
    return (code, *capsys.readouterr())


class TestWalk:
    def test_what_is_found_and_in_which_order(self) -> None:
        write(
            dict.fromkeys(
                ["b/uv.lock", "b/pyproject.toml", "a/z/pylock.toml", "a/pyproject.toml", "a/x.py", "c.txt"], ""
            )
        )
        write(dict.fromkeys(["requirements.txt", "a/conda-meta/x.json", "a/requirements/y.txt"], ""))
        found = walker.walk(".")
        names = ["requirements.txt", "a/conda-meta", "a/pyproject.toml", "a/z/pylock.toml", "b/uv.lock"]
        assert [Path(path).as_posix() for path in found.paths] == names
        assert found.unread == ()

    @pytest.mark.parametrize("name", sorted(walker.SKIPPED))
    def test_what_is_not_looked_into(self, name: str) -> None:
        write({f"{name}/requirements.txt": "", f"x/{name}/y/uv.lock": "", "requirements.txt": ""})
        assert walker.walk(".").paths == (os.path.join(".", "requirements.txt"),)

    def test_environments_of_any_name_are_not_looked_into(self) -> None:
        write({"mine/pyvenv.cfg": "", "mine/requirements.txt": "", "mine/share/uv.lock": ""})
        assert walker.walk(".").paths == ()

    def test_links_to_folders_are_not_followed_and_those_to_files_are(self) -> None:
        write({"a/requirements.txt": ci.GOOD})
        Path("a/again").symlink_to(Path.cwd(), target_is_directory=True)
        Path("b").symlink_to("a", target_is_directory=True)
        Path("requirements.txt").symlink_to("a/requirements.txt")
        Path("loop").symlink_to("loop")
        paths = [Path(path).as_posix() for path in walker.walk(".").paths]
        assert paths == ["requirements.txt", "a/requirements.txt"]

    def test_a_folder_is_looked_at_as_without_recursive(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({"pyproject.toml": "[project]\n", "pylock.toml": LOCK, "requirements.txt": ci.BAD, "x.py": ""})
        flat = json.loads((cli.main(["check", ".", "--format", "json"]), capsys.readouterr().out)[1])
        deep = json.loads(run(capsys, ".", "--format", "json")[1])
        assert deep.pop("advisories")
        assert deep.pop("ignored_by_git") == []
        assert deep == flat


@pytest.mark.parametrize("number", [8, 200])
def test_it_comes_to_what_each_file_comes_to(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    files = many(number)
    write(files)
    code, out, _ = run(capsys, ".", "--format", "json")
    found = json.loads(out)
    apart: List[Any] = []
    for name in files:
        cli.main(["check", os.path.join(".", name), "--format", "json"])
        one = json.loads(capsys.readouterr().out)
        apart += [
            (finding["path"], finding["id"], finding["fingerprint"], finding["locations"])
            for finding in one["findings"]
        ]
    assert code == 1
    assert [(one["path"], one["id"], one["fingerprint"], one["locations"]) for one in found["findings"]] == apart
    assert [Path(one["path"]).as_posix() for one in found["inventories"]] == sorted(files)
    assert found["advisories"][0]["id"] == ci.FOUND
    assert {key: found["advisories"][0][key] for key in ("level", "findings", "files", "projects")} == {
        "level": "error", "findings": number // 4, "files": number // 4, "projects": number // 4,
    }  # fmt: skip
    assert len(found["not_checked"]) == number // 4


def test_every_number_of_processes_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    write(many(60))
    said = {run(capsys, ".", "--jobs", jobs) for jobs in ("1", "2", "5")}
    assert len(said) == 1


def test_every_way_to_start_a_process_says_the_same() -> None:
    write(many(40))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    said = set()
    for method in multiprocessing.get_all_start_methods():
        code = (
            f"import multiprocessing, sys; multiprocessing.set_start_method({method!r}); "
            "from compatshim import cli; "
            "sys.exit(cli.main(['check', '--recursive', '.', '--format', 'concise']))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stderr
        assert {line.split(":")[0] for line in done.stderr.splitlines()} <= {"not checked", "compatshim"}
        said.add((done.stdout, done.stderr))
    assert len(said) == 1


@pytest.mark.parametrize("name", sorted(report.FORMATS))
def test_every_format(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(many(40))
    code, out, _ = run(capsys, ".", "--format", name)
    assert code == 1
    if name != "text":  # which names the first of them
        assert all(f"p{one:03}/requirements.txt" in out for one in range(1, 40, 4))
    assert ci.FOUND in out
    again = run(capsys, ".", "--format", name)
    assert again[1] == out


def test_text_tells_each_advisory_once_and_how_far_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    write({**many(60), "p001/requirements-dev.txt": "-r requirements.txt\n"})
    code, out, _ = run(capsys, ".")
    assert code == 1
    assert out.count(f"{ci.FOUND}  error") == 1 + 1  # and in the table
    assert "and 5 more, all of which --format concise names" in out
    assert f"{ci.FOUND}  error         16        15\n" in out
    assert out.splitlines()[-1].startswith("15 errors. ")


def test_the_lock_of_a_workspace_stands_for_its_members(capsys: pytest.CaptureFixture[str]) -> None:
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["typer==0.12.5", "click==8.3.0"]\n'
    members = "".join(f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ {how} }}\n' for name, how in (
        ("one", 'editable = "packages/one"'), ("two", 'virtual = "."'), ("three", 'directory = "other"'),
    ))  # fmt: skip
    write(
        {
            "w/uv.lock": f'version = 1\nrequires-python = ">=3.9"\n{members}',
            "w/packages/one/pyproject.toml": project,
        }
    )
    write(
        {"w/pyproject.toml": project, "w/other/pyproject.toml": project, "w/packages/none/pyproject.toml": project}
    )
    found = json.loads(run(capsys, ".", "--format", "json")[1])
    paths = ["./w/uv.lock", "./w/other/pyproject.toml", "./w/packages/none/pyproject.toml"]
    assert [one["path"] for one in found["inventories"]] == paths


class TestContent:
    def test_the_same_is_judged_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write({f"p{one}/requirements.txt": ci.BAD for one in range(10)})
        write({f"q{one}/pylock.toml": LOCK for one in range(4)})
        seen: List[str] = []
        real = manifests.Reading.everywhere

        def counting(self: manifests.Reading, manifest: Manifest) -> Any:
            seen.append(manifest.path)
            return real(self, manifest)

        monkeypatch.setattr(manifests.Reading, "everywhere", counting)
        code, out, _ = run(capsys, ".", "--format", "json")
        assert (code, len(seen)) == (1, 2)
        findings = [one for one in json.loads(out)["findings"] if one["id"] == ci.FOUND]
        assert [one["path"] for one in findings] == [f"p{one}/requirements.txt" for one in range(10)]
        assert [one["locations"][0]["path"] for one in findings] == [
            f"./p{one}/requirements.txt" for one in range(10)
        ]
        assert len({one["fingerprint"] for one in findings}) == 10

    def test_the_same_words_that_include_another_file_are_not_the_same(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for folder, text in (("a", ci.GOOD), ("b", ci.BAD)):
            write({f"{folder}/requirements.txt": "-r ./more.txt\n", f"{folder}/more.txt": text})
        code, out, _ = run(capsys, ".", "--format", "json")
        assert (code, [one["path"] for one in json.loads(out)["findings"]]) == (1, ["b/requirements.txt"])

    def test_what_is_not_checked_is_told_of_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({f"p{one}/requirements.txt": "-e .\nrich==14.0.0\n" for one in range(3)})
        code, _, err = run(capsys, ".")
        assert code == 0
        assert [line.split(" ")[2] for line in err.splitlines()] == [
            f"./p{one}/requirements.txt:1" for one in range(3)
        ]


def test_only_the_first_of_what_some_file_has_unread_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write({f"x{one:02}/requirements.txt": f"rich==14.0.0\n-e ./{one}\n" for one in range(30)})
    write({f"y{one:02}/requirements.txt": f"-e ./{one}\n" for one in range(30)})
    code, out, err = run(capsys, ".")
    lines = err.splitlines()
    assert [line.split(" ")[2] for line in lines[:50]] == [
        *(f"./x{one:02}/requirements.txt:2" for one in range(20)),
        *(f"./y{one:02}/requirements.txt:1" for one in range(30)),
    ]
    assert lines[50:] == [
        "compatshim: 10 more were not checked, in files that otherwise were: --format json names them"
    ]
    assert (code, out.endswith("30 distributions in 30 files checked, 60 not checked.\n")) == (0, True)


class TestHostile:
    BROKEN: ClassVar[Dict[str, str]] = {
        "a/uv.lock": "version = 1\n[[package",
        "b/Pipfile.lock": "[" * 100_000,
        "c/environment.yml": "a: &a [x]\nb: " + "[*a, " * 90,
        "d/pyproject.toml": "[project]\nname = 3\n[tool.ruff]\n" + "a" + ".a" * 5_000 + " = 1\n",
        "e/requirements.txt": "\udcff",
    }

    def broken(self) -> None:
        for name, text in self.BROKEN.items():
            Path(name).parent.mkdir()
            Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))

    @pytest.mark.parametrize("number", [4, 40])
    def test_a_broken_file_is_told_and_counted_and_stops_nothing(
        self, number: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.broken()
        write({f"x{one}/requirements.txt": f"rich==14.0.0\n# {one}\n" for one in range(number)})
        code, out, err = run(capsys, ".")
        lines = err.splitlines()
        assert [line.split(":")[0] for line in lines] == ["not checked"] * len(self.BROKEN)
        assert [line.split()[2].split(":")[0] for line in lines] == [f"./{name}" for name in self.BROKEN]
        assert (code, out.endswith(f" {number} distributions in {number} files checked, 5 not checked.\n")) == (
            0,
            True,
        )
        assert run(capsys, ".", "--strict")[0] == 1
        write({"z/requirements.txt": ci.BAD})
        assert run(capsys, ".")[0] == 1

    def test_nothing_but_broken_files(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.broken()
        assert run(capsys, ".")[:2] == (3, "")
        assert run(capsys, ".", "--allow-empty")[0] == 0

    @pytest.mark.skipif(os.name == "nt", reason="pipes have names on POSIX")
    def test_what_is_no_file_is_not_waited_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({"requirements.txt": ci.GOOD})
        os.mkfifo("uv.lock")
        Path("poetry.lock").symlink_to("nowhere")
        Path("pylock.toml").symlink_to("/dev/zero")
        code, _, err = run(capsys, ".")
        assert code == 0
        assert err.splitlines() == [
            "not checked: ./poetry.lock cannot be read: No such file or directory",
            "not checked: ./pylock.toml is no file, but a pipe or a device: it was not opened",
            "not checked: ./uv.lock is no file, but a pipe or a device: it was not opened",
        ]

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are of POSIX")
    def test_a_folder_that_cannot_be_listed_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write({"requirements.txt": ci.GOOD, "shut/uv.lock": ""})
        if os.geteuid() == 0:  # to whom nothing is shut
            real = os.scandir
            monkeypatch.setattr(os, "scandir", lambda path: real(f"{path}/none" if path.endswith("shut") else path))
        else:
            Path("shut").chmod(0)
        try:
            code, out, err = run(capsys, ".")
        finally:
            Path("shut").chmod(0o755)
        assert (code, err.startswith("not checked: ./shut cannot be listed: ")) == (0, True)
        assert out.endswith("in 1 file checked, 1 not checked.\n")

    @pytest.mark.skipif(
        multiprocessing.get_start_method() != "fork",
        reason="what is patched here is only in processes that are forked",
    )
    def test_files_whose_process_is_killed_are_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write({f"x{one:02}/requirements.txt": f"rich==14.0.0\n# {one}\n" for one in range(40)})
        real = manifests.Reading.everywhere

        def dying(self: manifests.Reading, manifest: Manifest) -> Any:
            if "x07" in manifest.path or "x31" in manifest.path:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, manifest)

        monkeypatch.setattr(manifests.Reading, "everywhere", dying)
        code, out, err = run(capsys, ".")
        why = "was not checked: the process that read it was killed, as when memory runs out"
        assert err.splitlines() == [f"not checked: ./x{one}/requirements.txt {why}" for one in ("07", "31")]
        assert (code, out.endswith(" 38 distributions in 38 files checked, 2 not checked.\n")) == (0, True)
        assert run(capsys, ".", "--strict")[0] == 1


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        ([], 2, "compatshim: --recursive: is about a folder; name it, as . for this one\n"),
        (["none"], 3, "compatshim: none: nothing below it has the name of a manifest that is known\n"),
        ([".", "--path", "x"], 2, "compatshim: --path x: is an environment; look at it or at files, not at both\n"),
    ],
)
def test_usage(argv: List[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("none").mkdir()
    assert run(capsys, *argv) == (code, "", message)


def test_a_path_that_leads_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    write({"requirements.txt": ci.GOOD})
    code, _, err = run(capsys, ".", "nowhere")
    assert (code, err) == (2, "compatshim: nowhere: No such file or directory\n")


def test_a_kind_chooses(capsys: pytest.CaptureFixture[str]) -> None:
    write({"a/requirements.txt": ci.BAD, "b/pylock.toml": LOCK})
    found = json.loads(run(capsys, ".", "--kind", "pylock", "--format", "json")[1])
    assert [one["path"] for one in found["inventories"]] == ["./b/pylock.toml"]


def git(folder: str, *argv: str) -> None:
    own = ("-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *own, *argv], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
class TestGit:
    """What git ignores, as real repositories have it."""

    @pytest.fixture(autouse=True)
    def nobody_elses_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    @pytest.fixture
    def repository(self) -> None:
        git(".", "init", "-q")

    def walk(self, folder: str = ".") -> Tuple[List[str], List[str]]:
        """What is looked at, and what is passed over."""
        found = walker.walk(folder)
        assert found.trouble == ()
        paths, ignored = ([Path(path).as_posix() for path in those] for those in (found.paths, found.ignored))
        return paths, ignored

    @pytest.mark.usefixtures("repository")
    def test_patterns_of_every_place(self) -> None:
        names = [
            "a/deep/uv.lock",
            "b/uv.lock",
            "c/uv.lock",
            "d/uv.lock",
            "e/x/uv.lock",
            "uv.lock",
            ":(top)/uv.lock",
        ]
        write(dict.fromkeys(names, ""))
        write(
            {".gitignore": "uv.lock\n!/uv.lock\n", "b/.gitignore": "!uv.lock\n", "e/.gitignore": "x/\n!x/uv.lock\n"}
        )
        write({".git/info/exclude": "c/\n", "c/.gitignore": "!uv.lock\n"})
        ignored = [":(top)/uv.lock", "a/deep/uv.lock", "c/uv.lock", "d/uv.lock", "e/x/uv.lock"]
        assert self.walk() == (["uv.lock", "b/uv.lock"], ignored)
        assert self.walk(os.path.join(os.getcwd(), "b", ""))[0] == [Path("b/uv.lock").absolute().as_posix()]
        assert self.walk("a") == ([], ["a/deep/uv.lock"])

    @pytest.mark.usefixtures("repository")
    def test_what_is_tracked_is_looked_at(self) -> None:
        write(
            dict.fromkeys(
                ["build/uv.lock", "build/x/uv.lock", "env/conda-meta/a.json", "not/conda-meta/a.json"], ""
            )
        )
        git(".", "add", ".")
        git(".", "rm", "-q", "--cached", "build/x/uv.lock", "not/conda-meta/a.json")
        write({".gitignore": "build/\nconda-meta\n"})
        assert self.walk() == (["build/uv.lock", "env/conda-meta"], ["build/x/uv.lock", "not/conda-meta"])

    @pytest.mark.usefixtures("repository")
    def test_a_folder_that_is_named_is_looked_at(self) -> None:
        write({".gitignore": "build/\n", "build/uv.lock": "", "build/x/uv.lock": ""})
        assert self.walk("build") == (["build/uv.lock", "build/x/uv.lock"], [])
        assert self.walk("build/x") == (["build/x/uv.lock"], [])

    @pytest.mark.usefixtures("repository")
    def test_an_ignored_lock_stands_for_nothing(self) -> None:
        write({".gitignore": "uv.lock\n", "uv.lock": "", "pyproject.toml": ""})
        assert self.walk() == (["pyproject.toml"], ["uv.lock"])

    def test_work_trees_within_others(self) -> None:
        """Each asks for itself: a submodule, one that is ignored, one that is not, and those in no other."""
        for name in ("library", "main", "main/lent", "main/vendor/other", "main/vendor/other/deep", "other"):
            Path(name).mkdir(parents=True)
            git(name, "init", "-q")
            write({f"{name}/{one}/uv.lock": "" for one in ("mine", "theirs")})
            write({f"{name}/.gitignore": "theirs\n" if name != "main" else "vendor/\ntheirs\n*/sub/mine\n"})
        git("library", "add", ".")
        git("library", "commit", "-qm", "a")
        git("main", "submodule", "add", "-q", os.path.abspath("library"), "lib/sub")
        write({"main/lib/sub/theirs/uv.lock": "", "plain/theirs/uv.lock": ""})
        kept = ["library/mine", "main/lent/mine", "main/lib/sub/mine", "main/mine", "other/mine", "plain/theirs"]
        left = ["library/theirs", "main/lent/theirs", "main/lib/sub/theirs", "main/theirs"]
        left += [f"main/vendor/other/{one}" for one in ("deep/mine", "deep/theirs", "mine", "theirs")]
        found = self.walk()
        assert found == ([f"{one}/uv.lock" for one in kept], [f"{one}/uv.lock" for one in (*left, "other/theirs")])

    @pytest.mark.usefixtures("repository")
    def test_through_a_link_and_from_a_hook(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write({".gitignore": "x\n", "a/x/uv.lock": "", "a/uv.lock": ""})
        Path("link").symlink_to("a", target_is_directory=True)
        git("a", "init", "-q", "../elsewhere")
        monkeypatch.setenv("GIT_DIR", os.path.abspath("elsewhere/.git"))
        monkeypatch.setenv("GIT_INDEX_FILE", os.path.abspath("elsewhere/.git/index"))
        assert self.walk("link") == (["link/uv.lock"], ["link/x/uv.lock"])

    @pytest.mark.usefixtures("repository")
    def test_it_is_said_and_counted(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({".gitignore": "build\n", "build/requirements.txt": ci.BAD, "requirements.txt": ci.GOOD})
        said = "compatshim: passed over 1 file that git ignores; --no-ignore looks at all\n"
        code, out, err = run(capsys, ".")
        assert (code, err) == (0, said)
        assert out.endswith(" in 1 file checked, 0 not checked, 1 file that git ignores passed over.\n")
        assert run(capsys, ".", "--strict")[0] == 0
        assert json.loads(run(capsys, ".", "--format", "json")[1])["ignored_by_git"] == ["./build/requirements.txt"]
        assert run(capsys, ".", "--kind", "uv.lock")[2] == (
            "compatshim: .: nothing below it has the name of a manifest that is known\n"
        )
        code, out, err = run(capsys, ".", "--no-ignore")
        assert (code, err) == (1, "")
        assert out.endswith(" in 2 files checked, 0 not checked.\n")
        Path("requirements.txt").unlink()
        assert run(capsys, ".") == (3, "", said)

    @pytest.mark.usefixtures("repository")
    def test_git_is_started_twice_however_many_there_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write({f"p{one}/{name}/uv.lock": "" for one in range(300) for name in ("mine", "theirs")})
        write(
            {".gitignore": "theirs\n", "bin/git": f'#!/bin/sh\necho >> "$LOG"\nexec {shutil.which("git")} "$@"\n'}
        )
        Path("bin/git").chmod(0o755)
        monkeypatch.setenv("PATH", os.path.abspath("bin"), prepend=os.pathsep)
        monkeypatch.setenv("LOG", os.path.abspath("log"))
        kept, ignored = self.walk()
        assert (len(kept), len(ignored)) == (300, 300)
        assert Path("log").read_text() == "\n\n"

    def trouble(self, capsys: pytest.CaptureFixture[str]) -> str:
        """What is said where git gives no answer: then all is looked at."""
        code, out, err = run(capsys, ".")
        assert code == 1
        assert out.endswith(" in 2 files checked, 0 not checked.\n")
        return err

    @pytest.mark.parametrize("there", [True, False])
    def test_without_git(
        self, there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write({".gitignore": "build\n", "build/requirements.txt": ci.BAD, "requirements.txt": ci.GOOD})
        if there:
            git(".", "init", "-q")
        monkeypatch.setenv("PATH", os.getcwd())
        why = "compatshim: .: what git ignores was looked at, too: there is no git to ask\n"
        assert self.trouble(capsys) == (why if there else "")

    @pytest.mark.usefixtures("repository")
    def test_a_broken_repository(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({".gitignore": "build\n", "build/requirements.txt": ci.BAD, "requirements.txt": ci.GOOD})
        write({".git/config": "[core\n"})
        said = self.trouble(capsys)
        assert said.startswith(
            "compatshim: .: what git ignores was looked at, too: git says fatal: bad config line 1"
        )
        assert said.count("\n") == 1

    @pytest.mark.usefixtures("repository")
    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
    def test_a_repository_of_another_user(self, capsys: pytest.CaptureFixture[str]) -> None:
        write({".gitignore": "build\n", "build/requirements.txt": ci.BAD, "requirements.txt": ci.GOOD})
        for path in (".", ".git"):
            os.chown(path, 12345, 12345)
        said = self.trouble(capsys)
        assert "looked at, too: git says fatal: detected dubious ownership in repository at" in said
        assert said.count("\n") == 1


def program(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, "-m", "compatshim", *argv], env=variables, **options)


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
def test_control_c() -> None:
    # Each takes a while: nothing of one is known from another.
    write({f"p{one:04}/requirements.txt": f"datasets>=2.{one % 20}\nevaluate\n# {one}\n" for one in range(3000)})
    with program(
        "check", "--recursive", ".", stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as one:
        time.sleep(2)
        assert one.poll() is None, "it was too fast to be interrupted"
        start = time.monotonic()
        os.killpg(one.pid, signal.SIGINT)  # as a terminal does
        out, err = one.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert (one.returncode, out, err) == (
        errors.INTERRUPTED,
        b"",
        b"compatshim: interrupted; what was found is not reported in full\n",
    )
    with pytest.raises(ProcessLookupError):
        os.killpg(one.pid, 0)


@pytest.mark.skipif(os.name == "nt", reason="terminals are of POSIX")
@pytest.mark.parametrize("number", [processes.FEW - 1, 80])
def test_a_bar_only_in_a_terminal_and_only_for_many(number: int) -> None:
    write({f"p{one:02}/requirements.txt": f"rich==14.0.0\n# {one}\n" for one in range(number)})
    import pty

    main, other = pty.openpty()
    with program("check", "--recursive", ".", stdout=subprocess.PIPE, stderr=other) as one:
        os.close(other)
        out, _ = one.communicate(timeout=60)
    said = b""
    try:
        while True:
            part = os.read(main, 4096)
            if not part:
                break
            said += part
    except OSError:
        pass
    finally:
        os.close(main)
    assert out.endswith(b"files checked, 0 not checked.\n")
    assert (f"{number}/{number}".encode() in said) == (number >= processes.FEW), said
    with program("check", "--recursive", ".", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        assert one.communicate(timeout=60)[1] == b""
