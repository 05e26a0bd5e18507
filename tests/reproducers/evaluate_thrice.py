"""Three processes compute one metric three times, one after the other, through a shared cache directory."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    HF_EVALUATE_OFFLINE="1",
    HF_UPDATE_DOWNLOAD_COUNTS="0",
    COMPATSHIM_GATHER="auto",
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


class Rows(Base):
    def _info(self):
        return Info(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": datasets.Value("int64")}),
        )

    def _compute(self, predictions):
        return {"rows": [int(row) for row in predictions]}


def work(rank, folder, answers):
    metric = Rows(num_process=3, process_id=rank, cache_dir=folder, timeout=5)
    for number in range(3):
        try:
            metric.add_batch(predictions=[10 * number + rank])
            answers.put((rank, number, metric.compute()))
        except Exception as error:
            answers.put((rank, number, f"{type(error).__name__}: {error}"))


def main():
    folder = tempfile.mkdtemp()
    answers = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(rank, folder, answers)) for rank in range(3)]
    for worker in workers:
        worker.start()
    given = sorted((answers.get(timeout=55) for _ in range(9)), key=lambda answer: answer[:2])
    for worker in workers:
        worker.join()
    wanted = [
        (rank, number, None if rank else {"rows": [10 * number, 10 * number + 1, 10 * number + 2]})
        for rank in range(3)
        for number in range(3)
    ]
    wrong = [answer for answer, right in zip(given, wanted) if answer != right]
    if not wrong:
        print("healthy:", given)
        return 0
    print("BAD:", wrong)
    return 1


if __name__ == "__main__":
    sys.exit(main())
