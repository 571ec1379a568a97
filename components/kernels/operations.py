"""The ops as functions with gradients. Each computes what the layers in `model` compute with TensorFlow's ops.

Rows are float32 or bfloat16, [n, width], sequences end to end. Kernels are of the rows' dtype; biases, scales and
offsets are float32, and so is all arithmetic between two products. Seeds of dropout are int32[2].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from components.kernels.library import ops


class Norm(NamedTuple):
    """Layer normalisation, and dropout on both of its sides."""

    epsilon: float
    rate: float = 0.0
    """Of dropout before the residual is added."""
    rate_after: float = 0.0
    """Of dropout behind the normalisation."""


@tf.custom_gradient
def dense_gelu(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """gelu(rows @ kernel + bias), by erf: T[n, inputs] -> T[n, outputs].

    The forward pass keeps GELU's slope in place of its input: there is no second erf in the gradient.
    """
    activated, slope = ops().bert_gelu(x=tf.matmul(rows, kernel), bias=bias)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        to_dense, to_bias = ops().bert_gelu_gradient(dy=upstream, slope=slope)
        to_bias.set_shape(bias.shape)
        return *_of_product(rows, kernel, to_dense), to_bias

    return activated, gradient


def dense_norm(
    rows: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    residual: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    seed: tf.Tensor,
    norm: Norm,
) -> tf.Tensor:
    """norm(dropout(rows @ kernel + bias) + residual): T[n, inputs] and T[n, width] -> T[n, width]."""

    @tf.custom_gradient
    def compute(*inputs: tf.Tensor) -> tuple[tf.Tensor, Any]:
        rows, kernel, *others = inputs
        normalised, gradient_of_norm = _normalised(tf.matmul(rows, kernel), *others, seed=seed, norm=norm)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            to_dense, *to_others = gradient_of_norm(upstream)
            return *_of_product(rows, kernel, to_dense), *to_others

        return normalised, gradient

    return compute(rows, kernel, bias, residual, gamma, beta)


def sum_norm(
    rows: tf.Tensor,
    bias: tf.Tensor,
    residual: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    seed: tf.Tensor,
    norm: Norm,
) -> tf.Tensor:
    """dropout_after(norm(dropout(rows + bias) + residual)): T[n, width] -> the same."""

    @tf.custom_gradient
    def compute(*inputs: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return _normalised(*inputs, seed=seed, norm=norm)

    return compute(rows, bias, residual, gamma, beta)


def self_attention(
    rows: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    starts: tf.Tensor,
    seed: tf.Tensor,
    *,
    heads: int,
    rate: float,
) -> tf.Tensor:
    """Every row attends to the rows of its sequence: T[n, inputs] -> T[n, hidden], before the output's projection.

    Args:
        rows: the hidden states.
        kernel: T[inputs, 3 * hidden], of queries, keys and values.
        bias: float32[3 * hidden].
        starts: int32[sequences + 1], where each sequence begins, and n.
        seed: of dropout.
        heads: how many.
        rate: of dropout, on the weights.
    """
    settings: dict[str, Any] = {"starts": starts, "seed": seed, "heads": heads, "rate": rate}

    @tf.custom_gradient
    def compute(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
        projected = tf.matmul(rows, kernel)
        given = {"query": projected, "rest": projected, "query_bias": bias, "bias": bias, **settings}
        mixed, sums = ops().bert_attention(**given)
        mixed.set_shape([rows.shape[0], kernel.shape[1] // 3])

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            _, found, _, to_bias = ops().bert_attention_gradient(upstream=upstream, sums=sums, **given)
            return *_of_product(rows, kernel, found), to_bias

        return mixed, gradient

    return compute(rows, kernel, bias)


def first_attention(
    first: tf.Tensor,
    rows: tf.Tensor,
    of_query: tuple[tf.Tensor, tf.Tensor],
    of_rest: tuple[tf.Tensor, tf.Tensor],
    starts: tf.Tensor,
    seed: tf.Tensor,
    *,
    heads: int,
    rate: float,
) -> tf.Tensor:
    """One row for each sequence attends to its rows: T[sequences, hidden] and T[n, hidden] -> T[sequences, hidden].

    Args:
        first: the rows that attend.
        rows: the hidden states.
        of_query: kernel and bias of queries.
        of_rest: kernel and bias of keys and values, twice as wide.
        starts: as in `self_attention`.
        seed: of dropout.
        heads: how many.
        rate: of dropout, on the weights.
    """
    settings: dict[str, Any] = {"starts": starts, "seed": seed, "heads": heads, "rate": rate}

    @tf.custom_gradient
    def compute(*inputs: tf.Tensor) -> tuple[tf.Tensor, Any]:
        first, rows, query_kernel, query_bias, kernel, bias = inputs
        given = {"query": tf.matmul(first, query_kernel), "rest": tf.matmul(rows, kernel), **settings}
        given |= {"query_bias": query_bias, "bias": bias}
        mixed, sums = ops().bert_attention(**given)
        mixed.set_shape([first.shape[0], query_kernel.shape[1]])

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            found = ops().bert_attention_gradient(upstream=upstream, sums=sums, **given)
            found.dquery.set_shape(mixed.shape)
            found.dquery_bias.set_shape(query_bias.shape)
            to_first, to_query_kernel = _of_product(first, query_kernel, found.dquery)
            to_rows, to_kernel = _of_product(rows, kernel, found.drest)
            return to_first, to_rows, to_query_kernel, found.dquery_bias, to_kernel, found.dbias

        return mixed, gradient

    return compute(first, rows, *of_query, *of_rest)


def _normalised(
    rows: tf.Tensor,
    bias: tf.Tensor,
    residual: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    seed: tf.Tensor,
    norm: Norm,
) -> tuple[tf.Tensor, Any]:
    settings = norm._asdict()
    normalised, normal, scales = ops().bert_norm(
        x=rows, bias=bias, residual=residual, gamma=gamma, beta=beta, seed=seed, **settings
    )

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = ops().bert_norm_gradient(dy=upstream, normal=normal, scales=scales, gamma=gamma, seed=seed, **settings)
        return found.dx, found.dbias, found.dresidual, found.dgamma, found.dbeta

    return normalised, gradient


def _of_product(rows: tf.Tensor, kernel: tf.Tensor, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of rows and kernel."""
    return tf.matmul(upstream, kernel, transpose_b=True), tf.matmul(rows, upstream, transpose_a=True)
