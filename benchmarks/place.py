"""The real environment that whole programs are timed on: built from its pins, once, in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple, Sequence, Tuple

from compatshim.files import cache_directory
from compatshim.kb import environments
from compatshim.kb.environments import Environment, Spec
from tests import frozen

NAME = "large"
"""Of the frozen environments."""
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PIP = "pip==26.3"


class Place(NamedTuple):
    """Interpreters, each with compatshim installed from a wheel of this checkout."""

    inside: Environment
    """The frozen environment, with pip, and compatshim beside all else."""
    cured: Environment
    """The same after the changes that ``pin`` asks for."""
    outside: Environment
    """Compatshim and what it needs, and nothing else."""
    freeze: str
    """The pins of the frozen environment, as a file."""
    pins: Tuple[str, ...]


def prepare(answer: Sequence[str]) -> Place:
    """Build what is not there yet, install this checkout, and let uv fetch the metadata that it needs offline.

    ``answer`` are the exact requirements that ``pin`` is known to give.
    """
    pins = frozen.load()[NAME].pins
    moved = {text.partition("==")[0] for text in answer}
    cured = (*(pin for pin in pins if pin.partition("==")[0] not in moved), *answer)
    place = Place(_build(pins), _build(cured), _build(()), os.path.join(_cache(), "freeze.txt"), pins)
    for one in (place.inside, place.cured, place.outside):
        environments.install(one, ["--quiet", "--reinstall-package", "compatshim", ROOT], installer="uv")
    with open(place.freeze, "w", encoding="utf-8") as file:
        file.writelines(f"{pin}\n" for pin in pins)
    online = [word for word in compile_command(place) if word != "--offline"]
    subprocess.run(online, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return place


def compile_command(place: Place) -> Sequence[str]:
    """How uv resolves the frozen environment without a network."""
    words = ("pip", "compile", "--offline", "--no-build", "--python", place.inside.python, place.freeze)
    return (*uv(), *words, "--output-file", os.path.join(_cache(), "compiled.txt"))


def uv() -> Tuple[str, ...]:
    """The program uv itself: ``python -m uv`` starts a Python first, which would be counted as uv's."""
    found = shutil.which("uv")
    if found is None:
        from uv import find_uv_bin

        found = find_uv_bin()
    return (found,)


def compiled() -> Tuple[str, ...]:
    """The requirements that uv wrote."""
    with open(os.path.join(_cache(), "compiled.txt"), encoding="utf-8") as file:
        lines = (line.strip() for line in file)
        return tuple(line for line in lines if line and not line.startswith("#"))


def _build(pins: Sequence[str]) -> Environment:
    python = environments.interpreters()[frozen.definitions()[NAME].python]
    return environments.build(Spec(python, (*pins, _PIP), options=("--no-deps",)), cache=_cache())


def _cache() -> str:
    return cache_directory("benchmarks")
