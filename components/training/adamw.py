"""AdamW for BERT: one fused pass over the dense variables, and of an embedding table only the rows in the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
"""Of Kingma & Ba 2015 (arXiv:1412.6980); epsilon is the one of section 2's last paragraph, added to the root of the
second moment before its bias is corrected."""

_DECAY_1, _DECAY_2 = math.log(_BETA_1), math.log(_BETA_2)

_RATIO = _BETA_1 / math.sqrt(_BETA_2)


def _corrected(rates: np.ndarray, start: int) -> np.ndarray:
    """The rates with the corrections of the moments' bias in them, of what learns after step `start`; before it, 0."""
    number = np.maximum(1, np.arange(1, len(rates) + 1) - start)
    corrected = rates * np.sqrt(1 - _BETA_2**number) / (1 - _BETA_1**number)
    return np.where(np.arange(len(rates)) < start, 0.0, corrected)


class AdamW(tf.Module):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with a learning rate for each variable.

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
        factors: variable path -> its share of the learning rate; 1 where it has none.
        starts: variable path -> steps after which it begins to learn; 0 where it has none. Its moments' bias is
            corrected by the steps since.
        weight_decay: rate of decoupled decay, of matrices only: not of biases and LayerNorm's scale and shift.
        clip_norm: bound of the gradient's global L2 norm.
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
        super().__init__()
        self._clip_norm = clip_norm
        self.step = tf.Variable(0, dtype=tf.int32, name="step")
        """Steps done."""
        starts = starts or {}
        corrected = _corrected(rates, starts.get(table or "", 0))
        decayed = np.where(corrected > 0, rates, 0.0) * (factors.get(table or "", 1.0) * weight_decay)
        kept = np.cumprod(np.concatenate([[1.0], 1 - decayed]))
        ahead = np.zeros(len(rates) + 1)
        for index in reversed(range(len(rates))):
            ahead[index] = _RATIO * (corrected[index] / kept[index + 1] + ahead[index + 1])
        self.rates = tf.constant(rates, tf.float32)
        """float32[steps]."""
        begins = {starts.get(v.path, 0) for v in variables}
        self._corrected = {start: tf.constant(_corrected(rates, start), tf.float32) for start in begins}
        # In float64: with strong decay over many steps the one grows as the other shrinks.
        self._ahead = tf.constant(ahead, tf.float64)
        self._kept = tf.constant(kept, tf.float64)
        self._slots = [
            _Slots(
                v.value,
                factors.get(v.path, 1.0),
                weight_decay * (len(v.shape) > 1),
                v.path == table,
                starts.get(v.path, 0),
            )
            for v in variables
        ]

    @property
    def state(self) -> list[tf.Variable]:
        """All that a step changes besides the variables that are trained, always in the same order."""
        moments = [v for slots in self._slots for v in (slots.first, slots.second, slots.last) if v is not None]
        return [self.step, *moments]

    @property
    def table_rows(self) -> int:
        """Rows of the table; 0 without one."""
        return sum(int(slots.last.shape[0]) for slots in self._slots if slots.last is not None)

    def catch_up(self, rows: tf.Tensor) -> None:
        """Moves rows of the table by what they have missed: a batch's before it is embedded, all before others read it.

        Args:
            rows: int32[...], with repetitions.
        """
        for slots in self._slots:
            if slots.last is not None:
                behind = tf.unique(tf.reshape(rows, [-1])).y
                slots.write(behind, *self._caught_up(slots, behind), self.step)

    def apply(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]) -> None:
        """Does one step.

        Args:
            gradients: in the order of the variables; None: the variable stays as it is. The table's is slices, of rows
                that were caught up.
        """
        learning = [(g, slots) for g, slots in zip(gradients, self._slots, strict=True) if g is not None]
        # A table's gradient has a slice for each token: the norm to clip by is that of the sum over equal tokens.
        summed = [_summed(g) if slots.last is not None else g for g, slots in learning]
        norm = tf.linalg.global_norm(summed)
        scale = tf.minimum(1.0, self._clip_norm / norm)
        rate = self.rates[self.step]
        rate_of = {start: rates[self.step] for start, rates in self._corrected.items()}
        for gradient, (_, slots) in zip(summed, learning, strict=True):
            corrected = rate_of[slots.start]
            decay = 1 - rate * (slots.factor * slots.decay)
            if slots.last is not None:
                rows = gradient.indices
                value, first, second = (tf.gather(v, rows) for v in (slots.value, slots.first, slots.second))
                slope = gradient.values * scale
                first += (slope - first) * (1 - _BETA_1)
                second += (tf.square(slope) - second) * (1 - _BETA_2)
                value = value * decay - corrected * slots.factor * first / (tf.sqrt(second) + _EPSILON)
                slots.write(rows, value, first, second, self.step + 1)
                continue
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
                beta1=_BETA_1,
                beta2=_BETA_2,
                epsilon=_EPSILON,
                grad=gradient * scale,
            )
        self.step.assign_add(1)

    def _caught_up(self, slots: _Slots, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The rows' values and moments, float32[n, width] each, as they stand after all steps done."""
        value, first, second = (tf.gather(v, rows) for v in (slots.value, slots.first, slots.second))
        last = tf.gather(slots.last, rows)
        missed, kept = tf.cast(self.step - last, tf.float64), self._kept[self.step]
        momentum = tf.gather(self._ahead, last) - tf.exp(missed * math.log(_RATIO)) * self._ahead[self.step]
        value *= _column(kept / tf.gather(self._kept, last))
        value -= _column(momentum * kept * slots.factor) * first / (tf.sqrt(second) + _EPSILON)
        return value, first * _column(tf.exp(missed * _DECAY_1)), second * _column(tf.exp(missed * _DECAY_2))


class _Slots(tf.Module):
    """A variable with its moments."""

    def __init__(self, value: tf.Variable, factor: float, decay: float, is_table: bool, start: int) -> None:
        super().__init__()
        self.value, self.factor, self.decay, self.start = value, factor, decay, start
        self.first = tf.Variable(tf.zeros_like(value), trainable=False)
        self.second = tf.Variable(tf.zeros_like(value), trainable=False)
        self.last = tf.Variable(tf.zeros(value.shape[:1], tf.int32), trainable=False) if is_table else None
        """Of a table: the step after which each row stands, int32[rows]."""

    def write(self, rows: tf.Tensor, value: tf.Tensor, first: tf.Tensor, second: tf.Tensor, step: tf.Tensor) -> None:
        """Rows of a table, as they stand after a step."""
        self.value.scatter_update(tf.IndexedSlices(value, rows))
        self.first.scatter_update(tf.IndexedSlices(first, rows))
        self.second.scatter_update(tf.IndexedSlices(second, rows))
        assert self.last is not None  # noqa: S101
        self.last.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), step), rows))


def _column(numbers: tf.Tensor) -> tf.Tensor:
    """float64[n] -> float32[n, 1]."""
    return tf.cast(numbers, tf.float32)[:, tf.newaxis]


def _summed(slices: tf.IndexedSlices) -> tf.IndexedSlices:
    """Slices of equal rows as one."""
    rows, places = tf.unique(slices.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(slices.values, places, tf.size(rows)), rows)
