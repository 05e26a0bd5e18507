"""Commands run in this process, on files in a folder of their own."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Optional, Tuple

import pytest

from compatshim import cli
from compatshim.inventory import probe

Answer = Tuple[int, str, str]
"""Exit status, standard output, standard error."""


class Command:
    """Runs commands and keeps what they say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *argv: str, stdin: Optional[bytes] = None) -> Answer:
        if stdin is not None:
            self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli.main(argv)
        return (code, *self._capsys.readouterr())

    def json(self, *argv: str, stdin: Optional[bytes] = None) -> Any:
        _, out, err = self(*argv, "--format", "json", stdin=stdin)
        assert out, err
        return json.loads(out)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    for name in ("NO_COLOR", "FORCE_COLOR", "COMPATSHIM_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    markers = {
        **probe.markers(),
        "python_version": "3.11",
        "python_full_version": "3.11.7",
        "sys_platform": "linux",
    }
    monkeypatch.setattr(probe, "markers", lambda: markers)
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)
