from __future__ import annotations

import sys
from typing import Dict, List, Optional

import pytest
from packaging.markers import default_environment
from packaging.tags import sys_tags

from compatshim.metadata.pages import File
from compatshim.metadata.target import Target

HERE = {name: str(value) for name, value in default_environment().items()}
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}

linux = pytest.mark.skipif(
    any(HERE[name] != value for name, value in LINUX.items()), reason="not Linux on x86-64: not run"
)


def on(python: str, **others: str) -> Dict[str, str]:
    return {**HERE, "python_full_version": python, "python_version": ".".join(python.split(".")[:2]), **others}


def chosen(markers: Dict[str, str], *names: str) -> Optional[str]:
    files = [File(f"a-1-{name}.whl" if not name.endswith(".gz") else name, "1") for name in names]
    found = Target(markers).best(files)
    return None if found is None else found.name[len("a-1-") : -len(".whl")]


@linux
@pytest.mark.parametrize(
    ("python", "names", "best"),
    [
        ("3.11.7", ["py3-none-any"], "py3-none-any"),
        ("3.11.7", ["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"], "cp311-cp311-manylinux_2_17_x86_64"),
        ("3.11.7", ["cp311-cp311-win_amd64"], None),
        ("3.11.7", ["cp311-cp311-macosx_11_0_arm64", "cp311-cp311-manylinux2014_aarch64"], None),
        ("3.11.7", ["cp312-cp312-manylinux_2_17_x86_64"], None),
        ("3.12.1", ["cp312-cp312-manylinux_2_17_x86_64"], "cp312-cp312-manylinux_2_17_x86_64"),
        ("3.13.0", ["cp313-cp313t-manylinux_2_17_x86_64"], None),
        ("3.12.1", ["cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"], "*"),
        ("3.8.18", ["cp39-abi3-manylinux1_x86_64"], None),
        ("3.9.1", ["py2-none-any", "py27.py39-none-any"], "py27.py39-none-any"),
        ("3.11.7", ["a-1.tar.gz"], None),
        ("3.11.7", ["nonsense", "py3-none"], None),
        ("3.11.7", ["cp311-cp311-manylinux_2_999_x86_64"], None),
    ],
)
def test_tags(python: str, names: List[str], best: Optional[str]) -> None:
    assert chosen(on(python), *names) == (names[0] if best == "*" else best)


def test_order_is_that_of_this_interpreter() -> None:
    if "t" in getattr(sys, "abiflags", "") or sys.implementation.name != "cpython":
        pytest.skip("this interpreter's markers do not say what it is: not run")
    names = [f"a-1-{tag}.whl" for tag in sys_tags()]
    target = Target(HERE)
    left = [File(name, "1") for name in reversed(names)]
    for name in names[:200]:
        best = target.best(left)
        assert best is not None
        assert best.name == name
        left.remove(best)


@pytest.mark.parametrize(
    "other",
    [
        {"implementation_name": "pypy"},
        {"sys_platform": "win32"},
        {"platform_machine": "riscv64"},
        {"python_full_version": ""},
    ],
)
def test_where_tags_cannot_be_judged_every_wheel_fits(other: Dict[str, str]) -> None:
    assert chosen({**HERE, **other}, "cp27-cp27m-win32") == "cp27-cp27m-win32"


def test_requires_python_and_yanked() -> None:
    def file(name: str, requires: str = "", *, yanked: bool = False) -> File:
        return File(f"{name}-1-py3-none-any.whl", "1", requires, yanked)

    target = Target(on("3.11.7"))
    assert target.best([file("old", "<3.10"), file("new", ">=3.12")]) is None
    assert target.best([file("odd", "about 3"), file("b")]) == file("odd", "about 3")
    assert target.best([file("x", yanked=True), file("y", ">=3.8")]) == file("y", ">=3.8")
    assert target.best([file("x", yanked=True)]) == file("x", yanked=True)
    assert Target(on("3.14.0rc1")).admits(file("x", ">=3.8"))
