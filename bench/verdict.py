"""The gate's statistics on simulated rows, whose true metrics are known: `make bench-verdict`, ten minutes of a core.

    python -m bench.verdict [--sets 1000] [--pairs 200] [--table]

Coverage: of 1,000 simulated dev sets, how many have an interval that holds the true value. Claims: of simulated pairs
of models of a known difference, how many are said to be worse or no worse though they are not; 2,000 of each difference
for accuracy, 200 for macro-F1, which takes a bootstrap, and 40 where there are 10,000 rows. SciPy: the tests beside its
own on the same rows. Seeds: 40 pairs that differ by chance alone; `bench.seeds` has real ones. Adds "simulated" to
bench/results/verdict.json and prints it.
"""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from bench.common import keep, kept
from components.statistics import resampling
from components.statistics.shares import difference, tango
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


def truly(worse_by: float) -> float:
    """By how much the first model's macro-F1 is less where its accuracy is by so much: of a million rows."""
    task = KINDS["classification"][0]
    ((targets, candidate, baseline),) = models_of(worse_by, 5 * _LARGE, 1, seed=9)
    ours, theirs = (task.metric_value("macro_f1", targets, of_model) for of_model in (candidate, baseline))
    return round(theirs - ours, 4)


def claims_of_accuracy(worse_by: float, rows: int, margin: float, pairs: int, seed: int = 5) -> Counter[str]:
    """The same of accuracy alone, which takes no bootstrap."""
    found = Counter[str]()
    for targets, candidate, baseline in models_of(worse_by, rows, pairs, seed):
        ours, theirs = (of_model.argmax(axis=1) == targets for of_model in (candidate, baseline))
        ends = difference(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), rows, CONFIDENCE)
        found[paired.answer(ends, margin)] += 1
    return found


def beside_scipy(rows: int, pairs: int) -> dict[str, Any]:
    """The paired tests and SciPy's of the same rows, of models of which one is worse by 0.02.

    Returns:
        `mcnemar`: the greatest difference of the statistic without a margin and that of `chisquare`; of how many pairs
        "worse" or not is what the exact test of the counts says, too. `bootstrap`: by how much the ends of the interval
        of the difference in macro-F1 differ from those of SciPy's percentile bootstrap, as a share of its width, in the
        mean, and how wide the one is beside the other.
    """
    far, alike, off, widths = 0.0, 0, [], []
    for number, (targets, candidate, baseline) in enumerate(models_of(0.02, rows, pairs, seed=6)):
        answers = candidate.argmax(axis=1), baseline.argmax(axis=1)
        ours, theirs = (of_model == targets for of_model in answers)
        better, worse = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
        far = max(far, abs(tango(better, worse, rows, 0.0) ** 2 - stats.chisquare([better, worse]).statistic))
        exact = stats.binomtest(better, better + worse, alternative="less").pvalue < 1 - CONFIDENCE
        said = paired.answer(difference(better, worse, rows, CONFIDENCE), 0.0) == "worse"
        alike += bool(exact) == said
        if number >= pairs // 5:
            continue
        models = {CANDIDATE: candidate, BASELINE: baseline}
        task = KINDS["classification"][0]
        found = estimates.estimates(dict.fromkeys(models, task), targets, models, CONFIDENCE)["differences"]["macro_f1"]
        known = stats.bootstrap(
            (np.arange(rows),),
            functools.partial(_macro_f1_differences, targets, answers),
            n_resamples=resampling.DRAWS,
            confidence_level=2 * CONFIDENCE - 1,
            method="percentile",
            rng=number,
        ).confidence_interval
        width = known.high - known.low
        off.append((abs(found[0] - known.low) + abs(found[1] - known.high)) / 2 / width)
        widths.append((found[1] - found[0]) / width)
    return {
        "rows": rows,
        "mcnemar": {"pairs": pairs, "statistic_differs_by": float(far), "said_alike": alike},
        "bootstrap": {"pairs": len(off), "ends_differ_by": float(np.mean(off)), "width": float(np.mean(widths))},
    }


def _macro_f1_differences(
    targets: np.ndarray, answers: tuple[np.ndarray, np.ndarray], places: np.ndarray, axis: int = -1
) -> np.ndarray:
    """By how much macro-F1 of the first answers is above that of the second, on rows int[..., n]."""
    assert axis == -1  # noqa: S101
    found = []
    for of_model in answers:
        of_class = []
        for index in range(CLASSES):
            hit, given, there = (
                of_rows[places].sum(axis=-1)
                for of_rows in ((of_model == index) & (targets == index), of_model == index, targets == index)
            )
            of_class.append(2 * hit / (given + there))
        found.append(np.mean(of_class, axis=0))
    made: np.ndarray = found[0] - found[1]
    return made


def main() -> None:
    """Writes bench/results/verdict.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    if not options.table:
        keep("verdict", "simulated", measured(options.sets, options.pairs))
    report()


def measured(sets: int, pairs: int) -> dict[str, Any]:
    """All that the bench measures of simulated rows."""
    # It is not among the figures, and takes most of the time.
    classification._MOST_AUC = 0
    # As many rows and labels have the same draws every time.
    kept_draws = functools.lru_cache(2)(lambda rows, labels: list(resampling.draws(rows, labels)))
    intervals.draws = lambda rows, labels: iter(kept_draws(rows, labels))
    result: dict[str, Any] = {"confidence": CONFIDENCE, "coverage": [], "claims": [], "seeds": []}

    def add(part: str, found: dict[str, Any]) -> None:
        result[part].append(found)
        print(found, flush=True)

    for kind in KINDS:
        for rows in (100, 1000):
            for rarest in (0.02, 0.2):
                held = coverage(kind, rows, rarest, sets)
                add("coverage", {"task": kind, "rows": rows, "rarest": rarest, **held, "sets": sets})
    for rows in (1044, 10_000):
        for worse_by in (-0.01, 0.0, 0.01, 0.02, 0.04):
            of = {"rows": rows, "worse_by": worse_by, "margin": 0.01}
            many = claims_of_accuracy(worse_by, rows, 0.01, 10 * pairs)
            add("claims", {"metric": "accuracy", **of, "pairs": 10 * pairs, **many})
            fewer = pairs if rows < 5000 else pairs // 5
            counted = claims(worse_by, rows, 0.01, fewer)["macro_f1"]
            add("claims", {"metric": "macro_f1", **of, "truly": truly(worse_by), "pairs": fewer, **counted})
    for name, counted in claims(0.0, 1044, 0.0, 40, seed=4).items():
        add("seeds", {"metric": name, "rows": 1044, "margin": 0.0, "pairs": 40, **counted})
    return {**result, "scipy": beside_scipy(1044, pairs)}


def report() -> None:
    """Markdown tables of what was measured."""
    found = kept("verdict", "simulated")
    by_place: dict[str, dict[tuple[int, float], float]] = {}
    for one in found["coverage"]:
        for name in KINDS[one["task"]][2]:
            by_place.setdefault(f"{one['task']} {name}", {})[one["rows"], one["rarest"]] = one[name]
    places = list(next(iter(by_place.values())))
    print("| | " + " | ".join(f"{rows:,} rows, rarest {rarest:.0%}" for rows, rarest in places) + " |")
    print("| --- |" + " --- |" * len(places))
    for name, held in by_place.items():
        print(f"| {name} | " + " | ".join(f"{held[place]:.3f}" for place in places) + " |")
    print("\n| metric | rows | truly worse by | pairs | no worse | undecided | worse | false |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for one in found["claims"] + [{"worse_by": 0.0, **of} for of in found["seeds"]]:
        said = {answer: one.get(answer, 0) / one["pairs"] for answer in ("no worse", "undecided", "worse")}
        worse_by = one.get("truly", one["worse_by"])
        # At the margin itself both claims are false; of two equal models neither is better.
        is_false = {"no worse": worse_by >= one["margin"] > 0, "worse": worse_by <= one["margin"]}
        false = [f"{answer} {said[answer]:.1%}" for answer in is_false if is_false[answer]]
        shown = " | ".join(f"{share:.1%}" for share in said.values())
        print(
            f"| {one['metric']}, margin {one['margin']:g} | {one['rows']:,} | {worse_by:g} | {one['pairs']:,} "
            f"| {shown} | {', '.join(false)} |"
        )
    print(f"\nbeside SciPy: {found['scipy']}")


if __name__ == "__main__":
    main()
