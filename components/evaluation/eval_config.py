"""A task's metrics and a gate's thresholds as TensorFlow Model Analysis's EvalConfig: the only home of its protos."""

from __future__ import annotations

import json
from typing import Any

from components import tasks
from components.common import feature_names
from components.common.errors import InputError
from components.export import signature_names
from components.settings.gate import Gate
from components.tasks import Task

CANDIDATE, BASELINE = "candidate", "baseline"

_ROUNDING = 1e-6
"""By how much a bound may be missed: TFMA's accuracy and loss are float32, in which 9 right of 10 are less than 0.9."""


def eval_config(task: Task, slices: list[str], gate: Gate | None, absent: frozenset[str] = frozenset()) -> Any:
    """TFMA's EvalConfig.

    Args:
        task: with its labels.
        slices: raw features to slice by; the range of text lengths is always among the slices.
        gate: the thresholds on all rows, None where nothing is gated.
        absent: labels without a row in what is measured: their AUC is undefined, and TFMA would count it as 0.

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
    config.metrics_specs.add().metrics.add(class_name="ExampleCount")
    metrics = _of_classes(config, task, absent) if task.single_label else _of_task(config, task)
    gate = gate or Gate()
    for name in sorted({*gate.min, *gate.max, *gate.max_drop}):
        if name not in metrics:
            raise InputError("gate", f"it names {name!r}, the labels are {', '.join(task.labels)}", "Correct the name")
        threshold = metrics[name].per_slice_thresholds.add(slicing_specs=[config_pb2.SlicingSpec()]).threshold
        if name in gate.min:
            threshold.value_threshold.lower_bound.value = gate.min[name] - _ROUNDING
        if name in gate.max:
            threshold.value_threshold.upper_bound.value = gate.max[name] + _ROUNDING
        if name in gate.max_drop:
            lower = name in task.lower_is_better
            directions = config_pb2.MetricDirection
            threshold.change_threshold.direction = directions.LOWER_IS_BETTER if lower else directions.HIGHER_IS_BETTER
            threshold.change_threshold.absolute.value = (gate.max_drop[name] + _ROUNDING) * (1 if lower else -1)
    return config


def _of_classes(config: Any, task: Task, absent: frozenset[str]) -> dict[str, Any]:
    """Adds the metrics of rows with one class each, from TFMA's counts; name -> its MetricConfig."""
    from components.evaluation import class_metrics

    labels = list(task.labels)
    of_rows = config.metrics_specs.add()
    of_rows.metrics.add(class_name="MultiClassConfusionMatrixPlot")
    metrics = {
        "accuracy": of_rows.metrics.add(class_name="SparseCategoricalAccuracy", config='"name": "accuracy"'),
        "loss": of_rows.metrics.add(class_name="SparseCategoricalCrossentropy", config='"name": "loss"'),
    }
    for name in class_metrics.keys(labels):
        metrics[name] = _ours(of_rows, "components.evaluation.class_metrics", "LabelMetric", name=name, labels=labels)
    of_ranks = config.metrics_specs.add()
    metrics["auc"] = of_ranks.metrics.add(class_name="AUC", config='"name": "auc"')
    of_ranks.aggregate.macro_average = True
    for index, label in enumerate(labels):
        of_ranks.aggregate.class_weights[index] = 0.0 if label in absent else 1.0
    return metrics


def _of_task(config: Any, task: Task) -> dict[str, Any]:
    """Adds the metrics that the task measures itself; name -> its MetricConfig."""
    specs = config.metrics_specs.add()
    fields = tasks.to_dict(task)
    return {
        name: _ours(specs, "components.evaluation.task_metrics", "TaskMetric", name=name, task=fields)
        for name in task.metric_names
    }


def _ours(specs: Any, module: str, class_name: str, **arguments: Any) -> Any:
    config = json.dumps(arguments)[1:-1]
    return specs.metrics.add(class_name=class_name, module=module, config=config)
