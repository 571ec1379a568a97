"""What a user would run instead for the other tasks: Hugging Face's Trainer, in the peer's environment.

    python -m bench.peer_tasks TASK --model DIR --data DIR --predictions FILE [--lr 5e-5] [--epochs 2] [--seed 1] ...

DIR holds train.tsv and test.tsv as `bench.task_data` writes them. Batches are of rows of similar length, padded to the
longest. The predictions of test go to FILE as JSON, to be evaluated by the same code as ours: names, numbers, lists of
label names, or lists of tags. Prints a JSON object in its last line.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from bench.peer_training import arguments

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def main() -> None:
    """Fine-tunes and predicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["pair", "similarity", "regression", "multilabel", "tagging"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--pooling", choices=["cls", "mean"], default="cls")
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(train(parser.parse_args())))


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tunes on train, predicts test."""
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        DataCollatorWithPadding,
        Trainer,
        set_seed,
    )

    rows = {split: _read(options.data / f"{split}.tsv") for split in ("train", "test")}
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    names = _names(options.task, rows["train"])

    def encode(split: str) -> Any:
        texts = [list(column) for column in list(zip(*rows[split], strict=True))[:-1]]
        limit = {"truncation": True, "max_length": options.max_length}
        if options.task == "tagging":
            encoded = tokenizer([text.split(" ") for text in texts[0]], is_split_into_words=True, **limit)
            targets = [_aligned(encoded.word_ids(i), row[-1].split(" "), names) for i, row in enumerate(rows[split])]
        else:
            encoded = tokenizer(*texts, **limit)
            targets = [_target(options.task, row[-1], names) for row in rows[split]]
        return Dataset.from_dict({**encoded, "labels": targets})

    set_seed(options.seed)
    kind = AutoModelForTokenClassification if options.task == "tagging" else AutoModelForSequenceClassification
    if options.pooling == "mean":
        assert options.task == "multilabel"  # noqa: S101  # the only one whose loss it has
        kind = _mean_pooled()
    problem = {"multilabel": "multi_label_classification", "similarity": "regression", "regression": "regression"}
    extra = {"problem_type": problem[options.task]} if options.task in problem else {}
    model = kind.from_pretrained(options.model, num_labels=max(1, len(names)), **extra)
    given = arguments(
        options,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=64,
        num_train_epochs=options.epochs,
        train_sampling_strategy="group_by_length",
    )
    collator = DataCollatorForTokenClassification if options.task == "tagging" else DataCollatorWithPadding
    trainer = Trainer(model, given, train_dataset=encode("train"), data_collator=collator(tokenizer))
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    # Grouped by length, predictions would come in another order than the rows.
    trainer.args.train_sampling_strategy = "random"
    found = trainer.predict(encode("test"))
    options.predictions.write_text(json.dumps(_predictions(options, names, found.predictions, found.label_ids)))
    return {
        "task": options.task,
        "seed": options.seed,
        "train_seconds": round(seconds, 1),
        "examples_per_second": round(len(rows["train"]) * options.epochs / seconds, 1),
    }


def _mean_pooled() -> Any:
    """A classifier of several labels over the mean of all tokens' states, which transformers itself has not."""
    import torch
    from transformers import BertModel, BertPreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class MeanPooled(BertPreTrainedModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.bert = BertModel(config, add_pooling_layer=False)
            self.dropout = torch.nn.Dropout(config.hidden_dropout_prob)
            self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
            self.post_init()

        def forward(self, input_ids: Any, attention_mask: Any, labels: Any, **others: Any) -> Any:
            states = self.bert(input_ids, attention_mask, token_type_ids=others.get("token_type_ids"))[0]
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            logits = self.classifier(self.dropout((states * mask).sum(1) / mask.sum(1)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
            return SequenceClassifierOutput(loss=loss, logits=logits)

    return MeanPooled


def _read(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]


def _names(task: str, rows: list[list[str]]) -> list[str]:
    if task in ("similarity", "regression"):
        return []
    separator = {"multilabel": "|", "tagging": " "}.get(task)
    return sorted({name for row in rows for name in row[-1].split(separator)})


def _target(task: str, field: str, names: list[str]) -> Any:
    if task == "pair":
        return names.index(field)
    if task == "multilabel":
        return [float(name in field.split("|")) for name in names]
    return float(field)


def _aligned(word_ids: list[int | None], tags: list[str], names: list[str]) -> list[int]:
    """The tag's index for the first piece of each word, -100 elsewhere."""
    before = [None, *word_ids[:-1]]
    return [
        -100 if word is None or word == last else names.index(tags[word])
        for word, last in zip(word_ids, before, strict=True)
    ]


def _predictions(options: argparse.Namespace, names: list[str], logits: Any, targets: Any) -> list[Any]:
    import numpy as np

    if options.task == "pair":
        return [names[index] for index in logits.argmax(-1)]
    if options.task == "multilabel":
        least = np.log(options.threshold / (1 - options.threshold))
        return [[names[i] for i in np.flatnonzero(row > least)] for row in logits]
    if options.task == "tagging":
        chosen = logits.argmax(-1)
        return [[names[i] for i in row[of != -100]] for row, of in zip(chosen, targets, strict=True)]
    return [float(value) for value in logits.reshape(-1)]


if __name__ == "__main__":
    main()
