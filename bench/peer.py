"""What a user would run instead, in an environment with torch, transformers, accelerate and datasets alone.

    python -m bench.peer train --model DIR --data DIR --text COLUMN --label COLUMN [--mode padded|grouped] ...
    python -m bench.peer mlm --model DIR --data DIR --output DIR --mode lines|blocks ...
    python -m bench.peer predict --model DIR --texts FILE [--batch 32]
    python -m bench.peer tokenize --model DIR --texts FILE

`train` is Hugging Face's Trainer on train.tsv, dev.tsv and, if there is one, test.tsv of DIR: `padded` pads every row
to 128 tokens, `grouped` batches rows of similar length and pads to the longest. `mlm` is the same on the lines of
train.txt as Hugging Face's run_mlm.py has it, `lines` with its `--line_by_line`, `blocks` without. `predict` is a
loop over batches of rows sorted by length, and then one text at a time. `tokenize` is the Rust tokenizer in batches of
1,000. Each prints a JSON object in its last line.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.peer_training import arguments

os.environ.setdefault("HF_HUB_OFFLINE", "1")
START = time.monotonic()
MAX_LENGTH = 128


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tunes and evaluates."""
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        set_seed,
    )

    folder = Path(options.data)
    files = {split: str(path) for split in ("train", "dev", "test") if (path := folder / f"{split}.tsv").exists()}
    table = load_dataset("csv", data_files=files, delimiter="\t", quoting=3, keep_default_na=False)
    labels = sorted({str(label) for label in table["train"][options.label]})
    tokenizer = AutoTokenizer.from_pretrained(options.model)

    def encode(rows: dict[str, list[Any]]) -> dict[str, Any]:
        padding = "max_length" if options.mode == "padded" else False
        encoded = tokenizer(rows[options.text], truncation=True, max_length=options.max_length, padding=padding)
        return {**encoded, "labels": [labels.index(str(label)) for label in rows[options.label]]}

    table = table.map(encode, batched=True, remove_columns=table["train"].column_names)
    set_seed(options.seed)
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=len(labels))
    grouping = {"train_sampling_strategy": "group_by_length"} if options.mode == "grouped" else {}
    given = arguments(
        options,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=64,
        num_train_epochs=options.epochs,
        bf16=options.bf16,
        **grouping,
    )
    trainer = Trainer(
        model,
        given,
        train_dataset=table["train"],
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda e: {"accuracy": float((e.predictions.argmax(-1) == e.label_ids).mean())},
    )
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    accuracy = {s: round(trainer.evaluate(table[s])["eval_accuracy"], 4) for s in files if s != "train"}
    return {
        "mode": options.mode,
        "bf16": options.bf16,
        "lr": options.lr,
        "epochs": options.epochs,
        "seed": options.seed,
        "train_seconds": round(seconds, 1),
        "examples_per_second": round(len(table["train"]) * options.epochs / seconds, 1),
        "total_seconds": round(time.monotonic() - START, 1),
        "accuracy": accuracy,
    }


def mlm(options: argparse.Namespace) -> dict[str, Any]:
    """Pre-trains and saves, with as many steps as batches of lines have."""
    from datasets import Dataset
    from transformers import (
        AutoModelForMaskedLM,
        AutoTokenizer,
        DataCollatorForLanguageModeling,
        Trainer,
        set_seed,
    )

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    lines = Path(options.data, "train.txt").read_text(encoding="utf-8").splitlines()
    blocks, batch = options.mode == "blocks", options.batch
    cut = {"truncation": not blocks, "max_length": None if blocks else options.max_length}
    ids = tokenizer(lines, **cut, padding=False, verbose=False)["input_ids"]
    tokens, steps = sum(map(len, ids)), math.ceil(len(ids) / batch) * round(options.epochs)
    if blocks:
        # run_mlm.py's group_texts: the rest that fills no block is dropped.
        joined = [token for row in ids for token in row]
        batch = max(1, round(batch * tokens / len(ids) / options.max_length))
        whole = len(joined) // options.max_length * options.max_length
        ids = [joined[first : first + options.max_length] for first in range(0, whole, options.max_length)]
        tokens = whole
    set_seed(options.seed)
    model = AutoModelForMaskedLM.from_pretrained(options.model)
    grouping = {} if blocks else {"train_sampling_strategy": "group_by_length"}
    given = arguments(
        options,
        per_device_train_batch_size=batch,
        max_steps=steps,
        bf16=options.bf16,
        **grouping,
    )
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=options.masked)
    trainer = Trainer(model, given, train_dataset=Dataset.from_dict({"input_ids": ids}), data_collator=collator)
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    model.save_pretrained(options.output)
    seen = tokens * steps / math.ceil(len(ids) / batch)
    return {
        "mode": options.mode,
        "steps": steps,
        "tokens_per_step": round(seen / steps),
        "tokens_per_second": round(seen / seconds, 1),
        "train_seconds": round(seconds, 1),
    }


def predict(options: argparse.Namespace) -> dict[str, Any]:
    """Probabilities of every text, then of some texts one by one."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2).eval()
    texts = Path(options.texts).read_text(encoding="utf-8").splitlines()
    started = time.monotonic()
    rows = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)["input_ids"]
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    probabilities = torch.empty(len(rows), 2)
    latencies = []
    with torch.inference_mode():
        for first in range(0, len(order), options.batch):
            batch = order[first : first + options.batch]
            padded = tokenizer.pad({"input_ids": [rows[row] for row in batch]}, return_tensors="pt")
            probabilities[batch] = model(**padded).logits.softmax(-1)
        seconds = time.monotonic() - started
        for text in texts[: options.single]:
            begun = time.perf_counter()
            encoded = tokenizer([text], truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
            model(**encoded).logits.softmax(-1).numpy()
            latencies.append(time.perf_counter() - begun)
    return {
        "rows_per_second": round(len(rows) / seconds, 1),
        "total_seconds": round(started + seconds - START, 1),
        "latency_ms": round(1e3 * median(latencies), 2),
    }


def tokenize(options: argparse.Namespace) -> dict[str, Any]:
    """Texts a second."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(options.model, "tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    texts = Path(options.texts).read_text(encoding="utf-8").splitlines()
    batches = [texts[first : first + options.batch] for first in range(0, len(texts), options.batch)]
    for batch in batches[: options.warm_up]:
        tokenizer.encode_batch(batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    for batch in batches:
        tokenizer.encode_batch(batch)
    seconds = time.monotonic() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if options.ids:
        # Apart, because keeping what `encode_batch` returns takes as long as making it.
        listed = [row.ids for batch in batches for row in tokenizer.encode_batch(batch)]
        Path(options.ids).write_text(json.dumps(listed))
    return {"texts_per_second": round(len(texts) / seconds), "grown_mb": round(grown, 1)}


def parser() -> argparse.ArgumentParser:
    """The command line of all four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "mlm", "predict", "tokenize"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data")
    parser.add_argument("--texts")
    parser.add_argument("--text")
    parser.add_argument("--label")
    parser.add_argument("--mode", choices=["padded", "grouped", "lines", "blocks"], default="grouped")
    parser.add_argument("--output", help="directory for the weights of `mlm`")
    parser.add_argument("--masked", type=float, default=0.15, help="share of the tokens that `mlm` hides")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=MAX_LENGTH)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--single", type=int, default=300, help="texts of `predict` to predict one by one, too")
    parser.add_argument("--warm-up", type=int, default=3, help="batches of `tokenize` before the clock runs")
    parser.add_argument("--ids", help="file for the ids of `tokenize`")
    return parser


def main() -> None:
    """Runs one of the four."""
    options = parser().parse_args()
    print(json.dumps({"train": train, "mlm": mlm, "predict": predict, "tokenize": tokenize}[options.what](options)))


if __name__ == "__main__":
    main()
