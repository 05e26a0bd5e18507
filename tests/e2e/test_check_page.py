"""The page of a check in a real browser: on a desk, on a phone, in the dark, on paper, by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from compatshim import report
from tests import manifests
from tests.e2e.web import DARK, see

pytestmark = pytest.mark.e2e

FITS = "[document.documentElement.scrollWidth <= innerWidth, innerWidth]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "check.html"
    path.write_text(report.render("html", manifests.everything()), encoding="utf-8", newline="")
    return path


def test_a_desk(browser: str, page: Path, pictures: Path) -> None:
    """The styles are let in by the page's own policy: what they say can be seen."""
    styled = """(() => {
        const finding = getComputedStyle(document.querySelector(".finding.error"));
        return [finding.borderLeftStyle, getComputedStyle(document.querySelector(".finding.note")).borderLeftStyle];
    })()"""
    fits, lines, _ = see(browser, page, [("js", FITS), ("js", styled), ("shot", str(pictures / "check-desk.png"))])
    assert fits[0]
    assert lines == ["solid", "dotted"]


def test_a_phone(browser: str, page: Path, pictures: Path) -> None:
    fits, _, far, _ = see(
        browser,
        page,
        [
            ("js", FITS),
            ("shot", str(pictures / "check-phone.png")),
            ("js", "document.querySelector('.finding').scrollIntoView() || scrollY > 0"),
            ("shot", str(pictures / "check-phone-finding.png")),
        ],
        size=(390, 844),
    )
    assert fits == [True, 390]
    assert far


def test_dark(browser: str, page: Path, pictures: Path) -> None:
    (light,) = see(browser, page, [("shot", str(pictures / "check-light.png"))])
    (dark,) = see(browser, page, [("shot", str(pictures / "check-dark.png"))], flags=DARK)
    assert min(light) > 200
    assert max(dark) < 60


def test_keys(browser: str, page: Path) -> None:
    """Tab comes to what can be opened, Enter opens it, and the focus can be seen."""
    where = "document.activeElement.tagName"
    opened = (
        "[document.activeElement.closest('details').open, getComputedStyle(document.activeElement).outlineWidth]"
    )
    first, before, after = see(
        browser,
        page,
        [*[("key", "Tab")] * 5, ("js", where), ("js", opened), ("key", "Enter"), ("js", opened)],
    )
    assert first == "SUMMARY"
    assert before == [False, "3px"]
    assert after == [True, "3px"]


def test_paper(browser: str, page: Path, pictures: Path) -> None:
    """All that can be opened is open on paper."""
    path = pictures / "check-print.pdf"
    see(browser, page, [("pdf", str(path))])
    assert path.read_bytes().startswith(b"%PDF")
