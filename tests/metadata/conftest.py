from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator, Optional

import pytest

from compatshim.metadata import client
from compatshim.metadata.library import Library
from compatshim.metadata.settings import Settings
from tests.metadata.simple import Server

pytest.importorskip("pypi_simple", reason="pypi-simple is not installed: the index was not asked")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No configuration and no cache of the person who runs the tests, and no waiting between retries."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_CONFIG_FILE", str(home / "uv.toml"))
    monkeypatch.setattr(client, "BACKOFF", 0)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as made:
        yield made


Opener = Callable[..., Library]


@pytest.fixture
def library(server: Server, tmp_path: Path) -> Iterator[Opener]:
    """Make a library of the server with the cache of this test."""
    made = []

    def opened(settings: Optional[Settings] = None, cache: Optional[Path] = None) -> Library:
        found = Library(settings or Settings(indexes=(server.url,), timeout=5), str(cache or tmp_path / "cache"))
        made.append(found)
        return found

    yield opened
    for one in made:
        one.close()
