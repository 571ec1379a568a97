"""Between which values a metric's true value lies: that of all rows that could have come, of which dev is a sample.

Wilson's interval for a share of independent rows, which SciPy has; for all else the smoothed Bayesian bootstrap of
`components.statistics.resampling`. TensorFlow Model Analysis offers intervals, too: of 20 draws and Student's t, at
twenty times the work, of one model at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.statistics.resampling import draws, label_ratios
from components.statistics.shares import Interval, rounded, wilson
from components.tasks import Task


def intervals(
    task: Task, targets: np.ndarray, predictions: np.ndarray, drawn: Mapping[str, np.ndarray], confidence: float
) -> dict[str, Interval]:
    """The interval of each metric of some rows, by name, where the task can say.

    Args:
        task: whose rows they are.
        targets: as `Task.compute_metrics` takes them.
        predictions: likewise.
        drawn: what `resampled` gave for them.
        confidence: how sure it is that the true value lies within.
    """
    found = {
        name: _at_bounds(task, name, ends, len(targets), confidence)
        for name, ends in of_all_draws(drawn, confidence).items()
    }
    shares = task.shares(targets, predictions)
    found |= {name: wilson(part, whole, confidence) for name, (part, whole) in shares.items()}
    return {name: rounded(ends) for name, ends in found.items()}


def resampled(targets: np.ndarray, models: Sequence[tuple[Task, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """Of the tasks of several models and their predictions for the same rows: metric -> float[draws], of the same
    draws."""
    by_model: list[list[dict[str, np.ndarray]]] = [[] for _ in models]
    for part in draws(len(targets), len(models[0][0].labels)):
        for found, (task, of_model) in zip(by_model, models, strict=True):
            found.append(task.resampled_metrics(targets, of_model, part))
    return [{name: np.concatenate([one[name] for one in parts]) for name in parts[0]} for parts in by_model]


def f1_draws(rows: np.ndarray) -> np.ndarray:
    """F1 in each draw, float[draws], of what is right, predicted and there in each row, int[n, 3]."""
    found = []
    for part in draws(len(rows), 0):
        _, _, f1 = label_ratios(*(part.weights @ rows.astype(float)).T)
        found.append(f1)
    return np.concatenate(found)


def of_draws(values: np.ndarray, confidence: float) -> Interval:
    """Of what a metric was in each draw: the values beyond which equal shares lie."""
    return of_all_draws({"": values}, confidence)[""]


def of_all_draws(drawn: Mapping[str, np.ndarray], confidence: float) -> dict[str, Interval]:
    """The same of each metric by name: all at once, for a thousand classes have three thousand."""
    if not drawn:
        return {}
    lows, highs = np.quantile(np.stack(list(drawn.values())), [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    return {name: (float(low), float(high)) for name, low, high in zip(drawn, lows, highs, strict=True)}


def _at_bounds(task: Task, name: str, ends: Interval, rows: int, confidence: float) -> Interval:
    """An interval without extent at a metric's bound, where no draw of these rows has another value, made as wide as
    that of a share of as many rows: 1 of every row says at most what so many right answers say."""
    metric = task.metric_of(name)
    if metric is None or ends[1] - ends[0] > 1e-9 or metric.upper_bound != 1.0 or metric.lower_bound not in (0.0, -1.0):
        return ends
    low, high = wilson(rows * (ends[0] > 0.5), rows, confidence)
    return (low, 1.0) if ends[0] > 1 - 1e-9 else (0.0, high) if abs(ends[1]) < 1e-9 else ends


def by_content(columns: Iterable[np.ndarray]) -> np.ndarray:
    """An order of rows, int[n], that follows from what they hold: workers may gather them in any other.

    Args:
        columns: numbers of each row, [n, ...].
    """
    keys = np.concatenate([one.reshape(len(one), -1).astype(np.float64) for one in columns], axis=1)
    return np.lexsort(keys.T[::-1])
