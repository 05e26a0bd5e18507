"""What uv would install, as the index was on a day, without installing it."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Dict, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from compatshim import files
from compatshim.installer import uv
from compatshim.kb import environments
from compatshim.kb.environments import BuildError, Unresolvable

_TIMEOUT = 600


def resolve(requirements: Sequence[str], python: str, minor: str, *, before: str) -> Dict[str, Version]:
    """The versions, all of them wheels, for any release of Python ``minor``, of which ``python`` is one.

    ``before`` is an ISO date; nothing uploaded on or after it (UTC) is looked at. Raises :exc:`Unresolvable` with
    the first of uv's reasons, and :exc:`BuildError` when something else went wrong.
    """
    if not uv():
        raise BuildError("uv is not installed: python -m pip install uv")
    with tempfile.TemporaryDirectory(prefix="compatshim-") as folder:
        asked = os.path.join(folder, "requirements.txt")
        files.write_atomically(asked, "".join(f"{line}\n" for line in requirements))
        when = ("--exclude-newer", f"{before}T00:00:00Z")  # a bare date would be one of this time zone
        where = ("--python", python, "--python-version", minor, "--only-binary", ":all:")
        command = (
            *uv(),
            "pip",
            "compile",
            *when,
            *where,
            "--quiet",
            "--no-header",
            "--no-annotate",
            asked,
        )
        done = environments.execute(command, folder, timeout=_TIMEOUT)
    if done.returncode != 0:
        said = " ".join(re.findall(r"[!-~]+", done.stderr))  # without the marks in front of the lines
        reason = re.search(r"Because (.*?), we can conclude", said)
        if "No solution found" in said:
            raise Unresolvable(reason.group(1) if reason else said)
        raise BuildError(f"uv cannot resolve {', '.join(requirements)} for Python {minor}: {said}")
    found = (line.partition("==") for line in done.stdout.splitlines())
    return {canonicalize_name(name): Version(version) for name, _, version in found}
