"""What the names of wheels say, held against the tags of :mod:`packaging`."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from compatshim import compiled
from compatshim.metadata.interface import Release
from compatshim.metadata.wheels import PLATFORMS, Fit, summary
from compatshim.model import Distribution, Inventory
from compatshim.solve import problem

NAMES = (
    "a-1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a-1-cp310-cp310-manylinux1_x86_64.whl",
    "a-1-cp311-none-linux_x86_64.whl",
    "a-1-cp313-cp313t-manylinux_2_28_x86_64.whl",
    "a-1-cp37-abi3-manylinux2010_x86_64.whl",
    "a-1-cp312-abi3-manylinux_2_17_x86_64.whl",
    "a-1-py3-none-manylinux_2_28_x86_64.whl",
    "a-1-py3-none-any.whl",
    "a-1-py2.py3-none-any.whl",
    "a-1-py2-none-any.whl",
    "a-1-py311-none-any.whl",
    "a-1-cp36-cp36m-manylinux1_x86_64.whl",
    "a-1-pp39-pypy39_pp73-manylinux_2_17_x86_64.whl",
    "a-1-cp312-cp312-musllinux_1_1_x86_64.whl",
    "a-1-cp312-cp312-manylinux_2_17_aarch64.whl",
    "a-1-cp312-cp312-macosx_11_0_arm64.whl",
    "a-1-cp312-cp312-win_amd64.whl",
    "a-1-1build-cp312-cp312-win32.whl",
)


def markers(minor: int, platform: str = "linux-x86_64", implementation: str = "cpython") -> dict[str, str]:
    system, _, machine = platform.partition("-")
    return {
        "implementation_name": implementation,
        "python_version": f"3.{minor}",
        "python_full_version": f"3.{minor}.1",
        "sys_platform": system,
        "platform_machine": machine,
    }


@pytest.mark.parametrize("minor", range(8, 15))
@pytest.mark.parametrize("name", NAMES)
def test_packaging_says_the_same(name: str, minor: int) -> None:
    platforms = [f"{kind}_x86_64" for kind in ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")]
    platforms += ["manylinux2010_x86_64", "manylinux1_x86_64"]
    interpreter = f"cp3{minor}"
    taken = {
        *cpython_tags((3, minor), abis=[interpreter], platforms=platforms),
        *compatible_tags((3, minor), interpreter, platforms),
    }
    assert Fit(markers(minor))(summary([name])) == bool(parse_wheel_filename(name)[3] & taken)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a-1-py3-none-any.whl"], None),
        (["a-1-cp39-cp39-win_amd64.whl", "a-1-py2.py3-none-any.whl"], None),
        ([], ()),
        (["a-1-py2-none-any.whl"], ()),
        (["a-1-cp39-cp39-win32.whl"], ()),
        (["a-1-py37-none-any.whl"], ("any 3.7+",)),
        (
            ["a-1-cp310-cp310-macosx_10_9_universal2.whl", "a-1-cp39-cp39-macosx_10_9_x86_64.whl"],
            ("darwin-arm64 3.10", "darwin-x86_64 3.9 3.10"),
        ),
        (["a-1-cp36-abi3-macosx_10_6_intel.whl"], ("darwin-x86_64 3.6+",)),
    ],
)
def test_summary(names: List[str], expected: Optional[Tuple[str, ...]]) -> None:
    assert summary(names) == expected


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_takes_its_own(platform: str) -> None:
    for other in PLATFORMS:
        assert Fit(markers(12, platform))((f"{other} 3.12",)) == (other == platform)


@pytest.mark.parametrize(
    "target", [markers(12, "linux-s390x"), markers(12, implementation="pypy"), {}], ids=["s390x", "pypy", "nothing"]
)
def test_where_it_cannot_be_told_nothing_is_ruled_out(target: dict[str, str]) -> None:
    assert Fit(target)(())


class Index:
    """One project, the older release of which has no wheel for Python 3.12."""

    description = "two releases"

    def knows(self, project: str) -> bool:
        return bool(project)

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        if project != "numpy":
            return None
        return (
            Release("numpy", Version("1"), wheels=("linux-x86_64 3.11",)),
            Release("numpy", Version("2"), wheels=("linux-x86_64 3.11 3.12",)),
        )


@pytest.mark.parametrize(("minor", "installed", "expected"), [(11, "2", "1 2"), (12, "2", "2"), (12, "1", "1 2")])
def test_what_would_have_to_be_built_is_not_proposed(minor: int, installed: str, expected: str) -> None:
    held = {"numpy": Distribution("numpy", Version(installed))}
    made = problem.build(Inventory("here", held, (), markers(minor)), compiled.load(), Index())
    assert " ".join(str(version) for version in made.candidates["numpy"]) == expected
