"""One rank of the benchmark of gathering, under torchrun: every way on every size, one after the other.

    ranks_program.py OUT CACHE ROUNDS SIZE...

Rank 0 writes a JSON line per round, way, kind and size to OUT: seconds, and by how many bytes the peak of its memory
and that of any other rank grew. ROUNDS is for few rows, of more there are fewer.
"""

import compatshim
import gc
import json
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1")
import datasets
import evaluate
import numpy as np
import pyarrow as pa
import torch.distributed as dist

OUT, CACHE, ROUNDS, *SIZES = sys.argv[1:]
dist.init_process_group("gloo")
RANK, WORLD = dist.get_rank(), dist.get_world_size()
KINDS = {"ints": datasets.Value("int64"), "strings": datasets.Value("string")}


class Rows(evaluate.Metric):
    kind = "ints"

    def _info(self):
        return evaluate.MetricInfo(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": KINDS[self.kind]}),
        )

    def _finalize(self):
        start = time.perf_counter()
        super()._finalize()
        self.seconds = time.perf_counter() - start
        self.rows = len(self.data) if self.data is not None else 0

    def _compute(self, predictions):
        return {"n": len(predictions), "last": predictions[-1]}


class Strings(Rows):
    kind = "strings"


def column(kind, size):
    mine = np.arange(RANK * size, (RANK + 1) * size)
    return pa.array(mine) if kind == "ints" else pa.array(mine).cast(pa.string())


def by_evaluate(kind, values, whole, world=WORLD):
    metric = (Rows if kind == "ints" else Strings)(num_process=world, process_id=RANK, cache_dir=CACHE, timeout=100)
    metric.selected_feature_format = metric.features
    metric._init_writer()
    metric.writer.write_table(pa.table({"predictions": values}))
    ready()
    start = time.perf_counter()
    found = metric.compute() if whole else metric._finalize()
    seconds = time.perf_counter() - start
    if RANK == 0:
        assert (found["n"] if whole else metric.rows) == world * len(values), found
        if not whole:  # what compute() does in the end
            del metric.data
            for lock, path in reversed(list(zip(metric.filelocks, metric.file_paths))):
                os.remove(path)
                lock.release()
    return seconds if whole else metric.seconds


def by_one(kind, values, whole):
    """Rank 0 has all rows from the start: what evaluate itself takes, however they came there."""
    if RANK == 0:
        return by_evaluate(kind, pa.concat_arrays([values] * WORLD), whole, world=1)
    ready()
    return 0


def by_file(kind, values, whole):
    os.environ["COMPATSHIM_GATHER"] = "off"
    time.sleep(1.2)  # evaluate's own locks are not safe for rounds that follow at once
    return by_evaluate(kind, values, whole)


def by_shim(kind, values, whole):
    os.environ["COMPATSHIM_GATHER"] = "auto"
    return by_evaluate(kind, values, whole)


def by_object(_, values, whole):
    rows = values.to_pylist()
    ready()
    start = time.perf_counter()
    lists = [None] * WORLD if RANK == 0 else None
    dist.gather_object(rows, lists)
    if RANK == 0 and whole:
        lists = [row for one in lists for row in one]
    return time.perf_counter() - start


def by_accelerate(_, values, whole):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    rows = values.to_pylist()
    ready()
    start = time.perf_counter()
    found = accelerator.gather_for_metrics(rows, use_gather_object=True)
    assert len(found) == WORLD * len(values)
    return time.perf_counter() - start


def ready():
    """All ranks begin at once: to collect garbage takes each another time."""
    peak(reset=True)
    dist.barrier()


def peak(*, reset=False):
    """Bytes: how far the memory has grown at most since the last reset."""
    global base
    if reset:
        gc.collect()
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    with open("/proc/self/status") as file:
        found = {line.split(":")[0]: line.split()[1] for line in file if line.startswith(("VmHWM", "VmRSS"))}
    if reset:
        base = int(found["VmRSS"]) * 1024
    return int(found["VmHWM"]) * 1024 - base


base = 0
FEW, LARGE = 300_000, 10_000_000
WAYS = {
    "one process": by_one,
    "file locks": by_file,
    "compatshim": by_shim,
    "gather_object": by_object,
    "gather_for_metrics": by_accelerate,
}
gc.collect()
gc.freeze()  # else each collection before a round goes through all that was imported
with open(OUT if RANK == 0 else os.devnull, "a") as out:
    for size in map(int, SIZES):
        for kind in KINDS:
            values = column(kind, size // WORLD)
            for number in range(max(1, int(ROUNDS) * FEW // max(size, FEW))):
                for way, function in WAYS.items():
                    if size >= LARGE and way == "gather_for_metrics":
                        continue  # every rank gets all rows: the memory of the machine
                    if number > 4 and way == "file locks":
                        continue  # it has to wait before each round
                    for whole in (False, True):
                        seconds = function(kind, values, whole)
                        grown = peak()
                        others = [None] * WORLD
                        dist.all_gather_object(others, grown)
                        line = {
                            "world": WORLD, "way": way, "kind": kind, "size": size, "whole": whole, "round": number,
                            "seconds": seconds, "memory": grown, "others": max(others[1:]),
                        }  # fmt: skip
                        out.write(json.dumps(line) + "\n")
                        out.flush()
dist.destroy_process_group()
