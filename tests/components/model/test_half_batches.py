from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.model.freezing import freeze
from components.model.half_batches import in_halves
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import initial_model

TASK = Classification(("bad", "good", "ugly"))


def test_every_other_row_is_of_the_same_half_which_has_the_length_of_its_longest() -> None:
    lengths = np.array([1, 3, 5, 2, 4])
    mask = np.arange(6) < lengths[:, np.newaxis]
    inputs = np.where(mask, np.arange(1, 6)[:, np.newaxis], 0)
    halves: list[list[list[int]]] = []

    def forward(inputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        halves.append(inputs.numpy().tolist())
        return tf.reduce_sum(tf.where(mask, inputs, 100), axis=1)

    sums = in_halves(forward)(tf.constant(inputs), tf.constant(mask))
    assert halves == [[[1, 0, 0, 0, 0], [3] * 5, [5, 5, 5, 5, 0]], [[2, 2, 2], [4, 4, 0]]]
    assert sums.numpy().tolist() == [401, 6, 15, 108, 120]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_logits_and_gradients_of_two_halves_are_those_of_the_batch_undivided(checkpoint: Path, pooling: str) -> None:
    settings = Model(base="toy", pooling=pooling)  # type: ignore[arg-type]
    model = initial_model.build_model(checkpoint, settings, Training(dropout=0.0), TASK)
    freeze(model, Training())
    variables = [variable.value for variable in model.trainable_variables]
    draws = np.random.default_rng(0)

    def outcome(ids: tf.Tensor, mask: tf.Tensor, halved: bool) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = in_halves(model)(ids, mask) if halved else model(ids, mask)
            loss = tf.reduce_sum(logits * [1.0, 2.0, -4.0])
        return [logits, *(tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables))]

    spec = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
    traced = tf.function(lambda ids, mask: outcome(ids, mask, True), input_signature=spec)
    for lengths in ([4], [2, 5], [6, 2, 4], [3, 2, 4, 9, 7, 2, 8]):
        mask = np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]
        ids = np.where(mask, draws.integers(5, 60, mask.shape), 0).astype(np.int32)
        for got, wanted in zip(traced(ids, mask), outcome(tf.constant(ids), tf.constant(mask), False), strict=True):
            np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_of_tokens_each_half_is_filled_up_to_the_length_of_the_batch() -> None:
    mask = np.arange(3) < np.array([1, 3])[:, np.newaxis]
    inputs = tf.constant([[1, 9, 9], [2, 3, 4]])
    found = in_halves(lambda ids, _: ids[:, :, tf.newaxis], per_token=True)(inputs, tf.constant(mask))
    assert found.numpy()[:, :, 0].tolist() == [[1, 0, 0], [2, 3, 4]]
    filled = in_halves(lambda ids, _: ids[:, :, tf.newaxis], per_token=True, behind=-7)(inputs, tf.constant(mask))
    assert filled.numpy()[:, :, 0].tolist() == [[1, -7, -7], [2, 3, 4]]
