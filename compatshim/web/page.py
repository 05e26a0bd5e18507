"""What every page has: a policy that lets nothing in, a window's width, light and dark, and the common styles."""

from __future__ import annotations

import base64
import hashlib

from compatshim import files
from compatshim.web.markup import Child, Markup, tag


def page(title: str, *body: Child, style: str, script: str = "") -> str:
    """A whole page. It runs nothing but ``script``, and asks for nothing."""
    style = f"{packaged('web', 'base.css')}\n{style}"
    policy = f"default-src 'none'; style-src {_source(style)}; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src {_source(script)}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    content = tag("body", *body, tag("script", Markup(script)) if script else None)
    return f"<!DOCTYPE html>\n{tag('html', head, content, lang='en')}\n"


def packaged(*parts: str) -> str:
    """A style or a script of this package. Browsers count a line's end as one character, and so do digests."""
    return files.packaged(*parts).decode("utf-8").replace("\r\n", "\n")


def _source(text: str) -> str:
    """What a content security policy calls this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
