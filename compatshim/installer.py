"""The real installers, asked what they would do: uv where there is one, else pip."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple

from compatshim.errors import CompatshimError
from compatshim.model import canonical

TIMEOUT = 1800
"""Seconds that an installer has."""

UNREACHABLE = re.compile(r"Could not fetch|ConnectionError|Failed to fetch|Request failed|dns error")
UNRESOLVABLE = re.compile(r"No solution found|ResolutionImpossible|No matching distribution|different Python")

# What pip and uv say of a project when the index did not answer, or does not know it.
_NOTHING_KNOWN = re.compile(r"\(from versions: none\)|network connectivity is disabled")
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_COULD_NOT_FETCH = re.compile(r"Could not fetch URL .*")
_UV_LINE = re.compile(r"^ ([-+~]) ([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


class InstallerError(CompatshimError):
    """No installer could be asked; the message says what was tried and what to do."""


@dataclass(frozen=True)
class DryRun:
    """What an installer said that it would do."""

    installer: str
    """``uv`` or ``pip``, with its version."""
    command: Tuple[str, ...]
    returncode: int
    said: str
    """All that it printed, without the credentials in addresses."""
    installs: Mapping[str, str]
    """Version by normalised project name; what replaces another version is among them."""

    @property
    def unreachable(self) -> bool:
        """Whether it failed because its index had no word to say."""
        silent = UNREACHABLE.search(self.said) or _NOTHING_KNOWN.search(self.said)
        return self.returncode != 0 and silent is not None


@functools.lru_cache(maxsize=None)
def uv() -> Tuple[str, ...]:
    """The command that runs uv; empty where there is none."""
    found = shutil.which("uv")
    if found:
        return (found,)
    return (sys.executable, "-m", "uv") if importlib.util.find_spec("uv") else ()


def dry_run(
    python: str, requirements: Sequence[str], constraints: Sequence[str], overrides: Sequence[str] = ()
) -> DryRun:
    """Ask what installing requirements under constraints would change in the environment of an interpreter.

    ``overrides`` replace what is declared about their projects; pip has no such thing and is not told of them.
    Raises :exc:`InstallerError`.
    """
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        asked = _write(folder, "requirements.txt", requirements)
        bounds = _write(folder, "constraints.txt", constraints)
        arguments = ["install", "--dry-run", "-r", asked, "-c", bounds]
        if not uv():
            return _pip(python, arguments, folder)
        if overrides:
            arguments += ["--override", _write(folder, "overrides.txt", overrides)]
        done = _run([*uv(), "pip", *arguments, "--python", python, "--color", "never", "--no-progress"])
    # A version that goes is named in a line of its own, before the one that comes.
    lines = _UV_LINE.findall(done.stdout + done.stderr)
    installs = {canonical(name): version for sign, name, version in lines if sign != "-"}
    version = _run([*uv(), "--version"]).stdout.split()
    return _told(f"uv {version[1] if len(version) > 1 else '(unknown)'}", done, installs)


def _pip(python: str, arguments: Sequence[str], folder: str) -> DryRun:
    # One's own pip, where there is one, is newer than that of an old environment.
    pip = [sys.executable, "-m", "pip", "--python", python]
    if importlib.util.find_spec("pip") is None:
        pip = [python, "-m", "pip"]
    report, log = os.path.join(folder, "report.json"), os.path.join(folder, "log.txt")
    done = _run([*pip, *arguments, "--quiet", "--no-input", "--report", report, "--log", log])
    if done.returncode != 0 and "No module named pip" in done.stderr:
        raise InstallerError("there is neither uv nor pip here to verify with: install one of them")
    version, installs = "(unknown)", {}
    if done.returncode == 0:
        content = json.loads(_read(report))
        version = content["pip_version"]
        found = (item["metadata"] for item in content["install"])
        installs = {canonical(item["name"]): item["version"] for item in found}
    else:
        # That an index did not answer is only written there.
        done.stderr += "".join(f"\n{line}" for line in _COULD_NOT_FETCH.findall(_read(log))[:1])
    return _told(f"pip {version}", done, installs)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _told(installer: str, done: subprocess.CompletedProcess[str], installs: Mapping[str, str]) -> DryRun:
    said = _SECRET.sub("", done.stdout + done.stderr)
    return DryRun(installer, tuple(done.args), done.returncode, said, installs)


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallerError(f"{command[0]}: did not answer within {TIMEOUT} seconds") from error
    except OSError as error:
        raise InstallerError(f"{command[0]}: cannot be run ({error.strerror})") from error


def _write(folder: str, name: str, lines: Sequence[str]) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path
