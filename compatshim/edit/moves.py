"""What must become of a project in a file, and what has become of it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from packaging.version import Version

from compatshim.errors import CompatshimError
from compatshim.inventory.manifest import Demand


class EditError(CompatshimError):
    """A file cannot be edited; the message names it and the line, why that is so, and what to do instead."""


class Move(NamedTuple):
    """What the lines about a project must say from now on."""

    project: str
    """Normalised name."""
    after: Version
    """The version that they must admit."""
    floor: Optional[Version] = None
    """The lowest that they may admit, where what lies below is known to be bad."""
    cap: Optional[Version] = None
    """The lowest above it that they must not admit, for the same reason."""
    without: Tuple[Version, ...] = ()
    """Single versions that they must not admit."""
    exact: bool = False
    """Whether they must admit no other."""
    needed: bool = True
    """Whether it must be said; else an installer comes to it by itself when the others are."""
    via: Tuple[str, ...] = ()
    """Ids of the advisories that it is for; empty where there are none."""
    spelt: str = ""
    """The name as its author spells it, for a line that is new."""

    @property
    def comment(self) -> str:
        """Why a line that is new is there."""
        return f"compatshim: {', '.join(self.via)}" if self.via else "compatshim"


class Edit(NamedTuple):
    """A line that was changed or added."""

    path: str
    """As the user named the file, or as it was found below what the user named."""
    line: Optional[int]
    """Counted from 1 in the new text."""
    project: str
    before: str
    """What asked for the project; empty for a line that is new."""
    after: str
    via: Tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        what = f"{self.before} → {self.after}" if self.before else f"{self.after} (new)"
        return f"{where}: {what}"


class Chosen(NamedTuple):
    """A line that is to say something else."""

    demand: Demand
    move: Move


class New(NamedTuple):
    """A line that is to be added."""

    move: Move
    beside: Optional[Demand] = None
    """The line that brings the project."""

    @property
    def requirement(self) -> str:
        """What it says (PEP 508)."""
        from compatshim.edit import specifiers

        return f"{self.move.spelt or self.move.project}{specifiers.changed('', self.move)}"


class Edited(NamedTuple):
    """A text after its edits."""

    text: str
    edits: Tuple[Edit, ...]
