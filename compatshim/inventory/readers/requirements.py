"""Requirements and constraint files, as pip reads them; what they include is read, too.

Lines are parsed by ``pip-requirements-parser``, which is pip's own code. Files are opened here: an include may be a
cycle, or lead out of the project, and then nothing of what it leads to is shown.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple, Union

from compatshim.inventory import documents
from compatshim.inventory.manifest import Contents, Demand, ManifestError, Source, absurd, addressed, shown
from compatshim.model import Location, Unread, canonical

LINE = 1 << 17
"""Characters of a line with those that continue it: many times what a package with hundreds of hashes takes."""
LINES = 20_000
"""Requirements and options of a file: the parser takes half a millisecond for each."""
MOST = 100
"""Files that one file may include, counted with those that they include."""


def read(source: Source) -> Contents:
    """The file with all that it includes."""
    return _Reading(source).contents()


class _Include(NamedTuple):
    path: str
    line: int
    constraint: bool


class _Reading:
    """The reading of one file and of those that it leads to."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._demands: List[Demand] = []
        self._unread: List[Unread] = []
        self._seen: Set[Tuple[str, bool]] = set()

    def contents(self) -> Contents:
        name = os.path.basename(self._source.path)
        own = os.path.realpath(os.path.join(self._source.folder, name))
        self._one(self._source, constraint=False, above=(own,))
        return Contents((), tuple(self._demands), tuple(self._unread))

    def _one(self, source: Source, *, constraint: bool, above: Tuple[str, ...]) -> None:
        for found in _lines(source, constraint=constraint):
            if isinstance(found, Demand):
                self._demands.append(found)
            elif isinstance(found, Unread):
                self._unread.append(found)
            else:
                self._include(source, found, above)

    def _include(self, source: Source, found: _Include, above: Tuple[str, ...]) -> None:
        if "://" in found.path:
            self._unread.append(source.unread("includes an address, which is not fetched", found.line))
            return
        full = os.path.join(source.folder, found.path)
        real = os.path.realpath(full)
        named = shown(found.path)
        if not documents.inside(real, source.root):
            self._unread.append(
                source.unread(f"includes {named}, which is outside of {source.root}: it was not opened", found.line)
            )
        elif real in above:
            self._unread.append(source.unread(f"includes {named}, by which it is itself included", found.line))
        elif (real, found.constraint) in self._seen:
            pass  # once is enough
        elif len(self._seen) >= MOST:
            self._unread.append(source.unread(f"includes {named}, one file too many: {MOST} are read", found.line))
        elif len(self._demands) >= LINES:
            self._unread.append(
                source.unread(f"includes {named}, not read: {LINES:,} requirements are enough", found.line)
            )
        else:
            self._seen.add((real, found.constraint))
            path = os.path.normpath(os.path.join(os.path.dirname(source.path), found.path))
            try:
                inner = documents.load(real, root=source.root, instead=source.instead)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "cannot be opened"
                self._unread.append(source.unread(f"includes {named}, which cannot be read: {reason}", found.line))
            except ManifestError as error:
                self._unread.append(source.unread(f"includes {named}, which cannot be read: {error}", found.line))
            else:
                inner = inner._replace(path=path, folder=os.path.dirname(full))
                self._one(inner, constraint=found.constraint, above=(*above, real))


def _lines(source: Source, *, constraint: bool) -> Iterator[Union[Demand, Unread, _Include]]:
    """What the lines of one file come to."""
    for item in _parsed(source):
        line = item.line_number
        kind = type(item).__name__
        if kind == "OptionLine":
            for option, means in (("requirements", constraint), ("constraints", True)):
                for path in item.options.get(option) or ():
                    yield _Include(path, line, means)
        elif kind in ("InvalidRequirementLine", "IncorrectRequirementLine"):
            if kind == "InvalidRequirementLine":
                yield source.unread(f"is no requirement: {shown(item.requirement_line.line)}", line)
        elif kind != "CommentRequirementLine":
            yield _requirement(source, item, constraint=constraint)


def _parsed(source: Source) -> List[Any]:
    from pip_requirements_parser import RequirementsFile

    text = _straight(source.text)
    _bounded(source, text)
    descriptor, path = tempfile.mkstemp(suffix=".txt", prefix="compatshim-")
    try:
        with open(descriptor, "wb") as file:
            # A mark says what it is written in, whatever the locale or a comment in it says.
            file.write(b"\xef\xbb\xbf" + text.encode("utf-8", "replace"))
        return list(RequirementsFile.parse(path, include_nested=False))
    except RecursionError as error:
        raise source.error("is nested too deeply") from error
    except Exception as error:  # what the parser raises for a file that it cannot take has no class of its own
        raise source.error(f"cannot be parsed as a requirements file: {error}") from error
    finally:
        os.unlink(path)


_ENDS = dict.fromkeys(map(ord, "\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")


def _straight(text: str) -> str:
    """The text with line ends alone at its line ends: Python knows more of them than editors do."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_ENDS).replace("\0", " ")


def _bounded(source: Source, text: str) -> None:
    """Raise ``ManifestError`` for what takes its parser minutes: very long lines, and very many."""
    start = length = lines = 0
    for number, line in enumerate(text.split("\n"), start=1):
        start, length = (start, length + len(line)) if length else (number, len(line))
        if length > LINE:
            raise source.error(f"has a line of more than {LINE >> 10} KiB, with those that continue it", start)
        if not line.endswith("\\"):
            lines += bool(line.strip()) and not line.lstrip().startswith("#")
            length = 0
        if lines > LINES:
            raise source.error(f"has more than {LINES:,} requirements, of which nothing was read", number)


def _requirement(source: Source, item: Any, *, constraint: bool) -> Union[Demand, Unread]:
    line = item.line_number
    name = canonical(item.name) if item.name else None
    if item.is_editable:
        return source.unread("is editable: its version is not in the file", line, name)
    if item.link is not None:
        known = addressed(item.link.url)
        if known is None or name is None:
            return source.unread("is a path or an address: its version is not in the file", line, name)
        specifier = f"=={known}"
    else:
        specifier = str(item.req.specifier)
        if absurd(specifier):
            return source.unread("is no requirement: it has a number of thousands of digits", line, name)
    extras = frozenset(canonical(extra) for extra in item.extras or ())
    marker = str(item.marker or "")
    return Demand(name or "", specifier, Location(source.path, line), extras, marker, item.name, constraint)


def scan(texts: Dict[str, Location]) -> Tuple[List[Demand], List[Unread]]:
    """Requirements out of a list that lies in another file, as conda's ``pip:`` does; includes are not followed."""
    demands: List[Demand] = []
    unread: List[Unread] = []
    for text, place in texts.items():
        for found in _lines(Source(place.path, text), constraint=False):
            if isinstance(found, Demand):
                demands.append(found._replace(location=place))
            elif isinstance(found, Unread):
                unread.append(found._replace(where=str(place)))
            else:
                unread.append(Unread(str(place), f"includes {shown(found.path)}, which is not read from here"))
    return demands, unread
