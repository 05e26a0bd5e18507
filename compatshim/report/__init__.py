"""One renderer per format: pure functions of one value, which print nothing.

:mod:`.text` is for people and :mod:`.data` for programs, whatever the command. A check has other formats, too, each
in a module with ``render_check``.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from compatshim.report.document import Document

FORMATS = {
    "text": ".txt",
    "concise": "",
    "json": ".json",
    "markdown": ".md",
    "sarif": ".sarif",
    "github": "",
    "gitlab": "",
    "junit": ".xml",
    "html": ".html",
}
"""What a check can be written as, and the suffix of a file that tells it."""


def render(name: str, document: Document) -> str:
    """A check in one of :data:`FORMATS`, the same bytes for the same document."""
    module = "data" if name == "json" else name
    text: str = importlib.import_module(f"compatshim.report.{module}").render_check(document)
    return text
