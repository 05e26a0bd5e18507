"""What else looks at an environment or steps into a program: each in an environment of its own, built once."""

from __future__ import annotations

import os
from typing import NamedTuple, Sequence, Tuple

from compatshim.files import cache_directory
from compatshim.kb import environments
from compatshim.kb.environments import Spec


class Peer(NamedTuple):
    """A program, and the same interpreter with nothing to do."""

    name: str
    command: Tuple[str, ...]
    nothing: Tuple[str, ...]


def prepare(python: str) -> Sequence[Peer]:
    """Install what is not there yet. Raises :exc:`~compatshim.kb.environments.BuildError`."""
    return (
        _peer(python, "import wrapt", ("wrapt==2.5.2",), ("python", "-c", "import wrapt")),
        _peer(
            python,
            "opentelemetry-instrument python -c pass",
            ("opentelemetry-distro==0.66b2", "opentelemetry-instrumentation==0.66b2"),
            ("opentelemetry-instrument", "--traces_exporter", "none", "--metrics_exporter", "none",
             "--logs_exporter", "none", "python", "-c", "pass"),
        ),
        _peer(python, "ddtrace-run python -c pass", ("ddtrace==4.16.0",), ("ddtrace-run", "python", "-c", "pass")),
    )  # fmt: skip


def _peer(python: str, name: str, requirements: Tuple[str, ...], words: Tuple[str, ...]) -> Peer:
    made = environments.build(Spec(python, requirements), cache=cache_directory("benchmarks"))
    folder = os.path.dirname(made.python)
    own = {script: os.path.join(folder, script) for script in os.listdir(folder)}
    return Peer(name, tuple(own.get(word, word) for word in words), (made.python, "-c", "pass"))
