"""HTML that cannot be escaped wrongly: text is escaped where it is put in, and only this module makes markup."""

from __future__ import annotations

import html
from typing import Union

VOID = frozenset({"link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = Union[str, Markup, None]


def tag(name: str, /, *children: Child, **attributes: Union[str, int, None]) -> Markup:
    """An element. ``class_`` and ``data_rows`` stand for ``class`` and ``data-rows``; what is None is left out."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in VOID else f"</{name}>"
    return Markup(f"<{name}{words}>{join(*children)}{end}")


def join(*children: Child) -> Markup:
    """One after the other; what is None is left out."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(child, quote=False)
            for child in children
            if child is not None
        )
    )
