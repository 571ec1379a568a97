"""The summary of an evaluation, read from the files of TensorFlow Model Analysis."""

from __future__ import annotations

import json
import math
from typing import Any

from components.tasks import Task
from components.verdict.summary import CANDIDATE, ESTIMATES


def read_summary(evaluation: str, task: Task) -> dict[str, Any]:
    """The metrics, by model and slice, and the confusion matrices of an evaluation.

    Args:
        evaluation: directory of the evaluation that TFMA wrote.
        task: with its labels.

    Returns:
        `task`: its name. `labels`: their names in the order of their ids. `headline` and `per_label`: the names of the
        task's `metrics` and `label_metrics`. `metrics`: model -> slice (`""` is all rows, else `FEATURE=VALUE`) -> full
        name of the metric -> value, without metrics that are no number here. `confusion`, empty unless each row has one
        class: model -> rows of counts, actual class by predicted class. `intervals`: model -> slice -> full name -> the
        two ends between which the true value lies. Where two models were measured `differences`: full name -> the
        ends, and `flips`; and where answers are probabilities `ece`, as `estimates.estimates` has them.
    """
    import tensorflow_model_analysis as tfma

    metrics: dict[str, dict[str, dict[str, float]]] = {}
    intervals: dict[str, dict[str, dict[str, list[float]]]] = {}
    of_both: dict[str, Any] = {}
    for record in tfma.load_metrics(evaluation):
        name = _slice_name(record.slice_key)
        for item in record.metric_keys_and_values:
            if item.key.name == ESTIMATES:
                found = json.loads(item.value.bytes_value)
                for model, of_slice in found.pop("intervals", {}).items():
                    intervals.setdefault(model, {})[name] = of_slice
                of_both |= {} if name else found
                continue
            if name and item.key.name in task.served_metrics:
                continue  # measured on all rows alone
            if item.key.is_diff or item.key.HasField("sub_key") or item.value.WhichOneof("type") != "double_value":
                continue
            of_model = metrics.setdefault(item.key.model_name or CANDIDATE, {})
            values, value = of_model.setdefault(name, {}), item.value.double_value.value
            if math.isfinite(value):
                values[item.key.name] = value
    confusion = _confusion(evaluation, task, metrics)
    _hold(intervals, metrics)
    return {
        "task": task.name,
        "labels": list(task.labels),
        "headline": [metric.name for metric in task.metrics],
        "per_label": [metric.name for metric in task.label_metrics],
        "metrics": metrics,
        "confusion": confusion,
        "intervals": intervals,
        **of_both,
    }


def _confusion(evaluation: str, task: Task, metrics: dict[str, Any]) -> dict[str, list[list[int]]]:
    """Of `read_summary`; takes `auc` out of the metrics of slices that are without one of the classes."""
    import tensorflow_model_analysis as tfma

    confusion: dict[str, list[list[int]]] = {}
    for record in tfma.load_plots(evaluation):
        name = _slice_name(record.slice_key)
        for item in record.plot_keys_and_values:
            matrices = item.value.multi_class_confusion_matrix_at_thresholds.matrices
            entries = [entry for matrix in matrices for entry in matrix.entries]
            model = item.key.model_name or CANDIDATE
            if not name:
                confusion[model] = [[0] * len(task.labels) for _ in task.labels]
                for entry in entries:
                    confusion[model][entry.actual_class_id][entry.predicted_class_id] = int(entry.num_weighted_examples)
            elif len({entry.actual_class_id for entry in entries}) < len(task.labels):
                # Slices are compared with one another: a mean over some of the classes would mean something else.
                metrics[model][name].pop("auc", None)
    return confusion


def _hold(intervals: dict[str, dict[str, dict[str, list[float]]]], metrics: dict[str, Any]) -> None:
    """Leaves intervals of what was measured, each of which holds the value: prior counts draw it to one side."""
    for model, by_slice in intervals.items():
        for name, of_slice in by_slice.items():
            values = metrics[model][name]
            by_slice[name] = {
                metric: [min(low, round(values[metric], 6)), max(high, round(values[metric], 6))]
                for metric, (low, high) in of_slice.items()
                if metric in values
            }


def _slice_name(slice_key: Any) -> str:
    parts = []
    for single in slice_key.single_slice_keys:
        kind = single.WhichOneof("kind")
        value = getattr(single, kind)
        parts.append(f"{single.column}={value.decode() if isinstance(value, bytes) else value}")
    return ", ".join(parts)
