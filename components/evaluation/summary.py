"""The summary of an evaluation, plain values for `summary.json`, read from the files of TensorFlow Model Analysis."""

from __future__ import annotations

import math
from typing import Any

from components.tasks import Task

CANDIDATE, BASELINE = "candidate", "baseline"

SUMMARY_FILE = "summary.json"
"""Within the evaluation: what `read_summary` gives, with `blessed`, `reasons` where gated. With a model in production
`baseline_version`, `not_compared` (why), `learned`: `rows` that it has learned from (None: unknown) `of` all, and if it
is compared with on the rest alone, `metrics` of these, model -> full name -> value."""


def read_summary(evaluation: str, task: Task) -> dict[str, Any]:
    """The metrics, by model and slice, and the confusion matrices of an evaluation.

    Args:
        evaluation: directory of the evaluation that TFMA wrote.
        task: with its labels.

    Returns:
        `task`: its name. `labels`: their names in the order of their ids. `headline` and `per_label`: the names of the
        task's `metrics` and `label_metrics`. `metrics`: model -> slice (`""` is all rows, else `FEATURE=VALUE`) -> full
        name of the metric -> value, without metrics that are no number here. `confusion`, empty unless each row has one
        class: model -> rows of counts, actual class by predicted class.
    """
    import tensorflow_model_analysis as tfma

    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for record in tfma.load_metrics(evaluation):
        name = _slice_name(record.slice_key)
        for item in record.metric_keys_and_values:
            if name and item.key.name in task.served_metrics:
                continue  # measured on all rows alone
            if item.key.is_diff or item.key.HasField("sub_key") or item.value.WhichOneof("type") != "double_value":
                continue
            of_model = metrics.setdefault(item.key.model_name or CANDIDATE, {})
            of_slice, value = of_model.setdefault(name, {}), item.value.double_value.value
            if math.isfinite(value):
                of_slice[item.key.name] = value
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
    return {
        "task": task.name,
        "labels": list(task.labels),
        "headline": [metric.name for metric in task.metrics],
        "per_label": [metric.name for metric in task.label_metrics],
        "metrics": metrics,
        "confusion": confusion,
    }


def _slice_name(slice_key: Any) -> str:
    parts = []
    for single in slice_key.single_slice_keys:
        kind = single.WhichOneof("kind")
        value = getattr(single, kind)
        parts.append(f"{single.column}={value.decode() if isinstance(value, bytes) else value}")
    return ", ".join(parts)
