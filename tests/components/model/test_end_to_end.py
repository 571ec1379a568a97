"""The encoder over rows that lie end to end beside the one over padded rows, in training without dropout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.model.bert import Encoder, build_encoder
from components.model.config import BertConfig
from components.model.forms import CPU, PLAIN
from components.model.half_batches import in_halves
from components.pretrained.huggingface import read_config

IDS = tf.constant([[2, 5, 6, 3, 0, 0], [2, 7, 3, 0, 0, 0], [2, 8, 9, 10, 11, 3]])

PREFIXES = tf.constant([[1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]])

HOLES = tf.constant([[1, 0, 1, 1, 0, 0], [1, 1, 1, 0, 0, 1], [1, 1, 1, 1, 0, 1]])

SEGMENTS = tf.constant([[0, 0, 1, 1, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])


def both(config: BertConfig) -> tuple[Encoder, Encoder]:
    """Plain, and end to end; of equal weights, none of which is 0 or 1."""
    plain, cpu = (build_encoder(config, hidden_dropout=0.0, attention_dropout=0.0, forms=f) for f in (PLAIN, CPU))
    draws = np.random.default_rng(0)
    for one, other in zip(plain.trainable_variables, cpu.trainable_variables, strict=True):
        one.assign(draws.normal(size=one.shape) * 0.3)
        other.assign(one)
    return plain, cpu


def outputs_and_gradients(
    encoder: Encoder, mask: tf.Tensor | None, segments: tf.Tensor | None, pooled_only: bool
) -> list[np.ndarray]:
    variables = [variable.value for variable in encoder.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = encoder(IDS, mask, segments, training=True, pooled_only=pooled_only)
        if not pooled_only and mask is not None:
            outputs["sequence_output"] *= tf.cast(mask, tf.float32)[..., tf.newaxis]
        total = tf.add_n([tf.reduce_sum(tf.sin(3 * output)) for output in outputs.values()])
    gradients = tape.gradient(total, variables, unconnected_gradients="zero")
    return [output.numpy() for output in (*outputs.values(), *map(tf.convert_to_tensor, gradients))]


@pytest.mark.parametrize("pooled_only", [False, True])
@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["one text", "two texts"])
@pytest.mark.parametrize("mask", [None, PREFIXES, HOLES], ids=["no padding", "padding behind", "padding anywhere"])
def test_outputs_and_gradients_are_those_over_padded_rows(
    checkpoint: Path, mask: tf.Tensor | None, segments: tf.Tensor | None, pooled_only: bool
) -> None:
    plain, cpu = both(read_config(checkpoint))
    for wanted, got in zip(
        *(outputs_and_gradients(encoder, mask, segments, pooled_only) for encoder in (plain, cpu)), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("activation", ["relu", "gelu_new"])
def test_other_activations_too(checkpoint: Path, activation: str) -> None:
    config = dataclasses.replace(read_config(checkpoint), hidden_act=activation)
    for wanted, got in zip(
        *(outputs_and_gradients(encoder, PREFIXES, None, False) for encoder in both(config)), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


def test_from_the_states_below_a_layer_on(checkpoint: Path) -> None:
    plain, cpu = both(read_config(checkpoint))
    states = plain.lower(IDS, PREFIXES, 1)
    found = [encoder.upper(states, PREFIXES, 1, training=True)["pooled_output"] for encoder in (plain, cpu)]
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    np.testing.assert_allclose(cpu(IDS, PREFIXES, training=True)["pooled_output"], found[0], atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_half_of_no_rows_gives_nothing(checkpoint: Path, rows: int) -> None:
    found = []
    for encoder in both(read_config(checkpoint)):

        def forward(ids: tf.Tensor, mask: tf.Tensor, of: Encoder = encoder) -> tf.Tensor:
            return of(ids, mask, training=True, pooled_only=True)["pooled_output"]

        with tf.GradientTape() as tape:
            pooled = in_halves(forward)(IDS[:rows], tf.cast(PREFIXES[:rows], tf.bool))
            total = tf.reduce_sum(tf.sin(pooled))
        gradients = tape.gradient(total, [variable.value for variable in encoder.trainable_variables])
        found.append([pooled.numpy(), *(tf.convert_to_tensor(g).numpy() for g in gradients if g is not None)])
    for wanted, got in zip(*found, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))
