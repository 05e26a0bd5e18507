"""What the command line says and ends with exit status 2 instead of a traceback."""

from __future__ import annotations


class CompatshimError(Exception):
    """Something outside compatshim is not as it must be; the message says what, where, and what to do."""
