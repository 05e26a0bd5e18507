"""What the page about shims says is what the shims do, and it says something about each."""

from __future__ import annotations

import importlib
from typing import List

import pytest

from compatshim import catalog
from compatshim.kb import shims
from tests.support import run

CATALOG = catalog.load()
USED = sorted({shim for advisory in CATALOG.advisories for shim in advisory.shims})

REPLACED = """
import importlib
def replaced(shim):
    code = importlib.import_module(f"compatshim.shims.{shim}")
    found = []
    for name in code.MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for owner, attribute, _ in code.replacements(module):
            path = "" if owner is module else f"{owner.__qualname__}."
            assert owner is module or getattr(module, owner.__qualname__) is owner
            found.append(path + attribute)
    return sorted(set(found))
"""


def test_every_shim_is_used_and_has_words() -> None:
    assert list(shims.names()) == USED
    for name in shims.names():
        assert shims.changes(name)
        assert all(len(change) == 3 and all(change) for change in shims.changes(name))
        assert importlib.import_module(f"compatshim.shims.{name}").LIMITS


# The fourth one needs the real huggingface_hub: tests/e2e/test_shims.py.
@pytest.mark.parametrize("shim", ["datasets_filelock_mode", "datasets_lock_name", "evaluate_filefreelock"])
def test_what_is_replaced_is_what_is_said(shim: str, home: str, story: str) -> None:
    found: List[str] = run(REPLACED, [home, story], value=f"replaced({shim!r})", env={"COMPATSHIM": "off"}).data
    assert found == sorted(path for path, _, _ in shims.changes(shim))


def test_the_page() -> None:
    page = shims.page(CATALOG)
    for advisory in CATALOG.advisories:
        assert (f"**{advisory.id}**" in page) == bool(advisory.shims)
        if advisory.shims:
            assert all(one.url in page for one in advisory.references)
    for name in shims.names():
        section = page[page.index(f"## `{name}`") :].partition("\n## ")[0]
        for change in shims.changes(name):
            assert "| `{}` | {} | {} |".format(*change) in section
        for advisory in CATALOG.advisories:
            assert (f"**{advisory.id}**" in section) == (name in advisory.shims)
    assert "evaluate before 0.4.2, with datasets 2.16.0 or later (run up to 5.2.0)" in page
