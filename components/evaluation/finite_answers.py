"""Refuses a model that answers a row with what is no number: no metric of such answers means anything.

The most probable of several NaN is the first class, and no score that is NaN reaches a threshold: accuracy and F1 would
look like any others.
"""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.common.errors import InputError
from components.evaluation.summary import BASELINE


def check(prediction: np.ndarray, model: str) -> None:
    """Refuses a row's prediction.

    Args:
        prediction: numbers of any shape.
        model: `CANDIDATE` or `BASELINE`.

    Raises:
        InputError: it is not finite.
    """
    if not np.isfinite(prediction).all():
        remedy = (
            "Its training diverged, or its base model's weights overflow: where the losses in the log grew, a smaller "
            "learning_rate helps, else another base model"
        )
        if model == BASELINE:
            remedy = "Roll back to another version"
        place = "the model in production" if model == BASELINE else "the model"
        raise InputError(place, f"its answer to a row is {prediction.reshape(-1).tolist()[:3]}, not numbers", remedy)


def row(element: Any, key: Any, eval_config: Any) -> tuple[np.ndarray, np.ndarray]:
    """The label of one of TFMA's rows and the prediction of the model of a metric's key, as they are.

    Raises:
        InputError: as `check`.
    """
    ((label, prediction, _),) = metric_util.to_label_prediction_example_weight(
        element,
        eval_config=eval_config,
        model_name=key.model_name,
        output_name=key.output_name,
        flatten=False,
        squeeze=False,
    )
    check(np.asarray(prediction), key.model_name)
    return np.asarray(label), np.asarray(prediction)


class FiniteAnswers(metric_types.Metric):
    """No metric: it measures nothing, and stops the evaluation where `check` refuses an answer."""

    def __init__(self, name: str = "finite_answers") -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


metric_types.register_metric(FiniteAnswers)


def _computations(
    name: str, eval_config: Any = None, model_name: str = "", output_name: str = "", example_weighted: bool = False
) -> list[Any]:
    # TFMA leaves metrics with an underscore in front out of what it writes.
    key = metric_types.MetricKey(
        name=f"_{name}", model_name=model_name, output_name=output_name, example_weighted=example_weighted
    )
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=_CheckEach(key, eval_config))]


class _CheckEach(beam.CombineFn):
    def __init__(self, key: Any, eval_config: Any) -> None:
        self._key, self._eval_config = key, eval_config

    def create_accumulator(self) -> int:
        return 0

    def add_input(self, accumulator: int, element: Any) -> int:
        row(element, self._key, self._eval_config)
        return accumulator

    def merge_accumulators(self, accumulators: Any) -> int:
        return 0

    def extract_output(self, accumulator: int) -> dict[Any, float]:
        return {self._key: 0.0}
