"""A client of package indexes: the page of a project, and the metadata of one wheel.

Pages are read by pypi-simple, in either form that the simple API has. Metadata come from the file that the index
may serve beside a wheel (many do without saying so), else out of the wheel itself: by ranges (remotezip), or whole
where the server has none. No message here holds an address or anything that a server said.
"""

from __future__ import annotations

import contextlib
import tempfile
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple

from packaging.version import Version

from compatshim.metadata import declared, failures, pages
from compatshim.metadata.declared import Metadata
from compatshim.metadata.failures import DamagedError, UnavailableError, is_everywhere, reason
from compatshim.metadata.pages import Page
from compatshim.metadata.settings import NONE, Login, Settings, host

if TYPE_CHECKING:
    import requests
    from pypi_simple import DistributionPackage

PARALLEL = 8
"""Requests at a time."""
BACKOFF = 0.5
"""Seconds before the second retry; each later one waits twice as long."""
WHOLE = 64 << 20
"""Bytes of a wheel above which it is not fetched whole."""

_CONNECT = 10.0
_ATTEMPTS = 3
"""How often an answer is asked for that breaks off."""
_CHUNK = 1 << 16


class Client:
    """A client of the indexes in some settings, for several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = _session(settings)
        self._down: Dict[Tuple[str, Optional[Login]], UnavailableError] = {}
        """Hosts, as a login sees them, that need not be asked again."""
        seconds = settings.timeout
        self._options: Dict[str, Any] = {"timeout": (min(seconds, _CONNECT), seconds)}
        if settings.client_certificate:
            self._options["cert"] = settings.client_certificate
        if settings.proxy:
            self._options["proxies"] = {"http": settings.proxy, "https": settings.proxy}

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def page(self, index: str, project: str, known: Optional[Page] = None) -> Optional[Page]:
        """The files of a project, or None when the index does not have it; ``known`` itself when it still holds.

        Raises :exc:`UnavailableError`.
        """
        address = f"{index}{project}/"
        if index == NONE:
            raise UnavailableError("http, https and file are known here", host(index))
        if index.startswith("file:"):
            return pages.local(address, project)
        from pypi_simple import ACCEPT_ANY

        headers = {"Accept": ACCEPT_ANY, "Cache-Control": "max-age=0"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        answer = self._get(address, headers)
        if answer.status_code == HTTPStatus.NOT_MODIFIED and known is not None:
            return known
        if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return None
        _accepted(answer)
        return pages.parsed(answer, project)

    def metadata(self, project: str, version: Version, package: DistributionPackage) -> Metadata:
        """What a wheel declares. Raises :exc:`DamagedError` and :exc:`UnavailableError`."""
        if package.url.startswith("file:"):
            try:
                with open(pages.path_of(package.url), "rb") as file:
                    return declared.parse(declared.inside(file), project, version)
            except OSError as error:
                raise DamagedError(f"the wheel cannot be read: {error.strerror}") from error
        # What is served beside the wheel may be another file, or the site's page for what is missing.
        with contextlib.suppress(DamagedError):
            beside = self._beside(package)
            if beside is not None:
                return declared.parse(beside, project, version)
        return declared.parse(self._within(package.url), project, version)

    def _beside(self, package: DistributionPackage) -> Optional[bytes]:
        """The metadata file beside a wheel, or None when the index does not serve it."""
        answer = self._get(package.metadata_url)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _accepted(answer)
        if answer.status_code != HTTPStatus.OK:
            return None
        declared.verify(answer.content, package)
        return answer.content

    def _within(self, address: str) -> bytes:
        """The metadata inside a wheel."""
        from remotezip import RangeNotSupported, RemoteIOError, RemoteZip, RemoteZipError

        headers = {"Accept-Encoding": "identity"}
        try:
            with RemoteZip(address, session=self._session, headers=headers, **self._for(address)) as archive:
                return declared.member(archive)
        except (RangeNotSupported, RemoteIOError):
            pass  # not every server that has ranges has those from the end
        except failures.transport() as error:
            raise UnavailableError(reason(error), host(address)) from None
        except (RemoteZipError, *declared.BROKEN) as error:
            raise DamagedError("the wheel is damaged") from error
        return self._whole(address)

    def _whole(self, address: str) -> bytes:
        """The metadata inside a wheel that has to be fetched as a whole."""
        with tempfile.TemporaryFile() as place:
            try:
                with self._session.get(address, stream=True, **self._for(address)) as answer:
                    _accepted(answer)
                    for chunk in answer.iter_content(_CHUNK):
                        place.write(chunk)
                        if place.tell() > WHOLE:
                            raise DamagedError(
                                "the wheel is too large to fetch whole, and the server has no ranges"
                            )
            except failures.transport() as error:
                raise UnavailableError(reason(error), host(address)) from None
            return declared.inside(place)

    def _get(self, address: str, headers: Optional[Mapping[str, str]] = None) -> requests.Response:
        """The answer, whatever its status but 401; one that breaks off is asked for again."""
        import requests

        key = (host(address), self._settings.login(address))
        for _ in range(_ATTEMPTS):
            if key in self._down:
                raise self._down[key]
            try:
                answer = self._session.get(address, headers=headers, **self._for(address))
            except requests.exceptions.ChunkedEncodingError:
                continue
            except failures.transport() as error:
                failure = UnavailableError(reason(error), host(address))
                if is_everywhere(error):
                    self._down[key] = failure
                raise failure from None
            if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
                said = f"HTTP {answer.status_code}, it wants a login or another one"
                self._down[key] = UnavailableError(said, host(address))
                raise self._down[key]
            # Old versions of urllib3 take an answer that broke off for a whole one.
            announced = answer.headers.get("Content-Length", "")
            if not answer.ok or not announced.isdigit() or answer.raw.tell() >= int(announced):
                return answer
        raise UnavailableError("its answer broke off", host(address))

    def _for(self, address: str) -> Dict[str, Any]:
        """The options of one request. In a session they would give way to variables such as REQUESTS_CA_BUNDLE."""
        settings = self._settings
        return {**self._options, "verify": not settings.trusts(address) and (settings.certificate or True)}


def _accepted(answer: requests.Response) -> None:
    """Raise :exc:`UnavailableError` for an answer that is none."""
    status = answer.status_code
    if status != HTTPStatus.OK:
        forbidden = status == HTTPStatus.FORBIDDEN
        raise UnavailableError(f"HTTP {status}", host(answer.request.url or ""), forbidden=forbidden)


def _session(settings: Settings) -> requests.Session:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase, HTTPBasicAuth

    class Authentication(AuthBase):
        """The login of the index that an address belongs to."""

        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            user, password = _login(settings, request.url or "")
            if user or password:
                # As bytes, because in text requests knows Latin-1 only.
                HTTPBasicAuth(user.encode("utf-8"), password.encode("utf-8"))(request)
            return request

    if settings.trusted:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has said so
    session = requests.Session()
    session.auth = Authentication()
    retries = urllib3.util.Retry(
        total=4,
        connect=2,
        backoff_factor=BACKOFF,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
        respect_retry_after_header=False,  # it may be an hour; somebody is waiting
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=PARALLEL, max_retries=retries))
    return session


def _login(settings: Settings, address: str) -> Tuple[str, str]:
    """User and password for an address: those in it, those of its index, those that ``netrc`` has for its host."""
    from requests.utils import get_auth_from_url, get_netrc_auth

    user, password = get_auth_from_url(address)  # a page may link to files with a login of their own
    if user or password:
        return user, password
    configured, secret = settings.login(address) or ("", None)
    if secret is not None:
        return configured, secret
    found = get_netrc_auth(address)
    if found is not None and configured in ("", found[0]):
        return found
    return configured, ""
