"""A user's evaluation of several ranks, as each engine has it: two metrics, three rounds.

    engine.py ENGINE OUT CACHE

ENGINE is torch, torchrun (no group is initialised), accelerate, mpi, env or slurm. Each rank writes what it got to
OUT-rank, as JSON. A further word may be ``kill`` (the last rank does not come to its second round) or ``alone``
(without compatshim).
"""

import json
import os
import signal
import sys

if "alone" not in sys.argv:
    import compatshim
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1")
engine, out, cache, *options = sys.argv[1:]
if engine == "torch":
    import torch.distributed as dist

    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
elif engine == "torchrun":
    import torch.distributed

    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
elif engine == "accelerate":
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    rank, world = accelerator.process_index, accelerator.num_processes
elif engine == "mpi":
    from mpi4py import MPI

    rank, world = MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size()
elif engine == "env":
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
else:
    rank, world = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
import datasets
import evaluate


class Rows(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions):
        return {"rows": list(predictions)}


class Other(Rows):
    pass


def compute(metric, rows):
    try:
        metric.add_batch(predictions=rows)
        return metric.compute()
    except ValueError as error:
        return str(error)


results = []
timeout = 2 if "alone" in options else 60
one, two = (kind(num_process=world, process_id=rank, cache_dir=cache, timeout=timeout) for kind in (Rows, Other))
for number in range(3):
    for metric in (one, two):
        if "kill" in options and (rank, number) == (world - 1, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        results.append(compute(metric, ["%s %d %d" % (metric.name, number, rank)]))
link = sys.modules.get("compatshim.gather.link")
kinds = sorted({key[0] for key in link._links}) if link is not None else []
with open("%s-%d" % (out, rank), "w") as file:
    json.dump({"world": world, "results": results, "kinds": kinds}, file)
if engine == "torch":
    dist.destroy_process_group()
