"""The founding story, as a user's program: three processes, one metric, one shared cache.

    story.py FOLDER UMASK METHOD ORDER

ORDER is "never" (no compatshim), "first", "after-datasets" or "after-evaluate". Prints one JSON object: what each
rank got, and the modes of the lock files.
"""

import sys

if sys.argv[4:] == ["first"]:
    import compatshim
import json
import multiprocessing
import os

os.environ["HF_HUB_OFFLINE"] = "1"
import datasets

if sys.argv[4:] == ["after-datasets"]:
    import compatshim
import evaluate

if sys.argv[4:] == ["after-evaluate"]:
    import compatshim


class Count(evaluate.Metric):
    def _info(self):
        number = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(self, predictions, references):
        return {"n": len(predictions), "s": sum(p == r for p, r in zip(predictions, references))}


def work(rank, folder, answers):
    try:
        metric = Count(num_process=3, process_id=rank, experiment_id="exp", cache_dir=folder, timeout=5)
        metric.add_batch(predictions=[1, 2, 3], references=[1, 2, 3])
        answers.put((rank, metric.compute()))
    except Exception as error:
        answers.put((rank, "%s: %s" % (type(error).__name__, error)))


if __name__ == "__main__":
    folder, umask, method, _ = sys.argv[1:]
    os.umask(int(umask, 8))
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    workers = [context.Process(target=work, args=(rank, folder, answers)) for rank in range(3)]
    for worker in workers:
        worker.start()
    ranks = dict(answers.get(timeout=100) for _ in workers)
    for worker in workers:
        worker.join()
    locks = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names if ".lock" in name]
    modes = sorted({"%04o" % (os.stat(path).st_mode & 0o777) for path in locks})
    print(json.dumps({"ranks": [ranks[rank] for rank in range(3)], "modes": modes}))
