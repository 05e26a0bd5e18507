"""The map as a picture, SVG and PNG: one advisory with its versions, or all of them in small.

Lengths are points; a picture is 600 points (800 CSS pixels) wide. Text is drawn as shapes, so that it looks the
same everywhere, on a card of its own, so that it can be read on any background.
"""

from __future__ import annotations

import io
from itertools import groupby
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.textpath import TextPath

from compatshim.kb.map.grid import PYTHON, Matrix, Panel, Side, State, Tick, evidence, named, weakest
from compatshim.kb.map.palette import LOOKS
from compatshim.model import Certainty

WIDTH = 600.0
MARGIN = 16.0
TEXT, FAINT, LINE, INSIDE, OUTLINE = "#1a1a1a", "#5c5c5c", "#c9c9c9", "#fbe3d3", "#8f3f00"
FONT = "DejaVu Sans"  # comes with matplotlib
SETTINGS: Any = {
    "font.family": FONT,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "compatshim",
    "hatch.linewidth": 0.8,
}


class Scale(NamedTuple):
    """How large a matrix is drawn."""

    cell: float
    stretch: float
    """A row or column of releases that were not run."""
    labels: bool


LARGE = Scale(22.0, 11.0, labels=True)
SMALL = Scale(8.0, 4.0, labels=False)


def render(matrices: Sequence[Matrix], kinds: Sequence[str]) -> Dict[str, bytes]:
    """The picture by kind, ``svg`` or ``png``: of one advisory, or of all that something was run for."""
    with rc_context(SETTINGS):
        figure = Figure()
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.axis("off")
        height = _one(axes, matrices[0]) if len(matrices) == 1 else _all(axes, matrices)
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        figure.set_size_inches(WIDTH / 72, height / 72)
        card = FancyBboxPatch(
            (1, 1), WIDTH - 2, height - 2, boxstyle="round,pad=0,rounding_size=8", fc="white", ec=LINE, zorder=-2
        )
        axes.add_patch(card)
        about = ", ".join(f"{one.advisory.id} {evidence(one.advisory)}" for one in matrices)
        metadata: Dict[str, Dict[str, Any]] = {
            "svg": {
                "Title": "What was run, versions against versions",
                "Description": about,
                "Creator": "compatshim",
                "Date": None,
            },
            "png": {"Title": "What was run, versions against versions", "Description": about, "Software": None},
        }
        return {kind: _saved(figure, kind, metadata[kind]) for kind in kinds}


def _saved(figure: Figure, kind: str, metadata: Dict[str, Any]) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=kind, metadata=metadata, transparent=True, dpi=192)
    return content.getvalue()


def _one(axes: Axes, matrix: Matrix) -> float:
    """Draw an advisory; its height."""
    advisory = matrix.advisory
    y = MARGIN
    for line in _wrapped(advisory.title, 11, "bold"):
        axes.text(MARGIN, y, line, size=11, weight="bold", color=TEXT, va="top")
        y += 16
    for line in _wrapped(f"{advisory.id}: {' and '.join(str(term) for term in advisory.terms)}", 9):
        axes.text(MARGIN, y, line, size=9, color=FAINT, va="top")
        y += 13
    y = _flow(axes, [Block(matrix, panel, LARGE) for panel in matrix.panels], y + 8)
    return _legend(axes, [matrix], y)


def _all(axes: Axes, matrices: Sequence[Matrix]) -> float:
    """Draw all advisories in small; the height of it."""
    y = _flow(axes, [Block(one, panel, SMALL) for one in matrices for panel in one.panels], MARGIN)
    return _legend(axes, matrices, y)


class Block(NamedTuple):
    """A matrix of the picture."""

    matrix: Matrix
    panel: Panel
    scale: Scale
    beside: bool = True
    """Whether the names of the rows stand beside it; it is not the first of its advisory on its line otherwise."""

    @property
    def names(self) -> float:
        """The width of what stands beside the rows."""
        if not (self.scale.labels and self.beside):
            return 0.0
        side = self.matrix.rows
        return max(_width(text, 9, "bold") for text in (side.name, *_versions(side))) + 8

    @property
    def head(self) -> float:
        """The height of what stands above the columns."""
        if not self.scale.labels:
            return 24.0
        return max((_width(text, 9, "bold") for text in _versions(self.matrix.columns)), default=0) + 40

    @property
    def width(self) -> float:
        """Of all of it."""
        inner = sum(_lengths(self.matrix.columns, self.scale))
        size = 9 if self.scale.labels else 6.5
        return self.names + max(inner, *(_width(title, size, "bold") for title in self.titles))

    @property
    def height(self) -> float:
        """Of all of it."""
        return self.head + sum(_lengths(self.matrix.rows, self.scale))

    @property
    def titles(self) -> List[str]:
        """What stands over it."""
        fixed = ", ".join(f"{name} {named(version)}" for name, version in self.panel.fixed)
        if self.scale.labels:
            return [f"{fixed} (outside)" if fixed and self.panel.inside is None else fixed]
        sides = " × ".join(side.name for side in (self.matrix.rows, self.matrix.columns) if side.name != PYTHON)
        return [self.matrix.advisory.id, f"{sides}, {fixed}" if fixed else sides]


def _lengths(side: Side, scale: Scale) -> List[float]:
    return [scale.stretch if tick.skipped else scale.cell for tick in side.ticks]


def _flow(axes: Axes, blocks: Sequence[Block], y: float) -> float:
    """Draw blocks as words are set, the first at ``y``; where they end."""
    x, below = MARGIN, y
    gap = 14.0
    previous = None
    for block in blocks:
        if block.matrix is previous and x > MARGIN:
            block = block._replace(beside=False)  # noqa: PLW2901  the one before it says the same
        previous = block.matrix
        if x > MARGIN and x + block.width > WIDTH - MARGIN:
            x, y = MARGIN, below + gap
            block = block._replace(beside=True)  # noqa: PLW2901
        _draw(axes, block, x, y)
        x += block.width + gap
        below = max(below, y + block.height)
    return below


def _draw(axes: Axes, block: Block, x: float, y: float) -> None:
    matrix, panel, scale = block.matrix, block.panel, block.scale
    for number, title in enumerate(block.titles):
        size, weight = (9.0, "normal") if scale.labels else (6.5, "normal" if number else "bold")
        indent = block.names if scale.labels else 0.0
        axes.text(x + indent, y + 9 * number, title, size=size, weight=weight, color=TEXT, va="top")
    left, top = x + block.names, y + block.head
    widths, heights = _lengths(matrix.columns, scale), _lengths(matrix.rows, scale)
    _ground(axes, block, left, top)
    if scale.labels:
        _labels(axes, block, left, top)
    down = top
    for row, height in enumerate(heights):
        across = left
        for column, width in enumerate(widths):
            cell = panel.cells[row][column]
            if cell.state is not State.NOT_RUN:
                _sign(axes, cell.state, across + width / 2, down + height / 2, scale.cell)
            elif scale.labels and width == height == scale.cell:
                axes.text(across + width / 2, down + height / 2, "·", size=8, color=FAINT, ha="center", va="center")
            across += width
        down += height


def _labels(axes: Axes, block: Block, left: float, top: float) -> None:
    matrix, scale = block.matrix, block.scale
    axes.text(left, top - block.head + 16, matrix.columns.name, size=9, style="italic", color=FAINT, va="top")
    if block.beside:
        axes.text(left - 6, top - 5, matrix.rows.name, size=9, style="italic", color=FAINT, ha="right")
    across, down = left, top
    for tick, width in zip(matrix.columns.ticks, _lengths(matrix.columns, scale)):
        middle = across + width / 2
        axes.text(middle, top - 5, **_name(tick), ha="center", rotation=0 if tick.skipped else 90)
        across += width
    for tick, height in zip(matrix.rows.ticks, _lengths(matrix.rows, scale)):
        if block.beside:
            axes.text(left - 6, down + height / 2, **_name(tick), ha="right", va="center_baseline")
        down += height


def _name(tick: Tick) -> Dict[str, Any]:
    if tick.skipped:
        return {"s": "⋯", "size": 9, "color": FAINT}
    return {"s": tick.label, "size": 9, "color": TEXT, "weight": "normal" if tick.inside is None else "bold"}


def _ground(axes: Axes, block: Block, left: float, top: float) -> None:
    """The ranges of the advisory, and the lines around them."""
    if block.panel.inside is None:
        return
    columns, rows = block.matrix.columns, block.matrix.rows
    for x, width, across in _stretches(columns, block.scale, left):
        for y, height, down in _stretches(rows, block.scale, top):
            sure = weakest((block.panel.inside, across, down)) is Certainty.VERIFIED
            hatch, face = (None, INSIDE) if sure else ("////", "none")
            axes.add_patch(Rectangle((x, y), width, height, fc=face, ec=INSIDE, lw=0.3, hatch=hatch, zorder=0))
    for x, width, _ in _stretches(columns, block.scale, left, whole=True):
        for y, height, _ in _stretches(rows, block.scale, top, whole=True):
            axes.add_patch(Rectangle((x, y), width, height, fc="none", ec=OUTLINE, lw=1.4, zorder=1))


def _stretches(
    side: Side, scale: Scale, start: float, *, whole: bool = False
) -> Iterator[Tuple[float, float, Certainty]]:
    """Where what the ranges hold begins, how long it is, and how sure that is; all the same when ``whole``."""

    def certainty(pair: Tuple[Tick, float]) -> Optional[Certainty]:
        inside = pair[0].inside
        return Certainty.VERIFIED if whole and inside is not None else inside

    for inside, pairs in groupby(zip(side.ticks, _lengths(side, scale)), certainty):
        length = sum(pair[1] for pair in pairs)
        if inside is not None:
            yield start, length, inside
        start += length


def _sign(axes: Axes, state: State, x: float, y: float, cell: float) -> None:
    look, side = LOOKS[state], cell * 0.8
    shape = f"round,pad=0,rounding_size={cell * 0.1}"
    corner = (x - side / 2, y - side / 2)
    line = 0.6 if cell >= LARGE.cell else 0.25
    axes.add_patch(FancyBboxPatch(corner, side, side, boxstyle=shape, fc=look.fill, ec=TEXT, lw=line, zorder=2))
    axes.text(
        x,
        y,
        look.sign,
        size=side * 0.72,
        weight="bold",
        color=look.ink,
        ha="center",
        va="center_baseline",
        zorder=3,
    )


def _legend(axes: Axes, matrices: Sequence[Matrix], y: float) -> float:
    """Draw what the signs mean; where it ends."""
    cells = [cell for one in matrices for panel in one.panels for line in panel.cells for cell in line]
    states = {cell.state for cell in cells}
    x, middle = MARGIN + 8, y + 24
    for state, look in LOOKS.items():
        if state in states:
            _sign(axes, state, x, middle, 18)
            x = _explained(axes, x, middle, look.meaning)
    grounds: List[Tuple[str, Optional[str], str]] = [(INSIDE, None, "within the advisory's ranges")]
    if Certainty.UNVERIFIED in {cell.inside for cell in cells}:
        grounds.append(("none", "////", "newer than any run"))
    for face, hatch, meaning in grounds:
        box = (x - 7, middle - 7)
        axes.add_patch(Rectangle(box, 14, 14, fc=face, ec=INSIDE, hatch=hatch, lw=0.3))
        axes.add_patch(Rectangle(box, 14, 14, fc="none", ec=OUTLINE, lw=1.4))
        x = _explained(axes, x, middle, meaning)
    if matrices[0].panels and len(matrices) == 1:
        axes.text(x, middle, "⋯", size=9, color=FAINT, ha="center", va="center_baseline")
        _explained(axes, x, middle, "releases not run")
    return middle + 8 + MARGIN


def _explained(axes: Axes, x: float, y: float, meaning: str) -> float:
    """Write what the sign at ``x`` means; where the next one goes."""
    axes.text(x + 12, y, meaning, size=9, color=TEXT, va="center_baseline")
    return x + 12 + _width(meaning, 9) + 20


def _versions(side: Side) -> List[str]:
    return [tick.label for tick in side.ticks if not tick.skipped]


def _width(text: str, size: float, weight: str = "normal") -> float:
    """Of a line of text."""
    font = FontProperties(family=FONT, weight=weight)
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width) if text.strip() else 0.0


def _wrapped(text: str, size: float, weight: str = "normal") -> List[str]:
    """The lines of a text that is as wide as the picture."""
    lines: List[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}", size, weight) <= WIDTH - 2 * MARGIN:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
