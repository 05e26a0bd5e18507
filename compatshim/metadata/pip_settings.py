"""pip's index configuration, as ``pip config`` tells it: files, environment variables and their precedence."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from typing import Dict, List, Mapping, Optional, Sequence

from compatshim.metadata.settings import PYPI, Settings, gathered, local_folders, split

TIMEOUT = 60
"""Seconds that pip has to answer."""

_KEYS = (
    "index-url",
    "extra-index-url",
    "no-index",
    "find-links",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
    "default-timeout",
)
_LINE = re.compile(r"(?P<section>global|install|:env:)\.(?P<key>[\w-]+)=(?P<value>['\"].*)")
_NO = frozenset(("", "0", "n", "no", "f", "false", "off"))


def read(python: str, environment: Mapping[str, str]) -> Settings:
    """The settings of the pip that an interpreter has; of this one, or of the one on the search path, without.

    Where there is none at all, the environment variables are read alone.
    """
    found = _asked(python)
    remarks: Sequence[str] = ()
    if found is None:
        found = _variables(environment)
        remarks = ("there is no pip here: of its configuration only the PIP_ variables were read",)
    return _settings(found, remarks)


def _settings(found: Mapping[str, str], remarks: Sequence[str]) -> Settings:
    addresses = [found.get("index-url") or PYPI, *found.get("extra-index-url", "").split()]
    if found.get("no-index", "").lower() not in _NO:
        addresses = []
    indexes, logins = gathered(map(split, addresses))
    folders, unread = local_folders(found.get("find-links", "").split())
    return Settings(
        indexes=indexes,
        folders=folders,
        logins=logins,
        certificate=found.get("cert", ""),
        client_certificate=found.get("client-cert", ""),
        proxy=found.get("proxy", ""),
        trusted=frozenset(found.get("trusted-host", "").split()),
        timeout=_seconds(found.get("timeout") or found.get("default-timeout")),
        remarks=(*remarks, *unread),
    )


def _seconds(text: Optional[str]) -> float:
    try:
        return max(float(text or ""), 1.0)
    except ValueError:
        return Settings.timeout


def _asked(python: str) -> Optional[Dict[str, str]]:
    """The values that ``pip config`` gives, or None where no pip answers."""
    path = shutil.which("pip")
    for pip in ([python, "-m", "pip"], [sys.executable, "-m", "pip"], [path] if path else []):
        listed = _run(pip, "list") if pip else None
        if listed is not None:
            return _values(pip, listed)
    return None


def _values(pip: Sequence[str], listed: str) -> Dict[str, str]:
    """The values among the lines of ``pip config list``; what stands last counts most: variables do."""
    lines: Dict[str, List[str]] = {}
    for line in listed.splitlines():
        found = _LINE.fullmatch(line)
        if found is not None and found["key"] in _KEYS:
            lines.setdefault(f"{found['section']}.{found['key']}", []).append(found["value"])
    values: Dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for key in _KEYS:
            name = f"{section}.{key}"
            texts = lines.get(name, [])
            if len(texts) == 1:
                values[key] = str(ast.literal_eval(texts[0]))
            elif texts:  # several files say it, and they are listed by name: ask which one counts
                values[key] = (_run(pip, "get", name) or "").strip()
    return values


def _run(pip: Sequence[str], *arguments: str) -> Optional[str]:
    command = [*pip, "--disable-pip-version-check", "config", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None


def _variables(environment: Mapping[str, str]) -> Dict[str, str]:
    named = {key: f"PIP_{key.upper().replace('-', '_')}" for key in _KEYS}
    return {key: environment[name] for key, name in named.items() if environment.get(name)}
