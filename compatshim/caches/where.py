"""Which caches the libraries use, and which variable says so; none of them is imported.

Each rule is the library's own: ``evaluate.config``, ``datasets.config``, ``huggingface_hub.constants``. They differ
in what they expand: all take ``~``, only newer releases of huggingface_hub take ``$NAME``, too, so that a variable
with one names two folders. What is set and empty counts.
"""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Sequence, Tuple

HUB, DATASETS, METRICS, EVALUATE, MODULES, DOWNLOADS, ANY = (
    "hub",
    "datasets",
    "metrics",
    "evaluate",
    "modules",
    "downloads",
    "any",
)
"""Kinds of caches: ``metrics`` holds what evaluate's processes exchange, ``evaluate`` what it downloads; ``any`` is
a folder of which nothing is known."""

_FOLDERS = (HUB, DATASETS, METRICS, EVALUATE, MODULES)  # what each is called within HF_HOME
_HUB_NAMES = ("models--", "datasets--", "spaces--", ".locks")


class Cache(NamedTuple):
    """A folder that a library uses, whether it is there or not."""

    kind: str
    path: str
    """Absolute; symbolic links are not resolved."""
    source: str
    """The variable that says so, or ``default``, or the option."""


def caches(environ: Mapping[str, str]) -> Tuple[Cache, ...]:
    """Every cache that a program with these variables uses, each folder once."""
    home, home_source = _home(environ)
    hub, hub_source = next(
        ((environ[name], name) for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") if name in environ),
        (os.path.join(home, "hub"), home_source),
    )
    hub = _absolute(hub, environ)
    found = [Cache(HUB, os.path.abspath(_variables(hub, environ)), hub_source), Cache(HUB, hub, hub_source)]
    if "TRANSFORMERS_CACHE" in environ:  # old releases of transformers; laid out as huggingface_hub's
        found.append(Cache(HUB, _absolute(environ["TRANSFORMERS_CACHE"], environ), "TRANSFORMERS_CACHE"))
    for kind, name in (
        (DATASETS, "HF_DATASETS_CACHE"),
        (METRICS, "HF_METRICS_CACHE"),
        (EVALUATE, "HF_EVALUATE_CACHE"),
        (MODULES, "HF_MODULES_CACHE"),
    ):
        if name in environ:
            found.append(Cache(kind, _absolute(environ[name], environ), name))
        else:
            found.append(Cache(kind, os.path.join(home, kind), home_source))
    found += [
        Cache(DOWNLOADS, _absolute(environ[name], environ), name)
        for name in ("HF_DATASETS_DOWNLOADED_DATASETS_PATH", "HF_DATASETS_DOWNLOADED_EVALUATE_PATH")
        if name in environ
    ]
    return once(found)


def given(path: str, source: str = "--cache") -> Tuple[Cache, ...]:
    """The caches in a folder that somebody names: an ``HF_HOME`` with several, or one of a kind."""
    path = os.path.abspath(path)
    inner = [name for name in _FOLDERS if os.path.isdir(os.path.join(path, name))]
    if inner and not _is_hub(path):
        return tuple(Cache(name, os.path.join(path, name), source) for name in inner)
    if _is_hub(path):
        return (Cache(HUB, path, source),)
    return (Cache(ANY, path, source),)


def _is_hub(path: str) -> bool:
    try:
        return any(name.startswith(_HUB_NAMES) for name in os.listdir(path))
    except OSError:
        return False


def _home(environ: Mapping[str, str]) -> Tuple[str, str]:
    """What the libraries take for ``HF_HOME``, and why."""
    if "HF_HOME" in environ:
        text, source = environ["HF_HOME"], "HF_HOME"
    elif "XDG_CACHE_HOME" in environ:
        text, source = os.path.join(environ["XDG_CACHE_HOME"], "huggingface"), "XDG_CACHE_HOME"
    else:
        text, source = os.path.join("~", ".cache", "huggingface"), "default"
    return _absolute(text, environ), source


def _absolute(text: str, environ: Mapping[str, str]) -> str:
    if text.startswith("~") and text[1:2] in ("", "/", os.sep) and "HOME" in environ and os.name != "nt":
        return os.path.abspath(environ["HOME"].rstrip("/") + text[1:])
    return os.path.abspath(os.path.expanduser(text))


def _variables(text: str, environ: Mapping[str, str]) -> str:
    """``os.path.expandvars`` for variables that need not be this process's."""
    import re

    def value(found: re.Match[str]) -> str:
        return environ.get(found[1] or found[2], found[0])

    return re.sub(r"\$(?:(\w+)|\{([^}]*)\})", value, text, flags=re.ASCII)


def once(found: Sequence[Cache]) -> Tuple[Cache, ...]:
    """The first of each folder: two variables may name one."""
    seen = set()
    kept = []
    for cache in found:
        real = os.path.realpath(cache.path)
        if real not in seen:
            seen.add(real)
            kept.append(cache)
    return tuple(kept)
