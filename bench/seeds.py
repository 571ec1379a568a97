"""Two seeds of one config, 40 pairs: how often the gate says that one of two is worse, though only chance parts them.

    python -m bench.seeds [--pairs 40]

Of the movie reviews. Heads alone are trained, 2 epochs each, on the base model's states, which are computed once: two
heads differ by their first weights, their dropout and the order of their rows. Two trainings of all layers differ by
more, but of 80 of them this takes minutes. Adds "two seeds" to bench/results/verdict.json and prints it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections import Counter

import numpy as np

from bench.common import ROOT, keep, settings_of
from components.common import tensorflow_env
from components.tasks.classification import Classification
from components.verdict import estimates, paired
from components.verdict.summary import BASELINE, CANDIDATE

CONFIG = ROOT / "pipeline" / "configs" / "movie_reviews.toml"

KEPT = ROOT / "runs" / "bench-seeds"

_BATCH, _EPOCHS, _RATE, _DROPOUT = 32, 2, 2e-3, 0.1

_AT_ONCE = 256
"""Rows that the encoder sees."""


def main() -> None:
    """Trains the heads, compares them two by two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args()
    tensorflow_env.set_up()
    labels = tuple(settings_of(CONFIG)["data"]["labels"])
    (states, targets), (of_dev, on_dev) = (kept_states(split, labels) for split in ("train", "dev"))
    task = Classification(labels)
    found: dict[str, list[tuple[float, float]]] = {"accuracy": [], "macro_f1": []}
    accuracies, flips = [], []
    for pair in range(options.pairs):
        models = {
            name: predicted(trained(states, targets, len(labels), 2 * pair + seed), of_dev)
            for seed, name in enumerate((CANDIDATE, BASELINE))
        }
        accuracies += [float((of_model.argmax(axis=1) == on_dev).mean()) for of_model in models.values()]
        told = estimates.estimates(dict.fromkeys(models, task), on_dev, models, 0.95)
        flips.append(told["flips"][0] / told["flips"][1])
        for name, ends in found.items():
            ends.append(told["differences"][name])
    result = {
        "pairs": options.pairs,
        "rows": len(on_dev),
        "accuracy": [min(accuracies), max(accuracies)],
        "flips": float(np.mean(flips)),
        "answers": [
            {"metric": name, "margin": margin, **Counter(paired.answer(of_pair, margin) for of_pair in ends)}
            for name, ends in found.items()
            for margin in (0.0, 0.01)
        ],
    }
    keep("verdict", "two seeds", result)
    print(json.dumps(result, indent=1))


def kept_states(split: str, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """`states_of`, computed once."""
    place = KEPT / f"{split}.npz"
    if not place.is_file():
        states, targets = states_of(split, labels)
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez(place, states=states, targets=targets)
    with np.load(place, allow_pickle=False) as stored:
        return stored["states"], stored["targets"]


def states_of(split: str, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The base model's states of a split's texts, float32[rows, hidden], and the classes, int64[rows]."""
    import tensorflow as tf

    from components.settings.model import Model
    from components.settings.training import Training
    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece
    from components.training.initial_model import build_model

    settings = settings_of(CONFIG)
    with (CONFIG.parent / settings["data"][split]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    base = (CONFIG.parent / settings["model"]["base"]).resolve()
    reads = Model(base=str(base), max_length=settings["model"]["max_length"], pooling="mean")
    model = build_model(base, reads, Training(precision="float32"), Classification(labels))
    cut = WordPiece(read_tokenizer(base), reads.max_length)
    states = []
    for begin in range(0, len(rows), _AT_ONCE):
        ids = cut(tf.constant([row["text"] for row in rows[begin : begin + _AT_ONCE]]))
        padded = tf.cast(ids.to_tensor(model.padding_id), tf.int32)
        states.append(model.vectors(padded, tf.sequence_mask(ids.row_lengths(), tf.shape(padded)[1])).numpy())
    return np.concatenate(states), np.array([labels.index(row["label"]) for row in rows])


def trained(states: np.ndarray, targets: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """A head, float64[hidden + 1, classes], by Adam (Kingma & Ba 2015)."""
    random = np.random.default_rng(seed)
    inputs = _inputs(states)
    weights = random.normal(size=(inputs.shape[1], classes)) * 0.02
    first, second, step = np.zeros_like(weights), np.zeros_like(weights), 0
    steps = _EPOCHS * math.ceil(len(inputs) / _BATCH)
    for _ in range(_EPOCHS):
        order = random.permutation(len(inputs))
        for begin in range(0, len(inputs), _BATCH):
            chosen, step = order[begin : begin + _BATCH], step + 1
            dropped = inputs[chosen] * (random.random((len(chosen), inputs.shape[1])) >= _DROPOUT) / (1 - _DROPOUT)
            errors = _softmax(dropped @ weights)
            errors[np.arange(len(chosen)), targets[chosen]] -= 1
            gradient = dropped.T @ errors / len(chosen)
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
            scaled = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            # As the config's own trainings: down to nothing.
            weights -= _RATE * (1 - step / steps) * scaled
    return weights


def predicted(weights: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Probabilities, float32[rows, classes]."""
    return _softmax(_inputs(states) @ weights).astype(np.float32)


def _inputs(states: np.ndarray) -> np.ndarray:
    """Of unit length each, scaled to unit numbers; with a one for the bias."""
    scaled = states * np.sqrt(states.shape[1])
    return np.concatenate([scaled, np.ones((len(states), 1))], axis=1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    made: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return made


if __name__ == "__main__":
    main()
