from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.model.freezing import freeze, learning_rate_factors
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import initial_model
from components.training.half_batches import in_halves

TASK = Classification(("bad", "good", "ugly"))

IDS = np.array([[2, 57, 58, 3], [2, 60, 3, 0]], np.int32)

MASK = IDS != 0


def build(checkpoint: Path, *, pooling: Any = "cls", **training: Any) -> TaskModel:
    return initial_model.build_model(checkpoint, Model(base="toy", pooling=pooling), Training(**training), TASK)


def dense(model: TaskModel) -> Any:
    assert model.dense is not None
    return model.dense


def parts(model: TaskModel) -> list[str]:
    """The trainable variables by the first two parts of their path, each named once."""
    return list(dict.fromkeys("/".join(variable.path.split("/")[:2]) for variable in model.trainable_variables))


BERT = ["bert/embeddings", "bert/layer_0", "bert/layer_1", "bert/pooler"]

CLASSIFIER = ["classifier/kernel", "classifier/bias"]


@pytest.mark.parametrize(
    ("settings", "pooling", "frozen", "trainable"),
    [
        ({"strategy": "full"}, "cls", None, [*BERT, *CLASSIFIER]),
        ({"strategy": "full"}, "mean", None, [*BERT[:-1], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 1}, "cls", 1, [*BERT[2:], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 2}, "mean", 2, CLASSIFIER),
        ({"strategy": "head"}, "cls", 2, [BERT[3], *CLASSIFIER]),
        ({"strategy": "head"}, "mean", 2, CLASSIFIER),
    ],
)
def test_a_strategy_trains_these_parts(
    checkpoint: Path, settings: dict[str, Any], pooling: str, frozen: int | None, trainable: list[str]
) -> None:
    model = build(checkpoint, pooling=pooling)
    assert freeze(model, Training(**settings)) == frozen
    assert sorted(parts(model)) == sorted(trainable)


def test_the_head_over_a_mean_is_two_variables(checkpoint: Path) -> None:
    model = build(checkpoint, pooling="mean")
    freeze(model, Training(strategy="head"))
    shapes = {variable.path: tuple(variable.shape) for variable in model.trainable_variables}
    assert shapes == {"classifier/kernel": (8, 3), "classifier/bias": (3,)}


def test_the_learning_rate_halves_from_layer_to_layer(checkpoint: Path) -> None:
    model = build(checkpoint)
    factors = learning_rate_factors(model, 0.5)
    by_part = {
        "/".join(variable.path.split("/")[:2]): factors.get(variable.path, 1.0)
        for variable in model.trainable_variables
    }
    assert by_part == {
        "bert/embeddings": 0.125,
        "bert/layer_0": 0.25,
        "bert/layer_1": 0.5,
        "bert/pooler": 1.0,
        "classifier/kernel": 1.0,
        "classifier/bias": 1.0,
    }


def test_mean_pooling_is_the_mean_over_the_tokens_without_padding(checkpoint: Path) -> None:
    model = build(checkpoint, pooling="mean")
    states = model.encoder(IDS, MASK)["sequence_output"].numpy()
    pooled = np.stack([states[0].mean(0), states[1, :3].mean(0)])
    kernel, bias = (variable.numpy() for variable in (dense(model).kernel, dense(model).bias))
    np.testing.assert_allclose(model(IDS, MASK), pooled @ kernel + bias, atol=1e-6)


def test_cls_pooling_is_the_pooler_of_the_first_token(checkpoint: Path) -> None:
    model = build(checkpoint)
    pooled = model.encoder(IDS, MASK)["pooled_output"].numpy()
    np.testing.assert_allclose(model(IDS, MASK), pooled @ dense(model).kernel.numpy(), atol=1e-6)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_upper_layers_over_the_lower_ones_are_the_whole_model(checkpoint: Path, pooling: str, layers: int) -> None:
    model = build(checkpoint, pooling=pooling)
    states = model.lower(IDS, MASK, layers)
    length = 1 if layers == 2 else 4
    assert states.shape == (2, length, 8)
    logits = model.upper(states, MASK[:, :length], layers)
    np.testing.assert_allclose(logits, model(IDS, MASK), atol=1e-6)


def test_each_half_of_a_batch_has_the_length_of_its_longest_row() -> None:
    lengths = np.array([1, 3, 5, 2, 4])
    mask = np.arange(6) < lengths[:, np.newaxis]
    inputs = np.where(mask, np.arange(1, 6)[:, np.newaxis], 0)
    halves: list[list[list[int]]] = []

    def forward(inputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        halves.append(inputs.numpy().tolist())
        return tf.reduce_sum(tf.where(mask, inputs, 100), axis=1)

    sums = in_halves(forward, tf.constant(inputs), tf.constant(mask))
    assert halves == [[[1, 0, 0], [2, 2, 2]], [[3] * 5, [4, 4, 0, 0, 0], [5, 5, 5, 5, 0]]]
    assert sums.numpy().tolist() == [201, 6, 15, 308, 120]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_logits_and_gradients_of_two_halves_are_those_of_the_batch_undivided(checkpoint: Path, pooling: str) -> None:
    model = build(checkpoint, pooling=pooling, dropout=0.0)
    freeze(model, Training())
    variables = [variable.value for variable in model.trainable_variables]
    draws = np.random.default_rng(0)

    def outcome(ids: tf.Tensor, mask: tf.Tensor, halved: bool) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = in_halves(model, ids, mask) if halved else model(ids, mask)
            loss = tf.reduce_sum(logits * [1.0, 2.0, -4.0])
        return [logits, *(tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables))]

    spec = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
    traced = tf.function(lambda ids, mask: outcome(ids, mask, True), input_signature=spec)
    for lengths in ([4], [2, 5], [6, 2, 4], [3, 2, 4, 9, 7, 2, 8]):
        mask = np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]
        ids = np.where(mask, draws.integers(5, 60, mask.shape), 0).astype(np.int32)
        for got, wanted in zip(traced(ids, mask), outcome(tf.constant(ids), tf.constant(mask), False), strict=True):
            np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_dropout_is_active_in_training_only_and_can_be_set(checkpoint: Path) -> None:
    quiet, noisy = build(checkpoint, dropout=0.0), build(checkpoint, dropout=0.5)
    asked = quiet(IDS, MASK)
    np.testing.assert_array_equal(quiet(IDS, MASK, training=True), asked)
    np.testing.assert_array_equal(noisy(IDS, MASK), asked)
    assert np.abs(noisy(IDS, MASK, training=True) - asked).max() > 1e-3


def test_the_seed_decides_on_the_classifiers_first_values(checkpoint: Path) -> None:
    kernels = [dense(build(checkpoint, seed=seed)).kernel.numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
