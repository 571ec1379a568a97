"""Predictions and losses on dev, which choose the checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.tasks import Task
from components.tasks.tagging import IGNORED
from components.training.dataset import Rows
from components.training.history import Evaluation
from components.training.replicas import SINGLE_REPLICA, Replicas
from components.training.trainable_part import Infer


def evaluate(
    task: Task, predictions: np.ndarray, losses: np.ndarray, targets: np.ndarray, step: int, metric: str
) -> Evaluation:
    """A metric and the mean loss of a split.

    Args:
        task: whose metric it is.
        predictions: as `predict_split` gives them.
        losses: float32[rows].
        targets: of every row, as `Rows.all_targets` gives them.
        step: after which step of training.
        metric: its full name, METRIC or METRIC/LABEL.
    """
    return Evaluation(step, task.metric_value(metric, targets, predictions), float(losses.mean()))


def predict_split(
    infer: Infer, rows: Rows, replicas: Replicas = SINGLE_REPLICA, weigh: Callable[[np.ndarray], int] = len
) -> tuple[np.ndarray, np.ndarray]:
    """The predictions for every row and their losses, in the order of the split.

    Args:
        infer: of a batch.
        rows: the split.
        replicas: each worker computes its part of every batch.
        weigh: the task's `loss_weight`.

    Returns:
        float32[rows, ...] as `Task.predictions` has them, or with labels a token float32[rows, length], the ids of the
        most probable ones, filled up with -1; and float32[rows].
    """
    predictions: np.ndarray | None = None
    losses = np.zeros(len(rows), np.float32)
    for whole in rows.by_length():
        batch = whole.part(replicas.worker, replicas.workers)
        if predictions is not None and not len(batch.rows):
            continue
        # A worker without a row in the first batch runs it for the shape alone.
        found, of_rows = (value.numpy() for value in infer(*(batch if len(batch.rows) else whole)[1:]))
        if predictions is None:
            # The first batch has the longest rows.
            predictions = np.zeros((len(rows), *found.shape[1:]), np.float32)
        if not len(batch.rows):
            continue
        losses[batch.rows] = of_rows
        if replicas.workers > 1:
            # Where labels are a token's, a row's loss depends on the words that the others of its batch have.
            share = weigh(batch.targets) / max(1, weigh(whole.targets))
            losses[batch.rows] *= share * len(whole.rows) / len(batch.rows)
        if rows.per_token:
            predictions[batch.rows] = IGNORED
            predictions[batch.rows, : found.shape[1]] = found
        else:
            predictions[batch.rows] = found
    if predictions is None:
        return np.zeros(0), losses
    predictions, losses = replicas.all_reduce_sum(predictions, losses)
    return predictions, losses
