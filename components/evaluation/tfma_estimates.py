"""Intervals, and two models compared row by row, as one TFMA metric: its value is JSON, written beside numbers.

Target and predictions of each row are gathered in the memory of one worker, as in `tfma_task_metrics`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation import finite_answers
from components.tasks import Task, from_dict
from components.verdict import estimates
from components.verdict.stacked_rows import stacked
from components.verdict.summary import ESTIMATES

_Rows = list[tuple[np.ndarray, ...]]


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
    combiner = _Gather(
        key, of_models, {model: from_dict(task) for model, task in tasks.items()}, confidence, eval_config
    )
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _Gather(beam.CombineFn):
    def __init__(
        self, key: Any, of_models: list[Any], tasks: dict[str, Task], confidence: float, eval_config: Any
    ) -> None:
        self._key, self._of_models, self._tasks = key, of_models, tasks
        self._confidence, self._eval_config = confidence, eval_config

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
        by_model = dict(zip(self._tasks, predictions, strict=True))
        return {self._key: json.dumps(estimates.estimates(self._tasks, targets, by_model, self._confidence))}
