"""Of a table that is only gathered from: rows that are caught up with later stand where dense AdamW has them."""

import numpy as np
import pytest
import tensorflow as tf

from components.training.optimizer import cpu_adamw
from components.training.optimizer.cpu_adamw import CpuAdamW
from components.training.optimizer.schedule import warm_up_linear
from tests.components.training.optimizer.test_adamw import formula, started, variable

STEPS, DECAY, FACTOR = 60, 0.2, 0.5


@pytest.mark.parametrize("clip_norm", [1e9, 3.0], ids=["unclipped", "clipped"])
def test_of_a_table_what_a_batch_reads_and_what_is_left_at_the_end_are_those_of_dense_adamw(clip_norm: float) -> None:
    draws = np.random.default_rng(0)
    start, start_bias = draws.normal(size=(12, 3)), draws.normal(size=2)
    rates = warm_up_linear(0.02, STEPS, 0.1)
    table, bias = variable(start, "table"), variable(start_bias, "bias")
    optimizer = CpuAdamW(
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
        dense = formula(dense, summed * scale, step, rate * FACTOR, DECAY)
        dense_bias = formula(dense_bias, of_bias * scale, step, rate, 0.0)
    assert np.abs(table.numpy() - dense.value).max() > 1e-3
    optimizer.catch_up_all()
    for got, wanted, before in [(table, dense, start), (bias, dense_bias, start_bias)]:
        assert np.abs(got.numpy() - wanted.value).max() < 1e-5 * np.abs(wanted.value - before).max()


def test_a_row_that_was_in_no_batch_has_only_decayed() -> None:
    rates, table = warm_up_linear(0.1, STEPS, 0.1), variable(np.array([[1.0], [-2.0]]), "table")
    optimizer = CpuAdamW([table], rates, table="table", factors={"table": FACTOR}, weight_decay=DECAY, clip_norm=1.0)
    for _ in rates:
        optimizer.apply([tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]))])
    optimizer.catch_up_all()
    assert table.numpy()[1, 0] == pytest.approx(-2 * np.prod(1 - rates * FACTOR * DECAY), rel=1e-6)


def test_slices_of_equal_rows_count_as_their_sum_in_the_norm_to_clip_by() -> None:
    # The row's slices, 1.5 and 2.5, are 4, and the bias's gradient is 3: a norm of 5.
    variables = [variable(np.zeros((2, 1)), "table"), variable(np.zeros(1), "bias")]
    optimizer = CpuAdamW(variables, np.ones(1), table="table", factors={}, weight_decay=0.0, clip_norm=1.0)
    optimizer.apply([tf.IndexedSlices(tf.constant([[1.5], [2.5]]), tf.constant([1, 1])), tf.constant([3.0])])
    _, of_table, _, of_bias, *_ = (value.numpy() for value in optimizer.state)
    np.testing.assert_allclose(of_table[:, 0], [0.0, 0.1 * 4 / 5], rtol=1e-5)
    np.testing.assert_allclose(of_bias, 0.1 * 3 / 5, rtol=1e-5)


def test_all_rows_are_caught_up_with_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_adamw, "ROWS_AT_A_TIME", 2)
    table = variable(np.ones((5, 1)), "table")
    optimizer = CpuAdamW([table], np.full(2, 0.5), table="table", factors={}, weight_decay=0.1, clip_norm=1.0)
    optimizer.apply([tf.IndexedSlices(tf.constant([[0.0]]), tf.constant([0]))])
    np.testing.assert_allclose(table.numpy()[:, 0], [0.95, 1, 1, 1, 1])
    optimizer.catch_up_all()
    np.testing.assert_allclose(table.numpy()[:, 0], [0.95] * 5)
    assert optimizer.state[-1].numpy().tolist() == [1] * 5
