"""What the defaults make of a few hundred rows: six small sets, three seeds, with the recipe and as it was before it.

    python -m bench.small_data [--sets intents ...] [--seeds 1 2 3] [--table]

A config that states nothing of the training, over rows that ship or are fetched, the large ones cut down to their first
few hundred, and over messages that are generated here. Before the recipe every training had 2 epochs and pooled by
`cls`. The training core alone is run, without the pipeline around it; the checkpoint is chosen on dev, and what is
reported is the task's first metric on test. Writes bench/results/small_data.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

from bench.common import ROOT, Run, add_sets, keep, kept, machine
from components import tasks
from components.common import feature_names, tensorflow_env
from components.rows import reader
from components.settings.data import Data
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task

BASE = ROOT / "data" / "minilm"

_DATA = ROOT / "data"

_MESSAGES = {
    "delivery": (
        "the parcel from {day} has still not come",
        "where is the van with my {thing}",
        "tracking has said the same city since {day}",
        "the driver left the {thing} with a stranger",
        "nobody rang, yet the card says I was out",
        "the {thing} went to my old street",
        "how many more days until it reaches me",
        "my neighbour got the {thing} that I wait for",
    ),
    "payment": (
        "I was charged twice for the {thing}",
        "my bank shows two amounts since {day}",
        "the invoice for the {thing} has the wrong sum",
        "your till took my money and then failed",
        "can I pay for the {thing} in three parts",
        "the voucher took nothing off the price",
        "there is a fee on the bill that nobody explained",
        "the receipt of {day} is missing",
    ),
    "account": (
        "I cannot sign in since {day}",
        "the page does not take my password",
        "the code you text me never works",
        "please change the address that I log in with",
        "someone else seems to use my profile",
        "it says that my name is already taken",
        "I am locked out and need in by {day}",
        "how do I delete everything you know of me",
    ),
    "damage": (
        "the {thing} came with a crack in it",
        "it stopped working on {day}",
        "one leg of the {thing} is bent",
        "the box was wet and the {thing} smells",
        "a screw is missing, so it wobbles",
        "the {thing} makes a grinding noise",
        "the colour peels off after one wash",
        "it arrived in pieces",
    ),
    "return": (
        "I want to send the {thing} back",
        "the {thing} is too small, can I swap it",
        "I changed my mind about the order of {day}",
        "please cancel the {thing} before it leaves",
        "which label do I stick on to give it back",
        "I ordered the {thing} by mistake",
        "take the second one off my order",
        "until when may I bring it back",
    ),
}
"""Topic -> what people write of it. The last two of each are in test alone."""

_HELD_BACK = 2

_AROUND = (
    "Hello, {0}.",
    "{0}, and I have asked before.",
    "This is about my order and my account: {0}.",
    "{0}. I paid on {day} and it was to come on {day}.",
    "Not again! {0}. The parcel, the bill, the password, all of it was fine last time.",
    "{0}. Thank you for your help.",
    "My sister says I should write. {0}.",
)

_WORDS = {
    "day": ("Monday", "Tuesday", "Friday", "last week", "the third", "my birthday"),
    "thing": ("lamp", "kettle", "rug", "tent", "bicycle bell", "coat", "shelf", "radio", "clock"),
}


@dataclass(frozen=True, kw_only=True)
class SmallSet:
    """A set and how much of it is taken."""

    folder: str
    data: dict[str, Any]
    """What a config states of its columns and its task."""
    rows: int = 100_000
    """The most of train."""
    dev_rows: int = 100_000
    """The most of dev."""
    test_rows: int = 1000
    """The most of test."""


_PAIRS = {"text": ["text_a", "text_b"]}

SETS = {
    "intents": SmallSet(folder="intents", data={"header": False, "text": 1, "label": 2}),
    "pair": SmallSet(folder="requests", data={**_PAIRS, "label": "label", "task": "pair"}, rows=200, dev_rows=40),
    "similarity": SmallSet(
        folder="requests",
        data={**_PAIRS, "label": "score", "task": "similarity", "range": (0, 5)},
        rows=200,
        dev_rows=40,
    ),
    "movie reviews": SmallSet(folder="movie_reviews", data={}, rows=325, dev_rows=40),
    "regression": SmallSet(
        folder="movie_reviews",
        data={"label": "score", "task": "regression", "range": (-4, 4)},
        rows=200,
        dev_rows=40,
    ),
    "generated": SmallSet(folder="", data={}),
}
"""Name -> set; the generated one has 320 rows of train and 80 of dev, and 1,000 more of test."""


def main() -> None:
    """Trains and reports."""
    command_line(__doc__, measure, report)


def command_line(about: str | None, measure: Callable[[str, int], None], report: Callable[[], None]) -> None:
    """The command line of a bench of these sets.

    Args:
        about: its description.
        measure: a set's name and a seed -> trains.
        report: prints what was measured.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sets(parser, SETS)
    options = parser.parse_args()
    if not options.table:
        tensorflow_env.set_up()
        for seed in options.seeds:
            for name in options.sets:
                measure(name, seed)
    report()


def messages(split: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Rows of the generated set: 320 of train, 80 of dev and 1,000 of test, five classes, the same each time."""
    draws = random.Random(split)  # noqa: S311
    topics = list(_MESSAGES)
    for number in range({"train": 320, "dev": 80, "test": 1000}[split]):
        topic = topics[number % len(topics)]
        known = _MESSAGES[topic] if split == "test" else _MESSAGES[topic][:-_HELD_BACK]
        text = draws.choice(_AROUND).replace("{0}", draws.choice(known))
        for word, choices in _WORDS.items():
            while f"{{{word}}}" in text:
                text = text.replace(f"{{{word}}}", draws.choice(choices), 1)
        yield (text,), topic


def rows_of(chosen: SmallSet, split: str) -> list[tuple[tuple[str, ...], str]]:
    """The texts and the label of each row of a set's split, those that come first."""
    if not chosen.folder:
        return list(messages(split))
    suffix = "txt" if chosen.folder == "intents" else "tsv"
    path = _DATA / chosen.folder / f"{split}.{suffix}"
    most = {"train": chosen.rows, "dev": chosen.dev_rows, "test": chosen.test_rows}[split]
    rows = reader.read_rows(path, split, _settings(chosen))
    return [(row.texts, row.label) for row in islice(rows, most) if isinstance(row, reader.Row)]


def _settings(chosen: SmallSet) -> Data:
    return Data(train=("train.tsv",), dev=("dev.tsv",), **chosen.data)


def measure(name: str, seed: int) -> None:
    """Trains before and after."""
    training, model = Training(seed=seed), Model(base=str(BASE))
    once("small_data", name, SETS[name], {"who": "before"}, replace(training, epochs=2), replace(model, pooling="cls"))
    once("small_data", name, SETS[name], {"who": "after"}, training, model)


def once(bench: str, name: str, chosen: SmallSet, who: Run, training: Training, model: Model) -> None:
    """Trains and keeps what was measured, unless that is there already, made on this machine with these versions.

    Args:
        bench: whose results it is one of.
        name: of the set.
        chosen: it.
        who: what tells this training from others of the same set and seed.
        training: settings, with the seed.
        model: settings.
    """
    before = kept(bench, name)
    runs: list[Run] = before["runs"] if _without_peer(before.get("machine", {})) == _without_peer(machine()) else []
    if any({**who, "seed": training.seed}.items() <= run.items() for run in runs):
        return
    run = {**who, **trained(chosen, training, model)}
    print(json.dumps({"set": name, **run}), file=sys.stderr, flush=True)
    # After each run: a long bench may be stopped.
    keep(bench, name, {"metric": task_of(chosen).primary_metric.name, "runs": [*runs, run]})


def _without_peer(machine: dict[str, Any]) -> dict[str, Any]:
    """A machine without the peer's versions, which these benches do not use."""
    return {name: value for name, value in machine.items() if name != "peer"}


def trained(chosen: SmallSet, training: Training, model: Model) -> Run:
    """One training, measured on test with the weights that are best on dev."""
    import keras
    import numpy as np

    from components.pretrained import pooling
    from components.training import loop, recipe
    from components.training.dev_evaluation import evaluate, predict_split
    from components.training.initial_model import build_model
    from components.training.trainable_part import trainable_part

    started, task, base = time.monotonic(), task_of(chosen), Path(model.base)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        train, dev, test = (tokenized(chosen, split, task, model, folder / split) for split in ("train", "dev", "test"))
        choices = recipe.choices(training, model, task, len(train), pooling.read(base), None)
        training, model = recipe.applied(choices, training, model)
        keras.utils.set_random_seed(training.seed)
        task = task.fitted(model, train.targets)
        built = build_model(base, model, training, task)
        history = loop.fit(built, train, dev, training, np.ones(len(task.labels), np.float32), folder, folder)
        part, _, _ = trainable_part(built, train, dev, folder)
        predictions, losses = predict_split(part.infer, test)
        on_test = evaluate(task, predictions, losses, test.all_targets(), history.best_step, history.metric)
    return {
        "seed": training.seed,
        "rows": len(train),
        "epochs": training.epochs,
        "pooling": model.pooling,
        "steps": history.steps,
        "best_step": history.best_step,
        "dev": max(one.value for one in history.evaluations),
        "test": on_test.value,
        "test_loss": on_test.loss,
        "seconds": round(time.monotonic() - started),
    }


def task_of(chosen: SmallSet) -> Task:
    """A set's task, with the names of its labels."""
    task = tasks.from_settings(_settings(chosen))
    labels = {label for _, label in rows_of(chosen, "train")} if task.has_label_names else set()
    return replace(task, labels=tuple(sorted(labels)))


def tokenized(chosen: SmallSet, split: str, task: Task, model: Model, path: Path) -> Any:
    """A split's rows as training takes them, its token ids in a file."""
    import numpy as np
    import tensorflow as tf

    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece
    from components.training.dataset import Rows

    read = rows_of(chosen, split)
    texts = [tf.constant(column) for column in zip(*(texts for texts, _ in read), strict=True)]
    labels = tf.constant([task.to_feature(label) for _, label in read])
    found = task.preprocess(WordPiece(read_tokenizer(Path(model.base)), model.max_length), texts, labels)
    ids, targets = found[feature_names.TOKEN_IDS], found[feature_names.TARGET].numpy()
    path.write_bytes(ids.values.numpy().astype(np.int32).tobytes())
    of_rows = targets.astype(np.int32 if np.issubdtype(targets.dtype, np.integer) else np.float32)
    return Rows(path, ids.row_lengths().numpy().astype(np.int32), of_rows)


def report() -> None:
    """Prints what was measured: means over the seeds, and each seed's change."""
    print(f"{'':16}{'metric':10}{'rows':>6}{'steps':>12}{'before':>9}{'after':>9}   change of each seed")
    for name in SETS:
        found = kept("small_data", name)
        by_seed: dict[int, dict[str, Run]] = {}
        for run in found.get("runs", []):
            by_seed.setdefault(run["seed"], {})[run["who"]] = run
        pairs = [(both["before"], both["after"]) for _, both in sorted(by_seed.items()) if len(both) == 2]
        if not pairs:
            continue
        before, after = (mean(pair[side]["test"] for pair in pairs) for side in (0, 1))
        changes = ", ".join(f"{b['test'] - a['test']:+.3f}" for a, b in pairs)
        steps = f"{pairs[0][0]['steps']}, {pairs[0][1]['steps']}"
        print(
            f"{name:16}{found['metric']:10}{pairs[0][0]['rows']:>6}{steps:>12}{before:>9.3f}{after:>9.3f}   {changes}"
        )


if __name__ == "__main__":
    main()
