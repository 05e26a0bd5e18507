"""Statements of what runs in the user's process, each made to raise; see programs/faults.py.

Instrumented is every file below ``startup`` and ``shims``, and ``compatshim/__init__.py``. A ``try`` itself does
nothing that can fail, so it is left out (what it holds is not), and so are declarations and what only type checkers
read.
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Union

from tests import support


class Point(NamedTuple):
    """One statement."""

    number: int
    file: str
    """Below the package."""
    function: str
    """Qualified name; empty for the body of the module."""
    text: str
    """Its first line."""


def instrument(folder: Path) -> List[Point]:
    """Put an instrumented copy of the package in ``folder``; returns its statements by their numbers."""
    package = folder / "compatshim"
    points: List[Point] = []
    for path in sorted(Path(support.PACKAGE).rglob("*.py")):
        name = path.relative_to(support.PACKAGE).as_posix()
        if name == "__init__.py" or name.split("/")[0] in ("startup", "shims"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            _Instrument(name, points).block(tree, "body")
            target = package / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")
    shutil.copy(Path(support.PACKAGE, "startup", "index.txt"), package / "startup")
    # What has errors of its own, on purpose: tests/gather and tests/e2e/test_gather.py fail it.
    shutil.copytree(
        Path(support.PACKAGE, "gather"), package / "gather", ignore=shutil.ignore_patterns("__pycache__")
    )
    return points


class _Instrument:
    def __init__(self, file: str, points: List[Point]) -> None:
        self.file = file
        self.points = points
        self.names: List[str] = []

    def block(self, owner: Any, field: str) -> None:
        """Instrument the list of statements in this field, and those inside of them."""
        done: List[ast.stmt] = []
        for statement in getattr(owner, field):
            if not _silent(statement):
                text = ast.unparse(statement).splitlines()[0]
                point = Point(len(self.points), self.file, ".".join(self.names), text)
                self.points.append(point)
                done.append(ast.parse(f"__compatshim_at__({point.number})").body[0])
            done.append(statement)
            self._inside(statement)
        setattr(owner, field, done)

    def _inside(self, statement: ast.AST) -> None:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            return
        named = isinstance(statement, (ast.FunctionDef, ast.ClassDef))
        if named:
            self.names.append(statement.name)  # type: ignore[attr-defined]
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(statement, field, None), list) and getattr(statement, field):
                self.block(statement, field)
        for handler in getattr(statement, "handlers", ()):
            self.block(handler, "body")
        if named:
            self.names.pop()


def _silent(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Try, ast.Global, ast.Pass)):
        return True
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def find(points: Sequence[Point], text: str) -> Point:
    """The one statement that begins so."""
    (found,) = (point for point in points if point.text.startswith(text))
    return found


class Outcome(NamedTuple):
    """How it went."""

    seen: List[Union[str, int, bool, None]]
    ended: str
    notices: List[str]
    reached: List[int]
    err: str


def outcome(answer: Dict[str, Any]) -> Outcome:
    """Read the answer of the program."""
    err = answer["err"]
    return Outcome(answer["seen"], answer["ended"], support.notices(err), answer["reached"], err)
