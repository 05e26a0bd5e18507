"""A metric over two processes, in rounds, through whatever evaluate is installed.

    rounds.py FOLDER SECONDS    round after round; says how many were right, and what went wrong
    rounds.py FOLDER killed     both processes stop between add_batch and compute, and say so: kill them
"""

import multiprocessing
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import datasets
import evaluate


class Sum(evaluate.Metric):
    def _info(self):
        number = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(self, predictions, references):
        return {"sum": sum(predictions)}


def work(rank, folder, until, answers, barrier):
    number = 0
    try:
        while True:
            barrier.wait(60)
            if until is not None and time.time() > until:
                answers.put((rank, number, ""))
                return
            metric = Sum(num_process=2, process_id=rank, experiment_id="e%d" % number, cache_dir=folder, timeout=20)
            metric.add_batch(predictions=[number, rank], references=[0, 0])
            if until is None:
                answers.put((rank, 0, "ready"))
                time.sleep(600)
            found = metric.compute()
            if rank == 0 and found != {"sum": 2 * number + 1}:
                raise ValueError("round %d: %r" % (number, found))
            number += 1
    except Exception as error:
        answers.put((rank, number, "%s: %s" % (type(error).__name__, error)))
        barrier.abort()


if __name__ == "__main__":
    folder, seconds = sys.argv[1:]
    until = None if seconds == "killed" else time.time() + float(seconds)
    context = multiprocessing.get_context("fork")
    answers, barrier = context.Queue(), context.Barrier(2)
    workers = [context.Process(target=work, args=(rank, folder, until, answers, barrier)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for _ in workers:
        print(*answers.get(timeout=200), flush=True)
    for worker in workers:
        worker.join()
