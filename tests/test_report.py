"""The text of whole pages, so that a change of wording or layout is a decision."""

from __future__ import annotations

import io
import json
import re
from typing import Callable, List, Optional

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from compatshim import gate
from compatshim.analysis import Analysis, analyse
from compatshim.answer import Answer, answer
from compatshim.constraints import ConstraintFile, Line, Override
from compatshim.gate import Policy
from compatshim.model import Advisory, Catalog, Change, Detect, Interval, Reference, Remedy, Reproducer, Term
from compatshim.report import data, text, uv
from compatshim.report.document import Document
from compatshim.solve.problem import Wishes
from tests import support

ADVISORY = Advisory(
    id="CSA-2026-9999",
    title="Every rank waits for a lock that is already held",
    symptom="hang",
    severity="high",
    root_cause="evaluate sets a private attribute.\nfilelock 3.12 moved it.",
    terms=(
        Term("evaluate", (Interval(Version("0"), Version("0.4.2")),), ("evaluate.module",)),
        Term("filelock", (Interval(Version("3.12.0"), last_checked=Version("3.31.0")),)),
    ),
    remedies=(
        Remedy("upgrade", ("evaluate>=0.4.2",), impact="A lock path that is a link stops working."),
        Remedy("shim", shim="evaluate_filefreelock"),
    ),
    reproducer=Reproducer("some_program"),
    detect=(Detect("ValueError", "Expected to find locked file"),),
    references=(Reference("REPORT", "https://example.org/1"),),
)
CATALOG = Catalog((ADVISORY,), "0123456789ab")


def analysis(filelock: str = "3.12.0") -> Analysis:
    return analyse(support.inventory({**support.STORY, "filelock": filelock}), CATALOG)


def solved(found: Analysis, name: str, **wishes: object) -> Answer:
    return answer(found, support.Releases(), name=name, wishes=Wishes(**wishes))  # type: ignore[arg-type]


def page(fill: Callable[[text.Page], None]) -> str:
    made = text.Page(io.StringIO())
    fill(made)
    return made.render()


def finding(filelock: str = "3.12.0", python: Optional[str] = None) -> str:
    found = analysis(filelock)
    document = Document(gate.judge([found], Policy()), (solved(found, "least-change"),), python)
    return page(lambda made: text.check(made, document))


def plan() -> str:
    found = solved(analysis(), "recommended")
    return page(lambda made: text.plan(made, found, found.steps, None))


def impossible() -> str:
    found = solved(analysis(), "least-change", hold=frozenset({"evaluate", "filelock"})).impossible
    assert found is not None
    return page(lambda made: text.impossible(made, found))


def advisory() -> str:
    return page(lambda made: text.advisory(made, ADVISORY))


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_finding() -> None:
    assert (
        finding()
        == """\
CSA-2026-9999  error  Every rank waits for a lock that is already held
  installed  evaluate 0.4.1 · filelock 3.12.0
  known bad  evaluate <0.4.2 · filelock >=3.12.0
  cause      evaluate sets a private attribute. filelock 3.12 moved it.
  fix        evaluate==0.4.6, or `import compatshim`, which keeps the versions

Fix, the smallest change that cures every error:
  pip        python -m pip install evaluate==0.4.6
  uv         uv pip install evaluate==0.4.6
  file       python -m compatshim pin > constraints.txt
Without changing versions: put this first in the program
  shim       import compatshim    # mends CSA-2026-9999
1 error. 3 distributions checked, 0 not checked.
"""
    )


def test_a_finding_that_is_not_sure_says_so() -> None:
    probably = "             This is newer than anything that was run: probably bad, not surely.\n"
    assert probably in finding("4.0.0")
    assert probably not in finding("3.31.0")


def test_plan() -> None:
    assert (
        plan()
        == """\
Step 1 of 1: evaluate 0.4.1 → 0.4.6
  pip        python -m pip install evaluate==0.4.6
  uv         uv pip install evaluate==0.4.6
  cures      CSA-2026-9999 (Every rank waits for a lock that is already held)
  mind       A lock path that is a link stops working.
  after      0 known-bad combinations left; nothing that held before is broken.

Why:
             CSA-2026-9999 rules out evaluate <0.4.2 together with filelock >=3.12.0; installed:
             evaluate 0.4.1, filelock 3.12.0.
             evaluate moves from 0.4.1 to 0.4.6 because it takes the environment out of
             CSA-2026-9999.
"""
    )


def test_impossible() -> None:
    assert (
        impossible()
        == """\
No change of versions cures this:
  because    CSA-2026-9999 rules out evaluate <0.4.2 together with filelock >=3.12.0; installed:
             evaluate 0.4.1, filelock 3.12.0.
  because    evaluate is held at 0.4.1.
  because    filelock is held at 3.12.0.
  drop       --hold evaluate; then evaluate==0.4.6 does.
  or         keep the versions: `import compatshim` mends CSA-2026-9999.
"""
    )


def test_advisory() -> None:
    assert (
        advisory()
        == """\
CSA-2026-9999  error  Every rank waits for a lock that is already held
  known bad  evaluate <0.4.2 · filelock >=3.12.0
  symptom    hang, severity high
             ValueError: … Expected to find locked file …
  cause      evaluate sets a private attribute. filelock 3.12 moved it.
  remedy     python -m pip install "evaluate>=0.4.2"
             mind: A lock path that is a link stops working.
  remedy     import compatshim    # keeps the versions
  run        0 bad, 0 good, 0 shimmed environments
  see        report https://example.org/1
"""
    )


@pytest.mark.parametrize(
    ("python", "shown"),
    [(None, "python"), ("/usr/bin/python3", "/usr/bin/python3"), ("/my envs/bin/python", '"/my envs/bin/python"')],
)
def test_commands_can_be_copied(python: Optional[str], shown: str) -> None:
    moves = [
        Change("evaluate", Version("0.4.1"), Version("0.4.6")),
        Change("odd", None, Version("1!2.0")),
    ]
    target = f" --python {shown}" if python else ""
    assert text.pip(moves, python) == f'{shown} -m pip install evaluate==0.4.6 "odd==1!2.0"'
    assert text.uv(moves, python) == f'uv pip install{target} evaluate==0.4.6 "odd==1!2.0"'
    assert f"  file       python -m compatshim pin{target} > constraints.txt\n" in finding(python=python)


@pytest.mark.parametrize("columns", ["1", "40", "1000"])
def test_commands_are_never_wrapped(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert '  remedy     python -m pip install "evaluate>=0.4.2"\n' in advisory()
    assert max(map(len, finding().splitlines())) <= 100


def test_markup_is_text() -> None:
    made = page(lambda made: made.line(("[bold]x[/]", "bold"), " [red] :smile: [link=x]"))
    assert made == "[bold]x[/] [red] :smile: [link=x]\n"


def test_json_is_ascii() -> None:
    document = data.render("check", CATALOG, {"where": "/\udcff → é"})
    assert document.isascii()
    assert json.loads(document)["where"] == "/\udcff → é"


def test_other_answers() -> None:
    found = answer(analysis(), support.Releases(), name="least-change", alternatives=3)
    assert (
        page(lambda made: text.alternatives(made, found))
        == """\

Other answers, the next best first:
  1          filelock 3.12.0 → 3.9.0
             against the best: 1 more move that no remedy names, 1 more downgrade, 1 more minor
             version, 1 fewer patch version, 4 more newer versions passed over
"""
    )


def test_no_other_answers() -> None:
    found = solved(analysis(), "least-change")
    assert page(lambda made: text.alternatives(made, found)).endswith("first:\n             none was found\n")


FILE = ConstraintFile(
    "0.1",
    "0" * 12,
    "python -m compatshim pin --format uv",
    (
        Line("filelock", "==3.9.0", ("CSA-2026-0001",)),
        Line("huggingface-hub", "<1.4", ("CSA-2026-0004",), "kept out"),
    ),
)


def test_a_piece_of_pyproject_for_uv() -> None:
    version = Version("20.26.2")
    overrides = (
        Override("fsspec-user", Version("1.0"), 'fsspec[http]>=2024 ; extra == "x"', "fsspec[http]==2023.1"),
        Override("virtualenv", version, "filelock>=3.12.2", "filelock==3.9.0"),
        Override("virtualenv", version, "distlib<0.3", "distlib==0.3.8"),
    )
    made = uv.render(FILE, overrides)
    assert (
        made
        == """\
# This file was made by compatshim 0.1 (catalog 000000000000) with the command:
#     python -m compatshim pin --format uv
[tool.uv]
constraint-dependencies = [
    "filelock==3.9.0",  # via CSA-2026-0001
    "huggingface-hub<1.4",  # via CSA-2026-0004 (kept out)
]
# Read by uv 0.11.25 and later.
override-dependencies = [
    { package = { name = "fsspec-user", version = "1.0" }, dependencies = ["fsspec[http]==2023.1"] },  \
# declares fsspec[http]>=2024 ; extra == "x"
    { package = { name = "virtualenv", version = "20.26.2" }, dependencies = ["filelock==3.9.0", \
"distlib==0.3.8"] },  # declares filelock>=3.12.2 and distlib<0.3
]
"""
    )
    table = tomli.loads(made)["tool"]["uv"]
    assert table["constraint-dependencies"] == ["filelock==3.9.0", "huggingface-hub<1.4"]
    assert len(table["override-dependencies"]) == 2


def test_without_overrides_there_is_no_such_table() -> None:
    assert "override" not in uv.render(FILE, ())


# Of one column each, or an escape: behind others rich reckons a tab by the columns of a terminal.
_LETTERS = st.sampled_from("ab ·→é\t\n\r\a\b\v\f[]:\udcff")
_PARTS = st.text(_LETTERS) | st.tuples(st.text(_LETTERS), st.sampled_from(sorted(text.STYLES.values())))


@given(st.lists(st.lists(_PARTS, max_size=3), max_size=3))
def test_plain_text_is_what_rich_writes_without_its_colours(lines: List[List[text.Part]]) -> None:
    page = text.Page(io.StringIO())
    for line in lines:
        page.line(*line)
    plain = page.render(colour=False)
    assert plain == re.sub(r"\x1b\[[\d;]*m", "", page.render(colour=True))
    assert len(plain.splitlines()) == len(lines)
