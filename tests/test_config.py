"""``[tool.compatshim]`` as the command line reads it: strictly, and with the place in every message."""

from __future__ import annotations

from pathlib import Path

import pytest

from compatshim import config
from compatshim.config import Config, ConfigError
from compatshim.startup import policy


def write(folder: Path, text: str) -> str:
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Config()),
        ("[tool.other]\nmode = 1", Config()),
        ("[tool.compatshim]", Config()),
        ("[tool.compatshim]\nmode = 'observe'", Config("observe")),
        ("[tool.compatshim]\ndisable = ['csa-2026-0001', '*']", Config(None, ("CSA-2026-0001", "*"))),
        ("[tool]\ncompatshim = { disable = '*', mode = 'off' }", Config("off", ("*",))),
    ],
)
def test_reads(text: str, wanted: Config, tmp_path: Path) -> None:
    assert config.read(write(tmp_path, text))._replace(lines={}) == wanted._replace(lines={})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[project]\n\n[tool.compatshim]\nmode = 'of'",
            ":4: tool.compatshim.mode: 'of' is not one of off, observe",
        ),
        ("[tool.compatshim]\nmode = 3", ":2: tool.compatshim.mode: a non-empty string is wanted, not 3"),
        (
            "[tool.x]\nmodes = 1\n[tool.compatshim]\nmodes = 1",
            ":4: tool.compatshim.modes: unknown key (known here:",
        ),
        ("[tool.compatshim]\n\ndisable = 'CSA-2026-0001'", ":3: tool.compatshim.disable: a list of strings"),
        ("[tool.compatshim]\ndisable = ['x']", ":2: tool.compatshim.disable: 'X' is no advisory"),
        ("[tool.compatshim]\ndisable = ['CSA-2026-1']", "'CSA-2026-1' is no advisory"),
        ("[tool]\ncompatshim = 1", ":2: tool.compatshim: a table is wanted"),
        ("tool = 1", ":1: tool: a table is wanted"),
        ("[tool.compatshim", ":1: not TOML: "),
    ],
)
def test_says_where_it_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        config.read(path)
    assert str(raised.value).startswith(path)
    assert message in str(raised.value)


def test_knows_the_modes_that_start_up_knows() -> None:
    assert config.MODES == policy.MODES
