"""`Task.compute_metrics` as TFMA metrics: the rows of a slice are gathered, and the task computes all its metrics once.

Target and prediction of each row are gathered as numpy arrays in the memory of one worker: rank correlations, retrieval
and average precision are not sums over rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components import tasks
from components.evaluation import finite_answers
from components.tasks import base
from components.verdict.stacked_rows import stacked
from components.verdict.summary import BASELINE, CANDIDATE

_Rows = list[tuple[np.ndarray, np.ndarray]]


class TaskMetrics(metric_types.Metric):
    """The metrics that `Task.compute_metrics` gives, and those that are known before.

    Args:
        task: `tasks.to_dict` of the task.
        served: of `Task.served_metrics`, name -> model -> value on all rows.
        baseline: `tasks.to_dict` of the baseline's task; None: the same.
        name: TFMA wants one.
    """

    def __init__(
        self,
        task: dict[str, Any],
        served: dict[str, dict[str, float]] | None = None,
        baseline: dict[str, Any] | None = None,
        name: str = "task_metrics",
    ) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name,
            task=task,
            served=served or {},
            baseline=baseline or task,
        )


metric_types.register_metric(TaskMetrics)


def _computations(
    task: dict[str, Any],
    served: dict[str, dict[str, float]],
    baseline: dict[str, Any],
    name: str,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    of_model = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    made = tasks.from_dict(baseline if model_name == BASELINE else task)
    names = [metric for metric in made.metric_names if metric not in made.served_metrics or metric in served]
    # TFMA leaves metrics with an underscore in front out of what it writes.
    gathered, all_of_them = (metric_types.MetricKey(name=f"_{part}", **of_model) for part in (f"{name}_rows", name))

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        known = {metric: values[model_name or CANDIDATE] for metric, values in served.items()}
        values = metrics[gathered] | known
        return {metric_types.MetricKey(name=metric, **of_model): values.get(metric, float("nan")) for metric in names}

    return [
        metric_types.MetricComputation(
            keys=[gathered], preprocessors=None, combiner=_ComputeOnce(gathered, made, eval_config)
        ),
        metric_types.DerivedMetricComputation(keys=[all_of_them], result=result),
    ]


class _ComputeOnce(beam.CombineFn):
    def __init__(self, key: Any, task: base.Task, eval_config: Any) -> None:
        self._key, self._task, self._eval_config = key, task, eval_config

    def create_accumulator(self) -> _Rows:
        return []

    def add_input(self, accumulator: _Rows, element: Any) -> _Rows:
        label, prediction = finite_answers.row(element, self._key, self._eval_config)
        accumulator.append((label.reshape(-1), prediction.reshape(-1)))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Rows]) -> _Rows:
        return [row for rows in accumulators for row in rows]

    def extract_output(self, accumulator: _Rows) -> dict[Any, dict[str, float]]:
        if not accumulator:
            return {self._key: {}}
        labels, predictions = (stacked(column) for column in zip(*accumulator, strict=True))
        return {self._key: self._task.compute_metrics(labels, predictions)}
