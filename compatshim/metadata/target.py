"""Which wheels an interpreter can install, as far as its markers tell.

Markers say implementation, version, system and machine. With them the tags of a wheel are judged for CPython on the
platform that compatshim itself runs on. They do not say which C library a Linux has (that of this process counts),
nor whether an interpreter is free-threaded. Where the tags cannot be judged (another implementation, another
platform) every wheel counts as fit, and ``Requires-Python`` alone decides.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Mapping, Optional

from packaging.markers import default_environment
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag

from compatshim.metadata.pages import File


class Target:
    """The interpreter that is to install what is proposed."""

    def __init__(self, markers: Mapping[str, str]) -> None:
        """Take the marker environment of PEP 508; what it leaves out is not judged."""
        self._python = markers.get("python_full_version", "")
        self._order = _order(markers)
        self._ranks: Dict[str, Optional[int]] = {}
        self._admitted: Dict[str, bool] = {}

    @property
    def judges(self) -> bool:
        """Whether the tags of wheels can be judged for the interpreter."""
        return self._order is not None

    def best(self, files: Iterable[File]) -> Optional[File]:
        """The wheel that pip would take, or None when none fits; of equals the first."""
        found = []
        for file in files:
            if file.is_wheel and self.admits(file):
                rank = self._rank(file)
                if rank is not None:
                    found.append((file.yanked, rank, file))
        return min(found, key=lambda item: item[:2])[2] if found else None

    def admits(self, file: File) -> bool:
        """Whether a file's ``Requires-Python`` admits the interpreter; like pip, we pass over one that is none."""
        text = file.requires_python
        if not text or not self._python:
            return True
        if text not in self._admitted:
            try:
                self._admitted[text] = SpecifierSet(text).contains(self._python, prereleases=True)
            except InvalidSpecifier:
                self._admitted[text] = True
        return self._admitted[text]

    def _rank(self, file: File) -> Optional[int]:
        """How far down the interpreter's list of tags a wheel stands, or None when it is not on it."""
        tags = "-".join(file.name[: -len(".whl")].rsplit("-", 3)[1:])  # many wheels, few sets of tags
        if tags not in self._ranks:
            self._ranks[tags] = self._judged(tags)
        return self._ranks[tags]

    def _judged(self, tags: str) -> Optional[int]:
        if self._order is None:
            return 0
        try:
            found = parse_tag(tags)
        except ValueError:
            return None
        return min((self._order[tag] for tag in found if tag in self._order), default=None)


def _order(markers: Mapping[str, str]) -> Optional[Mapping[Tag, int]]:
    """The tags that an interpreter takes, the best first; None where that cannot be told."""
    here = default_environment()
    platform = all(markers.get(name) == here[name] for name in ("sys_platform", "platform_machine"))
    python = re.match(r"(3)\.(\d+)", markers.get("python_full_version", ""))
    if markers.get("implementation_name") != "cpython" or not platform or python is None:
        return None
    version = (int(python[1]), int(python[2]))
    name = f"cp{version[0]}{version[1]}"
    tags = [*cpython_tags(version, abis=[name]), *compatible_tags(version, name)]
    return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}
