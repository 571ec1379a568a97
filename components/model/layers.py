"""Layers of rows, float[rows, width], as their definitions have them; TensorFlow derives the gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Activation = Callable[[tf.Tensor], tf.Tensor]


def gelu(x: tf.Tensor) -> tf.Tensor:
    """x * Phi(x), Phi the normal distribution by erf (Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2)."""
    return x * (0.5 * (1.0 + tf.math.erf(x * (1 / math.sqrt(2)))))


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    """GELU with Phi approximated by tanh."""
    return tf.nn.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Activation] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": tf.nn.relu,
}
"""By the names of `BertConfig.hidden_act`."""


def affine(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """float[rows, inputs], float[inputs, outputs] and float[outputs] -> float[rows, outputs]."""
    return tf.nn.bias_add(tf.matmul(rows, kernel), tf.cast(bias, rows.dtype))


class Dense(keras.layers.Layer):
    """A linear layer of rows.

    Args:
        inputs: width of a row.
        outputs: width of a row of the result.
        initializer: of the kernel; the bias begins at 0.
    """

    def __init__(self, inputs: int, outputs: int, initializer: keras.Initializer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widths, self.initializer = (inputs, outputs), initializer

    def build(self, input_shape: object = None) -> None:
        """Creates kernel and bias."""
        self.kernel = self.add_weight(self.widths, initializer=self.initializer, name="kernel")
        self.bias = self.add_weight(self.widths[1:], initializer="zeros", name="bias", dtype="float32", autocast=False)
        self.built = True

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """float[rows, inputs] -> float[rows, outputs]."""
        return affine(rows, self.kernel.value, self.bias.value)

    def parts(self, sizes: list[int]) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Kernel and bias of so many outputs each."""
        # Not slices, whose gradients are as large as the whole.
        return list(zip(tf.split(self.kernel.value, sizes, axis=1), tf.split(self.bias.value, sizes), strict=True))


class LayerNorm(keras.layers.Layer):
    """Layer normalisation (Ba et al. 2016) of rows, in float32 under every dtype policy.

    Args:
        width: of a row.
        epsilon: added to the variance.
    """

    def __init__(self, width: int, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.epsilon = width, epsilon

    def build(self, input_shape: object = None) -> None:
        """Creates the scale and the offset."""
        of_width: dict[str, Any] = {"shape": (self.width,), "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(**of_width, initializer="ones", name="gamma")
        self.beta = self.add_weight(**of_width, initializer="zeros", name="beta")
        self.built = True

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """float[rows, width] -> the same."""
        normalised = self.normalised(tf.cast(rows, tf.float32), self.gamma.value, self.beta.value)
        return tf.cast(normalised, self.compute_dtype)

    def normalised(self, rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        """float32[rows, width] -> the same, of mean `beta` and deviation `gamma` but for what epsilon takes."""
        centred = rows - tf.reduce_mean(rows, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return centred * tf.math.rsqrt(variance + self.epsilon) * gamma + beta


class Dropout(keras.layers.Layer):
    """Zeroes elements at `rate` in training and scales the rest up.

    Args:
        rate: share of the elements, from 0 to below 1.
        draws: gives the seed of each mask.
    """

    def __init__(self, rate: float, draws: keras.random.SeedGenerator, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.draws = rate, draws
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """float[...] -> the same."""
        if not training or not self.rate:
            return inputs
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, tf.cast(self.draws.next(), tf.int32))
