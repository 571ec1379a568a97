from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.training.adamw import AdamW
from components.training.schedule import warm_up_linear


def test_the_learning_rate_rises_over_the_warm_up_and_then_falls_to_nothing() -> None:
    expected = [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    np.testing.assert_allclose(warm_up_linear(1.0, 10, 0.2), expected)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    np.testing.assert_allclose(warm_up_linear(3e-4, 4, 0.0), [3e-4, 2.25e-4, 1.5e-4, 0.75e-4])


def test_a_schedule_of_warm_up_alone_ends_at_the_peak() -> None:
    np.testing.assert_allclose(warm_up_linear(1.0, 2, 1.0), [0.5, 1.0])


class State(NamedTuple):
    """A variable in float64."""

    value: np.ndarray
    mean: np.ndarray
    square: np.ndarray


def started(value: np.ndarray) -> State:
    return State(value.astype(float), np.zeros(value.shape), np.zeros(value.shape))


def adamw(state: State, gradient: np.ndarray, step: int, rate: float, decay: float) -> State:
    """The state after a step counted from 1 (Loshchilov & Hutter 2019, algorithm 2)."""
    mean, square = 0.9 * state.mean + 0.1 * gradient, 0.999 * state.square + 0.001 * gradient**2
    update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return State(state.value - rate * (update + decay * state.value), mean, square)


def variable(value: np.ndarray, name: str) -> keras.Variable:
    return keras.Variable(value.astype(np.float32), name=name)


def test_adamw_equals_its_formula_with_decay_on_matrices_and_a_rate_for_each_layer() -> None:
    start = {"kernel": np.array([[1.0, -2.0], [0.5, 4.0]]), "bias": np.array([1.0, -1.0])}
    variables = [variable(value, name) for name, value in start.items()]
    rates = np.array([0.05, 0.1, 0.1])
    optimizer = AdamW(variables, rates, table=None, factors={"kernel": 0.5}, weight_decay=0.1, clip_norm=1e9)
    kernel, bias = map(started, start.values())
    draws = np.random.default_rng(0)
    for step, rate in enumerate(rates, 1):
        gradients = [draws.normal(size=value.shape) for value in start.values()]
        optimizer.apply([tf.constant(gradient, tf.float32) for gradient in gradients])
        kernel = adamw(kernel, gradients[0], step, 0.5 * rate, decay=0.1)
        bias = adamw(bias, gradients[1], step, rate, decay=0.0)
        np.testing.assert_allclose(variables[0].numpy(), kernel.value, rtol=2e-5)
        np.testing.assert_allclose(variables[1].numpy(), bias.value, rtol=2e-5)


STEPS, DECAY, FACTOR = 60, 0.2, 0.5


@pytest.mark.parametrize("clip_norm", [1e9, 3.0], ids=["unclipped", "clipped"])
def test_of_a_table_what_a_batch_reads_and_what_is_left_at_the_end_are_those_of_dense_adamw(clip_norm: float) -> None:
    draws = np.random.default_rng(0)
    start, start_bias = draws.normal(size=(12, 3)), draws.normal(size=2)
    rates = warm_up_linear(0.02, STEPS, 0.1)
    table, bias = variable(start, "table"), variable(start_bias, "bias")
    optimizer = AdamW(
        [table, bias], rates, table="table", factors={"table": FACTOR}, weight_decay=DECAY, clip_norm=clip_norm
    )
    dense, dense_bias = started(start), started(start_bias)

    @tf.function
    def do(ids: tf.Tensor, slices: tf.Tensor, of_bias: tf.Tensor) -> tf.Tensor:
        optimizer.catch_up(ids)
        read = tf.gather(table, ids)
        optimizer.apply([tf.IndexedSlices(slices, tf.reshape(ids, [-1])), of_bias])
        return read

    for step, rate in enumerate(rates, 1):
        # Row 0 is in almost every batch, often twice, row 10 in few; row 11 in none.
        ids = (draws.random((2, 3)) ** 2 * 11).astype(np.int32)
        slices, of_bias = draws.uniform(0.5, 1.5, (6, 3)) * draws.choice([-1, 1], (6, 3)), draws.normal(1, size=2)
        read = do(tf.constant(ids), tf.constant(slices, tf.float32), tf.constant(of_bias, tf.float32))
        np.testing.assert_allclose(read, dense.value[ids], atol=1e-6)
        summed = np.zeros_like(start)
        np.add.at(summed, ids.reshape(-1), slices)
        scale = min(1, clip_norm / np.sqrt((summed**2).sum() + (of_bias**2).sum()))
        dense = adamw(dense, summed * scale, step, rate * FACTOR, DECAY)
        dense_bias = adamw(dense_bias, of_bias * scale, step, rate, 0.0)
    assert np.abs(table.numpy() - dense.value).max() > 1e-3
    optimizer.catch_up(tf.range(optimizer.table_rows))
    for got, wanted, before in [(table, dense, start), (bias, dense_bias, start_bias)]:
        assert np.abs(got.numpy() - wanted.value).max() < 1e-5 * np.abs(wanted.value - before).max()


def test_a_row_that_was_in_no_batch_has_only_decayed() -> None:
    rates, table = warm_up_linear(0.1, STEPS, 0.1), variable(np.array([[1.0], [-2.0]]), "table")
    optimizer = AdamW([table], rates, table="table", factors={"table": FACTOR}, weight_decay=DECAY, clip_norm=1.0)
    for _ in rates:
        optimizer.apply([tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]))])
    optimizer.catch_up(tf.range(optimizer.table_rows))
    assert table.numpy()[1, 0] == pytest.approx(-2 * np.prod(1 - rates * FACTOR * DECAY), rel=1e-6)


@pytest.mark.parametrize(("clip_norm", "norm"), [(10.0, 5.0), (1.0, 1.0)])
def test_the_gradient_of_all_variables_together_is_scaled_down_to_the_norm_that_is_set(
    clip_norm: float, norm: float
) -> None:
    # The row's slices count as their sum, 4, and the bias's gradient is 3: a norm of 5.
    variables = [variable(np.zeros((2, 1)), "table"), variable(np.zeros(1), "bias")]
    optimizer = AdamW(variables, np.ones(1), table="table", factors={}, weight_decay=0.0, clip_norm=clip_norm)
    optimizer.apply([tf.IndexedSlices(tf.constant([[1.5], [2.5]]), tf.constant([1, 1])), tf.constant([3.0])])
    table, bias = (slots.first.numpy().reshape(-1) / 0.1 for slots in optimizer._slots)
    np.testing.assert_allclose(table, [0.0, norm * 4 / 5], rtol=1e-5)
    np.testing.assert_allclose(bias, norm * 3 / 5, rtol=1e-5)
