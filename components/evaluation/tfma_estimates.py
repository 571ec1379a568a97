"""Intervals, and two models compared row by row, as one TFMA metric: its value is JSON, written beside numbers.

Target and predictions of each row are gathered in the memory of one worker, as in `tfma_task_metrics`.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation.tfma_task_metrics import GatheredRows
from components.tasks import Task, from_dict
from components.verdict import estimates
from components.verdict.summary import ESTIMATES


class Estimates(metric_types.Metric):
    """`estimates.estimates` of the rows of a slice, as JSON.

    Args:
        tasks: `tasks.to_dict` of the task of each model that is measured, the candidate's first.
        confidence: of the intervals and of each claim.
        name: of the metric.
    """

    def __init__(self, tasks: dict[str, dict[str, Any]], confidence: float, name: str = ESTIMATES) -> None:
        super().__init__(_computations, name=name, tasks=tasks, confidence=confidence)


metric_types.register_metric(Estimates)


def _computations(
    tasks: dict[str, dict[str, Any]],
    confidence: float,
    name: str,
    eval_config: Any = None,
) -> list[Any]:
    # Where there is one model alone, TFMA calls it by no name.
    names = list(tasks) if len(tasks) > 1 else [""]
    # Once, for all models.
    key = metric_types.MetricKey(name=name, model_name=names[0])
    of_models = [metric_types.MetricKey(name=name, model_name=model) for model in names]
    combiner = _EstimateOnce(
        key, of_models, {model: from_dict(task) for model, task in tasks.items()}, confidence, eval_config
    )
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _EstimateOnce(GatheredRows):
    def __init__(
        self, key: Any, of_models: list[Any], tasks: dict[str, Task], confidence: float, eval_config: Any
    ) -> None:
        super().__init__(of_models, eval_config)
        self._key, self._tasks, self._confidence = key, tasks, confidence

    def extract_output(self, accumulator: list[tuple[np.ndarray, ...]]) -> dict[Any, str]:
        if not accumulator:
            return {self._key: "{}"}
        targets, *predictions = self.columns(accumulator)
        by_model = dict(zip(self._tasks, predictions, strict=True))
        return {self._key: json.dumps(estimates.estimates(self._tasks, targets, by_model, self._confidence))}
