"""AdamW for a CPU: one fused pass over the dense variables, and of an embedding table only the rows in the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from components.training.optimizer.adamw import BETA_1, BETA_2, EPSILON, AdamW, Slots, bias_corrected

_DECAY_1, _DECAY_2 = math.log(BETA_1), math.log(BETA_2)

_RATIO = BETA_1 / math.sqrt(BETA_2)

ROWS_AT_A_TIME = 4096
"""Rows of the table that `catch_up_all` moves at a time: each takes eight copies of itself meanwhile."""


class CpuAdamW(AdamW):
    """`AdamW` in fewer passes over memory.

    A table that is only gathered from has a gradient in few of its rows. Dense AdamW would still move all the others,
    by their momentum and decay. Here a row is left alone until a batch holds it again, and `catch_up` then moves it by
    what it missed in one go: without a gradient the first moment m falls by beta1 a step and the second one v by beta2,
    so that the k steps after step s take the value x to

        D(s + k) * (x / D(s) - m / sqrt(v) * sum(i = s+1 .. s+k) a(i) / D(i) * r**(i - s)),   r = beta1 / sqrt(beta2)

    with a(i) the learning rate of step i and its bias corrections, and D(i) what decay leaves after i steps. With F(s)
    the same sum from s+1 to the end of the training, that sum is F(s) - r**k * F(s + k): a number for each step,
    computed once. The results are those of dense AdamW but for rounding and for the epsilon in the denominator.

    Args:
        variables: what is trained.
        rates: float64[steps], the learning rate of each step.
        table: path of a variable that is only gathered from; None: there is none.
        factors: as for `AdamW`.
        starts: as for `AdamW`.
        weight_decay: as for `AdamW`.
        clip_norm: as for `AdamW`.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        rates: np.ndarray,
        *,
        table: str | None,
        factors: dict[str, float],
        starts: dict[str, int] | None = None,
        weight_decay: float,
        clip_norm: float,
    ) -> None:
        super().__init__(
            variables, rates, factors=factors, starts=starts, weight_decay=weight_decay, clip_norm=clip_norm
        )
        places = [index for index, variable in enumerate(variables) if variable.path == table]
        self._table = self._slots[places[0]] if places else None
        if self._table is None:
            return
        factor, start = self._table.factor, self._table.start
        self._last = tf.Variable(tf.zeros(self._table.value.shape[:1], tf.int32), trainable=False)
        """int32[rows]: the step after which each row of the table stands."""
        corrected = bias_corrected(rates, start)
        decayed = np.where(corrected > 0, rates, 0.0) * (factor * weight_decay)
        kept = np.cumprod(np.concatenate([[1.0], 1 - decayed]))
        ahead = np.zeros(len(rates) + 1)
        for index in reversed(range(len(rates))):
            ahead[index] = _RATIO * (corrected[index] / kept[index + 1] + ahead[index + 1])
        # In float64: with strong decay over many steps the one grows as the other shrinks.
        self._ahead = tf.constant(ahead, tf.float64)
        self._kept = tf.constant(kept, tf.float64)
        self._catch_up = tf.function(self.catch_up, input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False)

    @property
    def state(self) -> list[tf.Variable]:
        """As `AdamW.state`, and the step after which each row of the table stands."""
        return super().state if self._table is None else [*super().state, self._last]

    def catch_up(self, rows: tf.Tensor) -> None:
        """Moves rows of the table by what they have missed: a batch's before it is embedded, all before others read it.

        Args:
            rows: int32[...], with repetitions.
        """
        if self._table is not None:
            behind = tf.unique(tf.reshape(rows, [-1])).y
            self._write(behind, *self._caught_up(behind), self.step)

    def catch_up_all(self) -> None:
        """The same of every row."""
        if self._table is None:
            return
        rows = int(self._last.shape[0])
        for start in range(0, rows, ROWS_AT_A_TIME):
            self._catch_up(np.arange(start, min(start + ROWS_AT_A_TIME, rows), dtype=np.int32))

    def apply(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]) -> None:
        """Does one step.

        Args:
            gradients: in the order of the variables; None: the variable stays as it is. The table's is slices, of rows
                that were caught up.
        """
        # A table's gradient has a slice for each token: the norm to clip by is that of the sum over equal tokens.
        super().apply([_summed(g) if isinstance(g, tf.IndexedSlices) else g for g in gradients])

    def _update(
        self,
        slots: Slots,
        gradient: tf.Tensor | tf.IndexedSlices,
        scale: tf.Tensor,
        rate: tf.Tensor,
        corrected: tf.Tensor,
    ) -> None:
        decay = 1 - rate * (slots.factor * slots.decay)
        if slots is self._table:
            rows = gradient.indices
            value, first, second = self._gathered(rows)
            slope = gradient.values * scale
            first += (slope - first) * (1 - BETA_1)
            second += (tf.square(slope) - second) * (1 - BETA_2)
            value = value * decay - corrected * slots.factor * first / (tf.sqrt(second) + EPSILON)
            self._write(rows, value, first, second, self.step + 1)
            return
        if slots.decay:
            slots.value.assign(slots.value * decay)
        tf.raw_ops.ResourceApplyAdam(
            var=slots.value.handle,
            m=slots.first.handle,
            v=slots.second.handle,
            # The bias corrections are in the rate.
            beta1_power=0.0,
            beta2_power=0.0,
            lr=corrected * slots.factor,
            beta1=BETA_1,
            beta2=BETA_2,
            epsilon=EPSILON,
            grad=gradient * scale,
        )

    def _caught_up(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The rows' values and moments, float32[n, width] each, as they stand after all steps done."""
        assert self._table is not None  # noqa: S101
        value, first, second = self._gathered(rows)
        last = tf.gather(self._last, rows)
        missed, kept = tf.cast(self.step - last, tf.float64), self._kept[self.step]
        momentum = tf.gather(self._ahead, last) - tf.exp(missed * math.log(_RATIO)) * self._ahead[self.step]
        value *= _column(kept / tf.gather(self._kept, last))
        value -= _column(momentum * kept * self._table.factor) * first / (tf.sqrt(second) + EPSILON)
        return value, first * _column(tf.exp(missed * _DECAY_1)), second * _column(tf.exp(missed * _DECAY_2))

    def _gathered(self, rows: tf.Tensor) -> list[tf.Tensor]:
        """Rows of the table and of its moments, float32[n, width] each."""
        assert self._table is not None  # noqa: S101
        return [tf.gather(v, rows) for v in (self._table.value, self._table.first, self._table.second)]

    def _write(self, rows: tf.Tensor, value: tf.Tensor, first: tf.Tensor, second: tf.Tensor, step: tf.Tensor) -> None:
        """Rows of the table, as they stand after a step."""
        assert self._table is not None  # noqa: S101
        self._table.value.scatter_update(tf.IndexedSlices(value, rows))
        self._table.first.scatter_update(tf.IndexedSlices(first, rows))
        self._table.second.scatter_update(tf.IndexedSlices(second, rows))
        self._last.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), step), rows))


def _column(numbers: tf.Tensor) -> tf.Tensor:
    """float64[n] -> float32[n, 1]."""
    return tf.cast(numbers, tf.float32)[:, tf.newaxis]


def _summed(slices: tf.IndexedSlices) -> tf.IndexedSlices:
    """Slices of equal rows as one."""
    rows, places = tf.unique(slices.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(slices.values, places, tf.size(rows)), rows)
