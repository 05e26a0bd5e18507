"""Build the bundled snapshot of index metadata from the package index.

Every final version of a project is kept, with the metadata of one of its wheels. The requirements of a
version without a wheel are unknown: its source distribution would have to be built to tell. What was fetched
stays in the cache of the configured index, so that a rerun asks for new releases only.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from compatshim.files import cache_directory, write_atomically
from compatshim.metadata import pip_settings
from compatshim.metadata.client import PARALLEL
from compatshim.metadata.failures import DamagedError
from compatshim.metadata.interface import Release
from compatshim.metadata.library import Library
from compatshim.metadata.pages import File
from compatshim.metadata.snapshot import INDEX, SCHEMA_VERSION, SHARD
from compatshim.metadata.wheels import summary

NEIGHBOURHOOD = (
    "accelerate",
    "aiohttp",
    "anthropic",
    "anyio",
    "click",
    "cookiecutter",
    "datasets",
    "diffusers",
    "dill",
    "distlib",
    "evaluate",
    "filelock",
    "flask",
    "fsspec",
    "gradio",
    "h5py",
    "hf-xet",
    "httpx",
    "httpx2",
    "huggingface-hub",
    "jinja2",
    "lightgbm",
    "lightning-utilities",
    "markupsafe",
    "multiprocess",
    "numpy",
    "openai",
    "packaging",
    "pandas",
    "peft",
    "platformdirs",
    "protobuf",
    "pyarrow",
    "pyarrow-hotfix",
    "python-dateutil",
    "python-discovery",
    "pytz",
    "pyyaml",
    "regex",
    "requests",
    "requests-toolbelt",
    "responses",
    "safetensors",
    "scikit-learn",
    "scipy",
    "sentence-transformers",
    "setuptools",
    "shellingham",
    "sqlalchemy",
    "tensorboard",
    "tokenizers",
    "torch",
    "tox",
    "tqdm",
    "transformers",
    "trl",
    "typer",
    "typer-slim",
    "typing-extensions",
    "tzdata",
    "urllib3",
    "virtualenv",
    "wandb",
    "werkzeug",
    "xxhash",
)
"""The projects of the bundled snapshot: those that advisories name and what decides their versions."""


@dataclass(frozen=True)
class BuildResult:
    """What a build put into the snapshot, and what it could not find."""

    size: int
    """Of the file, in bytes."""
    releases: Mapping[str, Tuple[Release, ...]]
    """By project, ascending."""
    missing: Tuple[str, ...] = ()
    """Projects that the index does not have; the snapshot leaves them out."""

    @property
    def unknown(self) -> Tuple[Release, ...]:
        """The releases whose requirements are not known."""
        return tuple(
            release for releases in self.releases.values() for release in releases if release.requires is None
        )


def build(
    projects: Iterable[str],
    destination: str,
    *,
    report: Callable[[str], None],
    cache: Optional[str] = None,
    date: Optional[str] = None,
) -> BuildResult:
    """Fetch the metadata of ``projects`` and write them as a snapshot to ``destination``.

    ``report`` gets a line for each project; ``date`` is today by default. The index is the main one that pip is
    configured for. Raises :exc:`~compatshim.metadata.failures.UnavailableError` when it does not answer (a rerun
    goes on where this one stopped), :exc:`~compatshim.metadata.failures.DamagedError` when a wheel has no readable
    metadata, and :exc:`OSError` when a file cannot be written.
    """
    names = sorted({canonicalize_name(project) for project in projects})
    found: Dict[str, Tuple[Release, ...]] = {}
    missing: List[str] = []
    settings = pip_settings.read(sys.executable, os.environ)
    settings = replace(settings, indexes=settings.indexes[:1], folders=())
    library = Library(settings, cache or cache_directory("index"))
    index = _Index(library)
    with contextlib.closing(library), ThreadPoolExecutor(PARALLEL) as pool:
        for name, files in zip(names, pool.map(index.files, names)):
            if files is None:
                missing.append(name)
                report(f"{name}: not in the index")
                continue
            found[name] = tuple(pool.map(index.release, repeat(name), sorted(files), repeat(files)))
            unknown = sum(release.requires is None for release in found[name])
            report(f"{name}: {len(found[name])} releases, requirements unknown for {unknown}")
    date = date or time.strftime("%Y-%m-%d", time.gmtime())
    return BuildResult(write(found, destination, date=date), found, tuple(missing))


def write(projects: Mapping[str, Iterable[Release]], destination: str, *, date: str) -> int:
    """Write releases as a snapshot, the same bytes for the same input, and return its size in bytes.

    Raises :exc:`OSError` when ``destination`` cannot be written.
    """
    members: Dict[str, object] = {
        INDEX: {"schema_version": SCHEMA_VERSION, "date": date, "projects": sorted(projects)}
    }
    members.update((SHARD.format(name), _shard(projects[name])) for name in sorted(projects))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in members.items():
            info = zipfile.ZipInfo(member)  # dated 1980, whatever the clock says
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # the default differs between platforms
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            archive.writestr(info, text.encode("utf-8"), compresslevel=9)
    write_atomically(destination, buffer.getvalue())
    return len(buffer.getvalue())


def _shard(releases: Iterable[Release]) -> Dict[str, object]:
    strings: Dict[str, int] = {}
    lists: Dict[Tuple[int, ...], int] = {}
    rows = []
    for release in sorted(releases, key=lambda release: release.version):
        python = strings.setdefault(release.requires_python, len(strings))
        numbers = []
        for texts in (release.requires, release.wheels):
            number = None
            if texts is not None:
                words = tuple(strings.setdefault(text, len(strings)) for text in texts)
                number = lists.setdefault(words, len(lists))
            numbers.append(number)
        rows.append((str(release.version), python, int(release.yanked), release.uploaded, *numbers))
    return {"strings": list(strings), "lists": list(lists), "releases": rows}


class _Index:
    """The final releases that an index has."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def files(self, project: str) -> Optional[Dict[Version, List[File]]]:
        """Return the files of each final version, or None when there is no such project."""
        found = self._library.files(project)
        if found is None:
            return None
        files: Dict[Version, List[File]] = {}
        for file in found:
            with contextlib.suppress(InvalidVersion):
                version = Version(file.version)
                if not version.is_prerelease:
                    files.setdefault(version, []).append(file)
        return files

    def release(self, project: str, version: Version, files: Mapping[Version, Sequence[File]]) -> Release:
        """Return one release, with the metadata of the one of its wheels that most users get."""
        own = files[version]
        wheels = [file for file in own if file.is_wheel]
        requires = None
        requires_python = own[0].requires_python
        if wheels:
            try:
                found = self._library.metadata(project, version, min(wheels, key=_rank))
            except DamagedError as error:
                raise DamagedError(f"{project} {version}: {error}") from error
            requires_python, requires = found.requires_python, found.requires
        return Release(
            project=project,
            version=version,
            requires_python=requires_python,
            requires=requires,
            yanked=all(file.yanked for file in own),
            uploaded=min((file.uploaded for file in own if file.uploaded), default=""),
            wheels=summary(file.name for file in wheels),
        )


def _rank(wheel: File) -> Tuple[bool, int, str]:
    # Old projects chose their requirements while a wheel was built, by the version of Python that built it.
    name = wheel.name
    platform = name.endswith("-any.whl") or ("manylinux" in name and "x86_64" in name)
    pythons = (r"-(cp311-cp311|cp3\d*-abi3|(py2\.)?py3-none)-", r"-(cp|py)3", "")
    python = next(rank for rank, pattern in enumerate(pythons) if re.search(pattern, name))
    return not platform, python, name
