"""Which advisories fit a traceback or a log. Pure."""

from __future__ import annotations

import re
from typing import Tuple

from compatshim.catalog import Catalog
from compatshim.model import Advisory

# "ValueError: …" as Python prints it, also behind a rank's prefix, with a module, or inside a repr.
_RAISED = re.compile(
    r"(?:^|[\s\"'(\[])(?:[A-Za-z_][\w]*\.)*(?P<name>[A-Za-z_]\w*)(?::\s|\()(?P<message>.*)", re.MULTILINE
)


def recognise(text: str, catalog: Catalog) -> Tuple[Advisory, ...]:
    """The advisories whose exception and message both appear in the text, in order of id."""
    raised = [(match["name"], match["message"]) for match in _RAISED.finditer(text)]
    return tuple(
        advisory
        for advisory in catalog.advisories
        if any(
            name == detect.exception and detect.message in message
            for detect in advisory.detect
            for name, message in raised
        )
    )
