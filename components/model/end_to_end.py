"""The encoder in training on a CPU: rows of tokens laid end to end, without padding, and few passes over memory.

The variables are those of `blocks`, whose layers are the plain twin of what is here. Sequences do not see each other:
attention knows where each begins.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from components.kernels import operations
from components.kernels.operations import Norm
from components.model import layers
from components.model.blocks import Block, Embeddings


class EndToEnd(NamedTuple):
    """Where the tokens of a padded batch stand when they are laid end to end."""

    places: tf.Tensor
    """int32[tokens]: of each among the rows of the padded batch."""
    starts: tf.Tensor
    """int32[batch + 1]: where each sequence begins, and the number of tokens."""
    shape: tuple[tf.Tensor, tf.Tensor]
    """Sequences, and their length with padding."""

    @classmethod
    def of(cls, padding_mask: tf.Tensor) -> EndToEnd:
        """bool or int32[batch, length], 0 for padding; each row has a token."""
        mask = tf.cast(padding_mask, tf.bool)
        places = tf.cast(tf.where(tf.reshape(mask, [-1]))[:, 0], tf.int32)
        counts = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        batch, length = keras.ops.shape(mask)
        return cls(places, tf.concat([[0], tf.cumsum(counts)], axis=0), (batch, length))

    def of_padded(self, padded: tf.Tensor) -> tf.Tensor:
        """[batch, length, ...] -> [tokens, ...]."""
        return tf.gather(tf.reshape(padded, (-1, *padded.shape[2:])), self.places)

    def padded(self, rows: tf.Tensor) -> tf.Tensor:
        """[tokens, width] -> [batch, length, width], with zeros for padding."""
        batch, length = self.shape
        width = rows.shape[1]
        flat = tf.scatter_nd(self.places[:, tf.newaxis], rows, (batch * length, width))
        return tf.reshape(flat, (batch, length, width))

    def first(self, rows: tf.Tensor) -> tf.Tensor:
        """[tokens, width] -> [batch, width], of the first tokens."""
        return tf.gather(rows, self.starts[:-1])


def embedded(layer: Embeddings, token_ids: tf.Tensor, segment_ids: tf.Tensor | None, tokens: EndToEnd) -> tf.Tensor:
    """int32[batch, length] twice -> float[tokens, hidden]; as `blocks.Embeddings`."""
    dtype, norm = layer.compute_dtype, layer.norm
    words = tf.cast(tf.gather(layer.word_rows, tokens.of_padded(token_ids)), dtype)
    others = tf.gather(layer.position.embeddings.value, tokens.places % tokens.shape[1])
    segments = layer.segment.embeddings.value
    if segment_ids is None:
        bias = tf.cast(segments[0], tf.float32)
    else:
        bias = tf.zeros([layer.hidden_size])
        others += tf.gather(segments, tokens.of_padded(segment_ids))
    sides = Norm(norm.epsilon, rate_after=layer.dropout.rate)
    residual, seed = tf.cast(others, dtype), _seed(layer.dropout)
    return operations.sum_norm(words, bias, residual, norm.gamma.value, norm.beta.value, seed=seed, norm=sides)


def through(blocks: list[Block], rows: tf.Tensor, tokens: EndToEnd, pooled_only: bool) -> tf.Tensor:
    """float[tokens, hidden] -> the same, or of `pooled_only` the first tokens' alone, float[batch, hidden]."""
    for block in blocks:
        rows = _block(block, rows, tokens, first_token_only=pooled_only and block is blocks[-1])
    return rows


def _block(block: Block, rows: tf.Tensor, tokens: EndToEnd, first_token_only: bool) -> tf.Tensor:
    """As `blocks.Block`."""
    attention, dtype = block.attention, rows.dtype
    settings: dict[str, Any] = {"heads": attention.heads, "rate": attention.dropout.rate}
    seed, qkv = _seed(attention.dropout), _affine(attention.qkv, dtype)
    if first_token_only:
        sizes = [attention.hidden_size, 2 * attention.hidden_size]
        of_query, of_rest = zip(*(tf.split(part, sizes, axis=-1) for part in qkv), strict=True)
        first = tokens.first(rows)
        mixed = operations.first_attention(first, rows, of_query, of_rest, tokens.starts, seed, **settings)
        rows = first
    else:
        mixed = operations.self_attention(rows, *qkv, tokens.starts, seed, **settings)
    rows = _dense_norm(attention.output_dense, block.attention_norm, block.dropout, mixed, rows)
    kernel, bias = _affine(block.inner, dtype)
    if block.activation is layers.gelu:
        fed = operations.dense_gelu(rows, kernel, bias)
    else:
        fed = block.activation(layers.affine(rows, kernel, bias))
    return _dense_norm(block.outer, block.output_norm, block.dropout, fed, rows)


def _dense_norm(
    dense: layers.Dense, norm: layers.LayerNorm, dropout: layers.Dropout, rows: tf.Tensor, residual: tf.Tensor
) -> tf.Tensor:
    sides = Norm(norm.epsilon, dropout.rate)
    affine = _affine(dense, rows.dtype)
    return operations.dense_norm(
        rows, *affine, residual, norm.gamma.value, norm.beta.value, seed=_seed(dropout), norm=sides
    )


def _affine(dense: layers.Dense, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.cast(dense.kernel.value, dtype), tf.convert_to_tensor(dense.bias.value)


def _seed(dropout: layers.Dropout) -> tf.Tensor:
    """int32[2]; a dropout of rate 0 draws nothing."""
    return tf.cast(dropout.draws.next(), tf.int32) if dropout.rate else tf.zeros([2], tf.int32)
