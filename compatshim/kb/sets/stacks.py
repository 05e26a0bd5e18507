"""The stacks that sets are made for, and the jobs that follow: one for each stack and Python."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from packaging.requirements import Requirement
from packaging.version import Version

from compatshim.errors import CompatshimError
from compatshim.strict import Reader

SCHEMA_VERSION = "1.0"
DEFINITIONS = "sets.toml"

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


class SetsError(CompatshimError):
    """The definitions or the record cannot be used; the message names the file and the key."""


@dataclass(frozen=True)
class Stack:
    """What a set is made for."""

    name: str
    """Also its folder."""
    about: str
    requirements: Tuple[str, ...]
    """PEP 508, with normalised names. A project that is pinned here is never moved."""
    before: str
    """ISO date; nothing uploaded on or after it (UTC) is looked at."""

    @property
    def projects(self) -> Tuple[str, ...]:
        """What a user installs under a set."""
        return tuple(Requirement(text).name for text in self.requirements)

    @property
    def held(self) -> Tuple[str, ...]:
        """The projects that are pinned."""
        wanted = (Requirement(text) for text in self.requirements)
        return tuple(one.name for one in wanted if str(one.specifier).startswith("=="))

    def missed(self, versions: Mapping[str, Version]) -> Tuple[str, ...]:
        """The requirements that versions do not satisfy."""
        return tuple(text for text in self.requirements if not satisfied(Requirement(text), versions))


def satisfied(requirement: Requirement, versions: Mapping[str, Version]) -> bool:
    """Whether versions hold the project of a requirement, in a version that it admits."""
    version = versions.get(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


@dataclass(frozen=True)
class Job:
    """One stack on one Python."""

    stack: Stack
    minor: str
    """``major.minor``."""

    @property
    def path(self) -> str:
        """Of its file, below the folder of sets, with slashes everywhere."""
        return f"{self.stack.name}/python{self.minor}.txt"

    @property
    def command(self) -> str:
        """What makes its file."""
        return f"python -m compatshim kb sets {self.stack.name} --on {self.minor}"


def jobs(folder: str) -> Tuple[Job, ...]:
    """What ``sets.toml`` in ``folder`` asks for, in its order. Raises :exc:`SetsError`."""
    path = os.path.join(folder, DEFINITIONS)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise SetsError(f"{path}: cannot read what sets to make: {error.strerror}") from error
    return _Reader(content, path).jobs()


class _Reader(Reader):
    wrong = SetsError

    def jobs(self) -> Tuple[Job, ...]:
        self.check_keys(self.data, "", "schema_version pythons stacks")
        self.word(self.data, "", "schema_version", (SCHEMA_VERSION,))
        pythons = self.strings(self.data, "", "pythons")
        stacks: Dict[str, Stack] = {}
        for where, table in self.tables(self.data, "stacks"):
            stack = self._stack(where, table)
            if stack.name in stacks:
                raise self.error(f"{where}.name", f"there is a stack {stack.name} already")
            stacks[stack.name] = stack
        for key, found in (("pythons", pythons), ("stacks", stacks)):
            if not found:
                raise self.error(key, "at least one is wanted")
        return tuple(Job(stack, minor) for stack in stacks.values() for minor in pythons)

    def _stack(self, where: str, table: Dict[str, Any]) -> Stack:
        self.check_keys(table, where, "name about requirements before")
        name = self.string(table, where, "name")
        if not _NAME.fullmatch(name):
            raise self.error(f"{where}.name", f"{name!r} is not of small letters, digits, dots and dashes")
        requirements = self.requirements(table, where, "requirements")
        if not requirements:
            raise self.error(f"{where}.requirements", "at least one is wanted")
        return Stack(name, self.string(table, where, "about"), requirements, self.day(table, where, "before"))
