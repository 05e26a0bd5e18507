"""What the user allows: the mode and the advisories that are switched off, and where each setting came from.

Environment variables (COMPATSHIM, COMPATSHIM_DISABLE) win over ``[tool.compatshim]`` (``mode``, ``disable``) in the
nearest ``pyproject.toml`` at or above the current directory; that file alone is looked at, with or without the
table. The current directory, because all processes of a job have the same, whatever started them; ``python -I``
takes nothing from there, and so it is here.
"""

from __future__ import annotations

import os
import sys

from compatshim.startup import ledger
from compatshim.startup.notices import warn
from compatshim.startup.project import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, Optional, Tuple

MODES = ("off", "observe", "apply", "strict")
MODE, DISABLE = "COMPATSHIM", "COMPATSHIM_DISABLE"
DEFAULT = "default"


class Settings:
    """A mode and ids of advisories that are switched off (``*`` for all), each with its source.

    A source is ``default``, the name of an environment variable, or the path of a file. ``problems`` are places
    and sentences about what could not be used.
    """

    __slots__ = ("disable", "disable_source", "mode", "mode_source", "problems")

    def __init__(self) -> None:
        self.mode = "apply"
        self.mode_source = DEFAULT
        self.disable: Tuple[str, ...] = ()
        self.disable_source = DEFAULT
        self.problems: List[Tuple[str, str]] = []

    def disables(self, advisory: str) -> bool:
        """Whether an advisory is switched off."""
        return "*" in self.disable or advisory in self.disable


def load() -> Settings:
    """The settings as the environment variables and the file say them now."""
    found = Settings()
    _variables(found)
    if DEFAULT in (found.mode_source, found.disable_source) and not sys.flags.isolated:
        path = nearest()
        if path is not None:
            try:
                _file(found, path, _table(path))
            except Exception as error:
                found.problems.append((path, f"{path} could not be used ({type(error).__name__}: {error})."))
    return found


def _variables(found: Settings) -> None:
    mode = os.environ.get(MODE, "")
    if mode in MODES:
        found.mode, found.mode_source = mode, MODE
    elif mode:
        found.problems.append((MODE, f"{MODE}={mode!r} is not one of {', '.join(MODES)}; it is ignored."))
    words = [word for word in os.environ.get(DISABLE, "").replace(" ", "").upper().split(",") if word]
    wrong = [word for word in words if not _names(word)]
    if wrong:
        said = f"{DISABLE}: {', '.join(wrong)} is no advisory (write CSA-2026-0001, or * for all); it is ignored."
        found.problems.append((DISABLE, said))
    if len(wrong) < len(words):
        found.disable, found.disable_source = tuple(word for word in words if _names(word)), DISABLE


def _file(found: Settings, path: str, table: Mapping[str, Any]) -> None:
    """Take from the table what no environment variable has said; other keys are for the command line."""
    if found.mode_source == DEFAULT and "mode" in table:
        mode = table["mode"]
        if mode in MODES:
            found.mode, found.mode_source = mode, path
        else:
            said = f"{path}: tool.compatshim.mode: {mode!r} is not one of {', '.join(MODES)}; it is ignored."
            found.problems.append((path, said))
    if found.disable_source == DEFAULT and "disable" in table:
        disable = table["disable"]
        words = [disable] if disable == "*" else disable
        if isinstance(words, list) and all(isinstance(word, str) and _names(word.upper()) for word in words):
            found.disable, found.disable_source = tuple(word.upper() for word in words), path
        else:
            said = f'{path}: tool.compatshim.disable: a list of advisories or "*" is wanted, not {disable!r}; '
            found.problems.append((path, f"{said}it is ignored."))


def _names(word: str) -> bool:
    """Whether a word has the shape of an id, in our own catalog or in an organisation's."""
    prefix, _, rest = word.partition("-")
    year, _, number = rest.partition("-")
    return word == "*" or (prefix.isalnum() and year.isdigit() and number.isdigit())


def _table(path: str) -> Mapping[str, Any]:
    """``[tool.compatshim]`` of a file. Raises what reading and parsing raise, and TypeError for another type."""
    with open(path, "rb") as file:
        content = file.read()
    if b"compatshim" not in content:  # most files: no parser is loaded
        return {}
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
    except ImportError:
        if b"\n[tool.compatshim" in b"\n" + content:
            raise
        return {}  # only a dependency, by all appearances
    table = tomllib.loads(content.decode("utf-8")).get("tool", {}).get("compatshim", {})
    if not isinstance(table, dict):
        raise TypeError("tool.compatshim is not a table")
    return table


_current: Optional[Settings] = None


def settle() -> Settings:
    """Read the settings, and say and record what could not be used."""
    global _current
    _current = load()
    for place, message in _current.problems:
        ledger.record(ledger.Entry("", "", place, "skipped", reason="setting-ignored", detail=message))
        warn(message)
    return _current


def current() -> Settings:
    """The settings of this process, read when they are first wanted."""
    return settle() if _current is None else _current
