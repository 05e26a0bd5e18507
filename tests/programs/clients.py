"""A user's training of a tiny model on several ranks, with a metric of evaluate; compatshim is not in it.

    clients.py CLIENT OUT CACHE

CLIENT is trainer (of transformers) or accelerate. Each rank has a cache directory of its own, CACHE-rank, as on hosts
that share nothing. It writes to OUT-rank, as JSON, what it got in each round (``results``), what evaluate gets in one
process from the same rows (``wanted``), and what the Trainer made of it (``logged``).
"""

import json
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1")
client, out, cache = sys.argv[1:]
import datasets
import evaluate
import numpy
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

LABELS = 5


class Agreement(evaluate.Metric):
    """Says which rows there were, how often each, and in which order."""

    def _info(self):
        number = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="d",
            citation="c",
            inputs_description="i",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(self, predictions, references):
        hits = [one == other for one, other in zip(predictions, references)]
        order = sum(place * (LABELS * one + other) for place, (one, other) in enumerate(zip(predictions, references)))
        return {"accuracy": sum(hits) / len(hits), "rows": len(hits), "order": order}


def sentences(count, seed):
    made = numpy.random.default_rng(seed)
    words = made.integers(0, 20, (count, 6))
    return datasets.Dataset.from_dict({"input_ids": words.tolist(), "labels": (words[:, 0] % LABELS).tolist()})


def network():
    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=20,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            num_labels=LABELS,
        )
    )


def metric(rank, world):
    return Agreement(num_process=world, process_id=rank, cache_dir="%s-%d" % (cache, rank), timeout=10)


results, wanted, logged = [], [], []


def note(rank, result, predictions, references):
    results.append(result)
    alone = Agreement(cache_dir="%s-%d" % (cache, rank), experiment_id="alone")
    wanted.append(alone.compute(predictions=predictions, references=references))


def by_trainer():
    arguments = TrainingArguments(
        output_dir="%s-files" % out,
        use_cpu=True,
        num_train_epochs=2,
        per_device_train_batch_size=4,
        per_device_eval_batch_size=4,
        learning_rate=0.02,
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    rank, world = arguments.process_index, arguments.world_size
    agreement = metric(rank, world)

    def compute_metrics(found):
        predictions, references = found.predictions.argmax(-1), found.label_ids
        # The Trainer has given every rank the rows of all: each hands in its part.
        mine = [numpy.array_split(rows, world)[rank] for rows in (predictions, references)]
        result = agreement.compute(predictions=mine[0], references=mine[1])
        note(rank, result, predictions, references)
        return dict(result or {})

    trainer = Trainer(
        model=network(),
        args=arguments,
        train_dataset=sentences(40, 1),
        eval_dataset=sentences(22, 2),
        compute_metrics=compute_metrics,
    )
    trainer.train()
    trainer.evaluate(sentences(13, 3))
    names = ("eval_accuracy", "eval_rows", "eval_order")
    logged.extend([one[name] for name in names] for one in trainer.state.log_history if names[0] in one)
    return rank


def by_accelerate():
    from accelerate import Accelerator
    from accelerate.utils import gather_object
    from torch.utils.data import DataLoader

    accelerator = Accelerator(cpu=True)
    rank, world = accelerator.process_index, accelerator.num_processes
    agreement = metric(rank, world)
    model = network()
    training, test = (
        DataLoader(sentences(count, count).with_format("torch"), batch_size=4, shuffle=count == 40)
        for count in (40, 24)
    )
    steps = torch.optim.AdamW(model.parameters(), lr=0.02)
    model, steps, training, test = accelerator.prepare(model, steps, training, test)
    for _ in range(3):
        model.train()
        for batch in training:
            steps.zero_grad()
            accelerator.backward(model(**batch).loss)
            steps.step()
        model.eval()
        mine = []
        for batch in test:
            with torch.no_grad():
                predictions = model(**batch).logits.argmax(-1)
            agreement.add_batch(predictions=predictions, references=batch["labels"])
            mine += zip(predictions.tolist(), batch["labels"].tolist())
        result = agreement.compute()
        everything = gather_object(mine)
        note(rank, result, *map(list, zip(*everything)))
    return rank


rank = {"trainer": by_trainer, "accelerate": by_accelerate}[client]()
with open("%s-%d" % (out, rank), "w") as file:
    json.dump({"results": results, "wanted": wanted, "logged": logged}, file)
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
