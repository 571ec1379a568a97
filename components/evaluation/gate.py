"""What a model must show before it is pushed, in TFMA's terms: the only home of its protos.

Metrics are named by the tasks, METRIC or METRIC/LABEL. Of classes: `accuracy`, `macro_f1`, `auc` (one class against the
rest, averaged over the classes), `mcc` (Matthews' correlation coefficient), `loss` (cross-entropy, nats), and
`precision`, `recall` and `f1` of a class.
"""

from __future__ import annotations

from typing import Any

from components.common.errors import InputError
from components.evaluation.eval_config import BASELINE, CANDIDATE
from components.settings.gate import Gate
from components.tasks import Task


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
        example = f"`min = {{ {task.metrics[0]} = 0.8 }}`"
        remedy = f"Add at least one, say {example}: a gate without a bound would push any model"
        raise InputError(place, "the gate has no absolute threshold", remedy)
    for key, metrics in (("min", gate.min), ("max", gate.max), ("max_drop", gate.max_drop)):
        for metric in metrics:
            kind, _, label = metric.partition("/")
            listed = ", ".join((*task.metrics, *(f"{name}/LABEL" for name in task.label_metrics)))
            if kind not in (task.label_metrics if label else task.metrics):
                raise InputError(place, f"gate.{key} names the unknown metric {metric!r}", f"Known: {listed}")
            if label and task.labels and label not in task.labels:
                problem = f"gate.{key} names {metric!r}, the labels are {', '.join(task.labels)}"
                raise InputError(place, problem, "Correct the name")
            if key != "max_drop" and (key == "max") != (metric in task.lower_is_better):
                side, other = ("lower", "max") if metric in task.lower_is_better else ("higher", "min")
                raise InputError(place, f"gate.{key} bounds {metric}, which is better when {side}", f"Use gate.{other}")


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
