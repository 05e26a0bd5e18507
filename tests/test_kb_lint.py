"""Each rule on an advisory that breaks it, and on the ones that are bundled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import pytest

from compatshim import catalog, cli
from compatshim.kb import lint
from compatshim.kb.lint import registry
from compatshim.kb.lint.registry import WAIVER, Base
from compatshim.model import Waiver
from tests.kb_support import HEAD, ON, Known

ID = "CSA-2026-0001"
DATE = "2026-11-25"


def table(outcome: str, a: str, b: str) -> str:
    on = f'python = "3.11", platform = "{ON[1]}", date = {DATE}'
    return f'\n[[verified]]\noutcome = "{outcome}"\non = {{ {on} }}\nwith = {{ a = "{a}", b = "{b}" }}\n'


ROWS = [
    ("bad", "2.0", "0.1"), ("bad", "2.9", "0.1"), ("bad", "5.0", "0.1"), ("bad", "6.0", "0.1"),
    ("bad", "2.0", "1.1"),
    ("good", "1.9", "0.1"), ("good", "3.0", "0.1"), ("good", "4.0", "0.1"), ("good", "2.0", "1.2"),
]  # fmt: skip
ROWS += [("shimmed", a, b) for outcome, a, b in ROWS if outcome == "bad"]
ROWS += [("good", "1.9", "1.3"), ("good", "7.0", "1.3")]
"""All that there is to know of :data:`HEAD`; the ranges say that 7.0 is probably bad with a ``b`` before 1.2."""
WHOLE = HEAD.replace('type = "WEB"', 'type = "FIX"') + "".join(table(*row) for row in ROWS)

Wrong = List[Tuple[str, str]]


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., Wrong]:
    """Checks and subjects of what is wrong with the text of an advisory; all else is as it should be."""

    def run(
        *texts: str,
        shims: Tuple[str, ...] = ("a_b",),
        reproducers: Tuple[str, ...] = ("hangs",),
        whole: bool = True,
    ) -> Wrong:
        for number, text in enumerate(texts, 1):
            identifier = f"CSA-2026-{number:04}"
            (tmp_path / f"{identifier}.toml").write_text(text.replace(ID, identifier), encoding="utf-8")
        base = Base(catalog.load(str(tmp_path)), Known(), str(tmp_path), shims, reproducers)
        wrong, _ = lint.lint(base, whole=whole)
        return [(problem.check, problem.subject) for problem in wrong]

    return run


def test_nothing_is_wrong(found: Callable[..., Wrong]) -> None:
    assert found(WHOLE) == []


def without(outcome: str, a: str, b: str) -> str:
    text = table(outcome, a, b)
    assert text in WHOLE
    return WHOLE.replace(text, "")


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


REMEDY = 'constraints = ["b>=1.2", "c<3"]'
BROKEN: Dict[str, Tuple[str, Wrong]] = {
    "no bad row inside": (
        without("bad", "2.9", "0.1").replace(table("shimmed", "2.9", "0.1"), ""),
        [],  # 2.0 is among the nearest three
    ),
    "no good row before": (without("good", "1.9", "0.1"), [("KB-BOUNDARY", "a >=2.0,<3.0, last before")]),
    "no bad row at last_checked": (
        without("bad", "6.0", "0.1").replace(table("shimmed", "6.0", "0.1"), ""),
        [("KB-OPEN-RANGE", "a")],
    ),
    "a new release": (
        without("good", "7.0", "1.3"),
        [("KB-UNTRIED", "a")],
    ),
    "a row that contradicts": (
        WHOLE + table("good", "2.1", "0.1"),
        [("KB-ROW", f"a 2.1, b 0.1 on Python 3.11, {ON[1]}")],
    ),
    "the shim was not run": (
        without("shimmed", "2.9", "0.1"),
        [("KB-REMEDY-UNRUN", f"a 2.9, b 0.1 on Python 3.11, {ON[1]}")],
    ),
    "the upgrade was not run": (
        changed(REMEDY, 'constraints = ["b>=1.3"]\n[[remedies]]\nkind = "constrain"\nconstraints = ["a<1.9"]'),
        [("KB-REMEDY-UNRUN", "a<1.9")],
    ),
    "a pin that does not help": (changed(REMEDY, 'constraints = ["b>=1.1"]'), [("KB-PIN-INEFFECTIVE", "b>=1.1")]),
    "a pin about something else": (changed(REMEDY, 'constraints = ["c>=1"]'), [("KB-PIN-INEFFECTIVE", "c>=1")]),
    "a pin that nothing satisfies": (
        changed(REMEDY, 'constraints = ["b>=99"]'),
        [("KB-REMEDY-UNRUN", "b>=99"), ("KB-PIN-INEFFECTIVE", "b>=99")],
    ),
    "something to be written": (changed("A and b do", "TODO: a and b do"), [("KB-GAP", "line 3")]),
    "no evidence": (WHOLE.replace('type = "FIX"', 'type = "WEB"'), [("KB-LINK", "references")]),
    "a link in a comment": (changed("# a comment", "# see https://example.org"), [("KB-LINK", "comment")]),
    "nothing to recognise it by": (changed('"hang"', '"import-error"'), [("KB-DETECT", "detect")]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule(found: Callable[..., Wrong], name: str) -> None:
    text, wrong = BROKEN[name]
    assert sorted(found(text)) == sorted(wrong)


def test_what_it_names_is_there(found: Callable[..., Wrong]) -> None:
    assert found(WHOLE, shims=(), reproducers=()) == [
        ("KB-SHIM-MISSING", "a_b"),
        ("KB-REPRODUCER-MISSING", "hangs"),
    ]


def test_orphans(found: Callable[..., Wrong]) -> None:
    more = {"shims": ("a_b", "other"), "reproducers": ("hangs", "other")}
    assert found(WHOLE, **more) == [("KB-ORPHAN-SHIM", "other"), ("KB-ORPHAN-REPRODUCER", "other")]
    assert found(WHOLE, **more, whole=False) == []


def test_a_remedy_that_leads_into_another(found: Callable[..., Wrong]) -> None:
    """As filelock<3.12 does, which is out of one fault and in another."""
    other = WHOLE.partition("\n[[verified]]")[0]
    other = other.replace('{ introduced = "0", fixed = "1.2" }', '{ introduced = "1.3", last_checked = "1.3" }')
    other = other.replace('["b>=1.2", "c<3"]', '["b<1.3"]').replace('id = "hangs"', 'id = "other"')
    wrong = found(WHOLE, other, reproducers=("hangs", "other"))
    assert ("KB-PIN-LANDS", "b>=1.2, c<3") in wrong


def test_the_same_twice(found: Callable[..., Wrong]) -> None:
    assert found(WHOLE, WHOLE) == [("KB-DUPLICATE", ID)]


def test_siblings_agree(found: Callable[..., Wrong]) -> None:
    wider = WHOLE.replace('introduced = "2.0"', 'introduced = "1.8"')
    assert ("KB-OVERLAP", f"{ID}, a 1.9, b 0.1") in found(WHOLE, wider)


class TestWaivers:
    def waived(self, check: str, subject: str = "") -> str:
        about = f'subject = "{subject}"\n' if subject else ""
        return f'\n[[waivers]]\ncheck = "{check}"\n{about}reason = "It cannot be had."\n'

    @pytest.mark.parametrize("subject", ["", "a >=2.0,<3.0, last before", "a >=2.0"])
    def test_what_is_waived(self, found: Callable[..., Wrong], subject: str) -> None:
        assert found(without("good", "1.9", "0.1") + self.waived("KB-BOUNDARY", subject)) == []

    def test_nothing_to_waive(self, found: Callable[..., Wrong]) -> None:
        assert found(WHOLE + self.waived("KB-BOUNDARY")) == [(WAIVER, "KB-BOUNDARY")]
        assert found(WHOLE + self.waived("KB-NONE")) == [(WAIVER, "KB-NONE")]

    def test_another_subject(self, found: Callable[..., Wrong]) -> None:
        wrong = found(without("good", "1.9", "0.1") + self.waived("KB-BOUNDARY", "b"))
        assert wrong == [("KB-BOUNDARY", "a >=2.0,<3.0, last before"), (WAIVER, "b")]

    def test_a_reason_is_wanted(self, tmp_path: Path) -> None:
        for old, new in (("It cannot be had.", " "), ("KB-BOUNDARY", "boundary")):
            text = WHOLE + self.waived("KB-BOUNDARY").replace(old, new)
            with pytest.raises(catalog.CatalogError, match=r"waivers\[0\]"):
                catalog.parse(text.encode(), str(tmp_path / f"{ID}.toml"))

    def test_beginning(self) -> None:
        assert Waiver("KB-X", "r", "a ").waives("KB-X", "a >=1")
        assert not Waiver("KB-X", "r", "a ").waives("KB-X", "ab >=1")
        assert not Waiver("KB-X", "r").waives("KB-Y", "a")


def test_every_check_has_a_rule_and_is_shown_here() -> None:
    shown = {check for _, wrong in BROKEN.values() for check, _ in wrong}
    elsewhere = {
        "KB-SHIM-MISSING", "KB-REPRODUCER-MISSING", "KB-ORPHAN-SHIM", "KB-ORPHAN-REPRODUCER", "KB-PIN-LANDS",
        "KB-DUPLICATE", "KB-OVERLAP", WAIVER,
    }  # fmt: skip
    assert shown | elsewhere == set(registry.CHECKS)
    for one in registry.CHECKS.values():
        assert one.rule.endswith(".")
        assert one.level in registry.LEVELS


REPRODUCERS = str(Path(__file__).parent / "reproducers")


class TestCommand:
    def test_the_bundled_advisories_keep_the_rules(self, capsys: pytest.CaptureFixture[str]) -> None:
        status = cli.main(["kb", "lint", "--reproducers", REPRODUCERS])
        lines = capsys.readouterr().out.splitlines()
        assert (status, [line for line in lines if not line.endswith("(warning)")]) == (0, [])

    def test_findings(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / f"{ID}.toml").write_text(HEAD, encoding="utf-8")
        how = ["--advisories", str(tmp_path), "--reproducers", REPRODUCERS]
        assert cli.main(["kb", "lint", *how, ID]) == 1
        out, err = capsys.readouterr()
        assert f"{ID}: KB-SHIM-MISSING: a_b: there is no such shim\n" in out
        assert "1 advisories" in err
        assert cli.main(["kb", "lint", *how, "--format", "json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert {problem["where"] for problem in told["problems"]} == {ID}

    def test_rules(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["kb", "lint", "--rules"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == len(registry.CHECKS)

    def test_no_reproducers(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["kb", "lint", "--reproducers", str(tmp_path)]) == 2
        assert "holds no reproducer" in capsys.readouterr().err
