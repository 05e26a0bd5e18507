"""The one error that a gathering ends with."""

from __future__ import annotations


class GatherError(ValueError):
    """The rows of all ranks could not be brought together; the message names the ranks that are missing.

    A :exc:`ValueError`, because that is what evaluate raises when its ranks do not meet.
    """
