"""A check as JUnit's XML: a suite for each thing that was checked, a case for each finding."""

from __future__ import annotations

import re
from typing import Dict, Sequence
from xml.etree import ElementTree as ET

from compatshim.gate import Judged
from compatshim.report import document as said
from compatshim.report.document import Document

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to hold."""


def render_check(document: Document) -> str:
    """The report. What fails the check is a failure, what is passed over is skipped, all else passes."""
    root = ET.Element("testsuites", name="compatshim")
    found = said.grouped(document.judgement.findings)
    for name, numbers in document.subjects.items():
        _suite(root, name, [one for number in numbers for one in found.get(number, ())], numbers, document)
    for element in (root, *root):
        for kind in ("tests", "failures", "skipped", "errors"):
            tag = {"tests": "testcase", "failures": "failure", "skipped": "skipped", "errors": "error"}[kind]
            element.set(kind, str(len(element.findall(f".//{tag}"))))
    _indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(
    root: ET.Element, name: str, found: Sequence[Judged], numbers: Sequence[int], document: Document
) -> None:
    suite = ET.SubElement(root, "testsuite", name=_clean(name))
    for one in found:
        _case(suite, one, _clean(name), document)
    if not any(one.fails for one in found):
        ET.SubElement(suite, "testcase", classname=_clean(name), name="no finding that fails")
    inventories = [document.judgement.analyses[number].inventory for number in numbers]
    unread = dict.fromkeys(item for inventory in inventories for item in inventory.unread)
    kind = "error" if document.judgement.policy.strict else "skipped"
    for item in unread:
        case = ET.SubElement(suite, "testcase", classname=_clean(name), name=_clean(item.where))
        ET.SubElement(case, kind, message=_clean(f"not checked: {item.reason}"))


def _case(suite: ET.Element, one: Judged, name: str, document: Document) -> None:
    advisory = one.finding.advisory
    location = said.primary(one)
    place: Dict[str, str] = {}
    if location is not None:
        place["file"] = _clean(document.judgement.relative(location.path))
        if location.line is not None:
            place["line"] = str(location.line)
    title = _clean(f"{advisory.id}: {said.versions(one)}")
    case = ET.SubElement(suite, "testcase", {"classname": name, "name": title, **place})
    parts = (said.message(one), said.qualifier(one), advisory.root_cause.strip(), said.ways(advisory))
    text = _clean("\n\n".join(part for part in parts if part))
    if one.excuse is not None:
        ET.SubElement(case, "skipped", message=_clean(said.excuse(one.excuse)))
    elif one.fails:
        failure = ET.SubElement(case, "failure", message=_clean(advisory.title), type=one.level)
        failure.text = text
    else:
        ET.SubElement(case, "system-out").text = text


def _clean(text: str) -> str:
    """Text that XML can hold: what it cannot is written as an escape."""
    return _FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _indent(element: ET.Element, depth: int = 0) -> None:
    """Lay the elements out, one a line; ``ElementTree.indent`` came with Python 3.9."""
    margin = "\n" + "  " * depth
    children = list(element)
    if children:
        element.text = margin + "  "
        for child in children:
            _indent(child, depth + 1)
            child.tail = margin + "  "
        children[-1].tail = margin
