"""The layers of `layers` with the same variables, for a CPU: fewer random bits and passes over memory."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from components.model import layers


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """As `layers.gelu`.

    The gradient, Phi(x) + x * phi(x), takes Phi from the forward pass: half the time of tf.nn.gelu on a CPU.
    """
    scaled = x * (1 / math.sqrt(2))
    probability = 0.5 * (1.0 + tf.math.erf(scaled))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # phi(x) = exp(-x**2 / 2) / sqrt(2 pi), the factor taken into the exponent: a pass less over the memory.
        density = tf.exp(-math.log(math.sqrt(2 * math.pi)) - tf.square(scaled))
        return upstream * (probability + x * density)

    return x * probability, gradient


@tf.custom_gradient
def affine(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """As `layers.affine`, whose gradient of the bias is an op that sums over rows in one thread; here it is a product
    of matrices.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        to_rows = tf.matmul(upstream, kernel, transpose_b=True)
        return to_rows, tf.matmul(rows, upstream, transpose_a=True), _column_sum(upstream)

    return tf.nn.bias_add(tf.matmul(rows, kernel), bias), gradient


class Dense(layers.Dense):
    """As `layers.Dense`."""

    affine = staticmethod(affine)


class LayerNorm(layers.LayerNorm):
    """As `layers.LayerNorm`, its gradient written out: TensorFlow's takes half as long again on a CPU."""

    def normalised(self, rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        """As in `layers.LayerNorm`."""

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

        return normalise(rows, gamma, beta)


class Dropout(layers.Dropout):
    """As `layers.Dropout` with other masks: 16 random bits decide on an element, where TensorFlow takes 32.

    Drawing them is most of the cost on a CPU. The rate is thereby rounded to a multiple of 2**-16, and the scale
    follows the rounded rate.
    """

    def __init__(self, rate: float, draws: keras.random.SeedGenerator, **kwargs: Any) -> None:
        super().__init__(rate, draws, **kwargs)
        self.dropped = round(rate * 2**16)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """float[...] -> the same."""
        if not training or not self.dropped:
            return inputs
        seed, count = tf.cast(self.draws.next(), tf.int32), tf.size(inputs)
        pairs = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
        bits = tf.reshape(tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:count], tf.shape(inputs))
        scaled = inputs * (2**16 / (2**16 - self.dropped))
        return tf.where(bits >= tf.constant(self.dropped, tf.uint16), scaled, tf.zeros((), inputs.dtype))


LAYERS = layers.Layers(Dense, LayerNorm, Dropout, {**layers.ACTIVATIONS, "gelu": gelu})


def _column_sum(rows: tf.Tensor) -> tf.Tensor:
    """float[rows, width] -> float[width]."""
    return tf.linalg.matvec(rows, tf.ones(tf.shape(rows)[:1], rows.dtype), transpose_a=True)


def _row_mean(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(rows, axis=-1, keepdims=True)
