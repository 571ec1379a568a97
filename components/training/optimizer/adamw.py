"""AdamW as it is published, over dense gradients."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Of Kingma & Ba 2015 (arXiv:1412.6980); epsilon is the one of section 2's last paragraph, added to the root of the
second moment before its bias is corrected."""


def bias_corrected(rates: np.ndarray, start: int) -> np.ndarray:
    """The rates with the corrections of the moments' bias in them, of what learns after step `start`; before it, 0."""
    number = np.maximum(1, np.arange(1, len(rates) + 1) - start)
    corrected = rates * np.sqrt(1 - BETA_2**number) / (1 - BETA_1**number)
    return np.where(np.arange(len(rates)) < start, 0.0, corrected)


class Slots(tf.Module):
    """A variable with its moments, and how it learns."""

    def __init__(self, value: tf.Variable, factor: float, decay: float, start: int) -> None:
        super().__init__()
        self.value, self.factor, self.decay, self.start = value, factor, decay, start
        self.first = tf.Variable(tf.zeros_like(value), trainable=False)
        """The first moment, as `value`."""
        self.second = tf.Variable(tf.zeros_like(value), trainable=False)
        """The second moment, as `value`."""


class AdamW(tf.Module):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with a learning rate for each variable.

    Args:
        variables: what is trained.
        rates: float64[steps], the learning rate of each step.
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
        factors: dict[str, float],
        starts: dict[str, int] | None = None,
        weight_decay: float,
        clip_norm: float,
    ) -> None:
        super().__init__()
        self._clip_norm = clip_norm
        self.step = tf.Variable(0, dtype=tf.int32, name="step")
        """Steps done."""
        self.rates = tf.constant(rates, tf.float32)
        """float32[steps]."""
        starts = starts or {}
        begins = {starts.get(v.path, 0) for v in variables}
        self._corrected = {start: tf.constant(bias_corrected(rates, start), tf.float32) for start in begins}
        self._slots = [
            Slots(v.value, factors.get(v.path, 1.0), weight_decay * (len(v.shape) > 1), starts.get(v.path, 0))
            for v in variables
        ]

    @property
    def state(self) -> list[tf.Variable]:
        """All that a step changes besides the variables that are trained, always in the same order."""
        return [self.step, *(moment for slots in self._slots for moment in (slots.first, slots.second))]

    def catch_up(self, rows: tf.Tensor) -> None:
        """Nothing to do: after a step every row stands where it belongs. See `CpuAdamW.catch_up`."""

    def catch_up_all(self) -> None:
        """Nothing to do, as in `catch_up`."""

    def apply(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]) -> None:
        """Does one step.

        Args:
            gradients: in the order of the variables; None: the variable stays as it is.
        """
        learning = [(g, slots) for g, slots in zip(gradients, self._slots, strict=True) if g is not None]
        scale = tf.minimum(1.0, self._clip_norm / tf.linalg.global_norm([gradient for gradient, _ in learning]))
        rate = self.rates[self.step]
        corrected = {start: rates[self.step] for start, rates in self._corrected.items()}
        for gradient, slots in learning:
            self._update(slots, gradient, scale, rate, corrected[slots.start])
        self.step.assign_add(1)

    def _update(
        self, slots: Slots, gradient: tf.Tensor, scale: tf.Tensor, rate: tf.Tensor, corrected: tf.Tensor
    ) -> None:
        """Of one variable; `corrected` is the rate with the corrections of the moments' bias."""
        gradient *= scale
        slots.first.assign(BETA_1 * slots.first + (1 - BETA_1) * gradient)
        slots.second.assign(BETA_2 * slots.second + (1 - BETA_2) * tf.square(gradient))
        update = corrected * slots.first / (tf.sqrt(slots.second) + EPSILON)
        slots.value.assign_sub(slots.factor * (update + rate * slots.decay * slots.value))
