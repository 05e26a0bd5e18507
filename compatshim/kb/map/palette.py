"""How each state looks: a colour that colour-blind readers can tell from the others, and a sign for all others.

The colours are those of Okabe and Ito (2008).
"""

from __future__ import annotations

from typing import Dict, NamedTuple

from compatshim.kb.map.grid import State


class Look(NamedTuple):
    """The look of a state."""

    sign: str
    fill: str
    """``#rrggbb``."""
    ink: str
    """``#rrggbb``, of the sign upon it."""
    meaning: str
    """A few words for the legend."""


LOOKS: Dict[State, Look] = {
    State.BAD: Look("×", "#d55e00", "#ffffff", "bad"),
    State.SHIMMED: Look("◐", "#f0e442", "#1a1a1a", "bad, good with the shim"),
    State.GOOD: Look("✓", "#0072b2", "#ffffff", "good"),
    State.MIXED: Look("≠", "#000000", "#ffffff", "bad here, good there"),
}
"""Of what was run."""
