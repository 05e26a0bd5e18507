"""The files of a project, as an index or a local folder lists them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit
from urllib.request import pathname2url, url2pathname

from packaging.utils import canonicalize_name

from compatshim.metadata.failures import UnavailableError
from compatshim.metadata.settings import host

if TYPE_CHECKING:
    import requests
    from pypi_simple import DistributionPackage, ProjectPage


@dataclass(frozen=True)
class File:
    """A wheel or a source distribution."""

    name: str
    version: str
    """As the file's name spells it."""
    requires_python: str = ""
    yanked: bool = False
    uploaded: str = ""
    """ISO date, where the index says it."""
    digest: str = ""
    """SHA-256 of the content, where the index says it."""
    index: str = ""
    """The address of the index that lists it; empty in a local folder."""
    package: Optional[DistributionPackage] = None
    """Where it is; None for one out of the cache, which holds no addresses."""

    @property
    def is_wheel(self) -> bool:
        """Whether it can be installed as it is."""
        return self.name.endswith(".whl")


@dataclass(frozen=True)
class Page:
    """The files of a project in one index."""

    files: Tuple[File, ...]
    etag: str = ""
    modified: str = ""
    """What to send along when the page is asked for again."""


def parsed(answer: requests.Response, project: str) -> Page:
    """The page in an answer. Raises :exc:`UnavailableError` when it is none."""
    from pypi_simple import ProjectPage, UnsupportedContentTypeError, UnsupportedRepoVersionError

    trouble = UnavailableError("what it answered is not the page of a project", host(answer.request.url or ""))
    try:
        page = ProjectPage.from_response(answer, project)
    except (ValueError, UnsupportedContentTypeError, UnsupportedRepoVersionError):
        raise trouble from None
    # The login page of a hotel's network is HTML as well.
    if "html" in answer.headers.get("Content-Type", "html") and not any(item.version for item in page.packages):
        raise trouble
    return Page(_files(page), answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))


def local(address: str, project: str) -> Optional[Page]:
    """The page of a project in a local index; None when there is none.

    Raises :exc:`UnavailableError` when it cannot be read.
    """
    from pypi_simple import ProjectPage

    path = path_of(address).rstrip(os.sep)
    if not os.path.isdir(os.path.dirname(path)):
        raise UnavailableError("there is no such folder", host(address))
    try:
        with open(os.path.join(path, "index.html"), "rb") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnavailableError(f"a page cannot be read: {error.strerror}", host(address)) from error
    return Page(_files(ProjectPage.from_html(project, text, base_url=f"{address}index.html")))


def folder(path: str) -> Mapping[str, Tuple[File, ...]]:
    """The wheels and source distributions in a local folder by project; a folder that is not there has none."""
    from pypi_simple import DistributionPackage, UnparsableFilenameError, parse_filename

    found: Dict[str, List[File]] = {}
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    for name in names:
        try:
            project, version, kind = parse_filename(name)
        except UnparsableFilenameError:
            continue
        if kind not in ("wheel", "sdist"):
            continue
        package = DistributionPackage(
            filename=name,
            url=f"file://{pathname2url(os.path.abspath(os.path.join(path, name)))}",
            project=project,
            version=version,
            package_type=kind,
            digests={},
            requires_python=None,
            has_sig=None,
        )
        found.setdefault(canonicalize_name(project), []).append(File(name, version, package=package))
    return {project: tuple(files) for project, files in found.items()}


def path_of(address: str) -> str:
    """The path behind a ``file:`` address."""
    return url2pathname(urlsplit(address).path)


def _files(page: ProjectPage) -> Tuple[File, ...]:
    return tuple(
        File(
            name=item.filename,
            version=item.version,
            requires_python=item.requires_python or "",
            yanked=item.is_yanked,
            uploaded=str(item.upload_time.date()) if item.upload_time else "",
            digest=item.digests.get("sha256", ""),
            package=item,
        )
        for item in page.packages
        if item.package_type in ("wheel", "sdist") and item.version is not None
    )
