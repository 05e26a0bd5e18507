"""What goes wrong between an index and us, in words of our own: those of the libraries hold addresses."""

from __future__ import annotations

import socket
from typing import Any, List, Optional, Tuple, Type


class UnavailableError(Exception):
    """An index did not answer as an index does; the message is a phrase that says why."""

    def __init__(self, reason: str, host: str, *, forbidden: bool = False) -> None:
        super().__init__(reason)
        self.host = host
        """Of the index."""
        self.forbidden = forbidden
        """Whether it said 403, as some indexes do of a project that they do not have."""


class DamagedError(Exception):
    """A wheel has no readable metadata; the message is a phrase that says what is wrong."""


def transport() -> Tuple[Type[Exception], ...]:
    """What a request can raise: requests lets some of urllib3's errors through."""
    import requests
    import urllib3

    return (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError)


def reason(error: BaseException) -> str:
    """Why a request has no answer."""
    import requests
    import urllib3

    causes = _causes(error)

    def among(*kinds: Any) -> bool:
        return any(isinstance(item, kinds) for item in causes)

    refused = [item.strerror for item in causes if isinstance(item, OSError) and item.errno and item.strerror]
    known = (
        (among(requests.exceptions.SSLError, urllib3.exceptions.SSLError), "its certificate is not accepted"),
        (among(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError), "the proxy does not let it through"),
        (among(socket.gaierror), "its name is not known"),
        (among(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "its address is none"),
        (bool(refused), "".join(refused[-1:]).lower()),
        (among(requests.Timeout, urllib3.exceptions.TimeoutError, socket.timeout), "it did not answer in time"),
    )
    return next((words for holds, words in known if holds), "the connection failed")


def is_everywhere(error: BaseException) -> bool:
    """Whether an index as a whole is out of reach; one page that takes long is not that."""
    import requests
    import urllib3

    slow = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
    return not any(isinstance(item, slow) for item in _causes(error))


def _causes(error: Optional[BaseException]) -> List[BaseException]:
    """An exception with all that it wraps."""
    found: List[BaseException] = []
    waiting: List[Any] = [error]
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
