"""The layers against their definitions."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.model.config import SUPPORTED_ACTIVATIONS
from components.model.layers import ACTIVATIONS, Dense, Dropout, LayerNorm, affine


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_dense_layer_and_its_gradients_equal_the_definition(in_parts: bool) -> None:
    draws = np.random.default_rng(0)
    dense = Dense(4, 5, keras.initializers.RandomNormal(seed=0))
    dense.build()
    dense.bias.assign(draws.normal(size=5))
    inputs = [tf.constant(draws.normal(size=(3, 4)), tf.float32), dense.kernel.value, dense.bias.value]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs[0])
        parts = [affine(inputs[0], *part) for part in dense.parts([2, 3])]
        got = tf.concat(parts, axis=1) if in_parts else dense(inputs[0])
        expected = inputs[0] @ inputs[1] + inputs[2]
        upstream = tf.constant(draws.normal(size=expected.shape), tf.float32)
        loss, expected_loss = tf.reduce_sum(got * upstream), tf.reduce_sum(expected * upstream)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    for found, wanted in zip(tape.gradient(loss, inputs), tape.gradient(expected_loss, inputs), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_layer_norm_and_its_gradient_equal_the_definition() -> None:
    rows = np.random.default_rng(0).normal(2, 3, (5, 4))
    upstream = tf.constant(np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32))
    norm = LayerNorm(4, 1e-12)
    norm.build()
    norm.gamma.assign([0.5, 1.0, 2.0, -1.0])
    norm.beta.assign([0.1, 0.2, 0.3, 0.4])
    inputs = [tf.constant(rows, tf.float32), norm.gamma.value, norm.beta.value]
    with tf.GradientTape() as tape:
        tape.watch(inputs[0])
        normalised = norm(inputs[0])
        loss = tf.reduce_sum(normalised * upstream)
    with tf.GradientTape() as definition:
        definition.watch(inputs[0])
        mean, variance = tf.nn.moments(inputs[0], [-1], keepdims=True)
        expected = (inputs[0] - mean) / tf.sqrt(variance + 1e-12) * inputs[1] + inputs[2]
        expected_loss = tf.reduce_sum(expected * upstream)
    np.testing.assert_allclose(normalised, expected, atol=1e-5)
    for got, wanted in zip(tape.gradient(loss, inputs), definition.gradient(expected_loss, inputs), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_gelu_is_by_erf() -> None:
    x = np.linspace(-6, 6, 101)
    expected = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x]
    np.testing.assert_allclose(ACTIVATIONS["gelu"](tf.constant(x, tf.float32)), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(101, 99), (4, 2, 50, 30)])
def test_dropout_zeroes_its_rate_and_keeps_the_mean(shape: tuple[int, ...]) -> None:
    dropout = Dropout(0.25, keras.random.SeedGenerator(0))
    ones = tf.ones(shape)
    with tf.GradientTape() as tape:
        tape.watch(ones)
        dropped = dropout(ones, training=True)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.02)
    np.testing.assert_array_equal(tape.gradient(dropped, ones), dropped)
    assert dropout(ones) is ones


def test_epsilon_keeps_rows_without_variance_finite() -> None:
    norm = LayerNorm(2, 0.25)
    norm.build()
    # Deviations of 0 and 1 from the mean: 1 / sqrt(1 + 0.25).
    expected = [[0.0, 0.0], [-0.8944272, 0.8944272]]
    np.testing.assert_allclose(norm(tf.constant([[3.0, 3.0], [1.0, 3.0]])), expected, rtol=1e-6)


def test_each_mask_of_dropout_is_another_one_and_a_seed_repeats_them() -> None:
    ones = tf.ones((8, 8))
    first, again = (Dropout(0.5, keras.random.SeedGenerator(3)) for _ in range(2))
    masks = [first(ones, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*masks)
    np.testing.assert_array_equal([again(ones, training=True).numpy() for _ in range(2)], masks)


def test_dropout_of_rate_0_is_none_and_draws_nothing() -> None:
    draws = keras.random.SeedGenerator(0)
    before, ones = draws.state.numpy(), tf.ones((2, 2))
    assert Dropout(0.0, draws)(ones, training=True) is ones
    np.testing.assert_array_equal(draws.state.numpy(), before)


def test_every_activation_of_a_config_is_there() -> None:
    assert ACTIVATIONS.keys() == set(SUPPORTED_ACTIVATIONS)
