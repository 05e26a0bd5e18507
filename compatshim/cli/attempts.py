"""One way to edit a file and what it includes, before anything is written."""

from __future__ import annotations

import os
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from compatshim import ranges
from compatshim.analysis import Analysis
from compatshim.edit import choose, conda, pyproject, requirements, write
from compatshim.edit.moves import Chosen, Edit, Edited, Move, New
from compatshim.edit.write import Original
from compatshim.inventory import documents, files
from compatshim.inventory.files import Manifest
from compatshim.inventory.manifest import Source

Editor = Callable[[str, str, Sequence[Chosen], Sequence[New]], Edited]
_EDITORS: Mapping[str, Editor] = {
    "requirements": requirements.edit,
    "script": pyproject.script,
    "environment.yml": conda.edit,
}
EDITED = frozenset((*_EDITORS, "pyproject"))
"""The kinds of file that people write. All others are made by tools, and from something else."""


class Attempt:
    """The texts of a file and of what it includes, and the edits that made them."""

    def __init__(self, manifest: Manifest, *, whole: bool = False) -> None:
        """Take whether the file names exact versions for the ``whole`` of an installation."""
        self._manifest = manifest
        self._whole = whole
        self._originals: Dict[str, Original] = {}
        self._texts: Dict[str, str] = {}
        self._edits: List[Edit] = []

    def manifest(self, kind: Optional[str]) -> Manifest:
        """The file as it is after the edits."""
        self._manifest = files.read(self._manifest.path, kind, self._texts)
        return self._manifest

    def apply(self, moves: Sequence[Move], analysis: Analysis, *, add: bool) -> bool:
        """Edit the lines about some moves; whether that changed anything. Raises :exc:`EditError`."""
        contents = self._manifest.contents
        here = ranges.asked(contents, analysis.inventory.markers)
        applies = frozenset((*here.demands, *here.constraints)).__contains__
        places = {name: one.locations for name, one in analysis.inventory.distributions.items()}
        chosen, new = choose.lines(contents.demands, applies, moves, places, add=add, whole=self._whole)
        by_file = choose.by_file(chosen)
        if new:
            bounds = [one.location.path for one in contents.demands if one.constraint]
            own = bounds[-1] if bounds and self._manifest.kind.name == "requirements" else self._manifest.path
            by_file.setdefault(own, [])
        changed = False
        for path, several in by_file.items():
            text = self._text(path)
            added = new if new and path == own else []
            edited = self._editor(text)(path, text, several, added)
            if edited.text != text:
                changed = True
                self._texts[os.path.realpath(path)] = edited.text
                self._merge(edited.edits)
        return changed

    def _text(self, path: str) -> str:
        real = os.path.realpath(path)
        if real not in self._originals:
            self._originals[real] = write.read(path)
        return self._texts.get(real, self._originals[real].text)

    def _editor(self, text: str) -> Editor:
        kind = self._manifest.kind.name
        if kind in ("pyproject", "script"):
            files.require(Source(self._manifest.path, ""), "tomlkit", done="edited")
        if kind in _EDITORS:
            return _EDITORS[kind]
        folder = os.path.dirname(os.path.abspath(self._manifest.path))
        tool = pyproject.tool(documents.toml(Source(self._manifest.path, text)), os.listdir(folder))
        return lambda path, text, chosen, new: pyproject.edit(path, text, chosen, new, tool)

    def _merge(self, edits: Sequence[Edit]) -> None:
        """Put an edit of what was edited before into that one."""
        for one in edits:
            for place, old in enumerate(self._edits):
                if (old.path, old.project, old.after) == (one.path, one.project, one.before):
                    via = tuple(dict.fromkeys((*old.via, *one.via)))
                    self._edits[place] = one._replace(before=old.before, via=via)
                    break
            else:
                self._edits.append(one)

    def edits(self) -> Tuple[Edit, ...]:
        """What was changed, each line once."""
        found = (one for one in self._edits if one.before != one.after)
        return tuple(sorted(found, key=lambda one: (one.path, one.line or 0)))

    def written(self) -> Tuple[Tuple[Original, str], ...]:
        """The files to write, and their texts."""
        return tuple((self._originals[real], text) for real, text in self._texts.items())
