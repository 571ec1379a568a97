"""Planted label errors: how many of them `label-errors` finds, and how many of its suspects are right.

    python -m bench.label_errors [--only heads|trained] [--seeds 1 2 3] [--table]

In train of the movie reviews (two classes) and of Reuters R8 (eight, unbalanced) 2% and 5% of the labels are flipped
to another class, drawn evenly. Part `heads`: the base model's states once a set, then for each rate and seed the
heads by folds and the suspects, as the command makes them; beside them as many rows of the greatest loss (1 -
probability of the label that is given), the average precision of the order by loss of all rows, and what cleanlab
picks by its default, `prune_by_noise_rate`, and by `both`. Part `trained`, one rate: where the probabilities come
from. The base model with heads by folds, which the command takes; the model that learned the flipped labels itself,
by its own probabilities (what `mistakes --split train` shows) and as an encoder with heads by folds; and two
trainings, on two of five folds and on the other three, each of which judges the rest. Labels that are wrong without
being planted count as false alarms. Nothing is timed. Writes bench/results/label_errors.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.common import ROOT, Run, add_sets, keep, kept
from components.common import tensorflow_env
from components.label_errors import held_out, suspects
from components.rows import label_names, reader
from components.rows.splits import text_hash
from components.settings.run import Run as Settings
from components.tasks import Task
from pipeline.config.load import load_config

if TYPE_CHECKING:
    from components.training.dataset import Rows

SETS = {"movie reviews": "movie_reviews", "reuters r8": "reuters_r8"}

RATES = (0.02, 0.05)

_TRAINED_RATE = 0.05

_CHOICES = ("prune_by_noise_rate", "both")
"""Of cleanlab's, beside the one that is taken."""


class Given:
    """A set, with the texts and the true classes of train."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.settings: Settings = load_config(ROOT / "pipeline" / "configs" / f"{SETS[name]}.toml")
        data = self.settings.data
        files: Any = [(split, Path(path)) for split in ("train", "dev") for path in getattr(data, split)]
        self.task: Task = label_names.task_of(files, data)
        self._files = dict(files)
        self.texts, self.targets = self.rows("train")
        self.groups = np.array([text_hash(texts) for texts in self.texts], np.uint64)

    def rows(self, split: str) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """Texts, and classes int64[n]."""
        read = reader.read_rows(self._files[split], split, self.settings.data)
        rows = [row for row in read if isinstance(row, reader.Row)]
        return [row.texts for row in rows], np.array([self.task.labels.index(row.label) for row in rows])

    def flipped(self, rate: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Classes, int64[n], of which this share is another; and which of them, bool[n]."""
        draws = np.random.default_rng(seed)
        places = draws.choice(len(self.targets), round(rate * len(self.targets)), replace=False)
        given, planted = self.targets.copy(), np.zeros(len(self.targets), bool)
        classes = len(self.task.labels)
        given[places] = (given[places] + draws.integers(1, classes, len(places))) % classes
        planted[places] = True
        return given, planted


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["heads", "trained"])
    add_sets(parser, SETS)
    options = parser.parse_args()
    if not options.table:
        tensorflow_env.set_up()
        for name in options.sets:
            given = Given(name)
            states = base_states(given)
            if options.only != "trained":
                runs = [of_heads(given, states, rate, seed) for rate in RATES for seed in options.seeds]
                keep("label_errors", f"heads, {name}", {"rows": len(given.targets), "runs": runs})
            if options.only != "heads":
                runs = [of_trained(given, states, seed) for seed in options.seeds]
                content = {"rows": len(given.targets), "rate": _TRAINED_RATE, "runs": runs}
                keep("label_errors", f"trained, {name}", content)
    report()


def base_states(given: Given) -> np.ndarray:
    """As the command has them, float32[n, hidden]."""
    from components.label_errors.encoder import Encoder

    model = given.settings.model
    with tempfile.TemporaryDirectory() as scratch:
        encoder = Encoder.of_base(Path(model.base), model, given.task)
        return np.array(encoder.states(given.texts, Path(scratch)).values)


def of_heads(given: Given, states: np.ndarray, rate: float, seed: int) -> Run:
    """The suspects of one draw beside the order by loss and cleanlab's other choices."""
    from cleanlab.filter import find_label_issues

    labels, planted = given.flipped(rate, seed)
    fold = held_out.folds(labels, given.groups, seed)
    values = held_out.of_classes(states, labels, len(given.task.labels), fold, seed).values
    loss = 1 - values[np.arange(len(labels)), labels]
    chosen = np.zeros(len(labels), bool)
    chosen[suspects.of_classes(labels, values, np.ones(len(labels), bool)).places] = True
    run: Run = {"rate": rate, "seed": seed, "planted": int(planted.sum())}
    run["accuracy"] = float((values.argmax(axis=1) == given.targets).mean())
    run["suspects"] = figures(chosen, loss, planted)
    run["loss"] = figures(greatest(loss, int(chosen.sum())), loss, planted)
    for how in _CHOICES:
        run[how] = figures(find_label_issues(labels, values, filter_by=how, n_jobs=1), loss, planted)
    print(json.dumps({"set": given.name, **run}), file=sys.stderr, flush=True)
    return run


def greatest(loss: np.ndarray, count: int) -> np.ndarray:
    """Which rows have the greatest loss, bool[n]."""
    found = np.zeros(len(loss), bool)
    found[np.argsort(-loss, kind="stable")[:count]] = True
    return found


def figures(chosen: np.ndarray, loss: np.ndarray, planted: np.ndarray) -> Run:
    """Of rows that were chosen, bool[n]; the average precision is that of these by loss, then of the others by loss."""
    from sklearn.metrics import average_precision_score

    hits, count = int((chosen & planted).sum()), int(chosen.sum())
    return {
        "suspected": count,
        "precision": hits / max(1, count),
        "recall": hits / int(planted.sum()),
        "average_precision": float(average_precision_score(planted, loss + chosen)),
    }


def of_trained(given: Given, states: np.ndarray, seed: int) -> Run:
    """Where the probabilities come from: the average precision of the order by loss, and the suspects' figures."""
    labels, planted = given.flipped(_TRAINED_RATE, seed)
    fold = held_out.folds(labels, given.groups, seed)
    classes, every = len(given.task.labels), np.arange(len(labels))
    own, of_trained = trained(given, labels, every, seed)
    halves = fold % 2 == 0
    crossed = np.zeros_like(own)
    for half in (halves, ~halves):
        crossed[~half] = trained(given, labels, np.flatnonzero(half), seed)[0][~half]
    found = {
        "base, heads by folds": held_out.of_classes(states, labels, classes, fold, seed).values,
        "trained on them, its own": own,
        "trained on them, heads by folds": held_out.of_classes(of_trained, labels, classes, fold, seed).values,
        "trained on other rows": crossed,
    }
    run: Run = {"seed": seed}
    for name, values in found.items():
        chosen = np.zeros(len(labels), bool)
        chosen[suspects.of_classes(labels, values, np.ones(len(labels), bool)).places] = True
        run[name] = figures(chosen, 1 - values[every, labels], planted)
    print(json.dumps({"set": given.name, **run}), file=sys.stderr, flush=True)
    return run


def trained(given: Given, labels: np.ndarray, learned: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A training on some of the rows: its probabilities and its states of all of them."""
    import keras

    from components.label_errors.encoder import Encoder
    from components.tokenization.tokenizer_files import read_tokenizer
    from components.training import loop
    from components.training.initial_model import build_model

    settings, base = given.settings, Path(given.settings.model.base)
    training = replace(settings.training, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keras.utils.set_random_seed(seed)
        model = build_model(base, settings.model, training, given.task)
        train = tokenized(given, [given.texts[row] for row in learned], labels[learned], folder / "train")
        dev = tokenized(given, *given.rows("dev"), folder / "dev")
        loop.fit(model, train, dev, training, np.ones(len(given.task.labels), np.float32), folder, folder)
        encoder = Encoder(model, read_tokenizer(base), settings.model)
        return tuple(np.array(of(given.texts, folder).values) for of in (encoder.predictions, encoder.states))  # type: ignore[return-value]


def tokenized(given: Given, texts: list[tuple[str, ...]], targets: np.ndarray, path: Path) -> Rows:
    """Rows as training takes them, their token ids in a file."""
    import tensorflow as tf

    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece
    from components.training.dataset import Rows

    model = given.settings.model
    cut = WordPiece(read_tokenizer(Path(model.base)), model.max_length)
    ids = cut(tf.constant([text for (text,) in texts]))
    path.write_bytes(ids.values.numpy().astype(np.int32).tobytes())
    return Rows(path, ids.row_lengths().numpy().astype(np.int32), targets.astype(np.int32))


def report() -> None:
    """Prints what was measured: the mean over the seeds, and how far the greatest is from the least."""
    head = f"{'':40}{'suspected':>10}{'precision':>18}{'recall':>18}{'average precision':>20}"
    for name in SETS:
        runs = kept("label_errors", f"heads, {name}").get("runs", [])
        for rate in RATES:
            some = [run for run in runs if run["rate"] == rate]
            if some:
                print(f"\n{name}, {rate:.0%} flipped\n{head}")
            for how in ("suspects", "loss", *_CHOICES) if some else ():
                _line(how, [run[how] for run in some])
        some = kept("label_errors", f"trained, {name}").get("runs", [])
        if some:
            print(f"\n{name}, {_TRAINED_RATE:.0%} flipped, by where the probabilities are from\n{head}")
        for how in (how for how in some[0] if how != "seed") if some else ():
            _line(how, [run[how] for run in some])


def _line(how: str, runs: list[Run]) -> None:
    cells = []
    for key in ("precision", "recall", "average_precision"):
        values = [run[key] for run in runs]
        cells.append(f"{mean(values):.3f} ± {max(values) - min(values):.3f}")
    suspected = f"{mean(run['suspected'] for run in runs):.0f}"
    print(f"{how:40}{suspected:>10}{cells[0]:>18}{cells[1]:>18}{cells[2]:>20}")


if __name__ == "__main__":
    main()
