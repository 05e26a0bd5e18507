"""Real environments for the end-to-end tests: period versions around what a test is about."""

from __future__ import annotations

import os
from typing import Mapping, Optional, Sequence, Tuple

import pytest

import compatshim
from compatshim.kb import environments, runs
from compatshim.kb.environments import Completed, Environment, Spec

PACKAGE = os.path.dirname(os.path.abspath(compatshim.__file__))
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPRODUCERS = os.path.join(TESTS, "reproducers")
PROGRAMS = os.path.join(TESTS, "programs")

STORY = {"evaluate": "0.4.1", "datasets": "2.16.0", "filelock": "3.13.1"}
# What the story's time had, so that only what a test is about can fail.
PERIOD = ("pyarrow<20", "numpy<2", "pandas<3", "huggingface_hub<0.26")

_FOUND = environments.interpreters()


def python(version: str) -> str:
    """The path of an interpreter; the test is skipped, by name, where it is missing."""
    if version not in _FOUND:
        pytest.skip(f"no Python {version} on this machine: not run")
    return _FOUND[version]


def build(
    versions: Mapping[str, str],
    *,
    around: Sequence[str] = PERIOD,
    version: str = "3.11",
    cache: Optional[str] = None,
) -> Environment:
    """An environment with these exact versions."""
    pins = tuple(f"{project}=={wanted}" for project, wanted in versions.items())
    return environments.build(Spec(python(version), (*pins, *around)), cache=cache)


def run(environment: Environment, program: str, *args: str, shim: bool = False, **env: str) -> Completed:
    """Run a program; with ``shim``, compatshim (and nothing else of ours) can be imported."""
    return environments.run(environment, program, *args, timeout=180, env=env, shim_from=PACKAGE if shim else None)


def reproduce(environment: Environment, name: str, *args: str, shim: bool = False) -> int:
    """The exit status of a reproducer: 0 healthy, 1 the fault. Anything else fails the test."""
    words = (*args, "--shim") if shim else args
    # Where the ranks meet without lock files, nothing is seen of what else is mended in these.
    path = os.path.join(REPRODUCERS, f"{name}.py")
    done = run(environment, path, *words, shim=shim, **runs.APART)
    # A program that dies of anything else ends with 1, too, but does not say that it is bad.
    bad = done.returncode == 1 and any(line.startswith("BAD") for line in done.stdout.splitlines()[-1:])
    assert bad or done.returncode == 0, f"{name} broke: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return int(bad)


def fails(environment: Environment, name: str, *args: str) -> bool:
    """Whether a reproducer ends with anything but success: where several faults meet, one hides the others."""
    return run(environment, os.path.join(REPRODUCERS, f"{name}.py"), *args).returncode not in (0, None)


Case = Tuple[str, str, str, str]
