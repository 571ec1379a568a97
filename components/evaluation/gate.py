"""The gate: thresholds on a task's metrics that a model must meet before it is pushed, and the verdict on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from components.common.errors import InputError
from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.evaluation.summary import BASELINE, CANDIDATE
from components.settings.gate import Gate
from components.tasks.metrics import Metric


class Measured(Protocol):
    """What the gate asks of what is measured, as of a task."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Of all rows."""

    @property
    def label_metrics(self) -> tuple[Metric, ...]:
        """Of each label."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Their names, as far as they are known."""

    @property
    def primary_metric(self) -> Metric:
        """An example of a bound is of this one."""

    def metric_of(self, full_name: str) -> Metric | None:
        """The metric that METRIC or METRIC/LABEL names."""


def check(gate: Gate, task: Measured, place: str) -> None:
    """Refuses a gate that cannot be computed or that no model has to pass.

    Args:
        gate: the thresholds.
        task: with its labels, or without if train was not read for them yet.
        place: where the gate is stated, for the message.

    Raises:
        InputError: no threshold, an unknown metric, or a bound on the side on which the metric is better.
    """
    if not (gate.min or gate.max):
        example = f"`min = {{ {task.primary_metric.name} = 0.8 }}`"
        remedy = f"Add at least one, say {example}: a gate without a bound would push any model"
        raise InputError(place, "the gate has no absolute threshold", remedy)
    for key, thresholds in (("min", gate.min), ("max", gate.max), ("max_drop", gate.max_drop)):
        for name in thresholds:
            metric = task.metric_of(name)
            if metric is None:
                names = [of_rows.name for of_rows in task.metrics]
                known = ", ".join((*names, *(f"{of_label.name}/LABEL" for of_label in task.label_metrics)))
                nearest = _nearest(name, names, [of_label.name for of_label in task.label_metrics])
                raise InputError(place, f"gate.{key} names the unknown metric {name!r}", f"{nearest}Known: {known}")
            _, _, label = name.partition("/")
            if label and task.labels and label not in task.labels:
                problem = f"gate.{key} names {name!r}, the labels are {', '.join(task.labels)}"
                nearest = did_you_mean(label, task.labels, _of_label(name))
                raise InputError(place, problem, f"{nearest}Correct the name")
            if key != "max_drop" and (key == "min") != metric.higher_is_better:
                side, other = ("higher", "min") if metric.higher_is_better else ("lower", "max")
                raise InputError(place, f"gate.{key} bounds {name}, which is better when {side}", f"Use gate.{other}")


def _of_label(name: str) -> Callable[[str], str]:
    """A label -> METRIC/LABEL, in quotes, of the metric that a name has."""
    return lambda label: shown(f"{name.partition('/')[0]}/{label}")


_NEAR = 0.4
"""Of few names one is soon the right one: `f1` is `macro_f1`."""


def _nearest(name: str, metrics: list[str], label_metrics: list[str]) -> str:
    """`Did you mean X? ` for a metric of all rows, or of one label."""
    metric, slash, label = name.partition("/")
    if not label and metric in label_metrics and (slash or not did_you_mean(metric, metrics, similarity=_NEAR)):
        return f"Did you mean {shown(f'{metric}/LABEL')}, with the label's name? "
    if slash and metric in metrics:
        return f"Did you mean {shown(metric)}, which is of all labels? "
    known = label_metrics if slash else metrics
    return did_you_mean(metric, known, lambda found: shown(f"{found}{slash}{label}"), similarity=_NEAR)


def verdict(evaluation: str, gate: Gate, metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """TFMA's validation result, and a sentence for each threshold that was missed.

    Args:
        evaluation: directory of the evaluation that TFMA wrote.
        gate: the thresholds in its EvalConfig.
        metrics: `metrics` of what `read_summary` returned.

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
                before, limit = metrics[BASELINE][""].get(name, float("nan")), gate.max_drop[name]
                found.append(
                    f"{name} is {value:.4f}, {worse:.4f} worse than {before:.4f} in production; allowed: {limit:g}"
                )
            elif threshold.value_threshold.HasField("upper_bound"):
                found.append(above(name, value, gate.max[name]))
            else:
                found.append(below(name, value, gate.min[name]))
    found += [f"there are no rows for the slice {missing}" for missing in result.missing_slices]
    return {"blessed": result.validation_ok, "reasons": found}


def below(name: str, value: float, least: float) -> str:
    """Why a model is refused whose metric is smaller than `gate.min` asks for."""
    return f"{name} is {value:.4f}, required: at least {least:g}"


def above(name: str, value: float, most: float) -> str:
    """Why a model is refused whose metric is larger than `gate.max` allows."""
    return f"{name} is {value:.4f}, allowed: at most {most:g}"
