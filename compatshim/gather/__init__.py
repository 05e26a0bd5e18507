"""Bring the rows of all ranks of a job to rank 0, in rank order, all of them or an error on every rank.

Shims use it for evaluate. For metrics of your own and objects of other libraries, call it on Arrow tables::

    from compatshim import gather

    table = gather.gather_table(pyarrow.table({"loss": losses}), name="validation loss")
    if table is not None:  # rank 0
        ...

The ranks meet by what the job has already (the store of ``torch.distributed`` or torchrun, mpi4py, ``RANK`` with
``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``, Slurm), or through a directory that they share. Rows travel
over TCP as an Arrow stream; nothing is pickled, and memory does not grow with them before rank 0 reads them.
"""

from __future__ import annotations

from compatshim.gather.errors import GatherError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

__all__ = ["GatherError", "gather_table"]


def gather_table(
    table: Any,
    name: str,
    *,
    rank: Optional[int] = None,
    world: Optional[int] = None,
    timeout: float = 100.0,
    folder: Optional[str] = None,
) -> Optional[Any]:
    """The rows of all ranks as one table on rank 0, in rank order; None on every other rank.

    All ranks call it, the same number of times with the same ``name``: that is how calls are matched, and ranks
    that differ in it get an error and no table. ``table`` is a :class:`pyarrow.Table`, of the same columns on all
    ranks, or None for no rows. ``rank`` and ``world`` are those of the process group unless given; where there is
    no group they must be given, with a ``folder`` that the ranks share. ``timeout`` is in seconds, for each rank
    that does nothing. Raises :exc:`GatherError`, on every rank that is still there, naming those that are missing.
    """
    import tempfile

    from compatshim.gather import groups, link, spool, tables

    if rank is None or world is None:
        found = groups.find(groups.mode())
        if not found:
            raise GatherError("no process group is there: initialise it before, or give rank, world and folder")
        rank, world = found[0].rank, found[0].world
    where = tempfile.gettempdir() if folder is None else folder
    if world == 1:
        return table
    held = link.link(rank, world, where, "table")
    if held is None:
        raise GatherError(f"{groups.SETTING}=off: nothing is gathered")
    path = "" if table is None else tables.written(table, where)
    try:
        paths = held.gather(f"table {name!r}", path, timeout, tables.check)
    except BaseException:
        spool.remove(path)
        raise
    if paths is None:
        spool.remove(path)
        return None
    present = [one for one in paths if one]
    return tables.joined(present) if present else None
