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
        base = os.path.join(entry, "")
        for name in names:
            # Most have no such file. To be told so is half the time of a failure to open it.
            file = f"{base}{name}{os.sep}entry_points.txt"
            if name.endswith(".dist-info") and os.access(file, os.R_OK):
                for key, value in _read(file):
                    yield entry, name[: -len(".dist-info")], key, value


def _read(path: str) -> Iterator[Tuple[str, str]]:
    """Names and values of the group in a file of entry points; none where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # most have another group: no file object is made
        try:
            content = os.read(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
    except OSError:
        return
    if GROUP.encode("ascii") in content:
        import configparser

        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        try:
            parser.read_string(content.decode("utf-8", "replace"))
        except configparser.Error as error:
            raise ValueError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        if parser.has_section(GROUP):
            yield from parser.items(GROUP)
