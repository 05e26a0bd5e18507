"""Text into tables and lists, with the lines where things stand; what is hostile ends in a message, not in a wait.

Files are read up to a size that no honest one has. The parsers are the usual ones; what they raise becomes a
:class:`~compatshim.inventory.manifest.ManifestError` with the file and the line.
"""

from __future__ import annotations

import bisect
import json
import os
import re
import sys
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from compatshim import files
from compatshim.inventory.manifest import ManifestError, Source, shown
from compatshim.model import Location

LIMIT = 32 << 20
"""Bytes of a file. The largest locks that people have are a tenth of it."""
DEPTH = 64
"""Levels of a YAML document, and parts of a dotted key of TOML."""
NODES = 2_000_000
"""Values of a YAML document, each alias counted as all that it stands for."""
WORD = 40
"""Characters of a name that a message shows."""
STDIN = "<stdin>"
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""What a file may begin with, and the encoding that this stands for."""


def load(path: str, *, root: str = "", instead: Mapping[str, str] = MappingProxyType({})) -> Source:
    """Read a text file, or standard input for ``-``. Raises :exc:`ManifestError` and :exc:`OSError`.

    ``instead`` has texts that stand for files, by path without links.
    """
    if path == "-":
        here = os.getcwd()
        return Source(STDIN, decoded(STDIN, sys.stdin.buffer.read(LIMIT + 1)), here, root or here)
    text = instead.get(os.path.realpath(path)) if instead else None
    if text is None:
        with open(path, "rb") as file:
            text = decoded(path, file.read(LIMIT + 1))
    folder = os.path.dirname(os.path.abspath(path))
    return Source(path, text, folder, root or project_root(folder), instead)


def project_root(folder: str) -> str:
    """The folder of the repository that a folder is in, else the working directory if that is above, else it."""
    here = os.path.realpath(folder)
    found = files.repository(here)
    if found is not None:
        return found
    working = os.path.realpath(os.getcwd())
    return working if inside(here, working) and os.path.dirname(working) != working else here


def inside(path: str, folder: str) -> bool:
    """Whether a path without links lies in a folder without links."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def encoding(data: bytes) -> Tuple[bytes, str]:
    """The byte order mark that a file begins with, if any, and the encoding of what follows."""
    mark = next((one for one in _MARKS if data.startswith(one)), b"")
    return mark, _MARKS.get(mark, "utf-8")


def decoded(path: str, data: bytes) -> str:
    """The text of a file, its line ends as they are. Raises :exc:`ManifestError`."""
    if len(data) > LIMIT:
        raise ManifestError(f"{path}: is larger than {LIMIT >> 20} MiB, which no manifest is: it was not read")
    mark, name = encoding(data)
    data = data[len(mark) :]
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}:{line}: is not UTF-8: {error.reason} (byte {error.start + 1})") from error


def toml(source: Source) -> Dict[str, Any]:
    """The document. Raises :exc:`ManifestError`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    _no_long_keys(source)
    try:
        # Line ends of Windows are a part of TOML, those of old Macs are not.
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\s*\(at line (\d+), column \d+\)$", str(error))
        reason = str(error)[: place.start()] if place else str(error)
        raise source.error(f"is not TOML: {reason}", int(place[1]) if place else _last(source)) from error
    except RecursionError as error:
        raise source.error("is nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits, a date that is none
        raise source.error(f"is not TOML: {_brief(error)}") from error


def _no_long_keys(source: Source) -> None:
    """Raise :exc:`ManifestError` for a dotted key of very many parts: what it takes grows as their square."""
    if source.text.count(".") < DEPTH:
        return
    run = offset = 0
    for part in source.text.split("."):
        run = run + 1 if _PART.fullmatch(part) else 0
        if run > DEPTH:
            raise source.error("has a key of too many parts", source.text.count("\n", 0, offset) + 1)
        offset += len(part) + 1


_PART = re.compile(r"[ \t]*[\w\"'-]*[ \t]*")


def _brief(error: ValueError) -> str:
    """What is wrong with a value, without the advice for programmers that follows it."""
    return str(error).partition(":")[0]


def json_object(source: Source) -> Dict[str, Any]:
    """The document, which must be an object. Raises :exc:`ManifestError`."""
    try:
        found = json.loads(source.text)
    except json.JSONDecodeError as error:
        raise source.error(f"is not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise source.error("is nested too deeply") from error
    except ValueError as error:
        raise source.error(f"is not JSON: {_brief(error)}") from error
    if not isinstance(found, dict):
        raise source.error("is not a JSON object", 1)
    return found


class Text(str):
    """A scalar of a YAML document, as it is written: as a number, version 1.20 would be 1.2."""

    __slots__ = ("line",)
    line: int

    @classmethod
    def at(cls, text: str, line: int) -> Text:
        """A text and its line, counted from 1."""
        made = cls(text)
        made.line = line
        return made


Yaml = Union[Text, Dict[str, Any], List[Any]]


def yaml(source: Source) -> Dict[str, Any]:
    """The first document, which must be a mapping; every scalar is a :class:`Text`. Raises :exc:`ManifestError`.

    An alias is the same object as its anchor, so that a bomb takes no more room than it is written in; a document
    that would be too large with its aliases written out is refused, because to go through it takes as long.
    """
    import yaml as pyyaml

    loader = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
    try:
        found = _composed(source, pyyaml, pyyaml.parse(source.text, Loader=loader))
    except pyyaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
        raise source.error(f"is not YAML: {reason}", None if mark is None else mark.line + 1) from error
    except (ValueError, RecursionError) as error:
        raise source.error(f"is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise source.error("is not a YAML mapping", 1)
    return found


class _Open:
    """A collection that has begun and not ended: its items, or keys and values behind one another."""

    def __init__(self, event: Any, *, mapping: bool) -> None:
        self.event = event
        self.mapping = mapping
        self.flat: List[Any] = []
        self.weight = 1
        """How many values it is, with its aliases written out."""

    def put(self, value: Yaml, weight: int) -> None:
        self.flat.append(value)
        self.weight += weight

    def closed(self) -> Yaml:
        """The collection. What is no text cannot be a key."""
        if not self.mapping:
            return self.flat
        line = self.event.start_mark.line + 1
        keys = (key if isinstance(key, Text) else Text.at("", line) for key in self.flat[::2])
        return dict(zip(keys, self.flat[1::2]))


def _composed(source: Source, pyyaml: Any, events: Any) -> Optional[Yaml]:
    """What the events of the first document build, without recursion and with bounds on depth and size."""
    anchors: Dict[str, Tuple[Yaml, int]] = {}
    stack = [_Open(None, mapping=False)]
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, (pyyaml.MappingStartEvent, pyyaml.SequenceStartEvent)):
            if len(stack) > DEPTH:
                raise source.error("is nested too deeply", line)
            stack.append(_Open(event, mapping=isinstance(event, pyyaml.MappingStartEvent)))
            continue
        made = _value(source, pyyaml, event, stack, anchors)
        if made is not None:
            stack[-1].put(*made)
            if stack[-1].weight > NODES:
                raise source.error(f"has more than {NODES:,} values, its aliases written out", line)
            if len(stack) == 1:
                break
    return stack[0].flat[0] if stack[0].flat else None


def _value(
    source: Source, pyyaml: Any, event: Any, stack: List[_Open], anchors: Dict[str, Tuple[Yaml, int]]
) -> Optional[Tuple[Yaml, int]]:
    """The value that an event completes, and how many values it is; None when it completes none."""
    line = event.start_mark.line + 1
    anchor: str = getattr(event, "anchor", None) or ""
    if isinstance(event, pyyaml.AliasEvent):
        if anchor not in anchors:
            raise source.error(f"has no anchor {shown(anchor, WORD)} before this alias", line)
        return anchors[anchor]
    if isinstance(event, pyyaml.ScalarEvent):
        made: Tuple[Yaml, int] = (Text.at(event.value, line), 1)
    elif isinstance(event, (pyyaml.MappingEndEvent, pyyaml.SequenceEndEvent)):
        opened = stack.pop()
        anchor = opened.event.anchor
        made = (opened.closed(), opened.weight)
    else:
        return None
    if anchor:
        anchors[anchor] = made
    return made


def _last(source: Source) -> int:
    return source.text.count("\n") + 1


class Places:
    """Where things stand in a text whose parser does not say."""

    def __init__(self, source: Source, quotes: str = "\"'") -> None:
        """Take the signs that strings stand in."""
        self._text, self._path, self._quotes = source.text, source.path, quotes
        self._ends = [match.start() for match in re.finditer("\n", source.text)]
        self._asked: Dict[str, int] = {}
        self._last = 0

    def line(self, offset: int) -> int:
        """The line of an offset, counted from 1."""
        return bisect.bisect_left(self._ends, offset) + 1

    def at(self, offset: int) -> Location:
        """The location of an offset; of the whole file when it is negative."""
        return Location(self._path, self.line(offset) if offset >= 0 else None)

    def tables(self, name: str, count: int) -> List[Location]:
        """Where each ``[[name]]`` of a TOML document tells its name; all unknown unless there are ``count``."""
        header = re.compile(rf"^[ \t]*\[\[[ \t]*{re.escape(name)}[ \t]*\]\]", re.MULTILINE)
        starts = [match.start() for match in header.finditer(self._text)]
        if len(starts) != count:
            return [Location(self._path)] * count
        own = re.compile(r"^[ \t]*name[ \t]*=|^[ \t]*\[", re.MULTILINE)
        found = []
        for start in starts:
            match = own.search(self._text, self._text.find("\n", start) + 1)
            found.append(self.at(start if match is None or match[0].endswith("[") else match.start()))
        return found

    def quoted(self, text: str) -> Location:
        """Where a string stands in quotes: the first time when asked first, the second when asked again.

        What is asked for one after the other mostly stands so, too: it is looked for behind the last one first.
        """
        before = self._asked.get(text)
        for start in (self._last, 0) if before is None else (before,):
            found = [self._text.find(f"{quote}{text}{quote}", start) for quote in self._quotes]
            offset = min((one for one in found if one >= 0), default=-1)
            if offset >= 0:
                self._asked[text] = self._last = offset + 1
                return self.at(offset)
        return Location(self._path) if before is None else self.at(before - 1)

    def key(self, name: str, start: int) -> int:
        """The offset of a key of a JSON object from ``start`` on, or -1."""
        offset = self._text.find(f'"{name}"', max(start, 0))
        while offset >= 0 and not _COLON.match(self._text, offset + len(name) + 2):
            offset = self._text.find(f'"{name}"', offset + 1)
        return offset

    def after(self, pattern: str, start: int = 0) -> int:
        """The offset behind which a pattern is found from ``start`` on, or -1."""
        match = re.compile(pattern, re.MULTILINE).search(self._text, max(start, 0))
        return -1 if match is None else match.end()


_COLON = re.compile(r"\s*:")


def table(value: object) -> Dict[str, Any]:
    """A table, empty for what is none."""
    return value if isinstance(value, dict) else {}


def tables(value: object) -> List[Dict[str, Any]]:
    """The tables of a list; empty for what is none. What is no table in it is an empty one."""
    return [table(item) for item in value] if isinstance(value, list) else []


def texts(value: object) -> List[str]:
    """The strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A string, empty for what is none."""
    return value if isinstance(value, str) else ""
