"""The map: its matrices, the page and the picture."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element

import html5lib
import pytest
from packaging.version import Version

from compatshim import catalog, cli, files
from compatshim.cli.kb_map import released
from compatshim.kb.map import grid, page
from compatshim.kb.map.grid import Matrix, Panel, State
from compatshim.kb.map.palette import LOOKS
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Advisory, Certainty, Interval, Reference, Remedy, Term, Verified
from tests.kb_support import A, B, advisory, row

ROOT = Path(__file__).resolve().parent.parent
VERIFIED, UNVERIFIED = Certainty.VERIFIED, Certainty.UNVERIFIED
HOSTILE = """</script><script>alert(1)</script>"'&<img src=x onerror=alert(2)> $x^2$"""


def known(project: str) -> Optional[List[Version]]:
    return {"a": [Version(one) for one in A], "b": [Version(one) for one in B]}.get(project)


def about(*rows: Verified, **changes: Any) -> Advisory:
    return advisory()._replace(verified=rows, **changes)


def labels(side: grid.Side) -> List[str]:
    return [tick.label for tick in side.ticks]


def states(panel: Panel) -> List[str]:
    letters = {State.BAD: "x", State.SHIMMED: "o", State.GOOD: "v", State.MIXED: "#", State.NOT_RUN: "."}
    return ["".join(letters[cell.state] for cell in line) for line in panel.cells]


def placed(matrix: Matrix) -> List[int]:
    return sorted(
        number for panel in matrix.panels for line in panel.cells for cell in line for number in cell.rows
    )


@pytest.fixture(scope="module")
def bundled() -> List[Matrix]:
    snapshot = Snapshot.bundled()
    return [grid.matrix(one, released(snapshot)) for one in catalog.load().advisories]


# Matrices


def test_a_side_names_what_was_run_and_cuts_the_rest_at_the_ranges() -> None:
    made = grid.matrix(
        about(row("bad", a="2.0", b="1.0"), row("good", a="4.0", b="1.0"), row("bad", a="6.0", b="0.1")), known
    )
    assert (made.columns.name, made.rows.name) == ("b", "a")
    # 2.1 and 2.9 lie within the ranges, 3.0 does not; 7.0 is newer than what was run last.
    assert labels(made.rows) == [
        "2 not run",
        "2.0",
        "2 not run",
        "1 not run",
        "4.0",
        "1 not run",
        "6.0",
        "1 not run",
    ]
    assert [tick.inside for tick in made.rows.ticks] == [
        None, VERIFIED, VERIFIED, None, None, VERIFIED, VERIFIED, UNVERIFIED,
    ]  # fmt: skip
    assert [str(one) for one in made.rows.ticks[2].skipped] == ["2.1", "2.9"]
    assert labels(made.columns) == ["0.1", "1.0", "1 not run", "2 not run"]
    (panel,) = made.panels
    assert states(panel) == ["....", ".x..", "....", "....", ".v..", "....", "x...", "...."]


def test_the_outline_goes_around_what_lies_within_all_ranges() -> None:
    made = grid.matrix(about(row("bad", a="2.0", b="1.1"), row("good", a="1.9", b="1.2")), known)
    (panel,) = made.panels
    edges = {
        (made.rows.ticks[down].label, made.columns.ticks[across].label): set(panel.edges(down, across))
        for down in range(len(made.rows.ticks))
        for across in range(len(made.columns.ticks))
    }
    assert edges["2.0", "1.1"] == {"top", "right"}
    assert edges["2.0", "2 not run"] == {"top", "left"}
    assert edges["1.9", "1.2"] == set()


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("", State.NOT_RUN),
        ("bad", State.BAD),
        ("bad shimmed", State.SHIMMED),
        ("shimmed", State.SHIMMED),
        ("good good", State.GOOD),
        ("good bad", State.MIXED),
        ("good bad shimmed", State.MIXED),
    ],
)
def test_what_outcomes_come_to(outcomes: str, state: State) -> None:
    assert grid.state(outcomes.split()) is state


def test_runs_of_the_same_versions_share_a_cell() -> None:
    rows = (row("bad", a="2.0", b="1.0"), row("good", ("3.8", "windows_amd64"), a="2.0", b="1.0"))
    (panel,) = grid.matrix(about(*rows), known).panels
    (cell,) = [cell for line in panel.cells for cell in line if cell.rows]
    assert (cell.state, cell.rows, cell.inside) == (State.MIXED, (0, 1), VERIFIED)


def test_a_third_project_makes_a_matrix_for_each_of_its_versions() -> None:
    terms = (*advisory().terms, Term("c", (Interval(Version("2"), Version("3")),)))
    rows = [row("bad", a=one, b=two, c="2.5") for one in ("2.0", "2.1") for two in ("0.1", "1.0")]
    made = grid.matrix(about(*rows, row("good", a="2.0", b="0.1", c="10"), terms=terms), known)
    assert (made.columns.name, made.rows.name) == ("b", "a")
    assert [(panel.fixed, panel.inside) for panel in made.panels] == [
        ((("c", Version("2.5")),), VERIFIED),
        ((("c", Version("10")),), None),
    ]
    assert placed(made) == [0, 1, 2, 3, 4]
    assert not any(cell.inside for line in made.panels[1].cells for cell in line)


def test_an_advisory_about_one_project_has_python_across() -> None:
    rows = (row("bad", ("3.8", "any"), a="2.0"), row("bad", ("3.11", "any"), a="2.0"), row("good", a="3.0"))
    made = grid.matrix(about(*rows, terms=advisory().terms[:1]), known)
    assert (made.columns.name, labels(made.columns), made.rows.name) == (grid.PYTHON, ["3.8", "3.11"], "a")
    assert placed(made) == [0, 1, 2]


def test_odd_versions() -> None:
    """Spelled twice, not in the index, of a vendor, or not there at all: each row has its place."""
    rows = (
        row("bad", a="2.0", b="0.1"),
        row("bad", a="2.0.0", b="0.1"),
        row("bad", a="2.0+cpu", b="0.1"),
        row("good", a="99", b="0.1"),
        row("good", a="2.0"),
    )
    made = grid.matrix(about(*rows), known)
    assert placed(made) == [0, 1, 2, 3, 4]
    assert labels(made.columns)[-1] == "not installed"
    assert "2.0+cpu" in labels(made.rows)
    unknown = grid.matrix(about(*rows), lambda _: None)
    assert placed(unknown) == [0, 1, 2, 3, 4]


def test_nothing_was_run() -> None:
    assert grid.matrix(about(), known).panels == ()


def test_every_bundled_row_has_one_place(bundled: List[Matrix]) -> None:
    for one in bundled:
        assert placed(one) == list(range(len(one.advisory.verified))), one.advisory.id
        for panel in one.panels:
            assert {len(line) for line in panel.cells} == {len(one.columns.ticks)}
            assert len(panel.cells) == len(one.rows.ticks)


# Colours


def _linear(colour: str) -> List[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _luminance(colour: str) -> float:
    return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), _linear(colour)))


def _seen(colour: str, eye: Sequence[Sequence[float]]) -> Tuple[float, float, float]:
    """Lightness, a and b (CIELAB, D65) of a colour as an eye sees it."""
    light = _linear(colour)
    red, green, blue = (min(1, max(0, sum(a * b for a, b in zip(line, light)))) for line in eye)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


# Machado, Oliveira and Fernandes (2009), complete.
EYES: Dict[str, List[List[float]]] = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}  # fmt: skip


@pytest.mark.parametrize("eye", sorted(EYES))
def test_colour_blind_readers_tell_the_colours_apart(eye: str) -> None:
    for one, other in combinations(LOOKS.values(), 2):
        pair = zip(_seen(one.fill, EYES[eye]), _seen(other.fill, EYES[eye]))
        distance = sum((left - right) ** 2 for left, right in pair) ** 0.5
        assert distance > 25, (one, other)  # a just noticeable difference is 2.3


def test_signs_differ_and_stand_out() -> None:
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)
    for look in LOOKS.values():
        bright, dark = sorted(
            (
                sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), _linear(colour)))
                for colour in (look.fill, look.ink)
            ),
            reverse=True,
        )
        assert (bright + 0.05) / (dark + 0.05) >= 3, look  # WCAG 1.4.11


# The page


def text(matrices: Sequence[Matrix]) -> str:
    style, script = (files.packaged("kb", "map", name).decode() for name in ("page.css", "page.js"))
    return page.render(matrices, "0123456789ab", "a snapshot", style, script)


def parsed(content: str) -> Element:
    """Strictly: what is not HTML is an error."""
    found: Element = html5lib.HTMLParser(
        strict=True, tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False
    ).parse(content)
    return found


@pytest.fixture(scope="module")
def document(bundled: List[Matrix]) -> Element:
    return parsed(text(bundled))


def classes(element: Element) -> List[str]:
    return element.get("class", "").split()


def signs(document: Element) -> List[Element]:
    return [one for one in document.iter("a") if "sign" in classes(one)]


def words(element: Element) -> str:
    return "".join(element.itertext())


def test_every_row_is_there_once_with_its_evidence(document: Element, bundled: List[Matrix]) -> None:
    runs = [table for table in document.iter("table") if "runs" in classes(table)]
    shown = [
        [words(cell).strip() for cell in line] for table in runs for line in table.iter("tr") if line.get("id")
    ]
    wanted = []
    for one in bundled:
        for run in one.advisory.verified:
            versions = dict(run.versions)
            wanted.append(
                [
                    f"{LOOKS[State(run.outcome)].sign} {run.outcome}",
                    *(str(versions[name]) for name in one.advisory.projects),
                    run.python,
                    run.platform,
                    run.date,
                ]
            )
    assert shown == wanted
    assert any(one.advisory.reproducer.id in words(runs[0]) for one in bundled)


def test_every_row_is_led_to_by_one_sign(document: Element, bundled: List[Matrix]) -> None:
    ids = Counter(one.get("id") for one in document.iter() if one.get("id"))
    assert set(ids.values()) == {1}
    led = Counter(name for sign in signs(document) for name in sign.get("data-rows", "").split())
    runs = {
        f"{one.advisory.id}-run-{number}" for one in bundled for number in range(1, len(one.advisory.verified) + 1)
    }
    assert led == Counter(runs)
    assert runs <= set(ids)
    for sign in signs(document):
        assert sign.get("href") == f"#{sign.get('data-rows', '').split()[0]}"


def test_every_cell_says_in_words_what_it_is(document: Element) -> None:
    grids = [table for table in document.iter("table") if "grid" in classes(table)]
    assert grids
    names = {look.meaning for look in LOOKS.values()}
    for table in grids:
        caption = table.find("caption")
        assert caption is not None
        assert words(caption).strip()
        assert all(head.get("scope") in {"row", "col", "colgroup"} for head in table.iter("th"))
        assert all(words(head).strip() for head in table.iter("th"))
        for line in table.findall("tbody/tr"):
            assert [head.get("scope") for head in line.findall("th")] == ["row"]
            for cell in line.findall("td"):
                link = cell.find("a")
                if link is None:
                    assert words(cell) == "not run"
                else:
                    versions, _, meaning = link.get("aria-label", "").partition(": ")
                    assert meaning in names
                    assert re.match(r"\S+ \S+", versions)


def test_nothing_is_loaded(document: Element, bundled: List[Matrix]) -> None:
    assert not [
        one.tag for one in document.iter() if one.tag in {"link", "img", "iframe", "object", "base", "form"}
    ]
    assert not [one.tag for one in document.iter() if one.get("src") or one.get("style")]
    references = {reference.url for one in bundled for reference in one.advisory.references}
    for one in document.iter("a"):
        address = one.get("href", "")
        if not address.startswith("#"):
            assert address in references
            assert one.get("rel") == "noreferrer"
    styles, scripts = ([words(one) for one in document.iter(name)] for name in ("style", "script"))
    assert not re.search(r"url\(|@import|https?:", "".join(styles + scripts))
    policy = next(one.get("content", "") for one in document.iter("meta") if "http-equiv" in one.attrib)
    assert policy.startswith("default-src 'none'; ")
    for content in styles + scripts:
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def hostile() -> Matrix:
    rows = (row("bad", (HOSTILE, HOSTILE), HOSTILE, a="2.0", b="1.0")._replace(python="3.8"),)
    return grid.matrix(
        about(
            *rows,
            title=HOSTILE,
            symptom=HOSTILE,
            root_cause=HOSTILE,
            remedies=(Remedy("upgrade", (HOSTILE,), impact=HOSTILE), Remedy("shim", shim=HOSTILE)),
            references=(Reference("WEB", f"https://example.org/{HOSTILE}"),),
            reproducer=advisory().reproducer._replace(id=HOSTILE),
        ),
        known,
    )


def test_hostile_words_stay_words() -> None:
    made = parsed(text([hostile()]))
    assert len(list(made.iter("script"))) == 1
    assert not [one.tag for one in made.iter() if one.tag == "img"]
    assert not [one.tag for one in made.iter() if any(name.startswith("on") for name in one.attrib)]
    assert HOSTILE in "".join(words(one) for one in made.iter("h2"))
    assert words(made).count(HOSTILE) >= 8


def test_an_advisory_that_was_not_run_is_shown_too() -> None:
    made = parsed(text([grid.matrix(about(), known)]))
    assert "Nothing was run yet." in words(made)
    assert not signs(made)


# The command


def run(folder: Path, *words: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compatshim", "kb", "map", "--output", str(folder), *words],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )


def content(folder: Path) -> Dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert run(tmp_path / seed, "--format", "html", seed=seed).returncode == cli.CLEAN
    assert content(tmp_path / "1") == content(tmp_path / "2")
    assert catalog.load().digest.encode() in content(tmp_path / "1")["map.html"]


def test_unknown_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kb", "map", "--output", str(tmp_path), "--advisory", "CSA-1999-0001"]) == cli.ERROR
    assert "CSA-1999-0001: there is no such advisory" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "compatshim.kb.map.picture", raising=False)
    assert cli.main(["kb", "map", "--output", str(tmp_path), "--format", "svg"]) == cli.ERROR
    assert "python -m pip install matplotlib" in capsys.readouterr().err
    assert cli.main(["kb", "map", "--output", str(tmp_path)]) == cli.CLEAN
    assert "no picture" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["map.html"]


# The picture


def test_a_picture_is_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for seed in ("1", "2"):
        done = run(tmp_path / seed, "--format", "svg", "--format", "png", "--advisory", "CSA-2026-0007", seed=seed)
        assert done.returncode == cli.CLEAN, done.stderr
    made = content(tmp_path / "1")
    assert made == content(tmp_path / "2")
    assert b"CSA-2026-0007" in made["map.svg"]
    assert made["map.png"].startswith(b"\x89PNG")
    width = int.from_bytes(made["map.png"][16:20], "big")
    assert width == 1600  # twice 800


def test_all_in_one_picture(bundled: List[Matrix]) -> None:
    pytest.importorskip("matplotlib")
    from compatshim.kb.map import picture

    svg = picture.render(bundled, ["svg"])["svg"].decode()
    for one in bundled:
        assert f"{one.advisory.id} {grid.evidence(one.advisory)}" in svg
        assert f"<!-- {one.advisory.id} -->" in svg  # matplotlib says so beside the shapes of the letters


def test_a_hostile_picture() -> None:
    pytest.importorskip("matplotlib")
    from compatshim.kb.map import picture

    svg = picture.render([hostile()], ["svg"])["svg"].decode()
    assert "<script" not in svg
    assert "<img" not in re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)


def test_the_picture_of_the_readme_shows_what_is_known() -> None:
    picture = (ROOT / "docs" / "map.svg").read_text(encoding="utf-8")
    found = re.search(r"<dc:description>(\S+) ([0-9a-f]{12})</dc:description>", picture)
    assert found is not None
    now = grid.evidence(catalog.load().advisory(found[1]))
    again = f"python -m compatshim kb map --format svg --advisory {found[1]} --output docs"
    assert found[2] == now, f"docs/map.svg is not what the advisory says: run `{again}`"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"!\[[^\]]{40,}\]\(docs/map\.svg\)", readme)
