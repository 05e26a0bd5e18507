"""Build the bundled snapshot of index metadata from the package index.

Every final version of a project is kept, with the metadata of one of its wheels. The requirements of a
version without a wheel are unknown: its source distribution would have to be built to tell. What was fetched
stays in a cache, so that a rerun asks for new releases only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.parser import HeaderParser
from http import HTTPStatus
from itertools import repeat
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from compatshim.files import cache_directory, write_atomically
from compatshim.metadata.interface import Release
from compatshim.metadata.snapshot import INDEX, SCHEMA_VERSION, SHARD

if TYPE_CHECKING:
    import requests
    from pypi_simple import DistributionPackage, PyPISimple

NEIGHBOURHOOD = (
    "accelerate",
    "aiohttp",
    "anyio",
    "click",
    "datasets",
    "diffusers",
    "dill",
    "distlib",
    "evaluate",
    "filelock",
    "fsspec",
    "hf-xet",
    "httpx",
    "httpx2",
    "huggingface-hub",
    "multiprocess",
    "numpy",
    "packaging",
    "pandas",
    "peft",
    "platformdirs",
    "pyarrow",
    "pyarrow-hotfix",
    "python-dateutil",
    "python-discovery",
    "pytz",
    "pyyaml",
    "regex",
    "requests",
    "responses",
    "safetensors",
    "scikit-learn",
    "scipy",
    "sentence-transformers",
    "shellingham",
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
    "xxhash",
)
"""The projects of the bundled snapshot: those that advisories name and what decides their versions."""

_THREADS = 8
_TIMEOUT = 60


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

    ``report`` gets a line for each project; ``date`` is today by default. Raises
    :exc:`requests.RequestException` when the index does not answer (a rerun goes on where this one stopped),
    :exc:`ValueError` when a wheel has no readable metadata, and :exc:`OSError` when a file cannot be written.
    """
    names = sorted({canonicalize_name(project) for project in projects})
    found: Dict[str, Tuple[Release, ...]] = {}
    missing: List[str] = []
    with _client() as client, ThreadPoolExecutor(_THREADS) as pool:
        index = _Index(client, cache or cache_directory("metadata"))
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
        number = None
        if release.requires is not None:
            numbers = tuple(strings.setdefault(text, len(strings)) for text in release.requires)
            number = lists.setdefault(numbers, len(lists))
        rows.append((str(release.version), python, int(release.yanked), release.uploaded, number))
    return {"strings": list(strings), "lists": list(lists), "releases": rows}


class _Index:
    """The package index, with what it said before in a directory on disk."""

    def __init__(self, client: PyPISimple, cache: str) -> None:
        self._client = client
        self._cache = cache
        os.makedirs(cache, exist_ok=True)

    def files(self, project: str) -> Optional[Dict[Version, List[DistributionPackage]]]:
        """Return the files of each final version, or None when there is no such project."""
        from pypi_simple import NoSuchProjectError

        files: Dict[Version, List[DistributionPackage]] = {}
        try:
            page = self._client.get_project_page(project, timeout=_TIMEOUT)
        except NoSuchProjectError:
            return None
        for file in page.packages:
            if file.package_type not in {"wheel", "sdist"}:
                continue
            with contextlib.suppress(InvalidVersion):
                version = Version(file.version or "")
                if not version.is_prerelease:
                    files.setdefault(version, []).append(file)
        return files

    def release(
        self, project: str, version: Version, files: Mapping[Version, Sequence[DistributionPackage]]
    ) -> Release:
        """Return one release, with the metadata of the one of its wheels that most users get."""
        own = files[version]
        wheels = [file for file in own if file.package_type == "wheel"]
        requires = None
        requires_python = own[0].requires_python
        if wheels:
            fields = HeaderParser().parsestr(self._metadata(min(wheels, key=_rank)).decode("utf-8", "replace"))
            requires = tuple(" ".join(text.split()) for text in fields.get_all("Requires-Dist", ()))
            requires_python = fields.get("Requires-Python")
        return Release(
            project=project,
            version=version,
            requires_python=requires_python or "",
            requires=requires,
            yanked=all(file.is_yanked for file in own),
            uploaded=min((str(file.upload_time.date()) for file in own if file.upload_time), default=""),
        )

    def _metadata(self, wheel: DistributionPackage) -> bytes:
        from pypi_simple import NoMetadataError

        cached = os.path.join(self._cache, hashlib.sha256(wheel.url.encode("utf-8")).hexdigest())
        with contextlib.suppress(FileNotFoundError), open(cached, "rb") as file:
            return file.read()
        try:
            # Whether the index advertises the file says little: many serve it without.
            data = self._client.get_package_metadata_bytes(
                wheel, verify=bool(wheel.metadata_digests), timeout=_TIMEOUT
            )
        except NoMetadataError:
            data = _metadata_inside(wheel.filename, _RemoteFile(self._client.s, wheel.url))
        write_atomically(cached, data)
        return data


class _RemoteFile(io.RawIOBase):
    """A file behind HTTP that can be read from anywhere, so that of a wheel only the needed parts travel."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url
        self._at = 0
        answer = session.head(url, allow_redirects=True, timeout=_TIMEOUT)
        answer.raise_for_status()
        self._size = int(answer.headers["Content-Length"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        span = {"Range": f"bytes={self._at}-{end - 1}", "Accept-Encoding": "identity"}
        answer = self._session.get(self._url, headers=span, timeout=_TIMEOUT)
        answer.raise_for_status()
        partial = answer.status_code == HTTPStatus.PARTIAL_CONTENT
        data = answer.content if partial else answer.content[self._at : end]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _metadata_inside(name: str, wheel: io.RawIOBase) -> bytes:
    try:
        with zipfile.ZipFile(io.BufferedReader(wheel, 1 << 16)) as archive:
            members = archive.namelist()
            (member,) = (member for member in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", member))
            return archive.read(member)
    except (zipfile.BadZipFile, ValueError) as error:
        raise ValueError(f"{name}: no readable METADATA ({error})") from error


def _rank(wheel: DistributionPackage) -> Tuple[bool, int, str]:
    # Old projects chose their requirements while a wheel was built, by the version of Python that built it.
    name = wheel.filename
    platform = name.endswith("-any.whl") or ("manylinux" in name and "x86_64" in name)
    pythons = (r"-(cp311-cp311|cp3\d*-abi3|(py2\.)?py3-none)-", r"-(cp|py)3", "")
    python = next(rank for rank, pattern in enumerate(pythons) if re.search(pattern, name))
    return not platform, python, name


def _client() -> PyPISimple:
    """Return a client of the index that pip would use; it asks a busy index again after growing pauses."""
    import requests
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    session.verify = _pip_setting("cert") or True
    retries = Retry(total=5, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_THREADS, max_retries=retries))
    return PyPISimple(_pip_setting("index-url") or PYPI_SIMPLE_ENDPOINT, session=session)


def _pip_setting(name: str) -> str:
    value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
    if value:
        return value
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip()
