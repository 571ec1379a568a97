"""What a user would run instead for answers in texts: Hugging Face's run_qa, its way with rows and with predictions.

    python -m bench.peer_answering --model DIR --data DIR --predictions FILE [--lr 1e-4] [--epochs 4] [--seed 1] ...

DIR holds train.tsv and test.tsv with the columns question, context, answer and start, of one answer or none. As in
transformers' examples/pytorch/question-answering: the context alone is truncated, the answer is learned by the tokens
of its characters, [CLS] where there is none; of 20 starts and 20 ends the best pair is taken, the null answer where its
score is more. The answers to test go to FILE, a JSON list of texts. Prints a JSON object in its last line.
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

_BEST = 20
"""Starts and ends that are tried, as run_qa's `n_best_size`."""


def main() -> None:
    """Fine-tunes and predicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--longest-answer", type=int, default=30)
    parser.add_argument("--rows", type=int, default=None, help="of train and of test, at most")
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(train(parser.parse_args())))


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tunes on train, answers test."""
    from datasets import Dataset
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        set_seed,
    )

    rows = {split: _read(options.data / f"{split}.tsv")[: options.rows] for split in ("train", "test")}
    tokenizer = AutoTokenizer.from_pretrained(options.model)

    def encode(split: str) -> tuple[Any, list[list[Any]]]:
        questions, contexts, answers, starts = zip(*rows[split], strict=True)
        encoded = tokenizer(
            list(questions),
            list(contexts),
            truncation="only_second",
            max_length=options.max_length,
            return_offsets_mapping=True,
        )
        offsets = [
            [pair if number == 1 else None for pair, number in zip(pairs, encoded.sequence_ids(row), strict=True)]
            for row, pairs in enumerate(encoded.pop("offset_mapping"))
        ]
        places = [
            _tokens_of(of_row, int(start), int(start) + len(answer)) if answer else (0, 0)
            for of_row, answer, start in zip(offsets, answers, (start or "0" for start in starts), strict=True)
        ]
        first, last = zip(*places, strict=True)
        made = Dataset.from_dict({**encoded, "start_positions": list(first), "end_positions": list(last)})
        return made, offsets

    set_seed(options.seed)
    model = AutoModelForQuestionAnswering.from_pretrained(options.model)
    given = arguments(
        options,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=32,
        num_train_epochs=options.epochs,
        train_sampling_strategy="group_by_length",
    )
    trainer = Trainer(model, given, train_dataset=encode("train")[0], data_collator=DataCollatorWithPadding(tokenizer))
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    # Grouped by length, predictions would come in another order than the rows.
    trainer.args.train_sampling_strategy = "random"
    test, offsets = encode("test")
    first, last = trainer.predict(test).predictions[:2]
    found = [
        _answer(begins, ends, of_row, row[1], options.longest_answer)
        for begins, ends, of_row, row in zip(first, last, offsets, rows["test"], strict=True)
    ]
    options.predictions.write_text(json.dumps(found))
    return {
        "seed": options.seed,
        "train_seconds": round(seconds, 1),
        "examples_per_second": round(len(rows["train"]) * options.epochs / seconds, 1),
    }


def _read(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]


def _tokens_of(offsets: list[Any], begin: int, end: int) -> tuple[int, int]:
    """First and last token of characters; [CLS] twice where they are cut off."""
    inside = [place for place, pair in enumerate(offsets) if pair and pair[1] > begin and pair[0] < end]
    if not inside or offsets[inside[-1]][1] < end:
        return 0, 0
    return inside[0], inside[-1]


def _answer(first: Any, last: Any, offsets: list[Any], context: str, longest: int) -> str:
    """As run_qa's `postprocess_qa_predictions` of version 2: the best pair of the 20 best starts and ends, or none."""
    best, chosen = float(first[0] + last[0]), ""
    for begin in first.argsort()[: -_BEST - 1 : -1]:
        for end in last.argsort()[: -_BEST - 1 : -1]:
            if max(begin, end) >= len(offsets) or not offsets[begin] or not offsets[end]:
                continue
            if begin <= end < begin + longest and first[begin] + last[end] > best:
                best, chosen = float(first[begin] + last[end]), context[offsets[begin][0] : offsets[end][1]]
    return chosen


if __name__ == "__main__":
    main()
