"""``--index`` on the command line, and that no secret ever leaves it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any, Callable, List, Mapping, Sequence

import pytest

from compatshim import cli
from compatshim.inventory import environment
from compatshim.metadata.snapshot import Snapshot
from tests import support
from tests.metadata.simple import JSON, TEXT, Item, Server, sdist, wheel

STORY = support.STORY
ALONE = {"filelock": "3.12.0"}
SNAPSHOT = f"bundled snapshot of {Snapshot.bundled().date}"
TODAY = f"index of {time.strftime('%Y-%m-%d')}"
USER, SECRET = "somebody", "s3cr3t-p@ss/word"
QUOTED = "s3cr3t-p%40ss%2Fword"

Command = Callable[..., "Answer"]


class Answer:
    """What one command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def notes(self) -> List[str]:
        """What was said of the index."""
        return [
            line for line in self.err.splitlines() if re.search("did not answer|left out|no index|not read", line)
        ]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command on an environment with these versions."""

    def run(*argv: str, on: Mapping[str, str] = STORY) -> Answer:
        inventory = support.inventory(on)
        monkeypatch.setattr(environment, "this", lambda: inventory)
        return Answer(cli.main(argv), *capsys.readouterr())

    return run


def story(server: Server) -> None:
    """An index that has more than the snapshot: filelock 9.0, and a project of its own."""
    projects = Snapshot.bundled().projects
    server.items = {name: [sdist(name, "0.0.1")] for name in projects}
    for name in ("evaluate", "datasets", "filelock", "huggingface-hub"):
        releases = Snapshot.bundled().releases(name) or ()
        server.items[name] = [wheel(name, str(release.version)) for release in releases]
    server.items["filelock"].append(wheel("filelock", "9.0"))
    server.items["corporate"] = [wheel("corporate", "1.0", "filelock>=9")]


@pytest.fixture
def configured(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    story(server)
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    return server


@pytest.mark.parametrize("name", ["pin", "plan"])
def test_the_source_is_named(name: str, command: Command, configured: Server) -> None:
    answer = command(name, "--index")
    assert answer.code == 0
    assert answer.err.endswith(f"compatshim: versions and their requirements are those of the {TODAY}\n")
    assert answer.notes == []
    assert json.loads(command(name, "--index", "--format", "json").out)["metadata"] == TODAY
    assert json.loads(command(name, "--format", "json").out)["metadata"] == SNAPSHOT
    assert configured.asked("/simple/filelock/") == 1


def test_versions_that_only_the_index_has(command: Command, configured: Server) -> None:
    answer = command("pin", "--index", "--require", "filelock>=9", on=ALONE)
    assert "filelock==9.0" in answer.out
    assert command("pin", "--require", "filelock>=9", on=ALONE).code == 1
    assert configured.asked("filelock-9.0-py3-none-any.whl.metadata") == 1


def test_a_project_that_only_the_index_has(command: Command, configured: Server) -> None:
    answer = command("pin", "--index", "--require", "corporate", on=ALONE)
    assert answer.code == 0
    pins = re.findall(r"^(\S+)==(\S+)", answer.out, re.MULTILINE)
    assert ("corporate", "1.0") in pins
    assert ("filelock", "9.0") in pins
    for options in (["--require", "corporate"], ["--index", "--require", "nowhere"]):
        answer = command("pin", *options)
        assert (answer.code, answer.out) == (2, "")
        assert "is neither installed nor known here" in answer.err
    assert configured.asked("/simple/nowhere/") == 1


def test_check(command: Command, configured: Server) -> None:
    assert command("check", "--index").code == 1
    assert configured.asked("/simple/filelock/") == 1
    assert command("check", "--index", on={"filelock": "4.0.0"}).code == 0
    assert configured.asked("/simple/filelock/") == 1


def test_uv_goes_first(command: Command, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    story(server)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uv.toml").write_text(f'[[index]]\nname = "mine"\nurl = "{server.url}"\ndefault = true\n')
    assert "filelock==9.0" in command("pin", "--index", "--require", "filelock>=9", on=ALONE).out


def test_a_dead_network_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{USER}:{QUOTED}@127.0.0.1:{port}/simple/")
    expected = command("pin")
    answer = command("pin", "--index")
    assert answer.code == expected.code == 0
    line = f"the index at 127.0.0.1:{port} did not answer (connection refused): using the {SNAPSHOT}"
    assert sorted(answer.err.splitlines()) == sorted([*expected.err.splitlines(), f"compatshim: {line}"])
    assert answer.out.replace(" --index", "") == expected.out


@pytest.mark.parametrize("missing", ["pypi_simple", "remotezip"])
def test_without_the_libraries(missing: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    answer = command("pin", "--index")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"compatshim: --index needs {missing}, not installed here: python -m pip install 'compatshim[index]'\n"
    )


def test_no_bar_where_there_is_no_terminal(command: Command, configured: Server) -> None:
    assert "\r" not in command("pin", "--index").err
    assert configured.log


PAGE, METADATA = "/simple/filelock/", "/files/filelock-9.0-py3-none-any.whl.metadata"
FINE: Sequence[Mapping[str, Any]] = (
    {},
    {"form": TEXT},
    {"beside": False},
    {"beside": False, "ranges": False},
    {"bodies": {METADATA: (TEXT, b"garbage")}},
)
REFUSED = {"login": ("somebody", "else")}
TROUBLE: Sequence[Mapping[str, Any]] = (
    REFUSED,
    *[{"statuses": {PAGE: [status] * 99}} for status in (500, 403, 302)],
    {"statuses": {METADATA: [500] * 99}},
    {"truncated": {PAGE: 99}},
    {"truncated": {METADATA: 99}},
    {"silent": [PAGE]},
    {"bodies": {PAGE: (TEXT, b"garbage")}},
    {"bodies": {PAGE: (JSON, b"{garbage")}},
    {"damaged": True},
)
HOW = ("pip-file", "netrc", "uv-url", "uv-name", "uv-file")


@pytest.mark.parametrize(
    ("how", "case"),
    [
        *[("pip-url", case) for case in (*FINE, *TROUBLE)],
        *[(how, case) for how in HOW for case in ({}, REFUSED)],
    ],
    ids=lambda item: item if isinstance(item, str) else "-".join(item) or "fine",
)
def test_secrets_are_never_shown(
    how: str, case: Mapping[str, Any], configured: Server, command: Command, tmp_path: Path
) -> None:
    server = configured
    server.login = (USER, SECRET)
    vars(server).update({name: value for name, value in case.items() if name != "damaged"})
    if "damaged" in case:
        server.items["filelock"][-1] = Item(server.items["filelock"][-1].name, b"broken")
    with pytest.MonkeyPatch.context() as patch:
        _configure(how, server, patch, tmp_path)
        patch.setenv("COMPATSHIM_DEBUG", "1")
        answer = command("pin", "--index")
    said = answer.out + answer.err
    for word in (USER, SECRET, QUOTED, "s3cr3t", "c29tZWJvZHk6", "Authorization", "garbage", "Traceback"):
        assert word not in said
    assert answer.code == 0
    assert len(answer.notes) == (0 if case in FINE else 1)
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "compatshim"
    for entry in cache.rglob("*"):
        text = entry.name.encode() + (entry.read_bytes() if entry.is_file() else b"")
        assert not any(word in text for word in (USER.encode(), b"s3cr3t", b"c29tZWJvZHk6", b"127.0.0.1", b"://"))


def _configure(how: str, server: Server, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    url = server.url_with(USER, QUOTED)
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")
    if how == "pip-url":
        monkeypatch.setenv("PIP_INDEX_URL", url)
    elif how == "pip-file":
        (folder / "pip.conf").write_text(f"[global]\nindex-url = {url}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(folder / "pip.conf"))
    elif how == "netrc":
        (folder / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {SECRET}\n")
        (folder / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(folder / "netrc"))
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
    elif how == "uv-url":
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
    elif how == "uv-name":
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"mine={server.url}")
        monkeypatch.setenv("UV_INDEX_MINE_USERNAME", USER)
        monkeypatch.setenv("UV_INDEX_MINE_PASSWORD", SECRET)
    else:
        (folder / "uv.toml").write_text(f'[[index]]\nurl = "{url}"\ndefault = true\n')
        monkeypatch.setenv("UV_CONFIG_FILE", str(folder / "uv.toml"))


@pytest.mark.parametrize(
    "url",
    [
        f"http://{USER}:{QUOTED}@no-such-host.invalid/simple/",
        f"http://{USER}:{QUOTED}@127.0.0.1:1/simple/",
        f"https://{USER}:{QUOTED}@127.0.0.1:1/{SECRET}/simple/",
        f"ftp://{USER}:{QUOTED}@host.invalid/simple/",
        f"http://{USER}:{QUOTED}@[::bad/simple/",
        f"http://{USER}:{QUOTED}@host.invalid:port/simple/",
        f"http://{USER}:{QUOTED}@{'x' * 70}.invalid/simple/",
        f"{USER}:{QUOTED}@no scheme",
    ],
)
@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL", "PIP_PROXY"])
def test_addresses_that_lead_nowhere(
    url: str, variable: str, command: Command, configured: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured
    monkeypatch.setenv(variable, url)
    monkeypatch.setenv("COMPATSHIM_DEBUG", "1")
    answer = command("pin", "--index")
    for word in (USER, SECRET, QUOTED, "s3cr3t", "c29tZWJvZHk6"):
        assert word not in answer.out + answer.err
    assert answer.code == 0
    assert len(answer.notes) <= 2
