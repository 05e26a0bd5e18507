"""The shims of other catalogs, which run only where the user allows their package: COMPATSHIM_SHIMS=pkg[,pkg].

A package has its start-up index in ``index.txt``, in the form of our own; ``kb compile --catalog`` writes it. It is
found and read without the package being imported: to import it is to run its code, which is done when one of its
shims is needed and not before. All the rest is as for our own shims.
"""

from __future__ import annotations

import os

import compatshim
from compatshim.startup import ledger, match
from compatshim.startup.notices import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

VARIABLE = "COMPATSHIM_SHIMS"
INDEX = "index.txt"
HEAD = "compatshim start-up index 1\n"


def allowed() -> Tuple[str, ...]:
    """The packages whose shims may run."""
    words = os.environ.get(VARIABLE, "").replace(" ", "").split(",")
    return tuple(dict.fromkeys(word for word in words if word))


def joined(
    rows: Sequence[match.Row], unknown: match.Unknown, path: Optional[Sequence[str]] = None
) -> Tuple[List[match.Row], match.Unknown]:
    """The rows that hold, and those of the packages that are allowed; and the versions that nobody could judge.

    What is refused is said once and recorded: a package without an index, an id that another catalog has, and
    the same symptom of the same projects described twice.
    """
    rows, unknown = list(rows), dict(unknown)
    whose = dict.fromkeys(match.known(), "the bundled catalog")
    described = {row[2:]: row[0] for row in rows}
    for package in allowed():
        try:
            index = _index(package, path)
            found, others = _holding(index, path)
            mine = dict.fromkeys(_ids(index), package)
        except Exception as error:  # whatever is wrong with a package is said, and the others are used
            _refuse(ledger.Entry("", "", package, "skipped", reason="setting-ignored"), f"{VARIABLE}: {error}")
            continue
        used = []
        for row in found:
            why = _clash(row, package, whose, described)
            if why:
                shim = row[1].partition("=")[0]
                _refuse(
                    ledger.Entry(row[0], shim, package, "skipped", reason="catalog-clash"),
                    f"{row[0]} of {package} {why}",
                )
            else:
                used.append(row)
        rows += used
        described = {**{row[2:]: row[0] for row in used}, **described}
        whose = {**mine, **whose}
        unknown = {**others, **unknown}
    return rows, unknown


def note(path: Optional[Sequence[str]] = None) -> None:
    """Record the shims that hold and do not run, because their package is not allowed."""
    for package, row in offered(path):
        for advisory, shim, modules in match.hooks([row]):
            for module in modules:
                detail = f"{VARIABLE}={package} lets it run"
                ledger.record(ledger.Entry(advisory, shim, module, "skipped", reason="not-allowed", detail=detail))


def offered(path: Optional[Sequence[str]] = None) -> List[Tuple[str, match.Row]]:
    """Package and row of what distributions along ``path`` (default: that of imports) offer and nobody allowed."""
    import sys

    from compatshim.startup import offers

    found: Dict[str, List[match.Row]] = {}
    for _, _, _, value in offers.offers(sys.path if path is None else path):
        package = value.replace(":", ".").partition(".")[0].strip()
        if package not in found and package not in allowed():
            try:
                rows, _ = _holding(_index(package, path), path)
            except Exception:  # nothing but advisories, for all that can be told: their shims would not run
                rows = []
            found[package] = [row for row in rows if not _strange(row, package)]
    return [(package, row) for package, rows in found.items() for row in rows]


def _index(package: str, path: Optional[Sequence[str]] = None) -> compatshim.Index:
    """The index of a package, which is not imported. Raises an exception whose text says what was wrong."""
    from importlib import machinery, util

    spec = None
    if "." not in package:  # to find what is within a package is to import that
        spec = util.find_spec(package) if path is None else machinery.PathFinder.find_spec(package, path)
    if spec is None or spec.submodule_search_locations is None:
        raise LookupError(f"there is no package {package} here")
    try:
        place = os.path.join(next(iter(spec.submodule_search_locations)), INDEX)
        text: str = spec.loader.get_data(place).decode("latin-1")  # type: ignore[union-attr]  # one without fails below
    except Exception as error:
        raise LookupError(f"{package} has no {INDEX} ({type(error).__name__})") from error
    if not text.startswith(HEAD):
        raise LookupError(f"{place} is of another compatshim: `kb compile --catalog` writes it anew")
    return compatshim._laid_out(text)  # noqa: SLF001  it is there for its cost


def _holding(
    index: compatshim.Index, path: Optional[Sequence[str]] = None
) -> Tuple[List[match.Row], match.Unknown]:
    return match.holding(index, compatshim._installed(index, path))  # noqa: SLF001  so is this


def _ids(index: compatshim.Index) -> List[str]:
    return [line.split("\t")[1] for line in index[2].split("\n") if "\t" in line]


def _clash(
    row: match.Row, package: str, whose: Dict[str, str], described: Dict[Tuple[str, Tuple[str, ...]], str]
) -> str:
    """Why a row of a package is refused; empty when it is not."""
    if row[0] in whose:
        return f"has an id that {whose[row[0]]} has, too"
    if row[2:] in described:
        return f"describes what {described[row[2:]]} describes"
    return _strange(row, package)


def _strange(row: match.Row, package: str) -> str:
    """What of a row is not the package's to say."""
    if row[0].startswith("CSA-"):
        return "has an id of the bundled catalog's"
    outside = [shim for shim in row[1].split(";") if not shim.startswith(f"{package}.")]
    return f"names a shim outside of it: {outside[0].partition('=')[0]}" if outside else ""


def _refuse(entry: ledger.Entry, why: str) -> None:
    entry.detail = why
    ledger.record(entry)
    warn(f"{why}; it is not used.", why)
