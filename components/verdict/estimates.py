"""What is known of the models beyond their metrics on some rows: intervals, differences, answers that differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.statistics.shares import rounded
from components.tasks import Task
from components.verdict import intervals, paired
from components.verdict.calibration_error import calibration_error
from components.verdict.summary import BASELINE, CANDIDATE


def estimates(
    tasks: Mapping[str, Task], targets: np.ndarray, predictions: Mapping[str, np.ndarray], confidence: float
) -> dict[str, Any]:
    """Of models' predictions for the same rows.

    Args:
        tasks: model -> its task: they may decide from other thresholds on.
        targets: as `Task.compute_metrics` takes them, in any order.
        predictions: model -> likewise.
        confidence: of the intervals and of each claim on a difference.

    Returns:
        `intervals`: model -> metric -> its ends. `ece`: of the candidate, as `calibration_error` has it. With a
        baseline `differences`: metric -> the ends of the difference, positive where the candidate is better; and where
        answers are no numbers `flips`: on how many rows they differ, and of how many.
    """
    order = intervals.by_content([targets, *predictions.values()])
    targets, predictions = targets[order], {model: found[order] for model, found in predictions.items()}
    by_model = [(tasks[model], of_model) for model, of_model in predictions.items()]
    drawn = dict(zip(predictions, intervals.resampled(targets, by_model), strict=True))
    found: dict[str, Any] = {
        "intervals": {
            model: intervals.intervals(tasks[model], targets, of_model, drawn[model], confidence)
            for model, of_model in predictions.items()
        }
    }
    if (error := calibration_error(tasks[CANDIDATE], targets, predictions[CANDIDATE], confidence)) is not None:
        found["ece"] = error
    if BASELINE in predictions:
        models = predictions[CANDIDATE], predictions[BASELINE]
        of_both = drawn[CANDIDATE], drawn[BASELINE]
        found["differences"] = paired.differences(tasks[CANDIDATE], targets, models, of_both, confidence)
        answers = [task.answers(of_model) for task, of_model in by_model]
        if (flipped := paired.flips(*answers)) is not None:
            found["flips"] = flipped
    return found


def of_served(counts: Mapping[str, np.ndarray], name: str, confidence: float) -> dict[str, Any]:
    """The same of an F1 that the served models were asked for.

    Args:
        counts: model -> what is right, predicted and there in each row, int[n, 3].
        name: of the metric.
        confidence: as for `estimates`.
    """
    drawn = {model: intervals.f1_draws(rows) for model, rows in counts.items()}
    ends = {model: rounded(intervals.of_draws(found, confidence)) for model, found in drawn.items()}
    found: dict[str, Any] = {"intervals": {model: {name: of_model} for model, of_model in ends.items()}}
    if BASELINE in drawn:
        better = intervals.of_draws(drawn[CANDIDATE] - drawn[BASELINE], 2 * confidence - 1)
        found["differences"] = {name: rounded(better)}
    return found
