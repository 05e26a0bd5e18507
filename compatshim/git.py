"""Questions to git about the repository that a folder is in."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Container

from compatshim.errors import CompatshimError

TIMEOUT = 60
"""Seconds that git has for an answer."""
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")
"""Variables, as hooks have them, that would make git answer for another repository than that of the folder."""


class GitError(CompatshimError):
    """Git gave no answer; the message says why, without saying for what it was asked."""


def ask(folder: str, *words: str, given: bytes = b"", fine: Container[int] = (0,)) -> bytes:
    """What git says in a folder, with ``given`` as its standard input. Raises :exc:`GitError`.

    Nothing is written into the repository, and no program is run that its configuration names. ``fine`` are the
    exit statuses that are no failure.
    """
    git = shutil.which("git")
    if git is None:
        raise GitError("there is no git to ask")
    own = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    try:
        done = subprocess.run(
            [git, "-c", "core.fsmonitor=false", *words],
            cwd=folder,
            env={**own, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            input=given,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git did not answer in {TIMEOUT} s") from None
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode not in fine:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [repr(done.returncode)]
        # Behind what is wrong there may be advice, before it warnings.
        raise GitError(f"git says {next((line for line in said if line.startswith('fatal: ')), said[-1])}")
    return done.stdout
