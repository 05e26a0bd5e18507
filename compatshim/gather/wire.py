"""What goes over a connection: a greeting by which both sides prove that they know the job's token, then frames.

The listener greets with a random number, the other side answers with one of its own, with what it says of itself,
and with a keyed digest over all of it; the listener proves itself in the same way. The token never crosses the
network, and nothing that is not part of the greeting is read from a stranger. A frame is its kind, the sizes of
what follows, a JSON object, and (for rows) an Arrow IPC stream. Nothing is pickled.
"""

from __future__ import annotations

import hmac
import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

MAGIC = b"compatshim/gather/1\n"
NONCE = 32
MAC = 32
GREETING = len(MAGIC) + NONCE
"""Bytes of the listener's first word."""
ANSWER = struct.Struct(f">{len(MAGIC)}s{NONCE}sI")
"""The other side's first word: magic, number, and the size of the hello behind it."""
FRAME = struct.Struct(">BIQ")
"""Kind, size of the object, size of the rows."""

LARGEST_HELLO = 128 << 10
LARGEST_OBJECT = 64 << 10
LARGEST_ROWS = 1 << 42

WELCOME, REFUSED, ROWS, GAVE_UP, STATE, VERDICT, RETIRED = range(1, 8)


class ProtocolError(Exception):
    """The other side does not speak as it should."""


def proof(token: bytes, side: bytes, listener: bytes, other: bytes, hello: bytes) -> bytes:
    """The keyed digest by which one side (``listener`` or ``other``) proves that it knows the token."""
    return hmac.new(token, b"|".join((MAGIC, side, listener, other, hello)), "sha256").digest()


def frame(kind: int, fields: Dict[str, Any], rows: int = 0) -> bytes:
    """A frame up to its rows, of which there are ``rows`` bytes."""
    text = json.dumps(fields).encode()
    if len(text) > LARGEST_OBJECT:
        raise ProtocolError(f"{len(text)} bytes are too many for one message")
    return FRAME.pack(kind, len(text), rows) + text


def opened(head: bytes) -> Tuple[int, int, int]:
    """Kind and sizes in the head of a frame. Raises :exc:`ProtocolError` for what no frame may be."""
    kind, size, rows = FRAME.unpack(head)
    if not WELCOME <= kind <= RETIRED or size > LARGEST_OBJECT or rows > LARGEST_ROWS or (rows and kind != ROWS):
        raise ProtocolError("not a message of this protocol")
    return kind, size, rows


def fields(text: bytes) -> Dict[str, Any]:
    """The object in a frame or a hello. Raises :exc:`ProtocolError`."""
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("no JSON") from error
    if not isinstance(found, dict):
        raise ProtocolError("no JSON object")
    return found
