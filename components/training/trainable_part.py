"""The part of a model that learns, and what it is fed with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.common.errors import InputError
from components.common.progress import progress
from components.model.task_model import TaskModel
from components.tasks import Task
from components.training.dataset import Batch, Rows
from components.training.half_batches import in_halves
from components.training.replicas import ALONE, Replicas

Infer = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[tf.Tensor, tf.Tensor]]
"""Inputs, mask and targets of a batch -> the predictions, float32[batch, ...], and the losses, float32[batch]."""

MASK_SPEC = tf.TensorSpec([None, None], tf.bool)

IDS_SPEC = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True, slots=True)
class TrainedPart:
    """What learns: the whole model, or what lies above its frozen layers."""

    variables: list[Any]
    forward: Callable[..., tf.Tensor]
    """Inputs, mask and `training` -> logits."""
    inputs: tf.TensorSpec
    targets: tf.TensorSpec
    infer: Infer
    table: str | None = None
    """Path of the word embeddings if they learn."""
    seconds: float = 0.0
    """That it took to run what is frozen."""

    def of(self, copy: TaskModel) -> TrainedPart:
        """The same of the model's copy on another device."""
        return replace(self, variables=copy.trainable_variables, forward=_forward(copy, copy.frozen))


def _forward(model: TaskModel, frozen: int | None) -> Callable[..., tf.Tensor]:
    """Inputs, mask and `training` -> logits; the inputs are the states below what learns, where these are kept."""
    if frozen is None or not model.cacheable:
        return model

    def forward(states: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return model.upper(states, mask, frozen, training=training)

    return forward


def trained_part(
    model: TaskModel, train: Rows, dev: Rows, frozen: int | None, scratch: Path, replicas: Replicas = ALONE
) -> tuple[TrainedPart, Rows, Rows]:
    """What learns, and its input: where layers are frozen, their output for each row, kept on disk."""
    targets = tf.TensorSpec([None] * (2 if train.per_token else train.targets.ndim), train.targets.dtype)
    if frozen is None or not model.cacheable:
        table = None if frozen is not None else model.encoder.embeddings.word.embeddings.path
        infer = inference(model.task, model, IDS_SPEC, targets)
        return TrainedPart(model.trainable_variables, model, IDS_SPEC, targets, infer, table), train, dev
    hidden, started = model.encoder.config.hidden_size, time.monotonic()

    @tf.function(input_signature=[IDS_SPEC, MASK_SPEC], autograph=False)
    def lower(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        def padded(ids: tf.Tensor, of_half: tf.Tensor) -> tf.Tensor:
            states = model.lower(ids, of_half, frozen)
            missing = 0 if model.pooled(frozen) else tf.shape(mask)[1] - tf.shape(states)[1]
            return tf.pad(states, [[0, 0], [0, missing], [0, 0]])

        return in_halves(padded, token_ids, mask)

    pooled = model.pooled(frozen)
    splits = {"train": train, "dev": dev}
    needed = sum(rows.states_bytes(hidden, pooled) for rows in splits.values())
    if needed > (free := shutil.disk_usage(scratch).free):
        problem = f"the states of the frozen layers take {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        larger = "give the run a --root" if replicas.is_chief else "set TMPDIR to a directory"
        raise InputError(str(scratch.parent), problem, f"Free some, or {larger} on a larger disk")
    mapped: list[Rows] = []
    for name, rows in splits.items():
        with progress(len(rows)) as bar:

            def states(batch: Batch, bar: Any = bar) -> np.ndarray:
                found = lower(batch.inputs, batch.padding_mask).numpy()
                bar.advance(len(batch.rows), f"frozen layers {bar.rate(bar.done):.0f} examples/s")
                return found

            mapped.append(rows.mapped(states, scratch / f"{name}.states", hidden, pooled))
    inputs = tf.TensorSpec([None, None, hidden], tf.float32)
    seconds = time.monotonic() - started
    forward = _forward(model, frozen)
    infer = inference(model.task, forward, inputs, targets)
    part = TrainedPart(model.trainable_variables, forward, inputs, targets, infer, seconds=seconds)
    return part, mapped[0], mapped[1]


def inference(task: Task, forward: Callable[..., tf.Tensor], inputs: tf.TensorSpec, targets: tf.TensorSpec) -> Infer:
    """A pass without gradients, traced: inputs, mask and targets of a batch -> predictions and losses."""

    @tf.function(input_signature=[inputs, MASK_SPEC, targets], autograph=False)
    def infer(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = in_halves(forward, inputs, padding_mask, task.per_token)
        predictions = task.predictions(logits)
        if task.per_token:
            predictions = tf.cast(tf.argmax(predictions, axis=-1), tf.float32)
        return predictions, task.loss(logits, targets, 0.0)

    return infer
