"""What a metric is, and the metrics that several tasks share. Which ones a task has stands in the task's own file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Metric:
    """All there is to know of a metric but for its value: the gate, the reports and the docs read it here.

    A ratio without a denominator, and a correlation with a constant, is 0.
    """

    name: str
    """As the gate, the reports and `summary.json` call it; a label's is NAME/LABEL."""
    description: str
    """Meaning or formula, with its source or unit; a phrase without a full stop."""
    higher_is_better: bool = True
    lower_bound: float | None = 0.0
    upper_bound: float | None = 1.0
    """Least and greatest value, both possible; None: there is none."""


PRECISION = Metric("precision", "of the rows predicted to have the label, the share that has it")
RECALL = Metric("recall", "of the rows that have the label, the share that is predicted to have it")
F1 = Metric("f1", "harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)")

SPEARMAN = Metric("spearman", "Spearman's rank correlation of label and prediction, as scipy has it", lower_bound=-1.0)
PEARSON = Metric("pearson", "Pearson's correlation of label and prediction, as scipy has it", lower_bound=-1.0)


def names_with_values(values: Mapping[str, float]) -> list[str]:
    """`NAME VALUE` of each, for `Task.to_line`."""
    return [f"{name} {value:.6f}" for name, value in values.items()]


def ratio(part: float, whole: float) -> float:
    """Part / whole, 0 where the whole is 0."""
    return float(part / whole) if whole else 0.0


def precision_recall_f1(hits: float, predicted: float, actual: float) -> tuple[float, float, float]:
    """The three metrics of one label from counts, each 0 where its denominator is.

    Args:
        hits: true positives.
        predicted: true and false positives.
        actual: true positives and false negatives.
    """
    return ratio(hits, predicted), ratio(hits, actual), ratio(2 * hits, predicted + actual)


def by_label(metrics: Sequence[Metric], labels: Sequence[str], values: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """METRIC/LABEL -> float[b], of each metric's float[b, k]."""
    return {
        f"{metric.name}/{label}": of_metric[:, index]
        for metric, of_metric in zip(metrics, values, strict=True)
        for index, label in enumerate(labels)
    }


def label_shares(
    labels: Sequence[str], hits: np.ndarray, predicted: np.ndarray, actual: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Of each label's precision and recall, by full name: how many rows count, and of how many.

    Args:
        labels: their names.
        hits: int[k], true positives.
        predicted: int[k], true and false positives.
        actual: int[k], true positives and false negatives.
    """
    return {
        f"{metric.name}/{label}": (float(hits[index]), float(whole[index]))
        for metric, whole in ((PRECISION, predicted), (RECALL, actual))
        for index, label in enumerate(labels)
    }


def average_precision(actual: np.ndarray, scores: np.ndarray) -> float:
    """Sum over the distinct scores of precision times the gain in recall, as scikit-learn has it to the last bit; 0
    without a positive. Scikit-learn checks its input for a millisecond a label.

    Args:
        actual: bool[n].
        scores: float[n].
    """
    import numpy as np

    if not actual.any():
        return 0.0
    descending = np.argsort(scores, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(scores[descending])), len(scores) - 1)
    hits = np.cumsum(actual[descending], dtype=np.float64)[ends]
    precision, recall = (hits / (1 + ends))[::-1], np.append((hits / hits[-1])[::-1], 0.0)
    return float(-np.sum(np.diff(recall) * precision))


def correlation(one: np.ndarray, other: np.ndarray, *, ranks: bool) -> float:
    """Spearman's or Pearson's correlation, by scipy; 0 where one side is constant or n is less than 2.

    Args:
        one: float[n].
        other: float[n].
        ranks: Spearman's, of the ranks of the values; else Pearson's, of the values.
    """
    from scipy import stats

    if len(one) < 2 or one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float((stats.spearmanr if ranks else stats.pearsonr)(one, other).statistic)


def matthews_correlation(
    counts: Mapping[tuple[int, int], float], by_actual: Mapping[int, float], by_predicted: Mapping[int, float]
) -> float:
    """Matthews' correlation coefficient for several classes (Gorodkin 2004, R_K); 0 where one class is all there is.

    Args:
        counts: (actual class, predicted class) -> number of rows.
        by_actual: actual class -> number of rows.
        by_predicted: predicted class -> number of rows.
    """
    rows = sum(by_actual.values())
    hits = sum(count for (actual, predicted), count in counts.items() if actual == predicted)
    by_chance = sum(count * by_predicted.get(index, 0.0) for index, count in by_actual.items())
    actual_spread, predicted_spread = (
        rows**2 - sum(count**2 for count in by.values()) for by in (by_actual, by_predicted)
    )
    spread = actual_spread * predicted_spread
    return (hits * rows - by_chance) / math.sqrt(spread) if spread > 0 else 0.0


class Assessment(NamedTuple):
    """A model's answer to one row beside the row's label, as people read it."""

    truth: str
    """The label in words."""
    answer: str
    """The answer in words."""
    loss: float
    """By which rows are ordered, the worst first: 0 for what is right and sure. Its unit is the task's own."""
    right: bool | None
    """None where answers are numbers, which are near or far."""
    confidence: float | None
    """The probability of the answer; None: it has none."""


_LEAST = 1e-7
"""What a probability counts for at least, as in the losses of training."""


def surprise(probability: float) -> float:
    """The loss, in nats, of what was given this probability."""
    return -math.log(max(probability, _LEAST))
