"""The metrics of rows with one class each as one TFMA metric, whose time hardly grows with the classes.

TFMA has a metric of its own for each class: a pass over the rows, a place in its configuration, a threshold's look-up a
slice. Here all follow from two sums over rows, the confusion matrix and the classes' scores by their ranks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util, multi_class_confusion_matrix_metrics

from components import tasks
from components.evaluation import finite_answers
from components.tasks.classification import Classification

_BUCKETS, _THRESHOLDS = 10_000, 10_000
"""TFMA's AUC truncates a probability to a bucket of a histogram, and then tells buckets apart by thresholds."""

_PENDING = 1 << 20
"""Probabilities that are kept before they are counted."""


class ClassMetrics(metric_types.Metric):
    """AUC, and all that `Classification.metrics_from_counts` gives.

    Raises, while it runs, InputError: a model answers with what is no number.

    Args:
        task: `tasks.to_dict` of the task.
        name: TFMA wants one.
    """

    def __init__(self, task: dict[str, Any], name: str = "class_metrics") -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name, task=task)


metric_types.register_metric(ClassMetrics)


def _computations(
    task: dict[str, Any],
    name: str,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    of_model = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    matrices = multi_class_confusion_matrix_metrics.multi_class_confusion_matrices(eval_config=eval_config, **of_model)
    matrix_key = matrices[-1].keys[-1]
    auc = metric_types.MetricKey(name="auc", **of_model)
    classification = tasks.from_dict(task)
    assert isinstance(classification, Classification)  # noqa: S101
    # TFMA leaves metrics with an underscore in front out of what it writes.
    all_of_them = metric_types.MetricKey(name=f"_{name}", **of_model)

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        # One matrix for the one threshold there is, none where a slice has no rows.
        matrix: dict[Any, float] = next(iter(metrics[matrix_key].values()), {})
        counts = {(entry.actual_class_id, entry.predicted_class_id): count for entry, count in matrix.items()}
        values = classification.metrics_from_counts(counts)
        return {metric_types.MetricKey(name=metric, **of_model): value for metric, value in values.items()}

    return [
        # First: TFMA's own fail of answers that are no numbers, and do not say why.
        metric_types.MetricComputation(keys=[auc], preprocessors=None, combiner=_Auc(auc, eval_config)),
        *matrices,
        metric_types.DerivedMetricComputation(keys=[all_of_them], result=result),
    ]


class _Ranked(NamedTuple):
    """Probabilities of rows: the counted ones, and those that wait."""

    codes: np.ndarray
    """int64[m], ascending: what `_codes` makes of a class's probability of a row."""
    counts: np.ndarray
    """int64[m], how often each occurs."""
    rows: list[tuple[int, np.ndarray]]
    """(label, probabilities float[classes]) of rows that are not counted yet."""


_NOTHING = np.zeros(0, np.int64)


class _Auc(beam.CombineFn):
    """Mean over the classes that have rows of the area under the ROC curve of the class against the rest, as TFMA's
    `AUC` has it.

    The area is the chance that a row of the class has a higher probability of it than another row, where equal ones
    count half (Mann-Whitney's U): a sum over ranks, of integers, so that no order of rows changes it.
    """

    def __init__(self, key: Any, eval_config: Any) -> None:
        self._key, self._eval_config = key, eval_config

    def create_accumulator(self) -> _Ranked:
        return _Ranked(_NOTHING, _NOTHING, [])

    def add_input(self, accumulator: _Ranked, element: Any) -> _Ranked:
        label, prediction = finite_answers.row(element, self._key, self._eval_config)
        accumulator.rows.append((int(label.item()), prediction.reshape(-1)))
        full = len(accumulator.rows) * prediction.size >= _PENDING
        return self.compact(accumulator) if full else accumulator

    def compact(self, accumulator: _Ranked) -> _Ranked:
        if not accumulator.rows:
            return accumulator
        labels, probabilities = zip(*accumulator.rows, strict=True)
        codes, counts = np.unique(_codes(np.asarray(labels), np.stack(probabilities)), return_counts=True)
        return _merged([_Ranked(codes, counts, []), accumulator])

    def merge_accumulators(self, accumulators: Iterable[_Ranked]) -> _Ranked:
        return _merged([self.compact(accumulator) for accumulator in accumulators])

    def extract_output(self, accumulator: _Ranked) -> dict[Any, float]:
        codes, counts, _ = self.compact(accumulator)
        return {self._key: _mean_auc(codes, counts)}


def _merged(counted: list[_Ranked]) -> _Ranked:
    if len(some := [one for one in counted if len(one.codes)]) < 2:
        return some[0]._replace(rows=[]) if some else _Ranked(_NOTHING, _NOTHING, [])
    codes, places = np.unique(np.concatenate([one.codes for one in some]), return_inverse=True)
    counts = np.bincount(places, weights=np.concatenate([one.counts for one in some]))
    return _Ranked(codes, counts.astype(np.int64), [])


def _bucket_groups() -> np.ndarray:
    """int64[buckets + 2]: bucket of TFMA's histogram -> how many of its thresholds are below, but for the last one,
    above which TFMA counts nothing."""
    inner = np.arange(1, _THRESHOLDS - 1) / (_THRESHOLDS - 1) + 1e-7
    left = np.concatenate([[-np.inf], np.arange(_BUCKETS) / _BUCKETS, [np.inf]])
    return np.searchsorted(inner, left, side="right")


_GROUPS = _bucket_groups()


def _codes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Each class's probability of each row, in the order of class, rank and whether the row has the class.

    Args:
        labels: int[n].
        probabilities: float[n, classes].

    Returns:
        int64[n * classes]
    """
    classes = np.arange(probabilities.shape[1])
    buckets = np.clip(probabilities.astype(np.float64) * _BUCKETS + 1, 0, _BUCKETS + 1).astype(np.int64)
    return ((classes * _THRESHOLDS + _GROUPS[buckets]) * 2 + (labels[:, np.newaxis] == classes)).reshape(-1)


def _mean_auc(codes: np.ndarray, counts: np.ndarray) -> float:
    """Of the classes with rows; NaN without any.

    Args:
        codes: int64[m], ascending, as `_codes` has them.
        counts: int64[m].
    """
    classes, has_class = codes // (2 * _THRESHOLDS), codes % 2
    positives, negatives = counts * has_class, counts * (1 - has_class)
    above = positives[::-1].cumsum()[::-1] - positives
    # Of a class's positives and its negatives of equal rank the negatives come first.
    equal = np.zeros_like(counts)
    equal[:-1] = np.where(codes[1:] - codes[:-1] == 1, positives[1:], 0) * (1 - has_class[:-1])
    of_class, of_rest = (np.bincount(classes, weights=part) for part in (positives, negatives))
    behind = of_class[::-1].cumsum()[::-1] - of_class
    wins = np.bincount(classes, weights=negatives * (above - behind[classes] - equal / 2)) if len(codes) else of_class
    known = of_class > 0
    # A class that all rows have has no rest: 0, as TFMA has it.
    areas = wins[known] / np.maximum(of_class * of_rest, 1)[known]
    return float(areas.mean()) if known.any() else float("nan")
