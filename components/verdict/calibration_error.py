"""How far a model's probabilities are from how often it is right: the expected calibration error (ECE)."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.statistics.resampling import draws
from components.statistics.shares import rounded
from components.tasks import Task
from components.tasks.multilabel import Multilabel
from components.verdict.intervals import of_draws

BINS = 15
"""Of equal width, as Guo et al. 2017 (arXiv:1706.04599, section 2) have them."""


def bins_of(probabilities: np.ndarray) -> np.ndarray:
    """The bin of each probability, int64 of its shape."""
    found: np.ndarray = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    return found


def decisions(task: Task, targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The probability of each decision, float[n, d], and whether it is so, bool[n, d]; None: there are none.

    Of a row with one class there is one decision, that for the most probable class; with several labels one a label.

    Args:
        task: whose rows they are.
        targets: as `Task.compute_metrics` takes them.
        predictions: likewise.
    """
    if task.single_label:
        return predictions.max(axis=1, keepdims=True), predictions.argmax(axis=1)[:, np.newaxis] == targets.reshape(
            -1, 1
        )
    if isinstance(task, Multilabel):
        return predictions, targets > 0
    return None


def calibration_error(
    task: Task, targets: np.ndarray, predictions: np.ndarray, confidence: float
) -> dict[str, Any] | None:
    """The sum over bins of their share of the decisions times how far their mean probability is from their share of
    right ones.

    Args:
        task: whose rows they are.
        targets: as `Task.compute_metrics` takes them, in an order that does not depend on chance.
        predictions: likewise.
        confidence: of the interval.

    Returns:
        `value`, and the ends of its `interval`; None where the answers are no probabilities.
    """
    found = decisions(task, targets, predictions)
    if found is None:
        return None
    probabilities, right = found
    bins = bins_of(probabilities)
    # Of each row, by bin: how far the probabilities are above what is right.
    over = np.zeros((len(bins), BINS))
    rows = np.broadcast_to(np.arange(len(bins))[:, np.newaxis], bins.shape)
    np.add.at(over, (rows, bins), probabilities.astype(np.float64) - right)
    count = bins.shape[1]
    value = float(np.abs(over.sum(axis=0)).sum() / bins.size)
    drawn = [
        np.abs(part.weights @ over).sum(axis=1) / (part.weights.sum(axis=1) * count) for part in draws(len(bins), 0)
    ]
    # Chance alone moves each bin away from its mean: what the draws have more than the rows, the rows have more than
    # the truth (the basic bootstrap, Davison & Hinkley 1997, section 5.2).
    low, high = of_draws(np.concatenate(drawn), confidence)
    ends = max(0.0, 2 * value - high), max(2 * value - low, value)
    return {"value": round(value, 6), "interval": list(rounded(ends))}
