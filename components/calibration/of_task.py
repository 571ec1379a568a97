"""A task's calibration: what it is given, and what of its metrics rows that did not choose would have."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.calibration import fitting
from components.settings.calibration import Calibration
from components.tasks import Task

CALIBRATION_FILE = "calibration.json"
"""Beside the calibrated model: the summary of `calibrated`."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What dev gave."""

    task: Task
    """With what was found in its fields."""
    temperature: float | None
    """What logits are divided by; None: the task has no such thing."""
    summary: dict[str, Any]
    """`rows`: predictions that were looked at, words of a tagger. `before` and `after`, by cross-fitting: figures of
    `fitting.class_figures`, or metrics. `cross_fitted`: metrics that depend on what was found, full name -> value.
    And `temperature`, `thresholds` (label -> threshold), `abstention`."""


def calibrated(
    task: Task, predictions: np.ndarray, targets: np.ndarray, groups: np.ndarray, settings: Calibration
) -> Calibrated:
    """Calibrates a task on dev.

    Args:
        task: one with a temperature, or with thresholds.
        predictions: float32[n, k] as `Task.predictions` has them, of rows or of words.
        targets: of each, int[n] or float[n, k].
        groups: int[n]: which row each is of.
        settings: what is wanted.
    """
    if task.has_temperature:
        return _of_classes(task, predictions, targets.astype(np.int64), groups, settings)
    return _of_labels(task, predictions, targets, groups)


def _of_classes(
    task: Task, predictions: np.ndarray, targets: np.ndarray, groups: np.ndarray, settings: Calibration
) -> Calibrated:
    parts = fitting.folds(groups)

    def fit(which: np.ndarray) -> float:
        return fitting.temperature(predictions[which], targets[which])

    found = fit(np.ones(len(targets), bool))
    fitted = fitting.cross_fitted(fit, lambda t, which: fitting.tempered(predictions[which], t), parts)
    summary: dict[str, Any] = {
        "rows": len(targets),
        "temperature": found,
        "before": fitting.class_figures(predictions, targets),
        "after": fitting.class_figures(fitted, targets),
        "cross_fitted": {},
    }
    if task.single_label:
        summary["cross_fitted"] = {"loss": task.metric_value("loss", targets, fitted)}
    if settings.abstain:
        error = settings.abstain["error"]
        abstention = fitting.abstention(fitted, targets, parts, error, settings.confidence)
        summary["abstention"] = {**settings.abstain, "confidence": settings.confidence} | dataclasses.asdict(abstention)
        task = dataclasses.replace(task, answered_from=abstention.answered_from)  # type: ignore[call-arg]
    return Calibrated(task, found, summary)


def _of_labels(task: Task, scores: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> Calibrated:
    usual, actual, parts = task.threshold, targets > 0, fitting.folds(groups)  # type: ignore[attr-defined]

    def fit(which: np.ndarray) -> np.ndarray:
        return fitting.thresholds(scores[which], actual[which], usual)

    found = fit(np.ones(len(scores), bool))
    of_rows = fitting.cross_fitted(fit, lambda given, which: np.tile(given, (int(which.sum()), 1)), parts)
    # Of which the task makes the decisions that each row's own thresholds make.
    decided = np.where(scores >= of_rows, 1.0, 0.0)
    before, after = (task.compute_metrics(targets, one) for one in (scores, decided))
    # What follows from the order of the scores alone is as it was.
    names = [name for name in before if not name.partition("/")[0].endswith("ap")]
    return Calibrated(
        dataclasses.replace(task, threshold=tuple(found.tolist())),  # type: ignore[call-arg]
        None,
        {
            "rows": len(scores),
            "thresholds": dict(zip(task.labels, found.tolist(), strict=True)),
            "before": {name: before[name] for name in names},
            "after": {name: after[name] for name in names},
            "cross_fitted": {name: after[name] for name in names},
        },
    )
