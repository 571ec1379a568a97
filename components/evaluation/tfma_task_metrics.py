"""`Task.compute_metrics` as TFMA metrics: the rows of a slice are gathered, and the task computes all its metrics once.

Target and prediction of each row are gathered as numpy arrays in the memory of one worker: rank correlations, retrieval
and average precision are not sums over rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components import tasks
from components.evaluation import finite_answers
from components.statistics.filled import filled_up
from components.tasks import base
from components.tasks.tagging import IGNORED
from components.verdict.summary import BASELINE, CANDIDATE

_Rows = list[tuple[np.ndarray, ...]]


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


class GatheredRows(beam.CombineFn):
    """The label of each row and what some models predict; a class below says what comes of all rows.

    Args:
        keys: of a metric of each model.
        eval_config: TFMA's.
    """

    def __init__(self, keys: Sequence[Any], eval_config: Any) -> None:
        self._keys, self._eval_config = keys, eval_config

    def create_accumulator(self) -> _Rows:
        """No row."""
        return []

    def add_input(self, accumulator: _Rows, element: Any) -> _Rows:
        """One row more; raises InputError: a model answers it with what is no number."""
        rows = [finite_answers.row(element, key, self._eval_config) for key in self._keys]
        accumulator.append((rows[0][0].reshape(-1), *(prediction.reshape(-1) for _, prediction in rows)))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Rows]) -> _Rows:
        """The rows of all."""
        return [row for rows in accumulators for row in rows]

    @staticmethod
    def columns(accumulator: _Rows) -> list[np.ndarray]:
        """The labels of all rows, of which there is one at least, and each model's predictions, [n, longest]."""
        return [filled_up(column, IGNORED) for column in zip(*accumulator, strict=True)]


class _ComputeOnce(GatheredRows):
    def __init__(self, key: Any, task: base.Task, eval_config: Any) -> None:
        super().__init__([key], eval_config)
        self._key, self._task = key, task

    def extract_output(self, accumulator: _Rows) -> dict[Any, dict[str, float]]:
        if not accumulator:
            return {self._key: {}}
        labels, predictions = self.columns(accumulator)
        return {self._key: self._task.compute_metrics(labels, predictions)}
