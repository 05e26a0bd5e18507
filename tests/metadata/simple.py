"""A small package index on 127.0.0.1 that behaves as it is told, and wheels to serve."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import json
import re
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import unquote

JSON = "application/vnd.pypi.simple.v1+json"
TEXT = "text/html"

_Made = Tuple[int, Dict[str, str], bytes]
"""Status, headers and body."""


@dataclass
class Item:
    """A file of the index."""

    name: str
    content: bytes
    metadata: bytes = b""
    yanked: bool = False
    requires_python: str = ""


def metadata(project: str, version: str, *requires: str, python: str = "") -> bytes:
    """The text of a METADATA file."""
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Requires-Dist: {text}" for text in requires]
    return "\n".join([*lines, "", "Described.", ""]).encode()


def wheel(
    project: str,
    version: str,
    *requires: str,
    tags: str = "py3-none-any",
    python: str = "",
    yanked: bool = False,
    padding: int = 0,
) -> Item:
    """A wheel that pip installs, with so many incompressible bytes in front of its metadata."""
    stem = f"{project.replace('-', '_')}-{version}"
    text = metadata(project, version, *requires, python=python)
    members = {
        "padding.bin": hashlib.shake_128(stem.encode()).digest(padding),
        "vendored/other-1.dist-info/METADATA": metadata("other", "1"),
        f"{stem}.dist-info/METADATA": text,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n".encode(),
        f"{stem}.dist-info/RECORD": b"",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of 1980: the same bytes each time
    return Item(f"{stem}-{tags}.whl", buffer.getvalue(), text, yanked, python)


def sdist(project: str, version: str) -> Item:
    """A source distribution that nobody could build."""
    return Item(f"{project}-{version}.tar.gz", b"no archive")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""


@dataclass
class Server:
    """An index. Everything may be changed while it runs."""

    items: Dict[str, List[Item]] = field(default_factory=dict)
    """By project."""
    form: str = JSON
    beside: bool = True
    """Whether ``.metadata`` files are served."""
    announced: bool = False
    """Whether pages say so, with a digest."""
    ranges: bool = True
    login: Optional[Tuple[str, str]] = None
    tagged: bool = False
    """Whether pages come with an ETag."""
    statuses: Dict[str, List[int]] = field(default_factory=dict)
    """What to answer first, by path."""
    bodies: Dict[str, Tuple[str, bytes]] = field(default_factory=dict)
    """Content type and body of what is not as it should be, by path."""
    truncated: Dict[str, int] = field(default_factory=dict)
    """How often answers break off in the middle, by path."""
    silent: List[str] = field(default_factory=list)
    """Paths that are never answered."""
    log: List[str] = field(default_factory=list)
    """``GET /path status``."""
    agents: List[Dict[str, str]] = field(default_factory=list)
    """The headers of each request."""

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve, in a thread."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._closing = threading.Event()
        with _Server(("127.0.0.1", 0), Handler) as self._http:
            thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            yield self
            self._closing.set()
            self._http.shutdown()
            thread.join()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/simple/"

    def url_with(self, user: str, password: str) -> str:
        """The address with a login in it."""
        return f"http://{user}:{password}@{self.host}/simple/"

    def asked(self, pattern: str) -> int:
        """How many requests there were for paths like that."""
        return sum(bool(re.search(pattern, line)) for line in self.log)

    def counted(self) -> Counter[str]:
        """How many requests there were, by path and status."""
        return Counter(self.log)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(request.path)
        self.agents.append(dict(request.headers))
        status, headers, body = self._made(path, request)
        self.log.append(f"GET {path} {status}")
        if path in self.silent:
            self._closing.wait(30)
            return
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        if self.truncated.get(path, 0) > 0:
            self.truncated[path] -= 1
            request.send_header("Connection", "close")
            request.close_connection = True
            body = body[: len(body) // 2]
        request.end_headers()
        request.wfile.write(body)

    def _made(self, path: str, request: BaseHTTPRequestHandler) -> _Made:
        if self.statuses.get(path):
            return self.statuses[path].pop(0), {}, b"a page that nobody wants"
        if self.login is not None:
            expected = base64.b64encode(":".join(self.login).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {expected}":
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        if path in self.bodies:
            kind, body = self.bodies[path]
            return 200, {"Content-Type": kind}, body
        page = re.fullmatch("/simple/([^/]+)/", path)
        if page is not None and page[1] in self.items:
            return self._page(self.items[page[1]], request)
        return self._file(path, request)

    def _page(self, items: List[Item], request: BaseHTTPRequestHandler) -> _Made:
        text = self._json(items) if self.form == JSON else self._html(items)
        headers = {"Content-Type": self.form}
        if self.tagged:
            tag = f'"{hashlib.sha256(text).hexdigest()}"'
            headers["ETag"] = tag
            if request.headers.get("If-None-Match") == tag:
                return 304, headers, b""
        return 200, headers, text

    def _json(self, items: List[Item]) -> bytes:
        files = [
            {
                "filename": item.name,
                "url": f"../../files/{item.name}",
                "hashes": {"sha256": hashlib.sha256(item.content).hexdigest()},
                "yanked": item.yanked,
                "upload-time": "2026-02-03T00:00:00.000000Z",
                **({"requires-python": item.requires_python} if item.requires_python else {}),
                **({"core-metadata": self._digest(item)} if self.announced else {}),
            }
            for item in items
        ]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": "x", "files": files}).encode()

    def _html(self, items: List[Item]) -> bytes:
        links = []
        for item in items:
            attributes = (
                [f'data-requires-python="{html.escape(item.requires_python)}"'] if item.requires_python else []
            )
            attributes += ['data-yanked=""'] if item.yanked else []
            attributes += [f'data-core-metadata="sha256={self._digest(item)["sha256"]}"'] if self.announced else []
            links.append(f'<a href="../../files/{item.name}" {" ".join(attributes)}>{item.name}</a><br>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()

    @staticmethod
    def _digest(item: Item) -> Dict[str, str]:
        return {"sha256": hashlib.sha256(item.metadata).hexdigest()}

    def _file(self, path: str, request: BaseHTTPRequestHandler) -> _Made:
        for item in (item for items in self.items.values() for item in items):
            if path == f"/files/{item.name}":
                return self._content(item.content, request)
            if path == f"/files/{item.name}.metadata" and self.beside and item.metadata:
                return 200, {}, item.metadata
        return 404, {}, b"there is no such page"

    def _content(self, content: bytes, request: BaseHTTPRequestHandler) -> _Made:
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        if wanted is None or not self.ranges:
            return 200, {}, content
        if wanted[1]:
            first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        else:
            first, last = max(0, len(content) - int(wanted[2])), len(content) - 1
        return 206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]
