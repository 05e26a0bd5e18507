"""Let datasets before 2.14.5 list the files of a folder with fsspec 2023.12 and later.

Its patterns, such as ``**[-._ 0-9/]train[-._ 0-9]*``, use ``**`` for any text. fsspec took it so until 2023.10 and
raises ValueError since 2023.12, unless ``**`` is an entire path component. The replacement gives the module that
resolves patterns file systems which match those patterns as before; all others they leave to fsspec.
"""

from __future__ import annotations

import importlib
import re

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, List, Tuple

MODULES = ("datasets.data_files",)
CHANGES = (
    (
        "get_fs_token_paths",
        "gives file systems whose glob raises ValueError for ** inside a path component",
        "gives the same file systems with a glob that takes it for any text",
    ),
    ("LocalFileSystem", "is the same, in datasets before 2.14", "is mended in the same way"),
    ("HfFileSystem", "is the same, in datasets before 2.14", "is mended in the same way"),
)
LIMITS = "The order in which files are found is that of the installed fsspec, and so is what ** alone matches."

_INSIDE = re.compile(r"[^/]\*\*|\*\*[^/]")
_MAGIC = re.compile(r"[*?[]")


def _makers(module: ModuleType) -> List[str]:
    """The names in the module that give file systems."""
    if hasattr(module, "get_fs_token_paths"):
        return ["get_fs_token_paths"]
    return ["LocalFileSystem", "HfFileSystem"]


def probe(module: ModuleType) -> bool:
    """Whether a pattern of datasets' own is one that the installed fsspec refuses."""
    utils = importlib.import_module("fsspec.utils")
    try:
        for splits in module.ALL_DEFAULT_PATTERNS:
            for pattern in (pattern for patterns in splits.values() for pattern in patterns):
                getattr(utils, "glob_translate", str)(pattern)
    except ValueError:
        return True
    return False


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """Makers of file systems that match by the old rules where the new ones refuse."""
    return [(module, name, _mended(getattr(module, name), name)) for name in _makers(module)]


def _mended(make: Callable[..., Any], name: str) -> Any:
    def made(*args: Any, **kwargs: Any) -> Any:
        return _globbing(make(*args, **kwargs))

    def made_with_paths(path: Any, *args: Any, **kwargs: Any) -> Any:
        # It globs as well, and only its file system is wanted here: that of the folder above.
        inner, chained, outer = path.partition("::")
        fs, token, paths = make(
            (_root(inner) if _INSIDE.search(inner) else inner) + chained + outer, *args, **kwargs
        )
        return _globbing(fs), token, paths

    return guard.instead(make, made_with_paths if name == "get_fs_token_paths" else made)


def _root(pattern: str) -> str:
    """The folder above the first component with something special in it."""
    magic = _MAGIC.search(pattern)
    return pattern[: pattern.rfind("/", 0, magic.start() if magic else len(pattern)) + 1]


def _globbing(fs: Any) -> Any:
    """The same file system in an object of its own, with the glob of fsspec 2023.6 for what later ones refuse."""

    def glob(path: str, detail: bool = False, **kwargs: Any) -> Any:
        if not _INSIDE.search(path):
            return fs.glob(path, detail=detail, **kwargs)
        stripped = fs._strip_protocol(path)
        found = fs.find(_root(stripped), withdirs=True, detail=True, **kwargs)
        matches = re.compile(_translated(stripped)).match
        kept = {one: found[one] for one in sorted(found) if matches(one.replace("//", "/").rstrip("/"))}
        return kept if detail else list(kept)

    mended = object.__new__(type(fs))  # fsspec keeps its objects, and a call would give the same one
    vars(mended).update(vars(fs))
    mended.glob = guard.instead(fs.glob, glob)
    guard.marks(mended.glob)[0].active = True
    return mended


def _translated(pattern: str) -> str:
    """The regular expression that fsspec made of a pattern until 2023.10."""
    text = re.sub(r"([\\.+()|^${}])", r"\\\1", pattern.replace("//", "/").rstrip("/")).replace("?", ".")
    return "^" + ".*".join(part.replace("*", "[^/]*") for part in text.split("**")) + "$"
