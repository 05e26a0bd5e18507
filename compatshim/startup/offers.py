"""The catalogs that installed distributions offer: entry points of a group, read and never run."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Sequence, Tuple

GROUP = "compatshim.catalogs"


def offers(path: Sequence[str]) -> Iterator[Tuple[str, str, str, str]]:
    """Path entry, distribution, name and value of each entry point of the group along ``path``.

    Raises :exc:`ValueError`, which names the file, for one that cannot be read.
    """
    for entry in dict.fromkeys(os.path.abspath(item) for item in path if isinstance(item, str)):
        try:
            names = sorted(os.listdir(entry))
        except (OSError, ValueError):  # an archive, or nothing
            continue
        for name in names:
            if name.endswith(".dist-info"):
                for key, value in _read(os.path.join(entry, name, "entry_points.txt")):
                    yield entry, name[: -len(".dist-info")], key, value


def _read(path: str) -> Iterator[Tuple[str, str]]:
    """Names and values of the group in a file of entry points."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # most have no such file or another group: no file object is made
    except OSError:
        return
    try:
        content = os.read(descriptor, 1 << 20)
    finally:
        os.close(descriptor)
    if GROUP.encode("ascii") in content:
        import configparser

        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        try:
            parser.read_string(content.decode("utf-8", "replace"))
        except configparser.Error as error:
            raise ValueError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        if parser.has_section(GROUP):
            yield from parser.items(GROUP)
