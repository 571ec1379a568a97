"""A task's metrics and a gate's thresholds as the EvalConfig of TensorFlow Model Analysis (TFMA)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from types import MappingProxyType
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

_OF_TFMA = {"accuracy": "SparseCategoricalAccuracy", "loss": "SparseCategoricalCrossentropy", "auc": "AUC"}
"""Metric of a task with one class a row -> TFMA's class for it."""


Served = Mapping[str, Mapping[str, float]]
"""Of `Task.served_metrics`: name -> model -> value on all rows."""


def build_eval_config(
    task: Task,
    slices: list[str],
    gate: Gate | None,
    absent: frozenset[str] = frozenset(),
    served: Served | None = None,
) -> Any:
    """TFMA's EvalConfig.

    Args:
        task: with its labels.
        slices: raw features to slice by; the range of text lengths is always among the slices.
        gate: the thresholds on all rows, None where nothing is gated.
        absent: labels without a row in the split: their AUC is undefined, and TFMA would count it as 0.
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
    config.metrics_specs.add().metrics.add(class_name="ExampleCount")
    metrics = _of_classes(config, task, absent) if task.single_label else _of_task(config, task, served or {})
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
            metric = task.metric_of(name)
            assert metric is not None  # noqa: S101
            higher, directions = metric.higher_is_better, config_pb2.MetricDirection
            threshold.change_threshold.direction = directions.HIGHER_IS_BETTER if higher else directions.LOWER_IS_BETTER
            threshold.change_threshold.absolute.value = (gate.max_drop[name] + _ROUNDING) * (-1 if higher else 1)
    return config


def _of_classes(config: Any, task: Task, absent: frozenset[str]) -> dict[str, Any]:
    """Adds the metrics of rows with one class each, by sums over rows; full name -> its MetricConfig.

    Those that TFMA does not have itself follow from the confusion matrix, as the task says.
    """
    of_rows, one_against_rest = config.metrics_specs.add(), config.metrics_specs.add()
    # First: TFMA's own fail otherwise, and do not say why.
    of_rows.metrics.add(class_name="FiniteAnswers", module="components.evaluation.finite_answers")
    of_rows.metrics.add(class_name="MultiClassConfusionMatrixPlot")
    one_against_rest.aggregate.macro_average = True
    for index, label in enumerate(task.labels):
        one_against_rest.aggregate.class_weights[index] = 0.0 if label in absent else 1.0
    specs = {"accuracy": of_rows, "loss": of_rows, "auc": one_against_rest}
    metrics = {
        name: specs[name].metrics.add(class_name=class_name, config=json.dumps({"name": name})[1:-1])
        for name, class_name in _OF_TFMA.items()
    }
    return metrics | _ours(of_rows, task, "components.evaluation.tfma_class_metrics", "ClassMetric", metrics)


def _of_task(config: Any, task: Task, served: Served) -> dict[str, Any]:
    """Adds the metrics that the task computes of all rows at once; full name -> its MetricConfig."""
    specs, unknown = config.metrics_specs.add(), set(task.served_metrics) - served.keys()
    return _ours(specs, task, "components.evaluation.tfma_task_metrics", "TaskMetric", unknown, served)


def _ours(
    specs: Any,
    task: Task,
    module: str,
    class_name: str,
    except_for: Collection[str] = (),
    served: Served = MappingProxyType({}),
) -> dict[str, Any]:
    """Adds a metric class of this room for every metric of the task but for some."""
    fields = tasks.to_dict(task)
    known = {name: {"given": dict(values)} for name, values in served.items()}
    return {
        name: specs.metrics.add(
            class_name=class_name,
            module=module,
            config=json.dumps({"name": name, "task": fields, **known.get(name, {})})[1:-1],
        )
        for name in task.metric_names
        if name not in except_for
    }
