"""Files of 5,000 packages: all are there, at their lines, and what is looked at grows as they do."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict

import pytest

from compatshim.inventory import targets
from compatshim.inventory.kinds import BY_NAME
from compatshim.inventory.manifest import Contents, Source

MANY = 5_000


def uv(number: int) -> str:
    own = ", ".join(f'{{ name = "p{n}" }}' for n in range(number))
    packages = "".join(
        f'[[package]]\nname = "p{n}"\nversion = "1.{n}"\ndependencies = [{{ name = "p{n * 7 % number}" }}]\n\n'
        for n in range(number)
    )
    own = f'[[package]]\nname = "own"\nsource = {{ virtual = "." }}\ndependencies = [{own}]\n\n'
    return f"version = 1\n{own}{packages}"


def poetry(number: int) -> str:
    packages = (
        f'[[package]]\nname = "p{n}"\nversion = "1.{n}"\nmarkers = "python_version >= \\"3.{8 + n % 3}\\""\n\n'
        for n in range(number)
    )
    return f"{''.join(packages)}[metadata]\n"


def pipenv(number: int) -> str:
    return json.dumps({"_meta": {}, "default": {f"p{n}": {"version": f"==1.{n}"} for n in range(number)}}, indent=1)


def requirements(number: int) -> str:
    return "".join(f"p{n}==1.{n} \\\n    --hash=sha256:{n:064x}\n" for n in range(number))


def conda_lock(number: int) -> str:
    rows = (f"- name: p{n}\n  version: 1.{n}\n  manager: conda\n  platform: linux-64\n" for n in range(number))
    return f"version: 1\npackage:\n{''.join(rows)}"


def cyclonedx(number: int) -> str:
    rows = [{"name": f"p{n}", "purl": f"pkg:pypi/p{n}@1.{n}"} for n in range(number)]
    return json.dumps({"bomFormat": "CycloneDX", "components": rows}, indent=1)


WRITERS: Dict[str, Callable[[int], str]] = {
    "uv.lock": uv,
    "poetry.lock": poetry,
    "Pipfile.lock": pipenv,
    "requirements": requirements,
    "conda-lock": conda_lock,
    "cyclonedx": cyclonedx,
}


def read(kind: str, text: str) -> Contents:
    found = BY_NAME[kind].read(Source("file", text))
    return targets.pinned(found) or found if found.demands else found


@pytest.mark.parametrize("kind", WRITERS)
def test_all_are_there_at_their_lines(kind: str) -> None:
    text = WRITERS[kind](MANY)
    found = read(kind, text)
    assert found.unread == ()
    (one,) = targets.inventories(found, "file")
    lines = text.splitlines()
    assert len(one.distributions) == MANY
    for number in (0, 1, 17, MANY - 1):
        item = one.distributions[f"p{number}"]
        assert str(item.version) == f"1.{number}"
        (place,) = item.locations
        assert place.line is not None
        assert f"p{number}" in lines[place.line - 1]


@pytest.mark.parametrize("kind", WRITERS)
def test_work_grows_as_the_file_does(kind: str) -> None:
    def calls(number: int) -> int:
        text = WRITERS[kind](number)
        read(kind, text)  # what is loaded once
        count = 0

        def counted(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            targets.inventories(read(kind, text), "file")
        finally:
            sys.setprofile(before)
        return count

    few, many = calls(200), calls(800)
    assert many < few * 4.4
