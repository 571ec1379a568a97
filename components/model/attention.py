"""Self-attention of an encoder's layer."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from components.model.config import BertConfig
from components.model.layer_factory import LayerFactory
from components.model.layers import affine

MASKED = -1e9
"""Added to the attention scores of padding: softmax makes an exact zero of it."""


class SelfAttention(keras.layers.Layer):
    """Scaled dot-product attention in several heads (Vaswani et al. 2017, section 3.2), and its output projection."""

    def __init__(self, config: BertConfig, make: LayerFactory, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = config.num_attention_heads
        self.hidden_size = config.hidden_size
        self.qkv = make.dense(config.hidden_size, 3 * config.hidden_size, "qkv")
        self.output_dense = make.dense(config.hidden_size, config.hidden_size, "output")
        self.dropout = make.dropout(config.attention_probs_dropout_prob, "dropout")

    def build(self, input_shape: object = None) -> None:
        """Creates every variable."""
        self.qkv.build()
        self.output_dense.build()
        self.built = True

    def call(
        self,
        rows: tf.Tensor,
        queries: tf.Tensor | None,
        padding: tf.Tensor | None,
        *,
        batch: Any,
        length: Any,
        training: bool = False,
    ) -> tf.Tensor:
        """Lets rows attend to rows.

        Args:
            rows: float[batch * length, hidden].
            queries: float[batch, hidden], the only rows that attend; None: all do.
            padding: bool[batch, 1, 1, length], true for padding, or for each row what it does not attend to,
                bool[batch, 1, length, length]; None: there is none.
            batch: number of sequences.
            length: tokens in each, padding included.
            training: whether dropout is active.

        Returns:
            float[batch * length, hidden], or float[batch, hidden] with `queries`.
        """
        hidden, width = self.hidden_size, self.hidden_size // self.heads
        if queries is None:
            query, key, value = self.parted(rows, batch, length)
        else:
            of_query, of_others = self.qkv.parts([hidden, 2 * hidden])
            query = tf.reshape(affine(queries, *of_query), (batch, self.heads, 1, width))
            parts = tf.reshape(affine(rows, *of_others), (batch, length, 2, self.heads, width))
            key, value = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        scores = self.scores(query, key)
        if padding is not None:
            scores += tf.where(padding, MASKED, 0.0)
        weights = self.dropout(tf.cast(tf.nn.softmax(scores), value.dtype), training=training)
        return self.joined(tf.matmul(weights, value))

    def parted(self, rows: tf.Tensor, batch: Any, length: Any) -> list[tf.Tensor]:
        """float[batch * length, hidden] -> queries, keys and values, float[batch, heads, length, width] each."""
        parts = tf.reshape(self.qkv(rows), (batch, length, 3, self.heads, self.hidden_size // self.heads))
        found: list[tf.Tensor] = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        return found

    def scores(self, query: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        """float32[batch, heads, queries, keys], scaled, of what `parted` gives."""
        width = self.hidden_size // self.heads
        # In float32 under every policy: MASKED is no float16, and softmax is where rounding shows.
        return tf.cast(tf.matmul(query * (1 / math.sqrt(width)), key, transpose_b=True), tf.float32)

    def joined(self, mixed: tf.Tensor) -> tf.Tensor:
        """Values that are mixed, float[batch, heads, length, width] -> float[batch * length, hidden]."""
        return self.output_dense(tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (-1, self.hidden_size)))


def attention_mask(padding_mask: tf.Tensor | None) -> tf.Tensor | None:
    """bool or int32[batch, length], 0 for padding -> bool[batch, 1, 1, length], true for padding."""
    if padding_mask is None:
        return None
    # Not yet what is added to the scores: Keras casts every float that a layer is given to the policy's dtype.
    return tf.logical_not(tf.cast(padding_mask, tf.bool))[:, tf.newaxis, tf.newaxis, :]
