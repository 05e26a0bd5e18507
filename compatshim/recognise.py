"""Which advisories fit a traceback or a log. Pure."""

from __future__ import annotations

import re
from typing import Pattern, Tuple

from compatshim.model import Advisory, Catalog, Detect

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def recognise(text: str, catalog: Catalog) -> Tuple[Advisory, ...]:
    """The advisories whose exception and message both appear in the text, in order of id."""
    plain = _COLOUR.sub("", text)
    return tuple(
        advisory
        for advisory in catalog.advisories
        if any(_raised(detect).search(plain) for detect in advisory.detect)
    )


def _raised(detect: Detect) -> Pattern[str]:
    """``ValueError: …`` as Python prints it, also behind a rank's prefix, with a module, or as a repr."""
    return re.compile(rf"(?<!\w){re.escape(detect.exception)}(?::\s|\().*{re.escape(detect.message)}")
