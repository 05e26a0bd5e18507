"""How a command ends: its exit statuses, and what it says instead of a traceback."""

from __future__ import annotations

CLEAN, FINDINGS, ERROR, NOTHING = 0, 1, 2, 3
"""Exit statuses: all is well, something is not, it could not be done, nothing could be checked."""
INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it."""


class CompatshimError(Exception):
    """Something outside compatshim is not as it must be; the message says what, where, and what to do."""
