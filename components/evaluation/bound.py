"""A threshold of the gate, for TFMA to hold a metric to that another one computes."""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis.metrics import metric_types


class Bound(metric_types.Metric):
    """No metric: it computes nothing, and its `per_slice_thresholds` are those of the metric that it names.

    Args:
        name: full name of the metric.
    """

    def __init__(self, name: str) -> None:
        super().__init__(_nothing, name=name)


metric_types.register_metric(Bound)


def _nothing(**_: Any) -> list[Any]:
    return []
