"""Let datasets before 2.14.6 recognise the local file system of fsspec 2023.10 and later.

datasets asks ``fs.protocol != "file"``. Since fsspec 2023.10 the local file system's protocol is the tuple
``("file", "local")``, so that every cache looks remote. The replacement is the same tuple, which also equals each
of its words.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("fsspec.implementations.local",)
CHANGES = (
    (
        "LocalFileSystem.protocol",
        'is a tuple that does not equal "file": datasets takes the local file system for a remote one and raises '
        "NotImplementedError",
        'is a tuple that equals "file" as well',
    ),
)
LIMITS = "Other code that compares the protocol with a word sees the same."


def probe(module: ModuleType) -> bool:
    """Whether the protocol is several words and equals none of them."""
    protocol = module.LocalFileSystem.protocol
    return not isinstance(protocol, str) and protocol != "file" and "file" in tuple(protocol)


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A tuple with an equality of its own."""

    def equals(self: Any, other: Any) -> bool:
        return other in tuple(self) or tuple.__eq__(self, other)

    class Protocols(tuple):  # type: ignore[type-arg]  # noqa: SLOT001  it carries a mark
        """Several words for one thing."""

        __eq__ = guard.instead(tuple.__eq__, equals)
        __ne__ = object.__ne__  # what is not equal
        __hash__ = tuple.__hash__

    words: Any = Protocols(module.LocalFileSystem.protocol)
    (words.__compatshim__,) = guard.marks(Protocols)
    return [(module.LocalFileSystem, "protocol", words)]
