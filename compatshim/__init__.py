"""Make version combinations that install but do not work, work.

``import compatshim`` at the start of a program looks at what is installed and, only when a known-bad
combination is there, mends its code paths as the modules are imported. :func:`status` tells what was done
and what was left alone, and why; :func:`revert` undoes it.

This file is all that runs in a healthy environment: every module more would take one hundredth of the time in which
Python starts, ``__future__`` among them. What is needed once something may match is in :mod:`compatshim.startup`,
and the index it goes by is a text, read where it is needed (:mod:`compatshim.kb.compile` writes it).

PYTEST_DONT_REWRITE: pytest rewrites the packages of its plugins, and complains where one is imported already.
"""

import os
import sys

__version__ = "0.1.0"
__all__ = ["CompatshimWarning", "Entry", "Status", "__version__", "revert", "status"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

    from compatshim.startup.ledger import Entry as Entry
    from compatshim.startup.notices import CompatshimWarning as CompatshimWarning
    from compatshim.startup.patch import revert as revert
    from compatshim.startup.status import Status as Status
    from compatshim.startup.status import status as status

    # How names of metadata may begin, where each project's block is, and the text.
    Index = Tuple[FrozenSet[str], Mapping[str, str], str]
    Versions = Mapping[str, Sequence[str]]


def __getattr__(name: str) -> object:
    """Load the public functions on first use: a program that never asks does not pay for them."""
    places = {
        "CompatshimWarning": "notices",
        "Entry": "ledger",
        "Status": "status",
        "revert": "patch",
        "status": "status",
    }
    if name in places:
        import importlib

        return getattr(importlib.import_module(f"compatshim.startup.{places[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _start() -> None:
    """Arm the shims of every advisory that matches; whatever goes wrong, the user's import succeeds."""
    if os.environ.get("COMPATSHIM") == "off":
        return
    try:
        if _is_command():
            return
        index = _index()
        versions = _installed(index)
        if _suspects(index, versions) or os.environ.get("COMPATSHIM_SHIMS"):
            from compatshim import startup

            startup.arm(versions)
    except Exception as error:
        # Strict by the environment, or by a file that was read before this went wrong.
        settings = getattr(sys.modules.get("compatshim.startup.policy"), "_current", None)
        if os.environ.get("COMPATSHIM") == "strict" or getattr(settings, "mode", "") == "strict":
            raise
        # Parts of compatshim may be damaged, so this says its one sentence with the standard library alone.
        import warnings

        message = f"compatshim could not start ({type(error).__name__}"
        try:  # noqa: SIM105  contextlib is one more thing that may fail
            message += f": {error}"
        except Exception:  # noqa: BLE001, S110  its `__str__` fails as well
            pass
        message += "); the program runs as if it were absent. Reinstall compatshim, or set COMPATSHIM=off."
        try:
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        except Exception:  # noqa: BLE001  `-W error` must not turn a notice into a failing import
            if sys.stderr is not None:  # a program without a console
                sys.stderr.write(message + "\n")


def _is_command() -> bool:
    """Whether Python was told ``-m compatshim``, which is no program to mend; Python 3.8 and 3.9 do not tell."""
    # While Python looks for the module there is no path to it yet. The arguments behind it end both lists.
    words: List[str] = getattr(sys, "argv", [])
    if words[:1] != ["-m"]:
        return False
    told: List[str] = getattr(sys, "orig_argv", [])
    return told[-len(words) :][:1] in (["compatshim"], ["-mcompatshim"])


def _index() -> "Index":
    """Read the index. Its text is not taken apart: most of it is about what is not installed."""
    place = os.sep.join((__path__[0], "startup", "index.txt"))
    loader: Any = __spec__.loader
    return _laid_out(loader.get_data(place).decode("latin-1"))  # of all codecs the cheapest


def _laid_out(text: str) -> "Index":
    """An index by its text."""
    _, starts, blocks = text[: text.index("\n\n")].split("\n")
    words = iter(blocks.split(" "))
    return frozenset(starts.split(" ")), dict(zip(words, words)), text


def _installed(index: "Index", path: "Optional[Sequence[str]]" = None) -> "Dict[str, Tuple[str, ...]]":
    """Versions of the projects in the index, as the names of metadata directories spell them.

    The first entry of ``path`` (default :data:`sys.path`) that holds a project wins, as it does for imports.
    Several versions in one entry (a broken upgrade) are all given: which of them is live only the code can say.
    """
    starts, projects, _ = index
    found: Dict[str, Tuple[str, ...]] = {}
    for entry in sys.path if path is None else path:
        if not isinstance(entry, str):  # the import system passes over them, too
            continue
        here: Dict[str, Tuple[str, ...]] = {}
        for item in _listing(entry):
            # Most names are those of modules, and most of the others those of other projects.
            if "-" not in item or item[:4].lower() not in starts:
                continue
            if item.endswith(".dist-info"):
                name, _, version = item[:-10].rpartition("-")
            elif item.endswith(".egg-info"):
                name, _, version = item[:-9].partition("-")
                version = version.partition("-")[0]  # the rest is -pyX.Y
            else:
                continue
            if name not in projects:
                name = name.lower().replace("_", "-").replace(".", "-")
            if name in projects and name not in found:
                if not version:
                    from compatshim.startup import installed

                    version = installed.version(os.path.join(entry, item))
                here[name] = (*here[name], version) if name in here else (version,)
        found.update(here)
    return found


def _listing(entry: str) -> "Iterable[str]":
    """Names in a path entry; nothing for what cannot be listed, as for the import system."""
    try:
        # The import system has just listed most entries to find this very package; its set is reused where names
        # are compared as they are (not on systems that fold case, where a relaxed copy is kept).
        importer = sys.path_importer_cache.get(entry or os.getcwd(), sys)
        names: Optional[Iterable[str]] = getattr(importer, "_path_cache", None)
        if names or importer is None:  # None stands for what no importer can use
            return names or ()
        return os.listdir(entry or ".")
    except NotADirectoryError:
        from compatshim.startup import installed

        return installed.archive(entry)
    except (OSError, ValueError):  # ValueError: no path at all
        return ()


def _suspects(index: "Index", versions: "Versions") -> "List[int]":
    """Where in the text the rows begin all of whose terms hold or may hold. No version is compared.

    A term may hold when its project has several versions, or one that the index does not list.
    """
    _, projects, text = index
    places: Dict[str, int] = {}  # in the block; -1: any, as far as the index can tell
    filed: List[int] = []  # where the lines before the rows end
    for project, found in versions.items():
        start = int(projects[project])
        end = text.index("\n", start)
        # Most versions in use are among the last.
        place = text.rfind(f" {found[0]} ", start, end) if len(found) == 1 else -1
        if place < 0:
            places[project] = -1
            runs = [run.partition(" ")[0] for run in text[start:end].split("/")[1:]]
            filed += [end + int(number) for number in set(",".join(runs).split(",")) if number]
        else:
            places[project] = place - start
            place = text.index("/", place) + 1
            numbers = text[place : text.index(" ", place)]
            if numbers:
                filed += [end + int(number) for number in numbers.split(",")]
    suspects = []
    for before in filed:
        start = before + 1
        for term in text[start : text.index("\t", start)].split(","):
            project, first, last = term.split(" ")
            here = places.get(project)
            if here is None or (here >= 0 and not int(first) <= here < int(last)):
                break
        else:
            suspects.append(start)
    return suspects


_start()
