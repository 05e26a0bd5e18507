"""Fake packages of an organisation, with shims and a start-up index, as files by their paths."""

from __future__ import annotations

from typing import Dict, Sequence

from packaging.version import Version

from compatshim.kb import compile as compiler
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Advisory, Catalog, Interval, Remedy, Reproducer, Term

ID = "ACME-2026-0001"
# Mends a function; that of a module of the story, too, so that a fault of ours would be seen in both.
SHIM = """
from compatshim.startup import guard
MODULES = ("acme_loader",)
def probe(module):
    return module.answer() == "bad"
def replacements(module):
    return [(module, "answer", guard.instead(module.answer, lambda: "good"))]
"""
LOADER = {"acme_loader.py": "def answer():\n    return 'bad'\n"}


def index(
    identifier: str = ID,
    *,
    shim: str = "acme_shims.answer",
    symptom: str = "wrong-result",
    projects: Sequence[str] = ("evaluate", "filelock"),
) -> str:
    """The start-up index of a catalog with one advisory, which is about the versions of the story."""
    every = (Interval(Version("0"), None, Version("9")),)
    advisory = Advisory(
        id=identifier,
        title="",
        symptom=symptom,
        severity="high",
        root_cause="",
        terms=tuple(Term(project, every) for project in projects),
        remedies=(Remedy("shim", shim=shim),),
        reproducer=Reproducer("acme"),
    )
    return compiler.index(Catalog((advisory,), ""), Snapshot.bundled(), lambda _: ("acme_loader",))


def package(name: str, text: str, **more: str) -> Dict[str, str]:
    """A package with this index; ``more`` are modules by name."""
    files = {f"{name}/__init__.py": "", f"{name}/index.txt": text, f"{name}/answer.py": SHIM}
    return {**files, **{f"{name}/{module}.py": content for module, content in more.items()}}


def offered(name: str) -> Dict[str, str]:
    """The entry point with which a distribution offers its catalog."""
    text = f"[compatshim.catalogs]\nacme = {name}.advisories\n"
    return {f"{name}-1.0.dist-info/entry_points.txt": text}
