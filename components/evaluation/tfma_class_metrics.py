"""`Classification.metrics_from_counts` as TFMA metrics, on the confusion matrix that TFMA counts.

TFMA's own F1Score cannot be macro-averaged (its aggregation loses the private counts it is derived from).
"""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis.metrics import metric_types, metric_util, multi_class_confusion_matrix_metrics

from components import tasks
from components.tasks.classification import Classification


class ClassMetric(metric_types.Metric):
    """One of the metrics that `Classification.metrics_from_counts` gives; TFMA counts the matrix that they share once.

    Args:
        name: full name of the metric.
        task: `tasks.to_dict` of the task.
    """

    def __init__(self, name: str, task: dict[str, Any]) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name, task=task)


metric_types.register_metric(ClassMetric)


def _computations(
    name: str,
    task: dict[str, Any],
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    of_model = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    matrices = multi_class_confusion_matrix_metrics.multi_class_confusion_matrices(eval_config=eval_config, **of_model)
    matrix_key = matrices[-1].keys[-1]
    key = metric_types.MetricKey(name=name, **of_model)
    classification = tasks.from_dict(task)
    assert isinstance(classification, Classification)  # noqa: S101

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        # One matrix for the one threshold there is, none where a slice has no rows.
        matrix: dict[Any, float] = next(iter(metrics[matrix_key].values()), {})
        counts = {(entry.actual_class_id, entry.predicted_class_id): count for entry, count in matrix.items()}
        return {key: classification.metrics_from_counts(counts)[name]}

    return [*matrices, metric_types.DerivedMetricComputation(keys=[key], result=result)]
