"""A healthy environment for start-up to look at: real names and versions of distributions, of which nothing runs.

The versions are those of the frozen environment ``clean``, or the newest that the bundled snapshot lists where it
does not list them. What would make an advisory with a shim match is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Dict, Iterable, Mapping

from packaging.version import Version

import compatshim
from compatshim.kb import compile as compiler
from compatshim.match import match
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Catalog
from tests import frozen

PACKAGE = os.path.dirname(os.path.abspath(compatshim.__file__))
_FILES = ("__init__.py", "startup", "shims")


def healthy(real: Catalog, known: Snapshot, size: int = 300) -> Dict[str, Version]:
    """Projects and versions of ``size`` distributions, made up where the frozen environment has no more."""
    found = dict(frozen.load()["clean"].inventory.versions())
    for project in set(found) & set(known.projects):
        releases = [release.version for release in known.releases(project) or ()]
        if found[project] not in releases:
            found[project] = max(releases)
    while True:
        shimmed = [finding for finding in match(found, real) if finding.advisory.shims]
        if not shimmed:
            break
        del found[shimmed[0].versions[-1][0]]
    # Those that the snapshot knows come first: a small environment has its share of them, and more.
    names = sorted(found, key=lambda project: (project not in known.projects, project))
    more = (f"made-up-{number}" for number in range(size))
    return {project: found.get(project, Version("1.0")) for project in [*names, *more][:size]}


def make(python: str, folder: str, versions: Mapping[str, Version]) -> str:
    """Make a virtual environment with these versions and the part of compatshim that programs run.

    Returns its ``site-packages``; :func:`interpreter` is beside it.
    """
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    library = ("Lib",) if os.name == "nt" else ("lib", next(iter(os.listdir(os.path.join(folder, "lib")))))
    site = os.path.join(folder, *library, "site-packages")
    for project, version in versions.items():
        name = project.replace("-", "_")
        os.makedirs(os.path.join(site, name), exist_ok=True)
        os.mkdir(os.path.join(site, f"{name}-{version}.dist-info"))
    for name in _FILES:
        source, target = os.path.join(PACKAGE, name), os.path.join(site, "compatshim", name)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
    return site


def interpreter(folder: str) -> str:
    """The Python of an environment."""
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def write_index(site: str, catalog: Catalog, known: Snapshot) -> None:
    """Let the compatshim there start with another catalog."""
    text = compiler.index(catalog, known)
    with open(
        os.path.join(site, "compatshim", "startup", "index.txt"), "w", encoding="latin-1", newline=""
    ) as file:
        file.write(text)


def loaded(python: str) -> Iterable[str]:
    """The modules of compatshim that a program has after importing it, which compiles them as well."""
    code = "import compatshim, sys; print(*(name for name in sys.modules if name.startswith('compatshim')))"
    return subprocess.run([python, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
