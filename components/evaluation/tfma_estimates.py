"""Intervals, and two models compared row by row, as one TFMA metric: its value is JSON, written beside numbers.

Target and predictions of each row are gathered in the memory of one worker, as in `tfma_task_metrics`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components import tasks
from components.evaluation import finite_answers
from components.verdict import estimates
from components.verdict.stacked_rows import stacked
from components.verdict.summary import ESTIMATES

_Rows = list[tuple[np.ndarray, ...]]


class Estimates(metric_types.Metric):
    """`estimates.estimates` of the rows of a slice, as JSON.

    Args:
        task: `tasks.to_dict` of the task.
        models: those that are measured, the candidate first.
        confidence: of the intervals and of each claim.
        name: of the metric.
    """

    def __init__(self, task: dict[str, Any], models: Sequence[str], confidence: float, name: str = ESTIMATES) -> None:
        super().__init__(_computations, name=name, task=task, models=list(models), confidence=confidence)


metric_types.register_metric(Estimates)


def _computations(
    task: dict[str, Any],
    models: list[str],
    confidence: float,
    name: str,
    eval_config: Any = None,
) -> list[Any]:
    # Where there is one model alone, TFMA calls it by no name.
    names = models if len(models) > 1 else [""]
    # Once, for all models.
    key = metric_types.MetricKey(name=name, model_name=names[0])
    of_models = [metric_types.MetricKey(name=name, model_name=model) for model in names]
    combiner = _Gather(key, of_models, models, tasks.from_dict(task), confidence, eval_config)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _Gather(beam.CombineFn):
    def __init__(
        self, key: Any, of_models: list[Any], models: list[str], task: tasks.Task, confidence: float, eval_config: Any
    ) -> None:
        self._key, self._of_models, self._models = key, of_models, models
        self._task, self._confidence, self._eval_config = task, confidence, eval_config

    def create_accumulator(self) -> _Rows:
        return []

    def add_input(self, accumulator: _Rows, element: Any) -> _Rows:
        rows = [finite_answers.row(element, key, self._eval_config) for key in self._of_models]
        accumulator.append((rows[0][0].reshape(-1), *(prediction.reshape(-1) for _, prediction in rows)))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Rows]) -> _Rows:
        return [row for rows in accumulators for row in rows]

    def extract_output(self, accumulator: _Rows) -> dict[Any, str]:
        if not accumulator:
            return {self._key: "{}"}
        targets, *predictions = (stacked(column) for column in zip(*accumulator, strict=True))
        by_model = dict(zip(self._models, predictions, strict=True))
        return {self._key: json.dumps(estimates.estimates(self._task, targets, by_model, self._confidence))}
