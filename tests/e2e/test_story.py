"""The founding story from end to end: the shim, the pin, the plan and the demo, on real packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Sequence

import pytest

from compatshim.kb import environments
from compatshim.kb.environments import Environment
from tests.e2e import support

pytestmark = pytest.mark.e2e

GOOD = [{"n": 9, "s": 9}, None, None]
TARGETS = ("evaluate", "datasets", "filelock")


def tell(
    environment: Environment,
    folder: str,
    umask: str = "000",
    method: str = "fork",
    order: str = "never",
    *,
    gather: str = "off",
) -> Any:
    """Run the story; what the ranks got and the modes of the lock files.

    Without ``gather`` the ranks meet through lock files, as they do where another shim has to mend these.
    """
    program = os.path.join(support.PROGRAMS, "story.py")
    shim = order != "never"
    done = support.run(environment, program, folder, umask, method, order, shim=shim, COMPATSHIM_GATHER=gather)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def compatshim(*args: str) -> subprocess.CompletedProcess[str]:
    """Run our command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "compatshim", *args], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def story() -> Environment:
    return support.build(support.STORY)


def copy(
    folder: str, versions: Mapping[str, str] = support.STORY, around: Sequence[str] = support.PERIOD
) -> Environment:
    """An environment of its own, to be changed."""
    return support.build(versions, around=around, cache=folder)


def test_today_every_rank_dies_and_locks_are_0644(story: Environment, tmp_path: Any) -> None:
    told = tell(story, str(tmp_path))
    assert all("Expected to find locked file" in answer for answer in told["ranks"])
    assert told["modes"] == ["0644"]


@pytest.mark.parametrize("order", ["first", "after-datasets", "after-evaluate"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_with_the_import_it_works(story: Environment, tmp_path: Any, method: str, order: str) -> None:
    told = tell(story, str(tmp_path), "000", method, order)
    assert told["ranks"] == GOOD
    assert told["modes"] == ["0666"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ranks_that_meet_without_lock_files_leave_none(story: Environment, tmp_path: Any, method: str) -> None:
    told = tell(story, str(tmp_path), "000", method, "first", gather="auto")
    assert told == {"ranks": GOOD, "modes": []}


@pytest.mark.parametrize(("umask", "mode"), [("000", "0666"), ("002", "0664"), ("022", "0644")])
def test_lock_files_follow_the_umask(story: Environment, tmp_path: Any, umask: str, mode: str) -> None:
    assert tell(story, str(tmp_path), umask, "fork", "first") == {"ranks": GOOD, "modes": [mode]}


def healthy_program(folder: Any, *imports: str) -> str:
    path = os.path.join(str(folder), "program.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "import sys\nimport compatshim\n"
            + "".join(f"import {name}\n" for name in imports)
            + "print([one for one in sys.meta_path if type(one).__module__.startswith('compatshim')])\n"
            "print(list(compatshim.status().entries))\n"
        )
    return path


def test_a_healthy_environment_is_left_alone(tmp_path: Any) -> None:
    environment = support.build({"filelock": "3.24.0", "huggingface_hub": "1.5.0"}, around=())
    done = support.run(environment, healthy_program(tmp_path, "filelock", "huggingface_hub"), shim=True)
    assert (done.returncode, done.stdout) == (0, "[]\n[]\n"), done.stderr


def test_in_the_newest_versions_only_the_faults_that_no_version_cures_are_mended(tmp_path: Any) -> None:
    around: Sequence[str] = ()
    environment = support.build({"evaluate": "0.4.6", "datasets": "5.2.0", "filelock": "4.2.11"}, around=around)
    program = tmp_path / "program.py"
    program.write_text("import compatshim, evaluate\nprint(*compatshim.status().applied)\n", encoding="utf-8")
    done = support.run(environment, str(program), shim=True, HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stdout) == (0, "CSA-2026-0006 CSA-2026-0051\n"), done.stderr


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.matrix)])
def test_the_pin_works_in_a_copy_and_in_a_fresh_environment(tmp_path: Any, installer: str) -> None:
    environment = copy(str(tmp_path / "copy"))
    before = environment.installed()
    pinned = compatshim("pin", "--python", environment.python)
    assert pinned.returncode == 0, pinned.stderr
    lines = [line for line in pinned.stdout.splitlines() if not line.startswith("#")]
    assert [line for line in lines if "==" in line] == ["filelock==3.9.0  # via CSA-2026-0001, CSA-2026-0002"]
    assert all("  # via CSA-" in line for line in lines)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(pinned.stdout, encoding="utf-8")

    environments.install(environment, ["-c", str(constraints), *TARGETS], installer=installer)
    after = environment.installed()
    assert {name for name in after if after[name] != before.get(name)} == {"filelock"}
    assert tell(environment, str(tmp_path / "one"))["ranks"] == GOOD
    assert support.reproduce(environment, "datasets_lock_file_mode") == 0

    fresh = environments.build(environments.Spec(support.python("3.11"), ()), cache=str(tmp_path / "fresh"))
    environments.install(fresh, ["-c", str(constraints), *TARGETS], installer=installer)
    assert tell(fresh, str(tmp_path / "two"))["ranks"] == GOOD
    assert support.reproduce(fresh, "datasets_lock_file_mode") == 0
    assert support.reproduce(fresh, "hub_weak_file_lock") == 0
    # Nothing is left for the checker to say.
    assert compatshim("check", "--python", fresh.python).returncode == 0


def test_the_folklore_pin_alone_breaks_a_fresh_environment(tmp_path: Any) -> None:
    fresh = environments.build(environments.Spec(support.python("3.11"), ()), cache=str(tmp_path))
    environments.install(fresh, ["filelock==3.9.0", "evaluate==0.4.1"], installer="uv")
    assert support.reproduce(fresh, "hub_weak_file_lock") == 1
    assert compatshim("check", "--python", fresh.python).returncode == 1


@pytest.mark.parametrize(
    ("extra", "options", "gone"),
    [
        ({"huggingface_hub": "1.4.1"}, (), "filelock==3.9.0"),
        ({"virtualenv": "20.26.2"}, (), "filelock==3.9.0"),
        pytest.param({}, ("--hold", "filelock"), "filelock==", marks=pytest.mark.matrix),
        ({}, ("--objective", "recommended"), "filelock==3.9.0"),
        pytest.param({}, ("--require", "datasets>=2.19,<3"), "filelock==3.13", marks=pytest.mark.matrix),
    ],
    ids=["hub-1.4", "virtualenv", "hold-filelock", "recommended", "wants-datasets"],
)
def test_where_the_folklore_pin_is_unsound_the_answer_differs_and_works(
    tmp_path: Any, extra: Dict[str, str], options: Sequence[str], gone: str
) -> None:
    around = [text for text in support.PERIOD if not (extra.get("huggingface_hub") and "huggingface_hub" in text)]
    environment = copy(str(tmp_path / "copy"), {**support.STORY, **extra}, around)
    pinned = compatshim("pin", "--python", environment.python, *options)
    assert pinned.returncode == 0, pinned.stderr
    assert gone not in pinned.stdout
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(pinned.stdout, encoding="utf-8")
    changed = [line.split("  #")[0] for line in pinned.stdout.splitlines() if "==" in line and line[0] != "#"]
    environments.install(environment, ["-c", str(constraints), *changed], installer="uv")
    assert tell(environment, str(tmp_path / "cache"))["ranks"] == GOOD
    assert support.reproduce(environment, "datasets_lock_file_mode") == 0
    assert support.reproduce(environment, "hub_weak_file_lock") == 0
    assert broken(environment) == []


def broken(environment: Environment) -> List[str]:
    """What ``pip check`` says."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", environment.python, "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [] if done.returncode == 0 else done.stdout.splitlines()


def test_everything_held_has_no_answer_and_says_so(story: Environment) -> None:
    held = [word for name in TARGETS for word in ("--hold", name)]
    answered = compatshim("pin", "--python", story.python, *held)
    assert (answered.returncode, answered.stdout) == (1, "")
    said = " ".join(answered.stderr.split())
    assert "--hold filelock; then filelock==3.9.0 does." in said
    assert "`import compatshim` mends CSA-2026-0001, CSA-2026-0002" in said


def test_each_step_of_the_plan_is_no_worse_than_the_one_before(tmp_path: Any) -> None:
    environment = copy(str(tmp_path / "copy"))
    planned = compatshim("plan", "--python", environment.python, "--format", "json")
    assert planned.returncode == 0, planned.stderr
    steps = json.loads(planned.stdout)["steps"]
    assert len(steps) > 1

    def faults() -> Dict[str, int]:
        names = ("evaluate_rendezvous", "datasets_lock_file_mode", "hub_weak_file_lock", "filelock_follows_symlink")
        return {name: support.reproduce(environment, name) for name in names}

    before, wrong = faults(), broken(environment)
    assert wrong == []
    for step in steps:
        pins = [f"{change['project']}=={change['after']}" for change in step["changes"]]
        environments.install(environment, pins, installer="uv")
        after = faults()
        assert all(after[name] <= before[name] for name in after), (step, before, after)
        assert broken(environment) == []
        before = after
    assert before == dict.fromkeys(before, 0)
    assert tell(environment, str(tmp_path / "cache"))["ranks"] == GOOD


def test_a_real_traceback_is_recognised(story: Environment, tmp_path: Any) -> None:
    told = tell(story, str(tmp_path))
    explained = subprocess.run(
        [sys.executable, "-m", "compatshim", "explain", "-"],
        input=f"Traceback (most recent call last):\n  …\n{told['ranks'][0]}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert explained.returncode == 0
    assert explained.stdout.startswith("CSA-2026-0001")


def test_the_demo_keeps_its_promise() -> None:
    shown = compatshim("demo", "--python", support.python("3.11"))
    assert shown.returncode == 0, shown.stderr
    assert "it should be bad, good, good; it was bad, good, good" in shown.stdout
