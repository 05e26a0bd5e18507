"""The map in a real browser: on a desk, on a phone, in the dark, on paper, by keyboard, and without scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compatshim import cli
from tests.e2e.web import DARK, see

pytestmark = pytest.mark.e2e

SIGN = ".grid a.sign"

# Whether the evidence can be seen, lies within the window, and is about the sign that it stands beside.
EVIDENCE = """(() => {
    const box = document.getElementById("evidence").getBoundingClientRect();
    const sign = document.querySelector("[aria-describedby=evidence]");
    const within = box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
    return {
        seen: box.width > 0 && within,
        about: sign && sign.getAttribute("aria-label"),
        said: document.getElementById("evidence").textContent,
    };
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map")
    assert cli.main(["kb", "map", "--format", "html", "--output", str(folder)]) == cli.CLEAN
    return folder / "map.html"


def test_each_sign_shows_its_evidence_by_mouse_and_by_focus(browser: str, page: Path, pictures: Path) -> None:
    every = f"""[...document.querySelectorAll("{SIGN}")].map((sign) => {{
        sign.scrollIntoView({{ block: "center" }});
        sign.focus();
        const found = {EVIDENCE};
        return found.seen && found.about === sign.getAttribute("aria-label") && found.said.includes("Python");
    }})"""
    _, hovered, left, focused, _ = see(
        browser,
        page,
        [
            ("shot", str(pictures / "desktop.png")),
            ("hover", SIGN),
            ("js", EVIDENCE),
            ("hover", "h1"),
            ("wait", 400),
            ("js", EVIDENCE),
            ("js", every),
            ("shot", str(pictures / "focus.png")),
        ],
    )
    assert hovered["seen"]
    assert "Python" in hovered["said"]
    assert not left["seen"]
    assert focused
    assert all(focused)


@pytest.mark.matrix
def test_the_arrow_keys_reach_every_sign_of_a_matrix(browser: str, page: Path) -> None:
    reached = """[...document.querySelectorAll(".grid")].map((grid) => {
        const own = [...grid.querySelectorAll("a.sign")], seen = new Set([own[0]]), todo = [own[0]];
        while (todo.length) {
            const from = todo.pop();
            for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
                from.focus();
                from.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
                if (!seen.has(document.activeElement)) todo.push(document.activeElement);
                seen.add(document.activeElement);
            }
        }
        return [seen.size, own.length, own.filter((sign) => sign.tabIndex === 0).length];
    })"""
    (counts,) = see(browser, page, [("js", reached)])
    assert counts
    for reachable, number, stops in counts:
        assert (reachable, stops) == (number, 1)


def test_real_keys(browser: str, page: Path) -> None:
    where = "document.activeElement.getAttribute('aria-label')"
    largest = """[...document.querySelectorAll(".grid")].map((grid) => grid.querySelectorAll("a.sign"))
        .sort((one, other) => other.length - one.length)[0][0].focus()"""
    opened = "[location.hash, document.querySelector(':target').getBoundingClientRect().height > 0]"
    start, moved, before, after, row = see(
        browser,
        page,
        [
            ("js", largest),
            ("js", where),
            ("key", "Down"),
            ("js", where),
            ("js", EVIDENCE),
            ("key", "Escape"),
            ("js", EVIDENCE),
            ("key", "Enter"),
            ("js", opened),
        ],
    )
    assert start
    assert moved
    assert start != moved
    assert (before["seen"], before["about"]) == (True, moved)
    assert not after["seen"]
    assert row[0].startswith("#CSA-")
    assert row[1]


def test_a_phone(browser: str, page: Path, pictures: Path) -> None:
    fits = "[document.documentElement.scrollWidth <= innerWidth, innerWidth]"
    small = f"""[...document.querySelectorAll("{SIGN}")].filter((sign) => {{
        const box = sign.getBoundingClientRect();
        return box.width < 24 || box.height < 24;
    }}).length"""
    width, _, narrow, pressed, _, elsewhere = see(
        browser,
        page,
        [
            ("js", fits),
            ("shot", str(pictures / "phone.png")),
            ("js", small),
            ("click", SIGN),
            ("js", EVIDENCE),
            ("shot", str(pictures / "phone-evidence.png")),
            ("click", "h1"),
            ("js", EVIDENCE),
        ],
        size=(390, 844),
    )
    assert width == [True, 390]
    assert narrow == 0  # a finger's target (WCAG 2.5.8)
    assert pressed["seen"]
    assert not elsewhere["seen"]


@pytest.mark.matrix
def test_dark(browser: str, page: Path, pictures: Path) -> None:
    (light,) = see(browser, page, [("shot", str(pictures / "light.png"))])
    (dark,) = see(browser, page, [("shot", str(pictures / "dark.png"))], flags=DARK)
    assert min(light) > 200
    assert max(dark) < 60


def test_paper(browser: str, page: Path, pictures: Path) -> None:
    path = pictures / "print.pdf"
    see(browser, page, [("pdf", str(path))])
    assert path.read_bytes().startswith(b"%PDF")


def test_without_scripts_a_sign_leads_to_its_row(browser: str, page: Path, pictures: Path) -> None:
    closed, _ = see(browser, page, [("extent", None), ("shot", str(pictures / "no-scripts.png"))], scripts=False)
    row = re.findall(r'href="(#CSA-[^"]+-run-\d+)"', page.read_text(encoding="utf-8"))[-1]
    opened, _ = see(
        browser,
        page,
        [("extent", None), ("shot", str(pictures / "no-scripts-row.png"))],
        scripts=False,
        fragment=row,
    )
    assert opened[0] > closed[0]
    assert opened[1] > 0
