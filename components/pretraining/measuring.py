"""A pre-trained model on examples: the loss of a batch in training, and what is measured of held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from components.model.pretraining_model import EXAMPLES, HIDDEN, PretrainingModel
from components.pretraining.masked_rows import MaskedRows
from components.pretraining.objectives import MaskedTokens
from components.tasks import Task
from components.training.dev_evaluation import predict_split
from components.training.trainable_part import IDS_SPEC, MASK_SPEC, Forward, Infer, TrainablePart

TARGETS_SPEC = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True, slots=True)
class PretrainingLoss:
    """Of hidden tokens and next sentences, as `step.Loss`."""

    task: Task

    def __call__(self, forward: Forward, inputs: tf.Tensor, mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """The model's own way forward -> float32[]."""
        return forward(inputs, mask, targets, training=True)


def trained_whole(model: PretrainingModel) -> TrainablePart:
    """What is trained of a model after `freeze`: all of it."""
    forward = _forward(model)
    return TrainablePart(model.trainable_variables, _forward, forward, IDS_SPEC, TARGETS_SPEC, inference(model))


def _forward(model: PretrainingModel) -> Callable[..., tf.Tensor]:
    return model.batch_loss_in_halves if model.forms.half_batches else model.batch_loss


def inference(model: PretrainingModel) -> Infer:
    """A pass without gradients, traced: as predictions the sums that `MaskedTokens` has, float32[batch, 5]."""

    @tf.function(input_signature=[IDS_SPEC, MASK_SPEC, TARGETS_SPEC], autograph=False)
    def infer(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        told = model(inputs, padding_mask, targets)
        batch = tf.shape(inputs)[0]

        def of_rows(values: tf.Tensor) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(tf.cast(values, tf.float32), told.rows, batch)

        losses = of_rows(told.losses)
        sums = [losses, of_rows(tf.ones_like(told.losses)), of_rows(told.hits)]
        sums += [told.next_losses, tf.cast(told.next_hits, tf.float32)]
        # Their mean over all rows is the loss: that over all hidden tokens and that over all examples.
        counts = tf.cast(targets, tf.float32)
        return tf.stack(sums, axis=1), losses * counts[:, EXAMPLES] / counts[:, HIDDEN] + told.next_losses

    return infer


def measure(model: PretrainingModel, task: MaskedTokens, rows: MaskedRows) -> dict[str, float]:
    """The metrics of a model on all examples of a split."""
    predictions, _ = predict_split(inference(model), rows)
    return task.compute_metrics(rows.targets, predictions)
