"""What the rows are worth that `suggest` picks: beside rows picked at random, three rounds of 100 on Reuters R8.

    python -m bench.suggest [--seeds 1 2 3] [--table]

It begins with 200 labelled rows of train, drawn by the seed; each round a head is trained on what is labelled (strategy
`head` over the sample weights, the checkpoint chosen on dev), and 100 of the other rows get their labels: those that
`components.labelling.suggestions` picks by this head, as the command does, or random ones. What is reported is the
macro-F1 on test after each round. A frozen encoder's states are always the same: they are computed once. Writes
bench/results/suggest.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np

from bench.common import ROOT, Run, keep, kept
from components.common import tensorflow_env
from components.rows import reader
from components.settings.data import Data
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification

BASE, FOLDER = ROOT / "data" / "minilm", ROOT / "data" / "reuters_r8"

KEPT = ROOT / "runs" / "bench-suggest"

FIRST, A_ROUND, ROUNDS = 200, 100, 3

BY = ("suggest", "random")

_MODEL = Model(base=str(BASE), max_length=64, pooling="mean")
"""As in pipeline/configs/reuters_r8.toml."""

_TRAINING = Training(strategy="head", learning_rate=1e-2)
"""As in bench.pipeline; the recipe says how many epochs."""

_AT_ONCE = 64
"""Rows that the encoder sees."""


class Split(NamedTuple):
    """Rows of a split."""

    texts: list[str]
    states: np.ndarray
    """float32[rows, hidden]: what the head sees."""
    targets: np.ndarray
    """int32[rows]"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    if not options.table:
        tensorflow_env.set_up()
        measure(options.seeds)
    report()


def measure(seeds: list[int]) -> None:
    """All rounds of all seeds."""
    read = {split: rows_of(split) for split in ("train", "dev", "test")}
    task = Classification(tuple(sorted({label for _, label in read["train"]})))
    model = built(task)
    splits = {split: _split(split, rows, task, model) for split, rows in read.items()}
    runs: list[Run] = []
    for seed in seeds:
        for by in BY:
            runs.append({"by": by, "seed": seed, "macro_f1": rounds(model, task, splits, by, seed)})
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    keep("suggest", "reuters-r8", {"first": FIRST, "a_round": A_ROUND, "rows": len(read["train"]), "runs": runs})


def rows_of(split: str) -> list[tuple[str, str]]:
    """(text, label) of a split."""
    data = Data(train=("train.tsv",), dev=("dev.tsv",))
    rows = reader.read_rows(FOLDER / f"{split}.tsv", split, data)
    return [(row.texts[0], row.label) for row in rows if isinstance(row, reader.Row)]


def built(task: Classification) -> Any:
    """The model, whose head is yet to be trained."""
    from components.model.freezing import freeze
    from components.training.initial_model import build_model

    model = build_model(BASE, _MODEL, _TRAINING, task)
    freeze(model, _TRAINING)
    return model


def _split(name: str, rows: list[tuple[str, str]], task: Classification, model: Any) -> Split:
    place = KEPT / f"{name}.npy"
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        np.save(place, states_of(model, [text for text, _ in rows]))
    targets = np.array([task.labels.index(label) for _, label in rows], np.int32)
    return Split([text for text, _ in rows], np.load(place), targets)


def states_of(model: Any, texts: list[str]) -> np.ndarray:
    """The pooled states, float32[rows, hidden]."""
    import tensorflow as tf

    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece

    cut, found = WordPiece(read_tokenizer(BASE), _MODEL.max_length), []
    for begin in range(0, len(texts), _AT_ONCE):
        ids = cut(tf.constant(texts[begin : begin + _AT_ONCE]))
        padded = tf.cast(ids.to_tensor(model.padding_id), tf.int32)
        mask = tf.sequence_mask(ids.row_lengths(), tf.shape(padded)[1])
        found.append(model.lower(padded, mask, model.frozen).numpy()[:, 0])
    return np.concatenate(found)


def rounds(model: Any, task: Classification, splits: dict[str, Split], by: str, seed: int) -> list[float]:
    """Macro-F1 on test with what is labelled at first, and after each round."""
    draws = np.random.default_rng(seed)
    train, test = splits["train"], splits["test"]
    labelled, found = draws.choice(len(train.targets), FIRST, replace=False), []
    for number in range(ROUNDS + 1):
        fit(model, task, train, labelled, splits["dev"], seed)
        found.append(round(task.metric_value("macro_f1", test.targets, predicted(model, test.states)), 4))
        others = np.setdiff1d(np.arange(len(train.targets)), labelled)
        if number < ROUNDS:
            more = (
                suggested(model, task, train, others, labelled)
                if by == "suggest"
                else draws.choice(others, A_ROUND, replace=False)
            )
            labelled = np.concatenate([labelled, more])
    return found


def suggested(model: Any, task: Classification, train: Split, others: np.ndarray, labelled: np.ndarray) -> list[int]:
    """What the command would pick of the other rows."""
    from components.labelling.suggestions import Candidate, Candidates
    from components.labelling.uncertainty import uncertainty
    from components.leakage.row_hashes import of_texts

    candidates = Candidates(A_ROUND)
    known = {of_texts((train.texts[row],), task) for row in labelled}
    for row, predictions in zip(others, predicted(model, train.states[others]), strict=True):
        text_hash, state = of_texts((train.texts[row],), task), train.states[row]
        if text_hash not in known:
            vector = state / np.linalg.norm(state)
            candidates.add(Candidate(int(row), [], text_hash, "", uncertainty(task, predictions), vector))
    return [one.line for one in candidates.chosen()]


def fit(model: Any, task: Classification, train: Split, labelled: np.ndarray, dev: Split, seed: int) -> None:
    """Trains a new head as `loop.fit` does, over states that are there already."""
    import keras
    import tensorflow as tf

    from components.training import loop, recipe
    from components.training.step import BatchLoss
    from components.training.trainable_part import TrainablePart, inference

    keras.utils.set_random_seed(seed)
    training = replace(_TRAINING, seed=seed, epochs=recipe.epochs(len(labelled), _TRAINING.batch_size))
    first = keras.initializers.TruncatedNormal(stddev=model.encoder.config.initializer_range, seed=seed)
    model.dense.kernel.assign(first(model.dense.kernel.shape))
    model.dense.bias.assign(tf.zeros_like(model.dense.bias))

    def forward(states: Any, mask: Any, training: bool = False) -> Any:
        return model.upper(states, mask, model.frozen, training=training)

    with tempfile.TemporaryDirectory() as scratch:
        of_train = _rows(Path(scratch, "train"), train.states[labelled], train.targets[labelled])
        of_dev = _rows(Path(scratch, "dev"), dev.states, dev.targets)
        inputs = tf.TensorSpec([None, None, train.states.shape[1]], tf.float32)
        targets = tf.TensorSpec([None], of_train.targets.dtype)
        infer = inference(task, forward, inputs, targets)
        part = TrainablePart(model.trainable_variables, lambda _: forward, forward, inputs, targets, infer)
        loss = BatchLoss(task, np.ones(len(task.labels), np.float32), 0.0)
        loop.fit_part(part, [model], of_train, of_dev, training, loss, task.primary_metric, Path(scratch))


def _rows(path: Path, states: np.ndarray, targets: np.ndarray) -> Any:
    from components.training.dataset import Rows

    path.write_bytes(states.astype(np.float32).tobytes())
    return Rows(path, np.ones(len(states), np.int32), targets, hidden=states.shape[1])


def predicted(model: Any, states: np.ndarray) -> np.ndarray:
    """Probabilities, float32[rows, classes]."""
    logits = states @ model.dense.kernel.numpy() + model.dense.bias.numpy()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return found


def report() -> None:
    """Prints mean and standard deviation over the seeds after each round."""
    runs = kept("suggest", "reuters-r8").get("runs", [])
    print(f"{'labelled':12}" + "".join(f"{FIRST + number * A_ROUND:>18}" for number in range(ROUNDS + 1)))
    for by in BY:
        columns = list(zip(*(run["macro_f1"] for run in runs if run["by"] == by), strict=True))
        print(f"{by:12}" + "".join(f"{mean(one):>10.4f} ± {stdev(one):.4f}" for one in columns if len(one) > 1))


if __name__ == "__main__":
    main()
