"""Findings that a project passes over: which, why, where, and until when."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Collection, NamedTuple, Tuple

ALL = "*"
"""Stands for every advisory."""


class Ignore(NamedTuple):
    """A decision to let findings be. All conditions that are given must hold."""

    id: str
    """An advisory, in capitals, or :data:`ALL`."""
    reason: str
    told: str
    """Who says so: a file and line, or an option."""
    expires: str = ""
    """ISO date; from that day on nothing is passed over. Never when empty."""
    paths: Tuple[str, ...] = ()
    """Shell patterns, relative to ``base``. ``*`` matches ``/``, too, and a folder stands for what is below it."""
    projects: Tuple[str, ...] = ()
    """Normalised names, one of which the advisory must name."""
    base: str = ""
    """The folder that ``paths`` are relative to, absolute."""

    def expired(self, today: str) -> bool:
        """Whether its time is over."""
        return bool(self.expires) and self.expires <= today

    def reaches(self, path: str) -> bool:
        """Whether it says anything about a file, given as an absolute path; "" is what is installed."""
        if not self.paths:
            return True
        if not path:
            return False
        try:
            relative = os.path.relpath(path, self.base).replace(os.sep, "/")
        except ValueError:  # on another drive
            return False
        return any(
            fnmatchcase(relative, pattern) or fnmatchcase(relative, f"{pattern.rstrip('/')}/*")
            for pattern in self.paths
        )

    def names(self, identifier: str, projects: Collection[str]) -> bool:
        """Whether it is about an advisory that names these projects."""
        if self.id not in (ALL, identifier):
            return False
        return not self.projects or any(project in projects for project in self.projects)
