"""What the wheels of a release are for, in a few words: the tags of PEP 425 as far as markers can judge them.

Each text is a platform and the Pythons that there are wheels for on it: ``linux-x86_64 3.8 3.9``, ``any 3.10``, or
``win32-AMD64 3.7+`` for a stable ABI. A platform is named by its ``sys_platform`` and ``platform_machine``. Markers
do not tell the C library of a Linux, the version of a macOS, or a free-threaded interpreter, and neither do we.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, Mapping, Optional, Set, Tuple

PLATFORMS = ("linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "win32-AMD64")
"""Those that projects publish wheels for as a rule. On others people build, and nothing is ruled out."""

_OLDEST = 8
_ANY = "any"
_TAG = re.compile(r"(?P<kind>py|cp)3(?P<minor>\d*)")
_LINUX = re.compile(r"(?:many)?linux(?:\d+|_\d+_\d+)?_(?P<machine>x86_64|aarch64)")
_DARWIN = re.compile(r"macosx_\d+_\d+_(?P<machine>x86_64|arm64|universal2|intel)")
_MACHINES = {"universal2": ("x86_64", "arm64"), "intel": ("x86_64",)}


def summary(names: Iterable[str]) -> Optional[Tuple[str, ...]]:
    """What wheels with these file names are for, sorted; None when one is for every Python 3 everywhere."""
    pythons: Dict[str, Set[Tuple[int, bool]]] = {}
    for name in names:
        python, abi, platform = (part.split(".") for part in name[: -len(".whl")].rsplit("-", 3)[1:])
        found = {item for one in python for other in abi for item in _pythons(one, other)}
        if platform == [_ANY] and (0, True) in found:
            return None
        for where in (place for one in platform for place in _platforms(one)):
            pythons.setdefault(where, set()).update(found)
    texts = {where: [_text(*item) for item in sorted(found)] for where, found in pythons.items() if found}
    return tuple(f"{where} {' '.join(listed)}" for where, listed in sorted(texts.items()))


class Fit:
    """Whether one interpreter can install a release from a wheel; where that cannot be told, it can."""

    def __init__(self, markers: Mapping[str, str]) -> None:
        """Take the interpreter's marker environment."""
        self._platform = f"{markers.get('sys_platform')}-{markers.get('platform_machine')}"
        self._minor = 0
        if markers.get("implementation_name") == "cpython" and self._platform in PLATFORMS:
            self._minor = int(markers["python_version"].partition(".")[2])
        self._known: Dict[Tuple[str, ...], bool] = {}

    def __call__(self, wheels: Optional[Tuple[str, ...]]) -> bool:
        """Judge what :func:`summary` said."""
        if wheels is None or not self._minor:
            return True
        if wheels not in self._known:
            self._known[wheels] = any(self._takes(*text.split(" ")) for text in wheels)
        return self._known[wheels]

    def _takes(self, platform: str, *pythons: str) -> bool:
        if platform not in (self._platform, _ANY):
            return False
        exact = f"3.{self._minor}"
        return any(text == exact or (text.endswith("+") and int(text[2:-1]) <= self._minor) for text in pythons)


def _pythons(python: str, abi: str) -> Iterator[Tuple[int, bool]]:
    """The Python 3 minor version of a pair of tags, and whether all later ones are meant, too."""
    found = _TAG.fullmatch(python)
    if found is None:
        return
    minor = int(found["minor"] or 0)
    onwards = abi == "abi3" if found["kind"] == "cp" else abi == "none"
    if onwards or (minor >= _OLDEST and abi in ("none", python)):
        yield minor, onwards


def _platforms(tag: str) -> Iterator[str]:
    if tag == _ANY:
        yield _ANY
    elif tag == "win_amd64":
        yield "win32-AMD64"
    linux, darwin = _LINUX.fullmatch(tag), _DARWIN.fullmatch(tag)
    if linux is not None:
        yield f"linux-{linux['machine']}"
    if darwin is not None:
        for machine in _MACHINES.get(darwin["machine"], (darwin["machine"],)):
            yield f"darwin-{machine}"


def _text(minor: int, onwards: bool) -> str:
    return f"3.{minor}{'+' if onwards else ''}"
