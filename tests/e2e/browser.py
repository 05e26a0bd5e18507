"""A real browser (Chromium, within PyQt6-WebEngine) that is told on standard input what to do with one page.

It reads one JSON object: ``url``, ``width``, ``height`` (CSS pixels), ``scripts`` (whether the page may run any)
and ``steps``, each a pair of a word and what goes with it. It writes one JSON object: the ``results`` of the steps,
what was ``asked`` for besides the page itself, and what its console ``said``.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict, List

from PyQt6.QtCore import QEventLoop, QPoint, Qt, QTimer, QUrl
from PyQt6.QtTest import QTest
from PyQt6.QtWebEngineCore import QWebEnginePage, QWebEngineSettings, QWebEngineUrlRequestInterceptor
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

KEYS = {
    "Tab": Qt.Key.Key_Tab,
    "Enter": Qt.Key.Key_Return,
    "Escape": Qt.Key.Key_Escape,
    "Right": Qt.Key.Key_Right,
    "Left": Qt.Key.Key_Left,
    "Down": Qt.Key.Key_Down,
    "Up": Qt.Key.Key_Up,
}


class Requests(QWebEngineUrlRequestInterceptor):
    """Notes every address that the page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: List[str] = []

    def interceptRequest(self, info: Any) -> None:  # noqa: N802
        self.seen.append(info.requestUrl().toString())


class Page(QWebEnginePage):
    """Notes what the console says."""

    said: List[str]

    def javaScriptConsoleMessage(self, _level: Any, message: str, line: int, _source: str) -> None:  # noqa: N802
        self.said.append(f"{line}: {message}")


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def answered(start: Callable[[Callable[..., None]], object]) -> Any:
    """What a call gives that answers through a callback."""
    loop, answers = QEventLoop(), []

    def answer(*values: Any) -> None:
        answers.append(values[0] if values else None)
        loop.quit()

    start(answer)
    if not answers:
        loop.exec()
    return answers[0]


class Browser:
    """One window with one page."""

    def __init__(self, task: Dict[str, Any]) -> None:
        self.view = QWebEngineView()
        self.page = Page(self.view)
        self.page.said = []
        self.requests = Requests()
        self.page.setUrlRequestInterceptor(self.requests)
        self.view.setPage(self.page)
        self.view.resize(task["width"], task["height"])
        settings = self.page.settings()
        settings.setAttribute(QWebEngineSettings.WebAttribute.ShowScrollBars, False)
        self.view.show()
        if not task["scripts"]:
            settings.setAttribute(QWebEngineSettings.WebAttribute.JavascriptEnabled, False)

        def load(answer: Callable[..., None]) -> None:
            self.page.loadFinished.connect(answer)
            self.page.load(QUrl(task["url"]))

        if not answered(load):
            raise SystemExit(f"{task['url']}: did not load")
        wait(300)

    def js(self, code: str) -> Any:
        """The value of an expression within the page; promises are not awaited."""
        return answered(lambda answer: self.page.runJavaScript(code, answer))

    def key(self, name: str) -> None:
        QTest.keyClick(self.view.focusProxy(), KEYS[name])
        wait(60)

    def _middle(self, selector: str) -> QPoint:
        """Of an element, which is brought into view."""
        code = """(() => {
            const element = document.querySelector(%s);
            element.scrollIntoView({ block: "center" });
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()"""
        x, y = self.js(code % json.dumps(selector))
        return QPoint(round(x), round(y))

    def hover(self, selector: str) -> None:
        QTest.mouseMove(self.view.focusProxy(), self._middle(selector))
        wait(150)

    def click(self, selector: str) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(self.view.focusProxy(), left, none, self._middle(selector))
        wait(150)

    def extent(self, _: object) -> List[float]:
        """How high the whole page is, and how far down it stands; known without scripts, too."""
        return [self.page.contentsSize().height(), self.page.scrollPosition().y()]

    def wait(self, milliseconds: int) -> None:
        wait(milliseconds)

    def shot(self, path: str) -> List[int]:
        """Keep a picture of the window; the colour of its first pixel."""
        wait(300)
        picture = self.view.grab()
        picture.save(path)
        return list(picture.toImage().pixelColor(2, 2).getRgb()[:3])

    def pdf(self, path: str) -> None:
        def start(answer: Callable[..., None]) -> None:
            self.page.pdfPrintingFinished.connect(answer)
            self.page.printToPdf(path)

        answered(start)


def main() -> None:
    task = json.load(sys.stdin)
    application = QApplication(sys.argv)
    browser = Browser(task)
    results = [getattr(browser, word)(what) for word, what in task["steps"]]
    asked = [url for url in browser.requests.seen if url.split("#")[0] != task["url"].split("#")[0]]
    json.dump({"results": results, "asked": asked, "said": browser.page.said}, sys.stdout)
    sys.stdout.flush()
    browser.view.close()
    application.processEvents()


if __name__ == "__main__":
    main()
