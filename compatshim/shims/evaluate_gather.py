"""Let evaluate's ranks exchange their rows through the job's process group, or else through an agreed connection.

With ``num_process > 1``, evaluate meets through lock files with fixed names. A free lock means "finished", so the
rows of a rank that died, of the round before, or of another job with the same ``experiment_id`` are taken for
those that are wanted, and the result is a wrong number without an error. The replacement writes each rank's rows
to a file of its own, and ``compatshim.gather`` brings them to rank 0: all of them, of the same round of the same
object, or an error on every rank. What evaluate does before (encoding) and after (reading, ``_compute``) stays.
"""

from __future__ import annotations

from compatshim.gather.evaluate import Ranks, merged
from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("evaluate.module",)
CHANGES = (
    (
        "EvaluationModule.__init__",
        "remembers the experiment and nothing that tells two objects of one metric apart",
        "remembers, too, which of the objects of that metric it is, as every rank counts them; and when its "
        "compute() fails on one rank before the rows are exchanged, the others learn it",
    ),
    (
        "EvaluationModule._init_writer",
        "takes lock files with fixed names, and waits for those of all other ranks",
        "with num_process > 1 opens a file of this object's own; nobody waits",
    ),
    (
        "EvaluationModule._finalize",
        "releases the rank's lock; rank 0 takes every lock that is free for a rank that has finished, and reads "
        "whatever lies under the fixed names, while the other ranks return at once",
        "with num_process > 1 brings the rows of all ranks to rank 0, for this round of this object; when they are "
        "not all there, every rank raises an error that names those that are missing",
    ),
    (
        "CombinedEvaluations._merge_results",
        "asks None for its keys on every rank but 0, and raises AttributeError",
        "returns None there, as compute() of a single metric does",
    ),
)
LIMITS = (
    "`num_process == 1` is never touched. Every rank has to construct the metrics of one name in the same order, "
    "as programs do that run the same code on all ranks; else they get an error. A rank that leaves out a "
    "`compute()` that the others call is taken to be one behind. A metric whose `_compute` holds "
    "the interpreter's lock for longer than `timeout` makes the other ranks give up on the next round. Rows are "
    "not encrypted on their way. `COMPATSHIM_GATHER` chooses the group (auto, torch, mpi, env, files), or `off`."
)


def probe(module: ModuleType) -> bool:
    """Whether the ranks meet through lock files whose names say neither run nor round."""
    meet = getattr(getattr(module, "EvaluationModule", None), "_check_rendez_vous", None)
    return meet is not None and "experiment_id" in meet.__code__.co_names


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """Methods that hand over to :mod:`compatshim.gather` where there are several processes."""
    base, ranks = module.EvaluationModule, Ranks(module)
    found = [
        (base, "__init__", guard.after(base.__init__, ranks.number)),
        (base, "_init_writer", guard.either(base._init_writer, ranks.open)),
        (base, "_finalize", guard.either(base._finalize, ranks.close)),
    ]
    combined = getattr(module, "CombinedEvaluations", None)
    if combined is not None:
        found.append((combined, "_merge_results", guard.either(combined._merge_results, merged)))
    return found
