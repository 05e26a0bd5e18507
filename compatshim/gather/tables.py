"""Arrow tables as files of the IPC stream format, which is what ranks send."""

from __future__ import annotations

import os
import sys
import tempfile

from compatshim.gather import spool
from compatshim.gather.errors import GatherError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


def _pyarrow() -> Any:
    import importlib

    importlib.import_module("pyarrow.ipc")
    return sys.modules["pyarrow"]


def written(table: Any, folder: str) -> str:
    """The path of a new file in ``folder`` with the rows of a table."""
    arrow = _pyarrow()
    descriptor, path = tempfile.mkstemp(suffix=".arrow", prefix=f"{spool.tag()}-", dir=folder)
    os.close(descriptor)
    with arrow.OSFile(path, "wb") as sink, arrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def joined(paths: List[str]) -> Any:
    """One table of the rows of all files, mapped into memory; the files are removed."""
    arrow = _pyarrow()
    tables = []
    for path in paths:
        with arrow.memory_map(path) as source:
            tables.append(arrow.ipc.open_stream(source).read_all())
        spool.remove(path)  # or not, where a file that is open cannot be removed
    return arrow.concat_tables(tables)


def check(paths: Dict[int, str]) -> None:
    """Raise :exc:`GatherError` unless the files of all ranks (those with rows) have columns of the same types."""
    arrow = _pyarrow()
    first, expected = -1, None
    for rank, path in paths.items():
        if not path:
            continue
        try:
            with arrow.OSFile(path, "rb") as source:
                schema = arrow.ipc.open_stream(source).schema
        except (arrow.ArrowInvalid, OSError) as error:
            raise GatherError(f"the rows of rank {rank} cannot be read ({error})") from None
        if expected is None:
            first, expected = rank, schema
        elif not schema.equals(expected):
            raise GatherError(
                f"rank {rank} has rows of another type than rank {first}: {_shown(schema)}, and not "
                f"{_shown(expected)}"
            )


def _shown(schema: Any) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
