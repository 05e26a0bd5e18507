"""A metric that compares all predictions with all references at once, as glue and xnli do."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
try:
    import datasets
    import evaluate
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

# evaluate before 0.2 has one class for all kinds of modules.
Base = getattr(evaluate, "Metric", None) or evaluate.EvaluationModule
Info = getattr(evaluate, "MetricInfo", None) or evaluate.EvaluationModuleInfo


class Exact(Base):
    def _info(self):
        column = datasets.Value("int64")
        return Info(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": column, "references": column}),
            format="numpy",
        )

    def _compute(self, predictions, references):
        return {"accuracy": float((predictions == references).mean())}


results = []
try:
    for keep in (False, True):
        metric = Exact(cache_dir=tempfile.mkdtemp(), keep_in_memory=keep)
        metric.add_batch(predictions=[1, 2, 3, 4], references=[1, 2, 3, 0])
        results.append(metric.compute())
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "'bool' object has no attribute 'mean'" in str(error) else 3)
right = results == [{"accuracy": 0.75}] * 2
print("healthy:" if right else "broken:", results)
sys.exit(0 if right else 3)
