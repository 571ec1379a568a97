"""The part of a model that is trained, and its inputs: token ids, or the states that its frozen layers give."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.model.half_batches import in_halves
from components.model.task_model import NEVER, TaskModel
from components.model.trained_model import TrainedModel
from components.tasks import Task
from components.training.dataset import Rows
from components.training.frozen_states import frozen_states
from components.training.replicas import SINGLE_REPLICA, Replicas

Forward = Callable[..., tf.Tensor]
"""Inputs, mask and `training` -> logits; or what the part's loss takes besides the targets."""

Infer = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[tf.Tensor, tf.Tensor]]
"""Inputs, mask and targets of a batch -> the predictions, float32[batch, ...], and the losses, float32[batch]."""

MASK_SPEC = tf.TensorSpec([None, None], tf.bool)

IDS_SPEC = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True, slots=True)
class TrainablePart:
    """The whole model, or what lies above its frozen layers."""

    variables: list[Any]
    forward_of: Callable[[Any], Forward]
    """Of the model, or of a copy of it."""
    forward: Forward
    inputs: tf.TensorSpec
    targets: tf.TensorSpec
    infer: Infer
    table: str | None = None
    """Path of the word embeddings, if they are trained by those rows alone that are in a batch."""
    seconds: float = 0.0
    """That it took to run what is frozen."""

    def of(self, copy: TrainedModel) -> TrainablePart:
        """The same of the model's copy on another device."""
        return replace(self, variables=copy.trainable_variables, forward=self.forward_of(copy))


def trainable_part(
    model: TaskModel, train: Rows, dev: Rows, scratch: Path, replicas: Replicas = SINGLE_REPLICA
) -> tuple[TrainablePart, Rows, Rows]:
    """What is trained of a model after `freeze`, and train and dev as its inputs.

    Raises:
        InputError: the disk has no room for the states of the frozen layers.
    """
    inputs, seconds, table = IDS_SPEC, 0.0, None
    if _takes_states(model):
        started = time.monotonic()
        assert model.frozen is not None  # noqa: S101
        splits = {"train": train, "dev": dev}
        train, dev = frozen_states(model, model.frozen, splits, scratch, replicas)
        inputs = tf.TensorSpec([None, None, model.encoder.config.hidden_size], tf.float32)
        seconds = time.monotonic() - started
    elif model.forms.cpu_adamw and model.frozen is None:
        table = model.encoder.embeddings.word.embeddings.path
    targets = tf.TensorSpec([None] * (2 if train.per_token else train.targets.ndim), train.targets.dtype)
    forward = _forward(model)
    infer = inference(model.task, forward, inputs, targets)
    part = TrainablePart(model.trainable_variables, _forward, forward, inputs, targets, infer, table, seconds)
    return part, train, dev


def inference(task: Task, forward: Forward, inputs: tf.TensorSpec, targets: tf.TensorSpec) -> Infer:
    """A pass without gradients, traced; of labels a token the predictions are the ids of the most probable ones."""

    @tf.function(input_signature=[inputs, MASK_SPEC, targets], autograph=False)
    def infer(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = forward(inputs, padding_mask)
        predictions = task.predictions(logits)
        if task.per_token:
            predictions = tf.cast(tf.argmax(predictions, axis=-1), tf.float32)
        return predictions, task.loss(logits, targets, 0.0)

    return infer


def _takes_states(model: TaskModel) -> bool:
    return model.frozen is not None and model.cacheable


def _forward(model: TaskModel) -> Forward:
    """The inputs are the states below what is trained, where these are kept."""

    def upper(states: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        assert model.frozen is not None  # noqa: S101
        return model.upper(states, mask, model.frozen, training=training)

    forward = upper if _takes_states(model) else model
    if not model.forms.half_batches:
        return forward
    return in_halves(forward, model.task.has_token_head, NEVER if model.task.finds_span else 0.0)
