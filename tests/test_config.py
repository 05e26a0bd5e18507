"""``[tool.compatshim]`` as the command line reads it: strictly, and with the place in every message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Dict, Set

import pytest

from compatshim import catalogs, config
from compatshim.cli import arguments
from compatshim.config import Config, ConfigError
from compatshim.ignores import Ignore
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mdoe = 'off'", ":2: tool.compatshim.mdoe: unknown key (known here: baseline, catalogs, disable, fail-on"),
        ("mdoe = 'off'", "; did you mean mode?"),
        (
            "fail-on = 'errors'",
            ":2: tool.compatshim.fail-on: 'errors' is not one of note, warning, error, never; did",
        ),
        ("strict = 1", ":2: tool.compatshim.strict: true or false is wanted, not 1"),
        ("baseline = ''", ":2: tool.compatshim.baseline: a non-empty string is wanted"),
        ("ignore = ['CSA-2026-0001']", ":2: tool.compatshim.ignore: a list of tables is wanted"),
        ("ignore = [{ id = 'CSA-2026-0001' }]", ":2: tool.compatshim.ignore[0].reason: missing"),
        ("ignore = [{ id = 'CSA-2026-0001', reason = ' ' }]", "ignore[0].reason: a non-empty string is wanted"),
        ("ignore = [{ id = 'x', reason = 'r' }]", "tool.compatshim.ignore[0].id: 'X' is no advisory"),
        (
            "ignore = [{ id = '*', reason = 'r', expires = '2027-01-01' }]",
            "expires: a date without quotes is wanted",
        ),
        ("ignore = [{ id = '*', reason = 'r', expire = 2027-01-01 }]", "did you mean expires?"),
        ("ignore = [{ id = '*', reason = 'r', paths = 'a' }]", "ignore[0].paths: a list of strings is wanted"),
        ("[[tool.compatshim.ignore]]\nid = '*'\n[[tool.compatshim.ignore]]\nreason = 'r'", ":2: tool.compatshim."),
    ],
)
def test_says_what_of_a_check_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"[tool.compatshim]\n{text}")
    with pytest.raises(ConfigError) as raised:
        config.read(path)
    assert str(raised.value).startswith(path)
    assert message in str(raised.value)


def test_reads_what_counts(tmp_path: Path) -> None:
    text = """\
[tool.compatshim]
fail-on = "never"
fail-on-possible = true
strict = false
baseline = "ci/known.json"
ignore = [
    { id = "csa-2026-0001", reason = "first  of all" },
    { id = "*", reason = "r", expires = 2027-01-01, paths = ["lib"], projects = ["Foo.Bar"] },
    { id = "CSA-2026-0001", reason = "again" },
]
"""
    found = config.read(write(tmp_path, text))
    assert (found.fail_on, found.fail_on_possible, found.strict) == ("never", True, False)
    assert found.baseline == str(tmp_path / "ci" / "known.json")
    assert found.lines == {"fail-on": 2, "fail-on-possible": 3, "strict": 4, "baseline": 5, "ignore": 6}
    base = str(tmp_path)
    assert found.ignore == (
        Ignore("CSA-2026-0001", "first of all", "pyproject.toml:7", base=base),
        Ignore("*", "r", "pyproject.toml:8", "2027-01-01", ("lib",), ("foo-bar",), base),
        Ignore("CSA-2026-0001", "again", "pyproject.toml:9", base=base),
    )


class TestOneListOfKeys:
    def test_knows_the_modes_that_start_up_knows(self) -> None:
        assert config.MODES == policy.MODES

    def test_start_up_reads_those_that_are_marked_and_no_others(self) -> None:
        class Table(Dict[str, object]):
            asked: ClassVar[Set[str]] = set()

            def __contains__(self, key: object) -> bool:
                self.asked.add(str(key))
                return False

        policy._file(policy.Settings(), "pyproject.toml", Table())
        assert Table.asked == {key.name for key in config.KEYS if key.startup}

    def test_variables_and_defaults_of_start_up(self) -> None:
        known = {key.name: key for key in config.KEYS}
        assert (known["mode"].variable, known["disable"].variable) == (policy.MODE, policy.DISABLE)
        settings = policy.Settings()
        assert (known["mode"].default, known["disable"].default) == (settings.mode, settings.disable)
        assert known["catalogs"].variable == catalogs.VARIABLE

    def test_options_are_those_of_check(self) -> None:
        command = arguments.parser(["check"])._subparsers._group_actions[0].choices["check"]  # type: ignore[union-attr,index]  # argparse has no public way
        options = {name for action in command._actions for name in action.option_strings}
        wanted = {key.option for key in config.KEYS if key.option}
        assert wanted <= options

    def test_each_is_explained(self) -> None:
        page = Path(__file__).parent.parent.joinpath("docs", "configuration.md")
        if not page.exists():
            pytest.skip("no documentation beside this installation: not run")
        explained = re.findall(
            r"^\| `([a-z-]+)` \|", page.read_text(encoding="utf-8").split("\n## ")[0], re.MULTILINE
        )
        assert explained == [key.name for key in config.KEYS]
