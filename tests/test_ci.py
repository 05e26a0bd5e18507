"""What other repositories run, held against what there is to run: names, options, and the shell of real jobs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import pytest
import yaml

from compatshim.cli import arguments
from compatshim.inventory import kinds
from tests import ci
from tests.inventory.corpus import FOLDER

if not ci.ACTION.exists():
    pytest.skip("the files are not beside these tests: not run", allow_module_level=True)


class TestHooks:
    def test_the_names_are_those_of_the_kinds(self) -> None:
        named = [one.names for one in kinds.KINDS if one.name not in ("script", "conda-meta")]
        expected = "|".join(text.replace(".*", "[^/]*").replace("[^.]+", "[^./]+") for text in named)
        pattern = "".join(ci.hooks()["compatshim-check"]["files"].split())
        assert pattern == f"(?xi)(^|/)({expected})$"

    def test_every_manifest_of_the_corpus_is_passed(self) -> None:
        pattern = re.compile(ci.hooks()["compatshim-check"]["files"])
        for path in FOLDER.rglob("*"):
            kind = kinds.named(path.name)
            if path.is_file() and kind is not None and kind.name != "script":
                assert pattern.search(path.relative_to(FOLDER.parent).as_posix()), path

    @pytest.mark.parametrize(
        "name", ["setup.py", "requirements/readme.md", "src/environment/x.py", "uv.lock/x", "a.txt"]
    )
    def test_others_are_not(self, name: str) -> None:
        assert not re.search(ci.hooks()["compatshim-check"]["files"], name)

    def test_their_commands_are_understood(self) -> None:
        for hook in ci.hooks().values():
            words = shlex.split(hook["entry"])
            argv = words[words.index("compatshim") + 1 :]
            assert arguments.parser(argv).parse_args(argv).command == "check"


needs_bash = pytest.mark.skipif(
    shutil.which("bash") is None or os.name == "nt", reason="there is no bash here: not run"
)
MISCHIEF = ["$(touch owned)`touch owned`; touch owned", "\"; touch owned; \"'; touch owned; '"]


class Job:
    """Runs a piece of a real job's shell in a folder, with the program of these tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder / "work", folder / "temporary"
        self.summary, self.output = folder / "summary.md", folder / "output"
        programs = folder / "programs"
        for one in (self.folder, self.temporary, programs):
            one.mkdir()
        self.program = programs / "compatshim"
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m compatshim "$@"\n')
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMPATSHIM", "GITHUB"))},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(
        self, shell: Sequence[str], script: str, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*shell, script],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert not (self.folder / "owned").exists()
        return done

    def outputs(self) -> Dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def inputs(given: Mapping[str, Any], **values: str) -> Dict[str, str]:
    """The values of all inputs, by the name of the variable that the script has them in."""
    assert {name.replace("-", "_") for name in given} >= set(values)
    chosen = {name: values.get(name.replace("-", "_"), one["default"]) for name, one in given.items()}
    return {name.upper().replace("-", "_"): str(value) for name, value in chosen.items()}


@needs_bash
class TestAction:
    def step(self, name: str) -> Dict[str, Any]:
        (found,) = [one for one in ci.action()["runs"]["steps"] if one.get("id") == name]
        return dict(found)

    def run(self, job: Job, **values: str) -> subprocess.CompletedProcess[str]:
        """As a runner does: every variable of the step is filled with the input that it names."""
        step, known = self.step("check"), inputs(ci.action()["inputs"], **values)
        variables = {}
        for name, expression in step["env"].items():
            (word,) = re.findall(r"\$\{\{ (?:inputs|steps\.install\.outputs)\.([\w-]+) \}\}", expression)
            variables[name] = str(job.program) if word == "program" else known[word.upper().replace("-", "_")]
        return job.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], step["run"], variables)

    def test_no_script_has_an_expression_in_it(self) -> None:
        for step in ci.action()["runs"]["steps"]:
            assert "${{" not in step.get("run", "")

    def test_every_input_is_used(self) -> None:
        text = ci.ACTION.read_text(encoding="utf-8")
        for name in ci.action()["inputs"]:
            assert f"inputs.{name} " in text

    def test_a_good_repository_passes(self, job: Job) -> None:
        job.write("requirements.txt", ci.GOOD)
        done = self.run(job)
        assert (done.returncode, done.stdout.startswith("No known-bad combination.")) == (0, True), done.stderr
        assert job.outputs() == {"status": "0", "sarif": str(job.temporary / "compatshim.sarif")}
        assert job.summary.read_text(encoding="utf-8").startswith("## compatshim: No known-bad combination.")

    def test_a_bad_one_does_not_and_says_where(self, job: Job) -> None:
        job.write("requirements.txt", ci.BAD)
        done = self.run(job)
        assert done.returncode == 1, done.stderr
        assert f"::error file=requirements.txt,line=1,title={ci.FOUND}%3A " in done.stdout
        assert job.outputs()["status"] == "1"
        assert ci.FOUND in job.summary.read_text(encoding="utf-8")
        results = json.loads(Path(job.outputs()["sarif"]).read_text(encoding="utf-8"))["runs"][0]["results"]
        assert ci.FOUND in {one["ruleId"] for one in results}

    def test_inputs(self, job: Job) -> None:
        job.write("with a space/requirements.txt", ci.BAD)
        job.write("requirements.txt", ci.GOOD)
        assert self.run(job).returncode == 0
        assert self.run(job, paths="requirements.txt\nwith a space\n").returncode == 1
        assert self.run(job, paths="with a space", fail_on="never").returncode == 0
        assert self.run(job, paths="with a space", args=f"--ignore\n{ci.FOUND}\n").returncode == 0
        assert self.run(job, recursive="true").returncode == 1
        assert self.run(job, paths="nothing").returncode == 2
        assert job.outputs()["status"] == "2"

    @pytest.mark.parametrize("text", MISCHIEF)
    @pytest.mark.parametrize("name", ["paths", "fail_on", "baseline", "args", "recursive"])
    def test_what_is_written_is_never_run(self, name: str, text: str, job: Job) -> None:
        job.write("requirements.txt", ci.GOOD)
        assert self.run(job, **{name: text}).returncode == (0 if name == "recursive" else 2)


@needs_bash
class TestComponent:
    def job(self, **values: str) -> Dict[str, Any]:
        """The job as GitLab makes it: the inputs are put into the text."""
        given, text = ci.component()
        for name, one in given.items():
            value = values.get(name.replace("-", "_"), one["default"])
            text = text.replace(f"$[[ inputs.{name} ]]", str(value).lower() if isinstance(value, bool) else value)
        assert "$[[" not in text
        ((_, found),) = yaml.safe_load(text).items()
        return dict(found)

    def run(self, job: Job, shell: str = "sh", **values: str) -> subprocess.CompletedProcess[str]:
        made = self.job(**values)
        variables = {name: one["value"] for name, one in made["variables"].items()}
        assert all(one["expand"] is False for one in made["variables"].values())
        return job.run([shell, "-ec"], "\n".join(made["script"]), variables)

    def reports(self, job: Job) -> List[str]:
        return [(job.folder / path).read_text("utf-8") for path in self.job()["artifacts"]["reports"].values()]

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_a_good_repository_passes(self, shell: str, job: Job) -> None:
        job.write("requirements.txt", ci.GOOD)
        done = self.run(job, shell)
        assert done.returncode == 0, done.stderr
        quality, junit = self.reports(job)
        assert (json.loads(quality), 'failures="0"' in junit) == ([], True)

    def test_a_bad_one_does_not_and_says_where(self, job: Job) -> None:
        job.write("requirements.txt", ci.BAD)
        done = self.run(job)
        assert done.returncode == 1, done.stderr
        assert ci.FOUND in done.stdout
        quality, junit = self.reports(job)
        found = {one["check_name"]: one["location"] for one in json.loads(quality)}
        assert found[ci.FOUND] == {"path": "requirements.txt", "lines": {"begin": 1}}
        assert f'name="{ci.FOUND}: ' in junit

    def test_inputs(self, job: Job) -> None:
        job.write("a/requirements.txt", ci.BAD)
        job.write("requirements.txt", ci.GOOD)
        assert self.run(job).returncode == 0
        assert self.run(job, paths="requirements.txt a").returncode == 1
        assert self.run(job, recursive="true").returncode == 1
        assert self.run(job, paths="a", fail_on="never").returncode == 0
        assert self.run(job, paths="a", args=f"--ignore {ci.FOUND}").returncode == 0

    @pytest.mark.parametrize("text", [text for text in MISCHIEF if '"' not in text])
    @pytest.mark.parametrize("name", ["paths", "fail_on", "baseline", "args"])
    def test_what_is_written_is_never_run(self, name: str, text: str, job: Job) -> None:
        job.write("requirements.txt", ci.GOOD)
        assert self.run(job, **{name: text}).returncode == 2

    def test_it_installs_what_reads_files(self) -> None:
        given, _ = ci.component()
        assert given["package"]["default"] == "compatshim[files]"
        assert '"$CHECK_PACKAGE"' in self.job()["before_script"][0]
