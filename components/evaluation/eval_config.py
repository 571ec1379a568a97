"""A task's metrics as the EvalConfig of TensorFlow Model Analysis (TFMA)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components import tasks
from components.common import feature_names
from components.export import signature_names
from components.settings.gate import DEFAULT_CONFIDENCE
from components.tasks import Task
from components.verdict.summary import BASELINE, CANDIDATE

_OF_TFMA = {"accuracy": "SparseCategoricalAccuracy", "loss": "SparseCategoricalCrossentropy"}
"""Metric of a task with one class a row -> TFMA's class for it."""


Served = Mapping[str, Mapping[str, float]]
"""Of `Task.served_metrics`: name -> model -> value on all rows."""


def build_eval_config(
    task: Task,
    slices: list[str],
    models: Sequence[str] = (CANDIDATE,),
    confidence: float = DEFAULT_CONFIDENCE,
    served: Served | None = None,
    baseline: Task | None = None,
) -> Any:
    """TFMA's EvalConfig.

    Args:
        task: with its labels.
        slices: raw features to slice by; the range of text lengths is always among the slices.
        models: those that are measured, of `CANDIDATE` and `BASELINE`.
        confidence: of the intervals, and of each claim on the difference of two models.
        served: the metrics that were measured by asking the models.
        baseline: the baseline's task, which may decide from other thresholds on; None: the same.
    """
    from tensorflow_model_analysis.proto import config_pb2

    config = config_pb2.EvalConfig()
    for name in models:
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
    (_add_class_metrics if task.single_label else _add_task_metrics)(metrics, task, served or {}, baseline or task)
    # Of rows of all models, hence once.
    gathered = config.metrics_specs.add(model_names=[CANDIDATE]).metrics
    gathered.add(
        class_name="Estimates",
        module="components.evaluation.tfma_estimates",
        config=_fields(
            tasks={name: tasks.to_dict((baseline or task) if name == BASELINE else task) for name in models},
            confidence=confidence,
        ),
    )
    return config


def _add_class_metrics(metrics: Any, task: Task, *_: Any) -> None:
    """Adds those of rows with one class each, by sums over rows: some are TFMA's own."""
    for name, class_name in _OF_TFMA.items():
        metrics.add(class_name=class_name, config=_fields(name=name))
    metrics.add(
        class_name="ClassMetrics",
        module="components.evaluation.tfma_class_metrics",
        config=_fields(task=tasks.to_dict(task)),
    )
    metrics.add(class_name="MultiClassConfusionMatrixPlot")


def _add_task_metrics(metrics: Any, task: Task, served: Served, baseline: Task) -> None:
    """Adds those that the task computes of all rows at once."""
    metrics.add(
        class_name="TaskMetrics",
        module="components.evaluation.tfma_task_metrics",
        config=_fields(
            task=tasks.to_dict(task),
            served={name: dict(values) for name, values in served.items()},
            **({"baseline": tasks.to_dict(baseline)} if baseline != task else {}),
        ),
    )


def _fields(**values: Any) -> str:
    """Arguments of a metric's class as its MetricConfig has them: JSON without the braces."""
    return json.dumps(values)[1:-1]
