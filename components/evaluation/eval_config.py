"""A task's metrics and a gate's thresholds as the EvalConfig of TensorFlow Model Analysis (TFMA)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from components import tasks
from components.common import feature_names
from components.common.errors import InputError
from components.evaluation.summary import BASELINE, CANDIDATE
from components.export import signature_names
from components.settings.gate import Gate
from components.tasks import Task

_ROUNDING = 1e-6
"""By how much a threshold may be missed: TFMA's accuracy is float32, in which 9 right of 10 are less than 0.9."""

_OF_TFMA = {"accuracy": "SparseCategoricalAccuracy", "loss": "SparseCategoricalCrossentropy"}
"""Metric of a task with one class a row -> TFMA's class for it."""


Served = Mapping[str, Mapping[str, float]]
"""Of `Task.served_metrics`: name -> model -> value on all rows."""


def build_eval_config(
    task: Task,
    slices: list[str],
    gate: Gate | None,
    served: Served | None = None,
) -> Any:
    """TFMA's EvalConfig.

    Args:
        task: with its labels.
        slices: raw features to slice by; the range of text lengths is always among the slices.
        gate: the thresholds on all rows, None where nothing is gated.
        served: the metrics that were measured by asking the models; TFMA holds the gate to them.

    Raises:
        InputError: a threshold on a class that is not among the labels.
    """
    from tensorflow_model_analysis.proto import config_pb2

    config = config_pb2.EvalConfig()
    for name in (CANDIDATE, BASELINE):
        config.model_specs.add(
            name=name,
            is_baseline=name == BASELINE,
            signature_name=signature_names.EVALUATION_SIGNATURE,
            preprocessing_function_names=[signature_names.TRANSFORM_SIGNATURE],
            label_key=feature_names.TARGET,
            prediction_key=task.prediction_key,
        )
    config.slicing_specs.add()
    for feature in (*slices, feature_names.LENGTH_BUCKET):
        config.slicing_specs.add(feature_keys=[feature])
    metrics = config.metrics_specs.add().metrics
    metrics.add(class_name="ExampleCount")
    (_add_class_metrics if task.single_label else _add_task_metrics)(metrics, task, served or {})
    if gate:
        _add_bounds(config, task, gate, set(task.metric_names) - (set(task.served_metrics) - set(served or {})))
    return config


def _add_bounds(config: Any, task: Task, gate: Gate, measured: Collection[str]) -> None:
    """Adds the gate's thresholds, each with the name of the metric that it is for."""
    from tensorflow_model_analysis.proto import config_pb2

    bounds = config.metrics_specs.add().metrics
    for name in sorted({*gate.min, *gate.max, *gate.max_drop}):
        if name not in measured:
            raise InputError("gate", f"it names {name!r}, the labels are {', '.join(task.labels)}", "Correct the name")
        bound = bounds.add(class_name="Bound", module="components.evaluation.bound", config=_fields(name=name))
        threshold = bound.per_slice_thresholds.add(slicing_specs=[config_pb2.SlicingSpec()]).threshold
        if name in gate.min:
            threshold.value_threshold.lower_bound.value = gate.min[name] - _ROUNDING
        if name in gate.max:
            threshold.value_threshold.upper_bound.value = gate.max[name] + _ROUNDING
        if name in gate.max_drop:
            metric = task.metric_of(name)
            assert metric is not None  # noqa: S101
            higher, directions = metric.higher_is_better, config_pb2.MetricDirection
            threshold.change_threshold.direction = directions.HIGHER_IS_BETTER if higher else directions.LOWER_IS_BETTER
            threshold.change_threshold.absolute.value = (gate.max_drop[name] + _ROUNDING) * (-1 if higher else 1)


def _add_class_metrics(metrics: Any, task: Task, _: Served) -> None:
    """Adds those of rows with one class each, by sums over rows: some are TFMA's own."""
    for name, class_name in _OF_TFMA.items():
        metrics.add(class_name=class_name, config=_fields(name=name))
    metrics.add(
        class_name="ClassMetrics",
        module="components.evaluation.tfma_class_metrics",
        config=_fields(task=tasks.to_dict(task)),
    )
    metrics.add(class_name="MultiClassConfusionMatrixPlot")


def _add_task_metrics(metrics: Any, task: Task, served: Served) -> None:
    """Adds those that the task computes of all rows at once."""
    metrics.add(
        class_name="TaskMetrics",
        module="components.evaluation.tfma_task_metrics",
        config=_fields(task=tasks.to_dict(task), served={name: dict(values) for name, values in served.items()}),
    )


def _fields(**values: Any) -> str:
    """Arguments of a metric's class as its MetricConfig has them: JSON without the braces."""
    return json.dumps(values)[1:-1]
