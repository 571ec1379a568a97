"""What follows from the confusion matrix, as a TFMA metric: precision, recall and F1 of classes, macro F1, and MCC.

TFMA's own F1Score cannot be macro-averaged (its aggregation loses the private counts it is derived from).
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from tensorflow_model_analysis.metrics import metric_types, metric_util, multi_class_confusion_matrix_metrics


def keys(labels: list[str]) -> list[str]:
    """The names of the metrics there are for these labels."""
    return ["macro_f1", "mcc", *(f"{metric}/{label}" for label in labels for metric in ("precision", "recall", "f1"))]


def from_counts(counts: dict[tuple[int, int], float], labels: list[str]) -> dict[str, float]:
    """The metrics of a confusion matrix.

    A ratio without a denominator is 0. The macro average is over the classes that occur, as actual or as predicted:
    both as scikit-learn has them.

    Args:
        counts: (actual class, predicted class) -> number of rows.
        labels: names in the order of their ids.
    """
    metrics, f1s = {}, []
    by_actual: defaultdict[int, float] = defaultdict(float)
    by_predicted: defaultdict[int, float] = defaultdict(float)
    for (true, guess), count in counts.items():
        by_actual[true] += count
        by_predicted[guess] += count
    for index, label in enumerate(labels):
        hits = counts.get((index, index), 0.0)
        actual, predicted = by_actual[index], by_predicted[index]
        f1 = 2 * hits / (actual + predicted) if actual + predicted else 0.0
        metrics[f"precision/{label}"] = hits / predicted if predicted else 0.0
        metrics[f"recall/{label}"] = hits / actual if actual else 0.0
        metrics[f"f1/{label}"] = f1
        if actual + predicted:
            f1s.append(f1)
    mcc = _matthews(counts, by_actual, by_predicted)
    return {"macro_f1": sum(f1s) / len(f1s) if f1s else 0.0, "mcc": mcc, **metrics}


def _matthews(
    counts: dict[tuple[int, int], float], by_actual: dict[int, float], by_predicted: dict[int, float]
) -> float:
    """The correlation coefficient of several classes (Gorodkin 2004, R_K); 0 where one class is all there is."""
    rows = sum(by_actual.values())
    hits = sum(count for (true, guess), count in counts.items() if true == guess)
    both = sum(count * by_predicted.get(index, 0.0) for index, count in by_actual.items())
    free = [rows**2 - sum(count**2 for count in by.values()) for by in (by_actual, by_predicted)]
    return (hits * rows - both) / math.sqrt(free[0] * free[1]) if free[0] * free[1] > 0 else 0.0


class LabelMetric(metric_types.Metric):
    """The TFMA metric of one of the names in `keys`; they all come from the same matrix, which is counted once.

    Args:
        name: which of them.
        labels: names of the classes in the order of their ids.
    """

    def __init__(self, name: str, labels: list[str]) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name, labels=labels)


metric_types.register_metric(LabelMetric)


def _computations(
    name: str,
    labels: list[str],
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    of_model = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    matrices = multi_class_confusion_matrix_metrics.multi_class_confusion_matrices(eval_config=eval_config, **of_model)
    matrix_key = matrices[-1].keys[-1]
    key = metric_types.MetricKey(name=name, **of_model)

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        # One matrix for the one threshold there is, none where a slice has no rows.
        matrix: dict[Any, float] = next(iter(metrics[matrix_key].values()), {})
        counts = {(entry.actual_class_id, entry.predicted_class_id): count for entry, count in matrix.items()}
        return {key: from_counts(counts, labels)[name]}

    return [*matrices, metric_types.DerivedMetricComputation(keys=[key], result=result)]
