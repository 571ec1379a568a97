"""The gate: bounds on a task's metrics that a model must meet before it is pushed, held against what a task has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from components.common.errors import InputError
from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.settings.gate import Gate
from components.tasks import Task
from components.tasks.generation.task import COPY
from components.tasks.metrics import Metric
from components.tasks.multilabel import Multilabel


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
    if not (gate.min or gate.max or gate.min_over_copy):
        side = "min" if task.primary_metric.higher_is_better else "max"
        example = f"`{side} = {{ {task.primary_metric.name} = 0.8 }}`"
        remedy = f"Add at least one, say {example}: a gate without a bound would push any model"
        raise InputError(place, "the gate has no absolute threshold", remedy)
    if gate.min_over_copy and not (isinstance(task, Task) and task.writes):
        problem = "gate.min_over_copy is given, but no text is written here that could be its source"
        raise InputError(place, problem, "Delete it")
    if isinstance(task, Task):
        _check_answers(gate, task, place)
    for key, thresholds in _named(gate):
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
            side = key.removeprefix("slices.")
            if side in ("min", "max") and (side == "min") != metric.higher_is_better:
                better, other = ("higher", "min") if metric.higher_is_better else ("lower", "max")
                problem = f"gate.{key} bounds {name}, which is better when {better}"
                raise InputError(place, problem, f"Use gate.{key.removesuffix(side)}{other}")


def _check_answers(gate: Gate, task: Task, place: str) -> None:
    """Refuses what the answers of a task do not give."""
    if gate.max_ece is not None and not (task.single_label or isinstance(task, Multilabel)):
        problem = f"gate.max_ece is given, but the answers of {task.name} are no probabilities of classes or labels"
        raise InputError(place, problem, "Delete it")
    if gate.max_flips is not None and task.numeric:
        problem = f"gate.max_flips is given, but the answers of {task.name} are numbers, of which no two are equal"
        raise InputError(place, problem, "Delete it; max_drop and no_worse compare two models")
    for name in gate.min_over_copy:
        known = [metric.name for metric in task.metrics if task.metric_of(f"{COPY}{metric.name}")]
        if name not in known:
            problem = f"gate.min_over_copy names {name!r}, which is not measured of copied sources"
            raise InputError(place, problem, f"{did_you_mean(name, known)}Known: {', '.join(known)}")
    for side in ("min", "max"):
        if served := sorted(set(task.served_metrics) & set(getattr(gate.slices, side))):
            problem = f"gate.slices.{side} bounds {served[0]}, which is measured on all rows alone"
            raise InputError(place, problem, f"Use gate.{side}")


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


def check_labels(gate: Gate, task: Task, split: str) -> None:
    """Refuses bounds on what is not measured, once the names of the labels are known.

    Args:
        gate: the bounds.
        task: with its labels.
        split: that is measured.

    Raises:
        InputError: a class that is not among the labels, or a metric that rows of this split do not give.
    """
    measured = set(task.metric_names)
    for key, names in _named(gate):
        for name in names:
            if name not in measured:
                problem = f"gate.{key} names {name!r}, the labels of the rows of {split} are {', '.join(task.labels)}"
                raise InputError("gate", problem, "Correct the name")


def wanted(side: Literal["min", "max"], limit: float) -> str:
    """What a bound asks of a metric, in words."""
    return f"required: at least {limit:g}" if side == "min" else f"allowed: at most {limit:g}"


_BY_METRIC = ("min", "max", "min_over_copy", "max_drop", "no_worse", "anchor_no_worse")
"""Tables of bounds on all rows."""


def _named(gate: Gate) -> list[tuple[str, Mapping[str, float]]]:
    """Each table of bounds by metric, with its key."""
    of_slices = [(f"slices.{key}", getattr(gate.slices, key)) for key in ("min", "max")]
    return [
        *((key, getattr(gate, key)) for key in _BY_METRIC),
        *of_slices,
    ]
