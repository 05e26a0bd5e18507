"""Three processes evaluate one metric together through a shared cache directory, under umask 000."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

os.environ.update(
    HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1", HF_UPDATE_DOWNLOAD_COUNTS="0"
)
import multiprocessing

try:
    import datasets
    import evaluate
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)


# evaluate before 0.2 has one class for all kinds of modules.
Base = getattr(evaluate, "Metric", None) or evaluate.EvaluationModule
Info = getattr(evaluate, "MetricInfo", None) or evaluate.EvaluationModuleInfo


class Count(Base):
    def _info(self):
        column = datasets.Value("int64")
        return Info(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": column, "references": column}),
        )

    def _compute(self, predictions, references):
        return {"n": len(predictions), "s": sum(p == r for p, r in zip(predictions, references))}


def work(rank, folder, answers):
    try:
        metric = Count(num_process=3, process_id=rank, experiment_id="exp", cache_dir=folder, timeout=5)
        metric.add_batch(predictions=[1, 2, 3], references=[1, 2, 3])
        answers.put((rank, metric.compute()))
    except Exception as error:
        answers.put((rank, f"{type(error).__name__}: {error}"))


def main():
    os.umask(0)
    folder = tempfile.mkdtemp()
    method = next((word for word in sys.argv if word in ("fork", "spawn", "forkserver")), "fork")
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    workers = [context.Process(target=work, args=(rank, folder, answers)) for rank in range(3)]
    for worker in workers:
        worker.start()
    results = dict(answers.get(timeout=90) for _ in workers)
    for worker in workers:
        worker.join()
    if results == {0: {"n": 9, "s": 9}, 1: None, 2: None}:
        print("healthy:", results)
        return 0
    print("BAD:", results)
    expected = ("Expected to find locked file", "unexpected keyword argument 'poll_interval'")
    return 1 if any(text in str(results) for text in expected) else 3


if __name__ == "__main__":
    sys.exit(main())
