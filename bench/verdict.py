"""The gate's statistics on simulated rows, whose true metrics are known: `make bench-verdict`, half an hour of a core.

Coverage: of 1,000 simulated dev sets, how many have an interval that holds the true value. Claims: of simulated pairs
of models of a known difference, how many are said to be worse or no worse though they are not; 2,000 of each difference
for accuracy, 200 in all for macro-F1, which takes a bootstrap. Seeds: 40 pairs that differ by chance alone;
`bench.seeds` has real ones.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from bench.common import keep
from components.statistics.shares import difference
from components.tasks import Task, classification
from components.tasks.classification import Classification
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging
from components.verdict import estimates, intervals, paired
from components.verdict.summary import BASELINE, CANDIDATE

CONFIDENCE = 0.95

CLASSES = 3

_LARGE = 200_000
"""Rows that a true value is measured on where there is no formula for it."""


class Rows(NamedTuple):
    """A simulated dev set."""

    targets: np.ndarray
    predictions: np.ndarray


def shares(rarest: float) -> np.ndarray:
    """Of the classes, or of the types of entities."""
    return np.array([rarest, 0.4 * (1 - rarest), 0.6 * (1 - rarest)])


def classified(random: np.random.Generator, rows: int, rarest: float) -> Rows:
    """Of three classes, of which the rarest is found in 70% of its rows, the others in 85% and 90%."""
    targets = random.choice(CLASSES, rows, p=shares(rarest))
    return Rows(targets, _answered(random, targets, rarest))


def _answered(random: np.random.Generator, targets: np.ndarray, rarest: float) -> np.ndarray:
    """Probabilities of a model that is right as often as `classified` says."""
    recalls = np.array([0.7, 0.85, 0.9])[targets]
    others = random.choice(CLASSES, (len(targets), 20), p=shares(rarest))
    # The first of many draws that is another class.
    other = others[np.arange(len(targets)), (others != targets[:, np.newaxis]).argmax(axis=1)]
    answers = np.where(random.random(len(targets)) < recalls, targets, other)
    return np.eye(CLASSES, dtype=np.float32)[answers] * 0.7 + 0.1


def tagged(random: np.random.Generator, rows: int, rarest: float) -> Rows:
    """Sentences of 12 words with entities of one word, of three types, found in 70% to 90%; sentences differ in how
    hard they are."""
    kinds = random.choice(CLASSES, (rows, 12), p=shares(rarest))
    there = random.random((rows, 12)) < 0.12
    hard = random.beta(2, 2, (rows, 1)) * 0.4 + 0.8
    found = random.random((rows, 12)) < np.array([0.7, 0.8, 0.85])[kinds] * np.minimum(hard, 1.0)
    false = random.random((rows, 12)) < 0.015
    targets = np.where(there, 1 + 2 * kinds, 0)
    wrong = np.where(there, np.where(false, 1 + 2 * ((kinds + 1) % CLASSES), 0), np.where(false, 1 + 2 * kinds, 0))
    return Rows(targets, np.where(there & found, targets, wrong).astype(np.float32))


def scored(random: np.random.Generator, rows: int, rarest: float) -> Rows:
    """Numbers whose errors are normal; as many as the rarest class are far from the others."""
    far = random.random(rows) < rarest
    targets = random.normal(size=rows) + 3 * far
    return Rows(targets, (targets + random.normal(size=rows) * 0.6)[:, np.newaxis].astype(np.float32))


Simulated = Callable[[np.random.Generator, int, float], Rows]

KINDS: dict[str, tuple[Task, Simulated, tuple[str, ...]]] = {
    "classification": (Classification(("a", "b", "c")), classified, ("accuracy", "macro_f1")),
    "tagging": (Tagging(("a", "b", "c")), tagged, ("f1",)),
    "regression": (Regression(), scored, ("spearman",)),
}


def true_values(kind: str, rarest: float) -> dict[str, float]:
    """The metrics of so many rows that chance has no part in them."""
    task, simulated, names = KINDS[kind]
    found = simulated(np.random.default_rng(1), _LARGE, rarest)
    return {name: task.metric_value(name, *found) for name in names}


def coverage(kind: str, rows: int, rarest: float, sets: int) -> dict[str, float]:
    """Metric -> the share of dev sets whose interval holds the true value."""
    task, simulated, names = KINDS[kind]
    true, random, held = true_values(kind, rarest), np.random.default_rng(2), Counter[str]()
    for _ in range(sets):
        found = simulated(random, rows, rarest)
        drawn = intervals.resampled(found.targets, [(task, found.predictions)])[0]
        ends = intervals.intervals(task, *found, drawn, CONFIDENCE)
        held.update(name for name in names if ends[name][0] <= true[name] <= ends[name][1])
    return {name: held[name] / sets for name in names}


def models_of(worse_by: float, rows: int, pairs: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Classes of rows, and the probabilities of two models of which the first has an accuracy that is truly less by
    `worse_by`.

    They disagree on about a tenth of the rows, as two trainings of one config do.
    """
    random = np.random.default_rng(seed)
    for _ in range(pairs):
        rows_of = classified(random, rows, 0.2)
        right = rows_of.predictions.argmax(axis=1) == rows_of.targets
        # Of the rows that one has right, the other loses some, and gains of the others.
        accuracy = float(shares(0.2) @ [0.7, 0.85, 0.9])
        loses, gains = (0.05 + worse_by / 2) / accuracy, (0.05 - worse_by / 2) / (1 - accuracy)
        flipped = random.random(rows) < np.where(right, loses, gains)
        wrong = (rows_of.targets + 1 + random.integers(0, CLASSES - 1, rows)) % CLASSES
        answers = np.where(flipped, np.where(right, wrong, rows_of.targets), rows_of.predictions.argmax(axis=1))
        yield rows_of.targets, np.eye(CLASSES, dtype=np.float32)[answers] * 0.7 + 0.1, rows_of.predictions


def claims(worse_by: float, rows: int, margin: float, pairs: int, seed: int = 3) -> dict[str, Counter[str]]:
    """Metric -> answer -> pairs of `models_of`."""
    task = KINDS["classification"][0]
    found = {"accuracy": Counter[str](), "macro_f1": Counter[str]()}
    for targets, candidate, baseline in models_of(worse_by, rows, pairs, seed):
        models = {CANDIDATE: candidate, BASELINE: baseline}
        ends = estimates.estimates(dict.fromkeys(models, task), targets, models, CONFIDENCE)["differences"]
        for name, counted in found.items():
            counted[paired.answer(ends[name], margin)] += 1
    return found


def claims_of_accuracy(worse_by: float, rows: int, margin: float, pairs: int, seed: int = 5) -> Counter[str]:
    """The same of accuracy alone, which takes no bootstrap."""
    found = Counter[str]()
    for targets, candidate, baseline in models_of(worse_by, rows, pairs, seed):
        ours, theirs = (of_model.argmax(axis=1) == targets for of_model in (candidate, baseline))
        ends = difference(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), rows, CONFIDENCE)
        found[paired.answer(ends, margin)] += 1
    return found


def main() -> None:
    """Writes bench/results/verdict.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()
    # It is not among the figures, and takes most of the time.
    classification._MOST_AUC = 0
    result: dict[str, Any] = {"sets": options.sets, "pairs": options.pairs, "confidence": CONFIDENCE}
    result |= {"coverage": [], "claims": [], "seeds": []}
    for kind in KINDS:
        for rows in (100, 1000):
            for rarest in (0.02, 0.2):
                found = coverage(kind, rows, rarest, options.sets)
                result["coverage"].append({"task": kind, "rows": rows, "rarest": rarest, **found})
                print(result["coverage"][-1], flush=True)
    for rows in (1044, 10_000):
        for worse_by in (-0.01, 0.0, 0.01, 0.02, 0.04):
            of = {"rows": rows, "worse_by": worse_by, "margin": 0.01}
            many = claims_of_accuracy(worse_by, rows, 0.01, 10 * options.pairs)
            result["claims"].append({"metric": "accuracy", **of, "pairs": 10 * options.pairs, **many})
            print(result["claims"][-1], flush=True)
            fewer = options.pairs // 5 if rows < 5000 else options.pairs // 20
            counted = claims(worse_by, rows, 0.01, fewer)["macro_f1"]
            result["claims"].append({"metric": "macro_f1", **of, "pairs": fewer, **counted})
            print(result["claims"][-1], flush=True)
    for name, counted in claims(0.0, 1044, 0.0, 40, seed=4).items():
        result["seeds"].append({"metric": name, "rows": 1044, "margin": 0.0, **counted})
        print(result["seeds"][-1], flush=True)
    keep("verdict", "simulated", result)


if __name__ == "__main__":
    main()
