"""What a model must show before it is pushed, in TFMA's terms: the only home of its protos.

Metrics are named by the tasks, METRIC or METRIC/LABEL. Of classes: `accuracy`, `macro_f1`, `auc` (one class against the
rest, averaged over the classes), `mcc` (Matthews' correlation coefficient), `loss` (cross-entropy, nats), and
`precision`, `recall` and `f1` of a class.
"""

from __future__ import annotations

import json
from typing import Any

from components import features, tasks
from components.errors import InputError
from components.settings import Gate
from components.tasks import Task

CANDIDATE, BASELINE = "candidate", "baseline"
_ROUNDING = 1e-6
"""By how much a bound may be missed: TFMA's accuracy and loss are float32, in which 9 right of 10 are less than 0.9."""


def check(gate: Gate, task: Task, place: str) -> None:
    """Refuses a gate that cannot be computed or that no model has to pass.

    Args:
        gate: the thresholds.
        task: with its labels, or without where only the data will tell.
        place: where the gate was written, for the message.

    Raises:
        InputError: no threshold, an unknown metric, or a bound on the side on which the metric is better.
    """
    if not (gate.min or gate.max):
        example = f"`min = {{ {task.overall[0]} = 0.8 }}`"
        remedy = f"Add at least one, say {example}: a gate without a bound would push any model"
        raise InputError(place, "the gate has no absolute threshold", remedy)
    for key, metrics in (("min", gate.min), ("max", gate.max), ("max_drop", gate.max_drop)):
        for metric in metrics:
            kind, _, label = metric.partition("/")
            listed = ", ".join((*task.overall, *(f"{name}/LABEL" for name in task.per_label)))
            if kind not in (task.per_label if label else task.overall):
                raise InputError(place, f"gate.{key} names the unknown metric {metric!r}", f"Known: {listed}")
            if label and task.labels and label not in task.labels:
                problem = f"gate.{key} names {metric!r}, the labels are {', '.join(task.labels)}"
                raise InputError(place, problem, "Correct the name")
            if key != "max_drop" and (key == "max") != (metric in task.lower_is_better):
                side, other = ("lower", "max") if metric in task.lower_is_better else ("higher", "min")
                raise InputError(place, f"gate.{key} bounds {metric}, which is better when {side}", f"Use gate.{other}")


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
            signature_name=features.EVALUATION_SIGNATURE,
            preprocessing_function_names=[features.TRANSFORM_SIGNATURE],
            label_key=features.LABEL_ID,
            prediction_key=task.answer,
        )
    config.slicing_specs.add()
    for feature in (*slices, features.LENGTH_BUCKET):
        config.slicing_specs.add(feature_keys=[feature])
    config.metrics_specs.add().metrics.add(class_name="ExampleCount")
    metrics = _of_classes(config, task, absent) if task.one_label else _of_task(config, task)
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
    from components import label_metrics

    labels = list(task.labels)
    of_rows = config.metrics_specs.add()
    of_rows.metrics.add(class_name="MultiClassConfusionMatrixPlot")
    metrics = {
        "accuracy": of_rows.metrics.add(class_name="SparseCategoricalAccuracy", config='"name": "accuracy"'),
        "loss": of_rows.metrics.add(class_name="SparseCategoricalCrossentropy", config='"name": "loss"'),
    }
    for name in label_metrics.keys(labels):
        metrics[name] = _ours(of_rows, "components.label_metrics", "LabelMetric", name=name, labels=labels)
    of_ranks = config.metrics_specs.add()
    metrics["auc"] = of_ranks.metrics.add(class_name="AUC", config='"name": "auc"')
    of_ranks.aggregate.macro_average = True
    for index, label in enumerate(labels):
        of_ranks.aggregate.class_weights[index] = 0.0 if label in absent else 1.0
    return metrics


def _of_task(config: Any, task: Task) -> dict[str, Any]:
    """Adds the metrics that the task measures itself; name -> its MetricConfig."""
    specs = config.metrics_specs.add()
    told = tasks.to_dict(task)
    return {name: _ours(specs, "components.task_metrics", "TaskMetric", name=name, task=told) for name in task.measured}


def _ours(specs: Any, module: str, class_name: str, **arguments: Any) -> Any:
    config = json.dumps(arguments)[1:-1]
    return specs.metrics.add(class_name=class_name, module=module, config=config)


def summary(evaluation: str, task: Task) -> dict[str, Any]:
    """What TFMA wrote, as plain values.

    Args:
        evaluation: directory of the evaluation.
        task: with its labels.

    Returns:
        `task`, `labels`; `headline` and `per_label`: names of metrics; `metrics`: model -> slice (`""` is all rows,
        else `FEATURE=VALUE`) -> metric -> value;
        `confusion`, where each row has one class: model -> rows of counts, actual class by predicted class.
    """
    import tensorflow_model_analysis as tfma

    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for record in tfma.load_metrics(evaluation):
        name = _slice_name(record.slice_key)
        for item in record.metric_keys_and_values:
            if item.key.is_diff or item.key.HasField("sub_key") or item.value.WhichOneof("type") != "double_value":
                continue
            of_model = metrics.setdefault(item.key.model_name or CANDIDATE, {})
            of_model.setdefault(name, {})[item.key.name] = item.value.double_value.value
    confusion: dict[str, list[list[int]]] = {}
    for record in tfma.load_plots(evaluation):
        name = _slice_name(record.slice_key)
        for item in record.plot_keys_and_values:
            table = [[0] * len(task.labels) for _ in task.labels]
            for matrix in item.value.multi_class_confusion_matrix_at_thresholds.matrices:
                for entry in matrix.entries:
                    table[entry.actual_class_id][entry.predicted_class_id] = int(entry.num_weighted_examples)
            model = item.key.model_name or CANDIDATE
            if not name:
                confusion[model] = table
            elif not all(map(sum, table)):
                # A class without rows in the slice has no AUC, and TFMA counts it as 0 in the average.
                metrics[model][name].pop("auc", None)
    return {
        "task": task.name,
        "labels": list(task.labels),
        "headline": list(task.overall),
        "per_label": list(task.per_label),
        "metrics": metrics,
        "confusion": confusion,
    }


def verdict(evaluation: str, gate: Gate, metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """TFMA's judgement, in words.

    Args:
        evaluation: directory of the evaluation.
        gate: the thresholds it was judged by.
        metrics: what `summary` returned under that name.

    Returns:
        `blessed`, and `reasons`: why not.
    """
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(evaluation)
    found = []
    for per_slice in result.metric_validations_per_slice:
        for failure in per_slice.failures:
            name, threshold = failure.metric_key.name, failure.metric_threshold
            value = metrics[CANDIDATE][""].get(name, float("nan"))
            if failure.metric_key.is_diff:
                worse = abs(failure.metric_value.double_value.value)
                before, limit = metrics[BASELINE][""][name], gate.max_drop[name]
                found.append(
                    f"{name} is {value:.4f}, {worse:.4f} worse than {before:.4f} in production; allowed: {limit:g}"
                )
            elif threshold.value_threshold.HasField("upper_bound"):
                found.append(f"{name} is {value:.4f}, allowed: at most {gate.max[name]:g}")
            else:
                found.append(f"{name} is {value:.4f}, required: at least {gate.min[name]:g}")
    found += [f"there are no rows for the slice {missing}" for missing in result.missing_slices]
    return {"blessed": result.validation_ok, "reasons": found}


def _slice_name(slice_key: Any) -> str:
    parts = []
    for single in slice_key.single_slice_keys:
        kind = single.WhichOneof("kind")
        value = getattr(single, kind)
        parts.append(f"{single.column}={value.decode() if isinstance(value, bytes) else value}")
    return ", ".join(parts)
