"""Checks of what an advisory names, and of what no advisory names."""

from __future__ import annotations

import re

from compatshim import files
from compatshim.kb.draft import GAP
from compatshim.kb.lint.registry import WARNING, Base, Told, check, check_all
from compatshim.model import Advisory

_EVIDENCE = ("REPORT", "FIX", "INTRODUCED", "EVIDENCE", "DISCUSSION")
_RAISES = ("import-error", "attribute-error", "type-error", "wrong-exception")
_STRING = re.compile(r"(\"{3}|'{3})[^\0]*?\1|\"(\\.|[^\"\\\n])*\"|'[^'\n]*'")
_LINK_IN_COMMENT = re.compile(r"#.*https?://\S*")


@check("KB-GAP", "Nothing is left to be written.")
def gap(advisory: Advisory, base: Base) -> Told:
    """``kb new`` and ``kb bisect`` leave gaps."""
    text = files.read_text(base.path(advisory)) or ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"\b{GAP}\b", line):
            yield f"line {number}", line.strip()


@check("KB-SHIM-MISSING", "Every shim that an advisory names is there.")
def shim_missing(advisory: Advisory, base: Base) -> Told:
    """By the name of its module; one with a package is somebody else's."""
    for shim in advisory.shims:
        if "." not in shim and shim not in base.shims:
            yield shim, "there is no such shim"


@check("KB-REPRODUCER-MISSING", "Every reproducer that an advisory names is there.")
def reproducer_missing(advisory: Advisory, base: Base) -> Told:
    """By the name of its program."""
    if advisory.reproducer.id not in base.reproducers:
        yield advisory.reproducer.id, "there is no such reproducer"


@check("KB-LINK", "Some public page reports, explains or fixes it, and no link is hidden in a comment.")
def link(advisory: Advisory, base: Base) -> Told:
    """Evidence is data."""
    if not any(reference.type in _EVIDENCE for reference in advisory.references):
        yield "references", f"none is a {', '.join(_EVIDENCE)}"
    text = _STRING.sub("", files.read_text(base.path(advisory)) or "")
    for found in _LINK_IN_COMMENT.finditer(text):
        yield "comment", f"{found.group()}: belongs into references"


@check("KB-DETECT", "What ends in an exception says by which message it is recognised.", WARNING)
def detect(advisory: Advisory, base: Base) -> Told:
    """For ``explain``."""
    del base
    if advisory.symptom in _RAISES and not advisory.detect:
        yield "detect", f"is missing, and the symptom is {advisory.symptom}"


@check_all("KB-ORPHAN-SHIM", "Every shim serves an advisory.")
def orphan_shim(base: Base) -> Told:
    """One that serves none is never applied."""
    named = {shim for advisory in base.catalog.advisories for shim in advisory.shims}
    for shim in base.shims:
        if shim not in named:
            yield shim, "no advisory names this shim"


@check_all("KB-ORPHAN-REPRODUCER", "Every reproducer belongs to an advisory.")
def orphan_reproducer(base: Base) -> Told:
    """One that belongs to none is never run."""
    named = {advisory.reproducer.id for advisory in base.catalog.advisories}
    for reproducer in base.reproducers:
        if reproducer not in named:
            yield reproducer, "no advisory names this reproducer"
