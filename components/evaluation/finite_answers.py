"""Refuses a model that answers a row with what is no number: no metric of such answers means anything.

The most probable of several NaN is the first class, and no score that is NaN reaches a threshold: accuracy and F1 would
look like any others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import metric_util

from components.common.errors import InputError
from components.verdict.summary import BASELINE


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
