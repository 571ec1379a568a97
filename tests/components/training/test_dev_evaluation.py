from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.tasks.tagging import IGNORED, Tagging
from components.training.dataset import Rows
from components.training.dev_evaluation import evaluate, predict_split
from components.training.replicas import Replicas
from tests.trainings import TASK, write_rows


def test_an_evaluation_is_the_metric_and_the_mean_loss() -> None:
    predictions, losses = np.array([[0.75, 0.25], [0.25, 0.75]], np.float32), np.array([0.5, 0.25], np.float32)
    result = evaluate(TASK, predictions, losses, np.array([1, 1]), 7, "accuracy")
    assert (result.step, result.value, result.loss) == (7, 0.5, 0.375)


def test_predictions_and_losses_stand_in_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = write_rows(tmp_path)
    rows.inference_tokens = 20

    def infer(inputs: np.ndarray, mask: np.ndarray, targets: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reduce_sum(inputs, axis=1)[:, tf.newaxis], tf.constant(targets + 10 * mask.sum(axis=1))

    predictions, losses = predict_split(infer, rows)
    whole = rows.batch(np.arange(24))
    assert predictions.tolist() == whole.inputs.sum(axis=1, keepdims=True).tolist()
    assert losses.tolist() == (rows.targets + 10 * rows.lengths).tolist()


def test_a_split_without_rows_has_no_predictions(tmp_path: Path) -> None:
    (tmp_path / "ids").touch()
    rows = Rows(tmp_path / "ids", np.zeros(0, np.int32), np.zeros(0, np.int32))
    predictions, losses = predict_split(lambda *_: pytest.fail("there is no batch"), rows)
    assert (predictions.shape, losses.shape) == ((0,), (0,))


class Silent(Replicas):
    """One of several workers, whose sums are its own part."""

    def all_reduce_sum(self, *arrays: np.ndarray) -> list[np.ndarray]:
        return list(arrays)


def test_workers_predict_each_row_once(tmp_path: Path) -> None:
    lengths = np.array([2, 1, 2], np.int32)
    np.arange(5, dtype=np.int32).tofile(tmp_path / "ids")
    tags = np.array([0, 1, 0, 1, IGNORED], np.int32)
    rows = Rows(tmp_path / "ids", lengths, tags, per_token=True)

    def infer(inputs: Any, mask: Any, targets: Any) -> tuple[tf.Tensor, tf.Tensor]:
        # As Tagging.loss: 1 a word, as a share of the words in the batch.
        known = targets != IGNORED
        losses = known.sum(axis=1) * len(targets) / known.sum()
        return tf.constant(inputs, tf.float32), tf.constant(losses, tf.float32)

    alone = predict_split(infer, rows)
    assert alone[0].tolist() == [[0, 1], [2, 0], [3, 4]]
    parts = [predict_split(infer, rows, Silent(None, n, 5), Tagging(("LOC",)).loss_weight) for n in range(5)]
    np.testing.assert_array_equal(sum(part[0] for part in parts), alone[0])
    np.testing.assert_allclose(sum(part[1] for part in parts), alone[1], rtol=1e-6)
