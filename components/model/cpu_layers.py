"""Layers of rows, float[rows, width], lean on a CPU: fewer random bits and passes over memory than the stock ones."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """x * Phi(x), Phi the normal distribution by erf (Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2).

    The gradient, Phi(x) + x * phi(x), takes Phi from the forward pass: half the time of tf.nn.gelu on a CPU.
    """
    scaled = x * (1 / math.sqrt(2))
    probability = 0.5 * (1.0 + tf.math.erf(scaled))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # phi(x) = exp(-x**2 / 2) / sqrt(2 pi), the factor taken into the exponent: a pass less over the memory.
        density = tf.exp(-math.log(math.sqrt(2 * math.pi)) - tf.square(scaled))
        return upstream * (probability + x * density)

    return x * probability, gradient


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    """GELU with Phi approximated by tanh."""
    return tf.nn.gelu(x, approximate=True)


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh, "relu": tf.nn.relu}


class Dense(keras.layers.Layer):
    """A linear layer of rows.

    The stock layer's gradient of the bias is an op that sums over rows in one thread; here it is a matrix product.
    """

    def __init__(self, inputs: int, outputs: int, initializer: keras.Initializer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widths, self.initializer = (inputs, outputs), initializer

    def build(self, input_shape: object = None) -> None:
        """Creates kernel and bias."""
        self.kernel = self.add_weight(self.widths, initializer=self.initializer, name="kernel")
        self.bias = self.add_weight(self.widths[1:], initializer="zeros", name="bias")
        self.built = True

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """float[rows, inputs] -> float[rows, outputs]."""
        return affine(rows, self.kernel.value, self.bias.value)

    def parts(self, sizes: list[int]) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Kernel and bias of so many outputs each."""
        # Not slices, whose gradients are as large as the whole.
        return list(zip(tf.split(self.kernel.value, sizes, axis=1), tf.split(self.bias.value, sizes), strict=True))


@tf.custom_gradient
def affine(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """float[rows, inputs], float[inputs, outputs] and float[outputs] -> float[rows, outputs]."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        to_rows = tf.matmul(upstream, kernel, transpose_b=True)
        return to_rows, tf.matmul(rows, upstream, transpose_a=True), _column_sum(upstream)

    return tf.nn.bias_add(tf.matmul(rows, kernel), bias), gradient


class LayerNorm(keras.layers.Layer):
    """Layer normalisation (Ba et al. 2016) of rows, in float32 under every dtype policy.

    Written out, with its gradient, because the stock layer takes half as long again on a CPU.
    """

    def __init__(self, width: int, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.epsilon = width, epsilon

    def build(self, input_shape: object = None) -> None:
        """Creates the scale and the offset."""
        self.gamma = self.add_weight((self.width,), initializer="ones", name="gamma", autocast=False)
        self.beta = self.add_weight((self.width,), initializer="zeros", name="beta", autocast=False)
        self.built = True

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """float[rows, hidden] -> the same."""

        @tf.custom_gradient
        def normalise(rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Any]:
            centred = rows - _row_mean(rows)
            scale = tf.math.rsqrt(_row_mean(tf.square(centred)) + self.epsilon)
            normal = centred * scale

            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                # With d = upstream * gamma: scale * (d - mean(d) - normal * mean(d * normal)), the means as products.
                weighted, weights = upstream * normal, gamma[:, tf.newaxis] * (1 / self.width)
                means = tf.matmul(upstream, weights), tf.matmul(weighted, weights)
                to_rows = scale * (upstream * gamma - means[0] - normal * means[1])
                return to_rows, _column_sum(weighted), _column_sum(upstream)

            return tf.nn.bias_add(normal * gamma, beta), gradient

        normalised = normalise(tf.cast(rows, tf.float32), self.gamma.value, self.beta.value)
        return tf.cast(normalised, self.compute_dtype)


class Dropout(keras.layers.Layer):
    """Zeroes elements at `rate` in training and scales the rest up.

    16 random bits decide on an element, where the stock layer takes 32: drawing them is most of the cost on a CPU.
    The rate is thereby rounded to a multiple of 2**-16, and the scale follows the rounded rate.
    """

    def __init__(self, rate: float, draws: keras.random.SeedGenerator, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.draws = draws
        self.dropped = round(rate * 2**16)
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """float[...] -> the same."""
        if not training or not self.dropped:
            return inputs
        seed, count = tf.cast(self.draws.next(), tf.int32), tf.size(inputs)
        pairs = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
        bits = tf.reshape(tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:count], tf.shape(inputs))
        scaled = inputs * (2**16 / (2**16 - self.dropped))
        return tf.where(bits >= tf.constant(self.dropped, tf.uint16), scaled, tf.zeros((), inputs.dtype))


def _column_sum(rows: tf.Tensor) -> tf.Tensor:
    """float[rows, width] -> float[width]."""
    return tf.linalg.matvec(rows, tf.ones(tf.shape(rows)[:1], rows.dtype), transpose_a=True)


def _row_mean(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(rows, axis=-1, keepdims=True)
