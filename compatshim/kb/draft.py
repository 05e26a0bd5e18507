"""The text of a new advisory, with gaps that ``kb lint`` sees."""

from __future__ import annotations

import os
import re
import time
from typing import Iterable, List, Sequence, Tuple

from compatshim.model import Detect, Interval, Reference, Term

GAP = "TODO"
"""What stands where a person must write something; no finished advisory holds the word."""


_LINE = re.compile(r"(?:\[[^]]*\]:\s*)?(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:: (.*))?")  # a rank's prefix, a module
_EXCEPTION = re.compile(r"(Error|Exception|Warning|Exit|Interrupt|Timeout)$")


def number(folder: str, year: str = "") -> str:
    """The next free id of a year (this one) among the advisories of a folder."""
    year = year or time.strftime("%Y")
    taken = [re.fullmatch(rf"CSA-{year}-(\d+)\.toml", name) for name in os.listdir(folder)]
    last = max((int(found.group(1)) for found in taken if found), default=0)
    return f"CSA-{year}-{last + 1:04}"


def text(
    identifier: str,
    *,
    terms: Sequence[Term],
    detect: Sequence[Detect] = (),
    references: Sequence[Reference] = (),
    reproducer: str = "",
    title: str = "",
    symptom: str = "",
) -> str:
    """An advisory as TOML. What is not known is a gap."""
    parts = [
        'schema_version = "1.0"',
        f"id = {quoted(identifier)}",
        f"title = {quoted(title or GAP)}",
        f"symptom = {quoted(symptom or 'wrong-exception')}",
        'severity = "moderate"',
        f'root_cause = """\n{GAP}: why, in two or three sentences, and whether symptom and severity are right\n"""',
    ]
    for term in terms:
        parts += [
            "",
            "[[terms]]",
            f"project = {quoted(term.project)}",
            f"imports = [{quoted(GAP)}]",
            ranges(term.ranges),
        ]
    for one in detect:
        parts += ["", "[[detect]]", f"exception = {quoted(one.exception)}", f"message = {quoted(one.message)}"]
    parts += ["", "[[remedies]]", *_remedy(terms)]
    parts += ["", "[reproducer]", f"id = {quoted(reproducer or GAP)}"]
    for reference in references or (Reference("REPORT", f"https://{GAP}"),):
        parts += ["", "[[references]]", f"type = {quoted(reference.type)}", f"url = {quoted(reference.url)}"]
    return "\n".join(parts) + "\n"


def _remedy(terms: Sequence[Term]) -> List[str]:
    """The upgrade out of the first term that has an end; a gap where none has."""
    for term in terms:
        fixed = term.ranges[-1].fixed
        if fixed is not None:
            return ['kind = "upgrade"', f"constraints = [{quoted(f'{term.project}>={fixed}')}]"]
    for term in terms:
        if str(term.ranges[0].introduced) != "0":
            wanted = f"{term.project}<{term.ranges[0].introduced}"
            return ['kind = "constrain"', f"constraints = [{quoted(wanted)}]"]
    return ['kind = "shim"', f"shim = {quoted(GAP)}"]


def ranges(intervals: Iterable[Interval]) -> str:
    """The ``ranges`` of a term as TOML."""
    return f"ranges = [{', '.join(map(_interval, intervals))}]"


def _interval(interval: Interval) -> str:
    end = f'last_checked = "{interval.last_checked}"' if interval.fixed is None else f'fixed = "{interval.fixed}"'
    return f'{{ introduced = "{interval.introduced}", {end} }}'


def quoted(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found.group()):04x}", escaped) + '"'


def detected(traceback: str) -> Tuple[Detect, ...]:
    """What a traceback's last line says: the exception and its message."""
    lines = [line.strip() for line in traceback.strip().splitlines()]
    found = [
        re.fullmatch(r"(?:\[[^]]*\]:\s*)?(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:: (.*))?", line)
        for line in lines[::-1]
    ]
    named = (one for one in found if one and _EXCEPTION.search(one.group(1)))
    last = next(named, None)
    return (Detect(last.group(1), last.group(2) or GAP),) if last else ()
